"""Feature visualisation: pictures made to drive a channel, a class or a direction, or to invert a layer.

A kind of objective and a regulariser are one file each, in ``objectives`` and ``regularisers``, or a notebook cell
under :func:`objective` or :func:`regulariser`.
"""

from nbviz.features.dream import dream, dreaming
from nbviz.features.invert import caricature, caricaturing, invert, inverting
from nbviz.features.objectives import OBJECTIVES, Objective, channel, direction, logit, neuron, objective
from nbviz.features.optimise import Made
from nbviz.features.parametrisation import Latent
from nbviz.features.picture_cache import cached_page
from nbviz.features.recipe import Recipe, recipe_for
from nbviz.features.regularisers import REGULARISERS, About, regulariser
from nbviz.features.visualize import making, visualize

__all__ = [
    "OBJECTIVES", "REGULARISERS", "About", "Latent", "Made", "Objective", "Recipe", "caricature", "caricaturing",
    "channel", "direction", "dream", "dreaming", "invert", "inverting", "cached_page", "logit", "making", "neuron",
    "objective", "recipe_for", "regulariser", "visualize",
]  # fmt: skip
