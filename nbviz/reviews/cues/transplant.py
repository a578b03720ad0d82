"""Transplants: pixels of a window put into other pictures, and whether the answer follows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbviz.attribution.baselines import blurred
from nbviz.errors import NbvizError
from nbviz.evaluation.maps import BLUR
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.heads import head_of
from nbviz.model.scoring.outputs import ClassScores
from nbviz.reviews.cues.window import Window
from nbviz.reviews.records.scores import predictions

BATCH = 64
"""Pictures per forward."""
Answers = NDArray[np.bool_]


def moved(model: InstrumentedModel, pictures: Tensor, donors: Tensor, windows: Sequence[Window], index: int) -> Answers:
    """Return (windows, N): whether each picture (N, C, H, W) becomes the class with a window of its donor put in."""
    return np.stack([answers(model, put(pictures, donors, window), index) for window in windows])


def lost(model: InstrumentedModel, pictures: Tensor, windows: Sequence[Window], index: int) -> Answers:
    """Return (windows, N): whether each picture is no longer the class with a window blurred."""
    # blurred over more than the window: what is left of it tells nothing
    away = blurred(pictures, max(1.0, 2 * BLUR * min(pictures.shape[2:])))
    return ~moved(model, pictures, away, windows, index)


def put(pictures: Tensor, donors: Tensor, window: Window) -> Tensor:
    """Return pictures (N, C, H, W) with the pixels that their donors have in a window."""
    top, left, bottom, right = window
    changed = pictures.clone()
    changed[:, :, top:bottom, left:right] = donors[:, :, top:bottom, left:right]
    return changed


def answers(model: InstrumentedModel, pictures: Tensor, index: int) -> Answers:
    """Return (N,): whether the network puts each picture (N, C, H, W) in the class."""
    return predictions(scores_of(model, pictures)).numpy() == index


def scores_of(model: InstrumentedModel, pictures: Tensor) -> ClassScores:
    """Return the scores of pictures (N, C, H, W), on the CPU."""
    with torch.no_grad():
        logits = torch.cat([model(batch).cpu() for batch in pictures.split(BATCH)])
    return ClassScores(logits, logits, scale=head_of(model.known).scale)


def elsewhere(window: Window, size: tuple[int, int], count: int, rng: np.random.Generator) -> list[Window]:
    """Return windows of the same size at random places that don't overlap the one."""
    side = window[2] - window[0], window[3] - window[1]
    tops, lefts = np.meshgrid(np.arange(size[0] - side[0] + 1), np.arange(size[1] - side[1] + 1), indexing="ij")
    apart = (np.abs(tops - window[0]) >= side[0]) | (np.abs(lefts - window[1]) >= side[1])
    places = np.argwhere(apart)
    if not len(places):
        raise NbvizError(f"A picture of {size[0]} × {size[1]} pixels has no room for control windows beside a cue's.")
    chosen = places[rng.choice(len(places), min(count, len(places)), replace=False)]
    return [(int(top), int(left), int(top) + side[0], int(left) + side[1]) for top, left in chosen]


def lattice(window: Window, size: tuple[int, int]) -> list[Window]:
    """Return all windows that tile a picture from the one on, without it: its neighbours and everything else."""
    side = window[2] - window[0], window[3] - window[1]
    tops, lefts = (_starts(window[axis], side[axis], size[axis]) for axis in (0, 1))
    places = [(top, left) for top in tops for left in lefts]
    apart = [at for at in places if abs(at[0] - window[0]) >= side[0] or abs(at[1] - window[1]) >= side[1]]
    return [(top, left, top + side[0], left + side[1]) for top, left in apart]


def _starts(start: int, side: int, size: int) -> list[int]:
    """Steps of a side from a start on, both ways; what is left at the ends is covered by one moved inside."""
    # on the window's own raster: neighbours then touch it and leave nothing of it in a control
    inside = set(range(start % side, size - side + 1, side))
    return sorted(inside | {0, size - side})
