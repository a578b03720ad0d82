"""What was made before and lies on disk: looked up, never made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from nbviz.features.objectives import Objective
from nbviz.features.optimise import Made
from nbviz.features.picture_cache import PictureCache, network_digest
from nbviz.features.recipe import recipe_for
from nbviz.features.visualize import Path, wanted
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Pass


def kept(
    model: Any,
    layer: str,
    channels: int | Objective | Sequence[int | Objective],
    preset: str = "default",
    path: Path = None,
    **recipe: Any,
) -> Made | None:
    """The pictures that :func:`making` would give at once; None where it would have to make one of them."""
    model = InstrumentedModel.ensure(model)
    objectives, chosen = wanted(model, layer, channels), recipe_for(model, layer, preset, **recipe)

    def look(run: Pass) -> Made | None:
        shelf = PictureCache(network_digest(model, run.net), path)
        found = [item for objective in objectives if (item := shelf.get(objective, chosen)) is not None]
        if len(found) < len(objectives):
            return None
        words = tuple(objective.words for objective in objectives for _ in range(chosen.facets))
        pictures, rise = torch.cat([item.pictures for item in found]), np.concatenate([item.rise for item in found])
        return Made(pictures, words, rise, chosen, facts={"seconds": 0.0, "kept": len(found)})

    return model.guest.steady(look)
