"""Prediction by a map for a painted part: a change of the score, or only how much the map marks the part.

A gradient map foretells Σ g·(painted − picture) over the part, to first order. A map whose parts add up to a difference
of scores foretells minus their sum, from the baseline of its own: that is what was done only where the part was painted
with that very baseline. Any other map is no change of a score: it ranks the part among other places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from nbviz.attribution import Attribution
from nbviz.edits import Mask, Paint
from nbviz.session.requests.base import ExplainRequest
from nbviz.session.requests.frozen import thaw

Way = Literal["gradient", "sum", "same baseline", "rank"]
PATHS = ("integrated_gradients", "blur_integrated_gradients", "expected_gradients", "input_x_gradient")
"""Methods whose map sums to what the pixels add to the score, each from a baseline of its own."""
STARTS = {
    "blur_integrated_gradients": "the blurred picture",
    "expected_gradients": "several baselines",
    "input_x_gradient": "the mean colour that the network subtracts",
}
"""Baselines of those that have no option for it."""
FILL_BASELINES = ("mean", "noise")
"""What can be painted with and is a baseline of the same name."""


@dataclass(frozen=True)
class Foretold:
    """Prediction of a map for a painted part."""

    way: Way
    change: float | None = None
    """Of the score; None where the map only ranks."""
    start: str = ""
    """The baseline of a sum."""
    above: int = 0
    """Of the patches elsewhere: those that the map marks less than this part."""


def foretold(
    request: ExplainRequest,
    attribution: Attribution,
    paint: Paint,
    x: Tensor,
    substrate: Tensor,
    patches: Sequence[Paint],
) -> Foretold:
    """Read the prediction of a map off it.

    request: the map's. x, substrate: the picture and what it is painted with, as the network takes them. patches: the
    same form elsewhere.
    """
    options, size = thaw(request.options), (paint.mask.height, paint.mask.width)
    inside = torch.from_numpy(painted(paint))
    values = attribution.values.detach().double().cpu()
    if tuple(values.shape[-2:]) == size and _is_gradient(request.method, options):
        # to first order: the gradient times the change of each pixel
        step = (substrate - x)[0].double().cpu()
        return Foretold("gradient", float((values.reshape(-1, *size) * step.reshape(-1, *size))[:, inside].sum()))
    if tuple(values.shape[-2:]) == size and request.method in PATHS:
        # painting takes away what the pixels added
        change = -float(values.reshape(-1, *size).sum(0)[inside].sum())
        given = options.get("baseline", "black") if request.method == "integrated_gradients" else None
        same = given is not None and is_fill(given, paint, substrate)
        start = STARTS.get(request.method) or (given if isinstance(given, str) else "a picture of its own")
        return Foretold("same baseline" if same else "sum", change, start)
    # a map at a layer, or of a method that ranks: places among places, no change in units of the score
    heat = attribution.heat(size).double().cpu().abs().numpy()
    own = float(heat[painted(paint)].mean()) if paint.mask.share else 0.0
    return Foretold("rank", above=sum(float(heat[painted(patch)].mean()) < own for patch in patches))


def is_fill(baseline: object, paint: Paint, substrate: Tensor) -> bool:
    """Return whether a baseline of integrated gradients is what the part is painted with."""
    if isinstance(baseline, Tensor):
        return baseline.numel() == substrate.numel() and bool(torch.equal(baseline.reshape(substrate.shape), substrate))
    return isinstance(baseline, str) and baseline in FILL_BASELINES and bool(baseline == paint.fill)


def painted(paint: Paint) -> np.ndarray:
    """Return the pixels (H, W) that an edit paints over."""
    pixels: np.ndarray = paint.mask.pixels ^ paint.keep
    return pixels


def _is_gradient(method: str, options: dict[str, Any]) -> bool:
    if method == "smoothgrad":
        return (
            options.get("of", "saliency") == "saliency" and not options.get("squared") and not options.get("variance")
        )
    return method == "saliency"


def scattered(paint: Paint, count: int) -> list[Paint]:
    """Return the same paint at random places, whole; a form too large to be moved enters at the other edge."""
    draw, pixels = np.random.default_rng(0), paint.mask.pixels
    rows, columns = (np.flatnonzero(pixels.any(axis)) for axis in (1, 0))
    if not len(rows):
        return [paint] * count
    room = [(-int(at[0]), length - int(at[-1])) for at, length in zip((rows, columns), pixels.shape, strict=True)]
    # a form that fills the picture would be drawn at the same place twenty times, and agree with itself
    if (room[0][1] - room[0][0]) * (room[1][1] - room[1][0]) < count:  # hardly anywhere to go
        room = [(0, length) for length in pixels.shape]
    places = [tuple(int(draw.integers(low, high)) for low, high in room) for _ in range(count)]
    return [Paint(Mask.of(np.roll(pixels, by, (0, 1))), paint.fill, paint.keep) for by in places]
