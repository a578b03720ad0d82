"""Requests and their answers: frozen, hashable, callable.

A request is at once the job, the cache key and the test of staleness, and holds only what its answer depends on: a
click that cannot change a picture never recomputes it. Calling one with a ``Context`` yields answers that get better;
the last is final. ``context.answer(other)`` gives another request's final answer, from the cache where it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np

from nbviz.attribution import METHODS, Attribution, explain, explain_each
from nbviz.errors import NbvizError
from nbviz.model.edit import Edit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.prediction import Prediction
from nbviz.model.target import Target
from nbviz.passes.default_layer import default_layer, is_early, last_layer
from nbviz.passes.evidence import EvidenceMaps, evidence
from nbviz.passes.feature_maps import FeatureMaps, feature_maps
from nbviz.pictures.load import Picture
from nbviz.session.requests.frozen import FrozenOptions, freeze, thaw

Takes = Literal["all", "network", "none"]
Answer: TypeAlias = Any
"""Answer of a request, of the type that its ``__call__`` yields: Any, as one cache and one worker carry them all."""


class AnswerSource(Protocol):
    """Protocol of what has final answers over a model: all that a handler may ask, which must not wait."""

    model: InstrumentedModel

    def answer(self, request: Request) -> Answer: ...


class Context(AnswerSource, Protocol):
    """Protocol of what answers requests, :class:`~nbviz.session.context.LiveContext` among others."""

    def known(self, request: Request) -> Answer | None: ...
    def answers(self, request: Request) -> Iterator[Answer]: ...
    def edited(self, edits: tuple[Edit, ...]) -> Context: ...


@dataclass(frozen=True)
class Request:
    """Base of all requests."""

    takes: ClassVar[Takes] = "none"
    """Which edits its answer depends on."""

    def __call__(self, context: Context) -> Iterator[Answer]:
        raise NotImplementedError


@dataclass(frozen=True)
class PictureRequest(Request):
    """Base of requests whose answer depends on a picture."""

    takes: ClassVar[Takes] = "all"

    picture: Picture


def stepped(context: Context, request: Request) -> Iterator[Answer]:
    """Yield another request's answers: the cached one, else step by step, the last one cached."""
    known = context.known(request)
    if known is None:
        yield from context.answers(request)
    else:
        yield known


@dataclass(frozen=True, eq=False)
class FiltersAnswer:
    """Filters of a layer."""

    weights: np.ndarray | None
    """float32 (out, in, height, width); None for a layer that is no convolution."""


@dataclass(frozen=True)
class FiltersRequest(Request):
    """Request of a layer's filters, as long as the weights stay as they are."""

    layer: str

    def __call__(self, context: Context) -> Iterator[FiltersAnswer]:
        yield FiltersAnswer(context.model.filters(self.layer))


@dataclass(frozen=True)
class ScoresAnswer:
    """Prediction for a picture."""

    picture: Picture
    prediction: Prediction

    @property
    def logits(self) -> np.ndarray:
        """Logits (classes,), see :class:`Prediction`."""
        return self.prediction.logits

    @property
    def probabilities(self) -> np.ndarray:
        """Probabilities (classes,), or shares of the picture, or scores of the best boxes."""
        return self.prediction.shares

    @property
    def order(self) -> np.ndarray:
        """Class indices, the predicted one first."""
        return self.prediction.order


@dataclass(frozen=True)
class ScoresRequest(PictureRequest):
    """Request of the network's scores of one picture."""

    def __call__(self, context: Context) -> Iterator[ScoresAnswer]:
        yield ScoresAnswer(self.picture, context.model.prediction(self.picture))


@dataclass(frozen=True)
class EvidenceRequest(PictureRequest):
    """Request of the evidence for the target at every layer, and of every channel's contribution to it."""

    target: Target

    def __call__(self, context: Context) -> Iterator[EvidenceMaps]:
        yield evidence(context.model, self.picture, self.target)


@dataclass(frozen=True)
class MapsRequest(PictureRequest):
    """Request of every channel's map at one layer."""

    layer: str

    def __call__(self, context: Context) -> Iterator[FeatureMaps]:
        yield feature_maps(context.model, self.picture, self.layer)


@dataclass(frozen=True)
class ChannelsAnswer:
    """Channels of a layer on one picture, with what each contributes to the target."""

    layer: str
    maps: FeatureMaps
    peaks: np.ndarray
    """(C,) largest absolute activation of each channel, with its sign."""
    contributions: np.ndarray
    """(C,) sum over places of gradient × activation; NaN where the layer does not reach the target."""
    target: str
    """The target as text."""
    effects: np.ndarray | None = None
    """(C,) measured change of the target's score without each channel, NaN where it is not measured yet; or None."""

    def order(self, by: str) -> np.ndarray:
        """Return channels by ``"index"``, ``"activation"``, ``"class"`` or ``"effect"`` (loss), largest first."""
        if by == "index":
            return np.arange(len(self.peaks))
        key = np.abs(self.peaks) if by == "activation" else self.contributions
        if by == "effect" and self.effects is not None:
            key = -self.effects
        return np.argsort(-np.nan_to_num(key, nan=-np.inf), kind="stable")


