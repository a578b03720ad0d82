"""Inversion and caricature: pictures made from a layer's output for another picture.

Mahendran and Vedaldi, Understanding Deep Image Representations by Inverting Them, CVPR 2015, with the priors of
the other made pictures in place of their regularisers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from nbviz.features.ascent import Ascent
from nbviz.features.layer_defaults import check_layers
from nbviz.features.model_view import ModelView, outputs
from nbviz.features.objectives import Objective, likeness, sameness
from nbviz.features.optimise import Made, climbing, generator_of, last_pictures, parametrisation_of
from nbviz.features.parametrisation import Canvas
from nbviz.features.recipe import Recipe, changed
from nbviz.features.transforms import draw_warps
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import as_picture
from nbviz.pictures.picture import PictureLike
from nbviz.replica.guest import Pass

# Still, or nearly, because what is asked for has its place.
_INVERSION = Recipe(steps=150, rate=0.05, jitter=0, scale=1, rotate=0)
_CARICATURE = Recipe(steps=60, rate=0.08, jitter=2, scale=1, rotate=0)


def invert(model: ModelLike, image: PictureLike, layer: str, **recipe: object) -> Tensor:
    """Return the picture that a layer can't tell from this one: (1, 3, H, W), float32 in 0…1, as the network sees it.

    model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. image: a picture, or a
    preprocessed float tensor (1, C, H, W). recipe: fields of :class:`Recipe`, but no ``size`` or ``facets``.
    """
    return last_pictures(inverting(model, image, layer, **recipe))


def inverting(model: ModelLike, image: PictureLike, layer: str, **recipe: object) -> Iterator[Made]:
    """Run :func:`invert` step by step; ``rise`` is minus the relative squared distance at the layer, 0 at best."""
    return _remade(model, image, layer, sameness, changed(_INVERSION, recipe, without=("size", "facets")))


def caricature(model: ModelLike, image: PictureLike, layer: str, **recipe: object) -> Tensor:
    """Return a picture that exaggerates a layer's activation of this one: (1, 3, H, W), float32 in 0…1.

    From noise, the dot product with the layer's activations is raised, times the square of their cosine (Olah et
    al., The Building Blocks of Interpretability, Distill 2018). Arguments as in :func:`invert`.
    """
    return last_pictures(caricaturing(model, image, layer, **recipe))


def caricaturing(model: ModelLike, image: PictureLike, layer: str, **recipe: object) -> Iterator[Made]:
    """Run :func:`caricature` step by step."""
    return _remade(model, image, layer, likeness, changed(_CARICATURE, recipe, without=("size", "facets")))


def _remade(
    model: ModelLike, image: PictureLike, layer: str, objective: Callable[[str, Tensor], Objective], recipe: Recipe
) -> Iterator[Made]:
    model = InstrumentedModel.ensure(model)
    x = model.input(as_picture(image))
    model.trace(x)
    check_layers(model, [layer])

    def work(run: Pass) -> Iterator[Made]:
        eye = ModelView(model, run)
        # the picture's own output is a constant of the objective
        with torch.no_grad():
            reference = outputs(model, run, x, [layer])[layer][0]
        target, size = objective(layer, reference), (x.shape[-2], x.shape[-1])
        parametrisation = parametrisation_of(recipe, Canvas(size, eye.colours.seen, recipe.decorrelate, recipe.decay))
        generator = generator_of(recipe.seed, target)
        start = parametrisation.start(generator)[None]
        warps = draw_warps(recipe, size, generator)
        ascent = Ascent(eye, [target], parametrisation, recipe, start, None if warps is None else warps[None])
        yield from climbing([ascent], [target.words], recipe)

    return model.guest.steadily(work)
