"""DeepDream: a photograph, changed so that a layer's activation of it grows.

Octave by octave: first at a small size, then larger, what was dreamt so far laid over the sharper photograph.
Mordvintsev, Olah, Tyka, Inceptionism, 2015.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nbviz.arguments import at_least
from nbviz.errors import NbvizError
from nbviz.features.ascent import Ascent
from nbviz.features.model_view import ModelView
from nbviz.features.objectives import Objective, energy
from nbviz.features.optimise import Made, climbing, generator_of
from nbviz.features.parametrisation import Canvas, Fourier
from nbviz.features.recipe import Recipe, changed
from nbviz.features.request import ChannelsLike, objectives_for
from nbviz.features.transforms import draw_warps
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import as_picture
from nbviz.pictures.picture import PictureLike

_DREAM = Recipe(steps=10, rate=0.05, jitter=12, scale=1, rotate=0)
_OWN = ("size", "facets", "parametrisation")


def dream(
    model: ModelLike,
    image: PictureLike,
    layer: str,
    channels: ChannelsLike | None = None,
    octaves: int = 3,
    ratio: float = 1.4,
    **recipe: object,
) -> Tensor:
    """Return a photograph dreamt further by a layer: (1, 3, H, W), float32 in 0…1, as the network sees it.

    channels: None raises the whole layer's activation; else one channel or objective. octaves: sizes, ``ratio`` to each
    other. recipe: fields of :class:`Recipe`; ``steps`` are those of one octave.
    """
    page: Made | None = None
    for page in dreaming(model, image, layer, channels, octaves, ratio, **recipe):
        pass
    assert page is not None
    return page.pictures


def dreaming(
    model: ModelLike,
    image: PictureLike,
    layer: str,
    channels: ChannelsLike | None = None,
    octaves: int = 3,
    ratio: float = 1.4,
    **recipe: object,
) -> Iterator[Made]:
    """Run :func:`dream` step by step; all pages are of the photograph's size."""
    model = InstrumentedModel.ensure(model)
    chosen = changed(_DREAM, recipe, without=_OWN)
    octaves = at_least("octaves", octaves, 1)
    if isinstance(ratio, (str, bool)) or not 1 < ratio < float("inf"):
        raise NbvizError(f"ratio= is a number above 1, not {ratio!r}.")
    picture = as_picture(image)
    # so that layers are known at this photograph's size
    model.trace(model.input(picture))
    objectives = objectives_for(model, layer, 0 if channels is None else channels)
    if len(objectives) != 1:
        raise NbvizError(f"A dream has one objective, not {len(objectives)}: add them, or leave channels= out.")
    objective = energy(layer) if channels is None else objectives[0]
    photograph = torch.from_numpy(model.seen(picture).astype(np.float32) / 255).permute(2, 0, 1)[None]
    sizes = _sizes((photograph.shape[2], photograph.shape[3]), octaves, ratio)
    return model.guest.steadily(lambda run: _dream(ModelView(model, run), objective, photograph, sizes, chosen))


def _dream(
    eye: ModelView, objective: Objective, photograph: Tensor, sizes: Sequence[tuple[int, int]], recipe: Recipe
) -> Iterator[Made]:
    if eye.colours.seen == 1:
        # One channel where the network sees gray: differences between three would get no gradient.
        photograph = photograph.mean(1, keepdim=True)
    dreamt = torch.zeros_like(photograph)
    rises: list[np.ndarray] = []
    page: Made | None = None
    for octave, size in enumerate(sizes):
        below = resized(photograph, size)
        base = (below + resized(dreamt, size)).clamp(0, 1)
        # another seed for each octave: the same warps would leave their own pattern in all of them
        for page in _octave(eye, objective, base, replace(recipe, seed=recipe.seed + octave)):
            done = (octave + page.done) / len(sizes)
            rise = np.concatenate([*rises, page.rise], axis=1)
            # only what was dreamt is enlarged: the photograph keeps its own detail
            whole = (resized(photograph, sizes[-1]) + resized(page.pictures - below, sizes[-1])).clamp(0, 1)
            if done < 1:
                progress = f"octave {octave + 1} of {len(sizes)}"
                yield replace(page, pictures=whole, rise=rise, done=done, progress=progress)
        assert page is not None
        rises.append(page.rise)
        dreamt = page.pictures[:, : photograph.shape[1]] - below
    assert page is not None
    yield replace(page, rise=np.concatenate(rises, axis=1), recipe=recipe)


def _octave(eye: ModelView, objective: Objective, base: Tensor, recipe: Recipe) -> Iterator[Made]:
    size = (base.shape[2], base.shape[3])
    eye.fit(size, objective.layers)
    generator = generator_of(recipe.seed, objective)
    parametrisation = Fourier(Canvas(size, base.shape[1], recipe.decorrelate, recipe.decay, base))
    warps = draw_warps(recipe, size, generator)
    start = parametrisation.start(generator)[None]
    ascent = Ascent(eye, [objective], parametrisation, recipe, start, None if warps is None else warps[None])
    yield from climbing([ascent], [objective.words], recipe)


def _sizes(whole: tuple[int, int], octaves: int, ratio: float) -> list[tuple[int, int]]:
    """Return the sizes of the octaves, small to whole, none below 32 pixels."""
    factors = [ratio**-step for step in reversed(range(octaves))]
    sizes = [(round(whole[0] * factor), round(whole[1] * factor)) for factor in factors]
    return [size for size in sizes if min(size) >= 32] or [whole]


def resized(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize pictures (N, C, H, W) to another (height, width), without aliasing."""
    if tuple(pictures.shape[-2:]) == size:
        return pictures
    return functional.interpolate(pictures, size=size, mode="bilinear", align_corners=False, antialias=True)
