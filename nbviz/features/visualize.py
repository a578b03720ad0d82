"""The public door to made pictures: what a person writes, checked once, and answered page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from nbviz.features.eye import Eye, check_layers
from nbviz.features.made import Made, pages
from nbviz.features.objectives import Objective, channel
from nbviz.features.recipe import Recipe, recipe_for
from nbviz.tensors.errors import NbvizError
from nbviz.tensors.instrumented import InstrumentedModel

Asked = int | Objective | Sequence[int | Objective]


def visualize(
    model: Any,
    layer: str,
    channels: Asked,
    steps: int | None = None,
    size: int | None = None,
    seed: int = 0,
    **recipe: Any,
) -> Tensor:
    """Pictures that drive channels most: (n, 3, size, size), float32 in 0…1.

    model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. channels: indices, or
    objectives (``channel("blocks.4", 3) - channel("blocks.4", 5)``). steps, size: None lets the layer choose.
    recipe: ``preset="preview"``, "default" or "high", and any field of :class:`Recipe`; ``facets=4`` gives four
    pictures a channel. Raises :class:`NbvizError` for layers and channels that aren't there. After Olah et
    al., Feature Visualization, Distill 2017.
    """
    made: Made | None = None
    for made in making(model, layer, channels, steps=steps, size=size, seed=seed, **recipe):
        pass
    assert made is not None
    return made.pictures


def making(model: Any, layer: str, channels: Asked, preset: str = "default", **recipe: Any) -> Iterator[Made]:
    """:func:`visualize` as it goes: pages that get better, at most ten a second; the last is final.

    The arguments are checked at the call, before the first page. Closing the iterator stops the work.
    """
    model = InstrumentedModel.ensure(model)
    objectives = wanted(model, layer, channels)
    chosen = recipe_for(model, layer, preset, **recipe)
    return make(model, objectives, chosen)


def make(model: InstrumentedModel, objectives: Sequence[Objective], recipe: Recipe) -> Iterator[Made]:
    """Pages for objectives by a recipe, each over one version of the weights."""
    return model.guest.steadily(lambda run: pages(Eye(model, run), objectives, recipe))


def wanted(model: InstrumentedModel, layer: str, channels: Asked) -> list[Objective]:
    """What is asked for, as objectives; raises in words for what isn't there."""
    one = isinstance(channels, Objective) or not hasattr(channels, "__iter__")
    asked: list[Any] = [channels] if one else list(channels)  # type: ignore[arg-type]
    if not asked:
        raise NbvizError("channels= is empty: name at least one channel.")
    check_layers(model, [layer])
    count = model.layer(layer).channels or 0
    objectives = [item if isinstance(item, Objective) else _channel(layer, item, count) for item in asked]
    for objective in objectives:
        check_layers(model, objective.layers)
    return objectives


def _channel(layer: str, index: Any, count: int) -> Objective:
    if isinstance(index, bool) or not hasattr(index, "__index__"):
        raise NbvizError(f"A channel is a whole number or an objective, not {index!r}.")
    if not 0 <= index.__index__() < count:
        raise NbvizError(f"Layer '{layer}' has {count} channels, 0 to {count - 1}: there is no channel {index}.")
    return channel(layer, index.__index__())
