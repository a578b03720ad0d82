"""What a network's channels look for: pictures made to drive them, and what a layer still knows of a picture."""

from nbviz.features.cached import kept
from nbviz.features.dream import dream, dreaming
from nbviz.features.invert import caricature, caricaturing, invert, inverting
from nbviz.features.objectives import Objective, channel, direction, logit, neuron
from nbviz.features.optimise import Made
from nbviz.features.parametrisation import Latent
from nbviz.features.recipe import Recipe, recipe_for
from nbviz.features.visualize import making, visualize

__all__ = [
    "Latent", "Made", "Objective", "Recipe", "caricature", "caricaturing", "channel", "direction", "dream",
    "dreaming", "invert", "inverting", "kept", "logit", "making", "neuron", "recipe_for", "visualize",
]  # fmt: skip