@dataclass(frozen=True)
class ChannelsRequest(PictureRequest):
    """Request of a layer's channels: maps, peaks and contributions to the target."""

    layer: str
    target: Target

    def __call__(self, context: Context) -> Iterator[ChannelsAnswer]:
        maps: FeatureMaps = context.answer(MapsRequest(self.picture, self.layer))
        try:
            evidence_maps: EvidenceMaps | None = context.answer(EvidenceRequest(self.picture, self.target))
        except NbvizError:  # no such box in this picture: the explanation says so, and the maps are there all the same
            evidence_maps = None
        flat = maps.values.reshape(len(maps.values), -1)
        peaks = flat[np.arange(len(flat)), np.abs(flat).argmax(1)] if flat.size else np.zeros(len(flat))
        contributions = None if evidence_maps is None else evidence_maps.contributions.get(self.layer)
        # NaN, not 0: a layer that does not reach the target says nothing, which is not the same as nothing to add
        if contributions is None or len(contributions) != len(flat):
            contributions = np.full(len(flat), np.nan, np.float32)
        words = self.target.words(context.model) if evidence_maps is None else evidence_maps.target
        yield ChannelsAnswer(self.layer, maps, peaks, contributions, words)


@dataclass(frozen=True)
class ChannelAnswer:
    """Channel by number, and the layer's channels it stands among."""

    channel: int
    rank: int
    """Place by contribution, from 1."""
    channels: ChannelsAnswer
    seen: np.ndarray
    """(H, W, 3) uint8, the picture as the network saw it."""


@dataclass(frozen=True)
class ChannelRequest(PictureRequest):
    """Request of one channel of a layer; ``channel=None`` is the first by contribution."""

    layer: str
    target: Target
    channel: int | None

    def __call__(self, context: Context) -> Iterator[ChannelAnswer]:
        channels: ChannelsAnswer = context.answer(ChannelsRequest(self.picture, self.layer, self.target))
        order = channels.order("class")
        channel = int(order[0]) if self.channel is None else self.channel
        rank = int(np.flatnonzero(order == channel)[0]) + 1
        yield ChannelAnswer(channel, rank, channels, context.model.seen(self.picture))


@dataclass(frozen=True)
class ExplainAnswer:
    """Attribution so far, over the picture as the network saw it."""

    attribution: Attribution
    seen: np.ndarray
    """(H, W, 3) uint8."""
    prediction: Prediction | None = None
    """Prediction at each place, of networks that put out maps or boxes."""
    early: str = ""
    """Layer of the map, where the evidence is not yet gathered there; empty for none."""


@dataclass(frozen=True)
class ExplainRequest(PictureRequest):
    """Request of one attribution; ``layer`` is None for methods that use none."""

    target: Target
    method: str
    layer: str | None
    options: FrozenOptions = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", freeze(dict(self.options)))

    def __call__(self, context: Context) -> Iterator[ExplainAnswer]:
        picture, prediction, early = context.model.seen(self.picture), None, None
        if context.model.trace(context.model.input(self.picture)).kind in ("maps", "boxes"):
            prediction = context.answer(ScoresRequest(self.picture)).prediction
        for attribution in explain(
            context.model, self.picture, self.target, self.method, self.layer, **thaw(self.options)
        ):
            if early is None:  # a function's layers are looked for by a pass
                early = self._early(context.model)
            yield ExplainAnswer(attribution, picture, prediction, early)

    def _early(self, model: InstrumentedModel) -> str:
        """Return the layer of the map, where the evidence is not yet gathered there; empty for none."""
        if self.layer is None or not METHODS[self.method].uses_layer or self.layer == last_layer(model, self.target):
            return ""
        last = default_layer(model, model.input(self.picture), self.target)
        return self.layer if is_early(model.layer(self.layer), last) else ""


@dataclass(frozen=True)
class SeveralAnswer:
    """Attributions of several targets so far, over the picture as the network saw it."""

    attributions: tuple[Attribution | None, ...]
    """In the order of the targets; None for those still to come."""
    seen: np.ndarray
    """(H, W, 3) uint8."""

    @property
    def done(self) -> float:
        """Share of the work, 0…1; 1 is final."""
        done = sum(attribution.done for attribution in self.attributions if attribution is not None)
        return done / max(1, len(self.attributions))


@dataclass(frozen=True)
class ExplainSeveralRequest(PictureRequest):
    """Request of one method's attributions of several targets; common forwards are run once."""

    targets: tuple[Target, ...]
    method: str
    layer: str | None
    options: FrozenOptions = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", freeze(dict(self.options)))

    def __call__(self, context: Context) -> Iterator[SeveralAnswer]:
        picture = context.model.seen(self.picture)
        for attributions in explain_each(
            context.model, self.picture, self.targets, self.method, self.layer, **thaw(self.options)
        ):
            yield SeveralAnswer(attributions, picture)
