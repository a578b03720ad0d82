"""Visualisation of features: a request as a person writes it, checked once, and answered page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from nbviz.features.model_view import ModelView
from nbviz.features.objectives import Objective
from nbviz.features.optimise import Made, last_pictures, pages
from nbviz.features.picture_cache import Entry, Path, PictureCache, network_digest, page_of
from nbviz.features.recipe import Recipe, recipe_for
from nbviz.features.request import ChannelsLike, objectives_for
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Pass


def visualize(
    model: ModelLike,
    layer: str,
    channels: ChannelsLike,
    steps: int | None = None,
    size: int | None = None,
    seed: int = 0,
    *,
    objective: str = "channel",
    path: Path | bool = None,
    **recipe: object,
) -> Tensor:
    """Make pictures that drive channels most: (n, 3, size, size), float32 in 0…1.

    model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. channels: indices, or
    objectives (``channel("blocks.4", 3) - channel("blocks.4", 5)``). steps, size: None lets the layer choose.
    objective: what indices stand for, a kind of :data:`nbviz.features.OBJECTIVES` made by layer and index ("channel",
    "neuron", or your own). recipe: ``preset="preview"``, "default" or "high", any field of :class:`Recipe`, and options
    of regularisers such as ``blur=1.0``; ``facets=4`` gives four pictures per channel. path: the pictures' folder
    (see :mod:`nbviz.features.picture_cache`); None is the usual one, False keeps nothing. Raises :class:`NbvizError`
    for layers and channels that aren't there. After Olah et al., Feature Visualization, Distill 2017.
    """
    chosen: dict[str, Any] = {
        "steps": steps,
        "size": size,
        "seed": seed,
        "objective": objective,
        "path": path,
        **recipe,
    }
    return last_pictures(making(model, layer, channels, **chosen))


def making(
    model: ModelLike,
    layer: str,
    channels: ChannelsLike,
    preset: str = "default",
    path: Path | bool = None,
    objective: str = "channel",
    **recipe: object,
) -> Iterator[Made]:
    """Run :func:`visualize` step by step: pages that get better, at most ten a second; the last is final.

    The arguments are checked at the call, before the first page. Closing the iterator stops the work; pictures
    that were finished by then are kept.
    """
    model = InstrumentedModel.ensure(model)
    objectives = objectives_for(model, layer, channels, objective)
    return make(model, objectives, recipe_for(model, layer, preset, **recipe), path)


def make(
    model: InstrumentedModel, objectives: Sequence[Objective], recipe: Recipe, path: Path | bool = None
) -> Iterator[Made]:
    """Yield pages for objectives by a recipe, each over one version of the weights."""

    def work(run: Pass) -> Iterator[Made]:
        eye = ModelView(model, run)
        # A snapshot's weights are of the past: nobody will ask for them again.
        if path is False or recipe.key is None or run.snapshot:
            return pages(eye, objectives, recipe)
        cache = PictureCache(network_digest(model, run.net), None if path is True else path)
        return _completed(eye, objectives, recipe, cache)

    return model.guest.steadily(work)


def _completed(eye: ModelView, objectives: Sequence[Objective], recipe: Recipe, cache: PictureCache) -> Iterator[Made]:
    """Yield pages of cached and newly made pictures; a new one is cached as soon as it is finished."""
    entries = [cache.get(objective, recipe) for objective in objectives]
    missing = [row for row, entry in enumerate(entries) if entry is None]
    if not missing:
        yield page_of(objectives, recipe, [entry for entry in entries if entry is not None])
        return
    for page in pages(eye, [objectives[row] for row in missing], recipe):
        for place, row in enumerate(missing):
            new = Entry.of(page, place)
            # a step that was not taken is NaN: cached is only what has climbed to the end
            if entries[row] is None and not np.isnan(new.rise).any():
                entries[row] = new
                cache.put(objectives[row], recipe, new)
        shown = [entry or Entry.of(page, missing.index(row)) for row, entry in enumerate(entries)]
        facts = {**page.facts, "kept": len(objectives) - len(missing)}
        if cache.problem:
            facts["note"] = cache.problem
        yield replace(page_of(objectives, recipe, shown), done=page.done, progress=page.progress, facts=facts)
