"""Every kind of work that a panel can ask for, one request of each: for what must hold of all of them.

A new kind of request needs a line here, or the tests that go through all of them name it as missing.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np
import torch

import nbviz
import nbviz.panels
import nbviz.session
from nbviz.attribution import METHODS
from nbviz.dataset import Atlas, Index
from nbviz.edits import Attack, Mask, Paint, Transform
from nbviz.evaluation import MEASURES
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.load import Picture
from nbviz.pictures.samples import Items
from nbviz.reviews import SegmentationReview
from nbviz.reviews.result import Review
from nbviz.session.context import Elsewhere, LiveContext
from nbviz.session.requests import (
    atlas,
    base,
    factors,
    found,
    heads,
    health,
    made,
    one_channel,
    one_picture,
    refusals,
    trust,
)
from nbviz.session.requests import review as reviews
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits import (
    attack,
    circuit,
    draws,
    edited_request,
    effects,
    flip,
    map_attack,
    means,
    need,
    paint,
    transfer,
    transform,
)
from nbviz.session.requests.probes import against, pair, training
from nbviz.session.requests.probes import channels as probed_channels
from tests.task_networks import Segments


def masks() -> SegmentationReview:
    """Review of a segmentation network over twelve random pictures."""
    torch.manual_seed(0)
    pairs = [(torch.rand(3, 20, 20), torch.randint(0, 5, (20, 20))) for _ in range(12)]
    review = nbviz.review(Segments().eval(), pairs, progress=False)
    assert isinstance(review, SegmentationReview)
    return review


@dataclass(frozen=True)
class World:
    """Network and pictures to ask about; ``layer`` is one with places and channels."""

    model: InstrumentedModel
    pictures: tuple[Picture, ...]
    layer: str
    items: Items
    index: Index
    atlas: Atlas
    review: Review
    target: Target
    masks: SegmentationReview = field(default_factory=masks)

    def owner(self, request: Request) -> InstrumentedModel:
        """The network that a request runs."""
        return self.masks.model if isinstance(request, reviews.DrawAnswers) else self.model


def kinds() -> set[type[Request]]:
    """Classes of requests there are in the package, without those that only others are made of."""
    for package in (nbviz.session, nbviz.panels):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    return {kind for kind in _below(Request) if kind.__module__.startswith("nbviz.") and "__call__" in vars(kind)}


def _below(kind: type[Request]) -> Iterator[type[Request]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def works(world: World) -> Mapping[str, Request]:
    """Name → request: one of each kind, and one of each registered method, measure."""
    model, (picture, other, *_), layer, target = world.model, world.pictures, world.layer, world.target
    explain = base.ExplainRequest(picture, target, "grad_cam", layer)
    size = model.seen(picture).shape[:2]
    stroke = np.zeros(size, bool)
    stroke[: size[0] // 3, : size[1] // 3] = True
    edits = (Paint(Mask.of(stroke), "gray"),)
    mapped = atlas.MapPictures(layer, world.items)
    common = [trust.Common(picture, target, name) for name, one in MEASURES.items() if one.common is not None]
    requests: list[Request] = [
        base.FiltersRequest(layer), base.ScoresRequest(picture), base.EvidenceRequest(picture, target),
        base.MapsRequest(picture, layer), base.ChannelsRequest(picture, layer, target),
        base.ChannelRequest(picture, layer, target, None),
        base.ExplainSeveralRequest(picture, (target, Target(index=1)), "integrated_gradients", None),
        mapped, atlas.Checked(world.atlas), atlas.CellPatches(world.atlas), atlas.MakeCells(world.atlas),
        atlas.OpenCell(world.atlas, 0), atlas.CellsOf(picture, world.atlas), atlas.ShowAtlas(picture, mapped, "made"),
        factors.Factorise(picture, layer, 6), factors.MakeParts(picture, layer, 6),
        factors.ShowParts(picture, layer, target, made=True),
        found.LookThrough(world.items), found.NoIndex(layer, 3), found.FoundChannel(world.index, layer, 0),
        found.FoundChannels(world.index, layer, tuple(range(4))),
        heads.AskHeads(picture, target), heads.LookFrom(picture, (0.5, 0.5), target),
        health.CheckHealth(world.items), made.MakeChannels(layer, tuple(range(4))), made.Invert(picture, layer),
        one_channel.MakeOne(layer, 0, variant="facets"), one_channel.KeptOne(layer, 0),
        one_picture.Caricature(picture, layer), one_picture.Dream(picture, layer), one_picture.Remake(picture, layer),
        reviews.AnswersRequest((picture, other)),
        refusals.AskRefusals(picture), reviews.MakeReview(world.items), reviews.OpenReview(world.review),
        reviews.ReadPictures(world.items, tuple(range(12))), reviews.DrawAnswers(world.masks, tuple(range(12)), 40),
        reviews.HuntCues(world.review), pair.ComparePair(world.review, (0, 1)), training.ReadRecords(world.items),
        training.FindInfluences(world.review, world.review, 0), probed_channels.StudyChannels(world.review, layer),
        against.CompareAgainst(world.review, world.review, layer),
        reviews.MeasureShift(world.review, 24), *common, trust.Trust(explain), trust.TrustDetail(explain),
        attack.MeasureAttack((), Attack("pgd", 1.0, steps=20), explain),
        attack.FindSmallest((), Attack("pgd", 1.0, steps=20), explain),
        map_attack.MeasureMapAttack((), picture, other, "saliency", 4.0, 12),
        transfer.MeasureTransfer(picture, other, other), flip.ScanFlip((), "gray", explain),
        draws.MeasureDraws((), "crop_and_flip", explain, 12), transform.MeasureCurve((), "rotate", explain),
        circuit.WalkStep(picture, target, layer, 0), circuit.AskHeadLayers(picture),
        effects.MeasureEffects(picture, layer, target), need.MeasureNeed(picture, layer, target),
        need.MeasureOverPictures(world.items, layer, (0, 1)), means.MeanOverPictures(world.index, layer),
        paint.MeasurePaint(picture, edits, explain), transform.MeasureTransform((), Transform("rotate", 20.0), explain),
        edited_request.Edited(explain, edits), edited_request.Compare(explain, edits),
        Elsewhere(LiveContext(model), None, explain),
    ]  # fmt: skip
    named: dict[str, Request] = {}
    for request in requests:
        named[" ".join(filter(None, [type(request).__name__, getattr(request, "measure", "")]))] = request
    for name in METHODS:
        named[f"ExplainRequest {name}"] = base.ExplainRequest(picture, target, name, None)
    return named
