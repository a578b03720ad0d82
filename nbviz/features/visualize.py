"""The public door to made pictures: what a person writes, checked once, and answered page by page."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbviz.arguments import channel_number, whole
from nbviz.errors import NbvizError
from nbviz.features.layer_defaults import check_layers
from nbviz.features.model_view import ModelView
from nbviz.features.objectives import Objective, channel
from nbviz.features.optimise import Made, last_pictures, pages
from nbviz.features.picture_cache import Kept, PictureCache, network_digest
from nbviz.features.recipe import Recipe, recipe_for
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Pass

Path = str | os.PathLike[str] | None
Asked = int | slice | Objective | Sequence[int | Objective]


def visualize(
    model: Any,
    layer: str,
    channels: Asked,
    steps: int | None = None,
    size: int | None = None,
    seed: int = 0,
    *,
    path: Path | bool = None,
    **recipe: Any,
) -> Tensor:
    """Pictures that drive channels most: (n, 3, size, size), float32 in 0…1.

    model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. channels: indices, or
    objectives (``channel("blocks.4", 3) - channel("blocks.4", 5)``). steps, size: None lets the layer choose.
    recipe: ``preset="preview"``, "default" or "high", and any field of :class:`Recipe`; ``facets=4`` gives four
    pictures a channel. path: folder the pictures are kept in (see :mod:`nbviz.features.picture_cache`); None is the
    usual one, False keeps nothing. Raises :class:`NbvizError` for layers and channels that aren't there. After
    Olah et al., Feature Visualization, Distill 2017.
    """
    return last_pictures(making(model, layer, channels, steps=steps, size=size, seed=seed, path=path, **recipe))


def making(
    model: Any, layer: str, channels: Asked, preset: str = "default", path: Path | bool = None, **recipe: Any
) -> Iterator[Made]:
    """:func:`visualize` as it goes: pages that get better, at most ten a second; the last is final.

    The arguments are checked at the call, before the first page. Closing the iterator stops the work; pictures
    that were finished by then are kept.
    """
    model = InstrumentedModel.ensure(model)
    objectives = wanted(model, layer, channels)
    return make(model, objectives, recipe_for(model, layer, preset, **recipe), path)


def make(
    model: InstrumentedModel, objectives: Sequence[Objective], recipe: Recipe, path: Path | bool = None
) -> Iterator[Made]:
    """Pages for objectives by a recipe, each over one version of the weights."""

    def work(run: Pass) -> Iterator[Made]:
        eye = ModelView(model, run)
        # A snapshot's weights are of the past: nobody will ask for them again.
        if path is False or recipe.key is None or run.snapshot:
            return pages(eye, objectives, recipe)
        return _shelved(
            eye, objectives, recipe, PictureCache(network_digest(model, run.net), None if path is True else path)
        )

    return model.guest.steadily(work)


def _shelved(eye: ModelView, objectives: Sequence[Objective], recipe: Recipe, shelf: PictureCache) -> Iterator[Made]:
    """Pages of what is kept and what is made, each picture kept as soon as it is finished."""
    kept = [shelf.get(objective, recipe) for objective in objectives]
    missing = [row for row, item in enumerate(kept) if item is None]
    if not missing:
        yield _known(objectives, recipe, [item for item in kept if item is not None])
        return
    for made in pages(eye, [objectives[row] for row in missing], recipe):
        for place, row in enumerate(missing):
            new = _of(made, place)
            if kept[row] is None and not np.isnan(new.rise).any():
                kept[row] = new
                shelf.put(objectives[row], recipe, new)
        shown = [item if item is not None else _of(made, missing.index(row)) for row, item in enumerate(kept)]
        facts = {**made.facts, "kept": len(objectives) - len(missing)}
        if shelf.problem:
            facts["note"] = shelf.problem
        yield replace(_known(objectives, recipe, shown), done=made.done, progress=made.progress, facts=facts)


def _of(made: Made, place: int) -> Kept:
    rows = slice(place * made.recipe.facets, (place + 1) * made.recipe.facets)
    return Kept(made.pictures[rows], made.rise[rows])


def _known(objectives: Sequence[Objective], recipe: Recipe, kept: Sequence[Kept]) -> Made:
    return Made(
        torch.cat([item.pictures for item in kept]),
        tuple(objective.words for objective in objectives for _ in range(recipe.facets)),
        np.concatenate([item.rise for item in kept]),
        recipe,
        facts={"seconds": 0.0, "kept": len(kept)},
    )


def wanted(model: InstrumentedModel, layer: str, channels: Asked) -> list[Objective]:
    """What is asked for, as objectives; raises in words for what isn't there."""
    check_layers(model, [layer])
    count = model.layer(layer).channels or 0
    if isinstance(channels, slice):
        channels = range(count)[channels]
    one = isinstance(channels, Objective) or whole(channels) is not None or not hasattr(channels, "__iter__")
    asked: list[Any] = [channels] if one else list(channels)  # type: ignore[arg-type]
    if not asked:
        raise NbvizError("channels= is empty: name at least one channel.")
    objectives = [item if isinstance(item, Objective) else _channel(layer, item, count) for item in asked]
    for objective in objectives:
        check_layers(model, objective.layers)
    return objectives


def _channel(layer: str, index: Any, count: int) -> Objective:
    if whole(index) is None:
        raise NbvizError(f"A channel is a whole number or an objective, not {index!r}.")
    return channel(layer, channel_number(layer, index, count))
