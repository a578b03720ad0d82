"""Gradient ascent: one chunk of pictures that are made together, and one step of all of them.

The gradient is taken in the picture first, where regularisers pull as well, each by its share of the objective's
pull; then in the coefficients, whose steps have one length: a gradient's size says little about how far to go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from nbviz.errors import NbvizError
from nbviz.features.model_view import ModelView
from nbviz.features.objectives import Objective
from nbviz.features.parametrisation import Parametrisation
from nbviz.features.recipe import Recipe
from nbviz.passes.subject import last_spatial_layer
from nbviz.replica.gradients import grad
from nbviz.replica.interruption import pause

_TINY = 1e-20


class Ascent:
    """Chunk of pictures that climb together; ``coefficients`` (N, …) and ``warps`` (N, steps, 2, 3), one row each."""

    def __init__(
        self,
        eye: ModelView,
        objectives: Sequence[Objective],
        parametrisation: Parametrisation,
        recipe: Recipe,
        coefficients: Tensor,
        warps: Tensor | None,
    ) -> None:
        self.eye, self.objectives, self.recipe = eye, objectives, recipe
        self.parametrisation = parametrisation
        self.coefficients = coefficients.to(eye.run.device)
        self.warps = None if warps is None else warps.to(eye.run.device)
        self.layers = tuple(dict.fromkeys(name for objective in objectives for name in objective.layers))
        if recipe.facets > 1:
            self._facets = _with_places(eye, objectives[0].layers[0])
            self.layers = tuple(dict.fromkeys((*self.layers, self._facets)))
        self.rise: list[Tensor] = []
        """The objectives at every step so far, each (N,)."""
        self._moments = [torch.zeros_like(self.coefficients) for _ in range(2)] if recipe.optimiser == "adam" else []

    @property
    def step(self) -> int:
        """Number of steps taken."""
        return len(self.rise)

    @property
    def done(self) -> bool:
        """True when all steps are taken."""
        return self.step >= self.recipe.steps

    @torch.no_grad()
    def pictures(self) -> Tensor:
        """Return the pictures as they are: (N, 3 or 1, H, W) in 0…1."""
        return self.parametrisation.pictures(self.coefficients)

    def advance(self) -> None:
        """Take one step."""
        coefficients = self.coefficients.detach().requires_grad_()
        pictures = self.parametrisation.pictures(coefficients)
        # a leaf in between: regularisers act on the gradient in the picture, before it reaches the coefficients
        leaf = pictures.detach().requires_grad_()
        values, pull = self._pull(leaf)
        pause()
        (gradient,) = grad(pictures, coefficients, self._regularised(leaf, pull))
        self.coefficients = self.coefficients + self._rate() * self._direction(gradient)
        self.rise.append(values.cpu())

    def _pull(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the objectives (N,) and their gradient in the pictures."""
        warps = None if self.warps is None else self.warps[:, self.step]
        straight = all(objective.straight for objective in self.objectives)
        says = self.eye.look(pictures, self.layers, warps, straight)
        rows = [{name: says[name][i] for name in objective.layers} for i, objective in enumerate(self.objectives)]
        values = torch.stack([objective.of(row) for objective, row in zip(self.objectives, rows, strict=True)])
        total = values.sum()
        if self.recipe.facets > 1:
            total = self._unlike(values, says)
        # NaN would spread over the whole picture within a step and look like a result
        for objective, value in zip(self.objectives, values.tolist(), strict=True):
            if not math.isfinite(value):
                raise NbvizError(f"What is to be raised, {objective.words}, is {value} for a made picture.")
        heard = [tensor for tensor in says.values() if tensor.requires_grad]
        gradient = self._gradient(total, heard, pictures) if total.requires_grad else None
        if gradient is None:
            raise NbvizError(
                f"No gradient leads from the picture to {self.objectives[0].words}: the network is quantised or "
                "detaches it, so no picture can be made."
            )
        return values.detach(), gradient

    def _gradient(self, total: Tensor, heard: Sequence[Tensor], pictures: Tensor) -> Tensor | None:
        """Return the gradient, scaled to the range of float16: a mean over many places would come out as 0."""
        pause()  # the backward takes twice as long as the forward that asked last
        if self.eye.model.guest.dtype != torch.float16:
            return grad(total, pictures, allow_unused=True)[0]
        slopes = grad(total, heard, retain_graph=True, materialize_grads=True)
        peak = float(torch.stack([slope.abs().max() for slope in slopes]).max()) or 1.0
        # smaller and smaller, should a sum within the network leave the range upwards
        for scale in (1 / peak, 2**-8 / peak, 2**-16 / peak):
            scaled = [slope * scale for slope in slopes]
            (gradient,) = grad(heard, pictures, scaled, retain_graph=True, allow_unused=True)
            if gradient is None or bool(gradient.isfinite().all()):
                return None if gradient is None else gradient / scale
        raise NbvizError("Gradients leave the range of the network's float16: pass it in float32, net.float().")

    def _unlike(self, values: Tensor, says: dict[str, Tensor]) -> Tensor:
        """Return the objectives in units of their layer's own size, less how alike a channel's facets are."""
        total = torch.zeros((), dtype=values.dtype, device=values.device)
        for first in range(0, len(values), self.recipe.facets):
            facets = slice(first, first + self.recipe.facets)
            driven = says[self.objectives[first].layers[0]][facets].detach()
            size = driven.square().mean().sqrt().clamp(min=1e-6)
            total = (
                total + values[facets].sum() / size - self.recipe.diversity * gram_cosine(says[self._facets][facets])
            )
        return total

    def _regularised(self, pictures: Tensor, pull: Tensor) -> Tensor:
        """Return the pull on the pictures with that of penalties, as gradient regularisers let it through."""
        total = pull
        for penalty, options in self.recipe.acting("penalty"):
            (weight,) = options.values()
            (gradient,) = grad(penalty(pictures), pictures)
            # in units of the pull, so that a weight means the same at every layer
            total = total - weight * gradient * (_rms(pull) / _rms(gradient))
        for smooth, options in self.recipe.acting("gradient"):
            total = smooth(total, **options)
        return total

    def _rate(self) -> float:
        falling = 1 - 0.9 * self.step / max(self.recipe.steps - 1, 1)
        # A plain gradient brings its own length.
        pace = 1.0 if self.recipe.optimiser == "plain" else self.parametrisation.pace
        return self.recipe.rate * pace * falling

    def _direction(self, gradient: Tensor) -> Tensor:
        if self.recipe.optimiser == "plain":
            return gradient
        if self.recipe.optimiser == "normalised":
            return gradient / _rms(gradient)
        mean, square = self._moments
        mean.lerp_(gradient, 0.1)
        square.lerp_(gradient.square(), 0.001)
        # Adam's correction for moments that begin at 0
        count = self.step + 1
        return (mean / (1 - 0.9**count)) / ((square / (1 - 0.999**count)).sqrt() + 1e-8)


def _with_places(eye: ModelView, name: str) -> str:
    """Return the layer at which facets are compared: the objective's own, or the last that has places."""
    places = eye.model.layer(name).places if name else None
    return name if places and max(places) > 1 else last_spatial_layer(eye.model).name


def gram_cosine(maps: Tensor) -> Tensor:
    """Return the mean cosine between Gram matrices (channel by channel, over places) of pictures' maps (N, C, h, w)."""
    places = maps.flatten(2)
    grams = functional.normalize((places @ places.transpose(1, 2)).flatten(1), dim=1)
    count = len(grams)
    # without the diagonal: each is like itself
    return ((grams @ grams.T).sum() - count) / (count * (count - 1))


def _rms(gradient: Tensor) -> Tensor:
    """Return the root mean square of each picture, shaped to divide a batch; never zero."""
    axes = tuple(range(1, gradient.dim()))
    return gradient.square().mean(dim=axes, keepdim=True).sqrt().clamp(min=_TINY)
