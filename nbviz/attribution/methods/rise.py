"""RISE: random masks, and how the score follows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import torch

from nbviz.attribution.base import About, Attribution, register, result
from nbviz.attribution.baselines import Fill, baseline, baseline_name
from nbviz.attribution.batch_size import at_once
from nbviz.attribution.convergence import cells as in_cells
from nbviz.attribution.convergence import reliability
from nbviz.attribution.masks import smooth_masks
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject

DRAWN = 4
"""Masks drawn at once, whatever the network: they are the same masks for all."""
FIRST = 64
"""Masks before two halves are compared."""
Agreement = Annotated[
    float,
    About(
        "The map is steady when other masks would give one that agrees this well; 1 is fully.",
        0.1,
        0.99,
        label="steady at",
    ),
]


@register("RISE", "Petsiuk, Das, Saenko 2018, arXiv:1806.07421", family="hiding parts")
def rise(
    subject: Subject,
    *,
    masks: Annotated[
        int, About("How many random masks; 0 goes on until the map is steady.", 0, 20000, label="masks")
    ] = 0,
    wanted: Agreement = 0.9,
    maximum: Annotated[int, About("Masks at most.", 8, 20000, label="masks at most")] = 1000,
    cells: Annotated[int, About("A mask is so many cells wide and high.", 2, 32, label="cells a side")] = 7,
    probability: Annotated[float, About("Share of the cells that is kept.", 0.05, 0.95, label="share kept")] = 0.5,
    fill: Fill = "blur",
    seed: Annotated[int, About("Another number draws other random masks.", 0, 2**31 - 1, label="draw")] = 0,
) -> Iterator[Attribution]:
    """Which parts the score follows when random parts are hidden.

    values: (H, W), mean over masks of (score − mean score)·mask, over ``probability``: the paper's map less
    its mean level, so that 0 means no influence and chance weighs less. Masks are the paper's, drawn by a
    generator of their own; hidden is faded to ``fill`` (the paper: black; blur needs fewer masks).
    ``facts["reliability"]``: how well the map, in 28 × 28 cells, is expected to correlate with a repetition,
    told by two halves of the masks. heat: values, signed. Needs forwards only, no gradients.
    """
    vote = _Vote(subject, baseline(subject, fill), probability)
    size = (subject.x.shape[2], subject.x.shape[3])
    most, done = masks or maximum, 0.0
    facts: dict[str, Any] = {"cells": cells, "fill": baseline_name(fill)}
    for batch in _regrouped(smooth_masks(size, cells, probability, seed, DRAWN), at_once(subject)):
        # masks are drawn in fours whatever is asked for, so that the first hundred are the same for all
        vote.add(batch[: most - vote.count])
        sure = vote.reliability() if vote.count >= min(FIRST, most) else 0.0
        if vote.count >= most or (not masks and sure >= wanted):
            break
        done = max(done, vote.count / most)
        words = f"{vote.count} masks, of {'' if masks else 'at most '}{most}"
        yield vote.result(done=done, progress=words, **facts)
    yield vote.result(**facts)


def _regrouped(drawn: Iterator[torch.Tensor], count: int) -> Iterator[torch.Tensor]:
    """Regroup the masks, ``count`` at a time; it divides what is drawn at once, or is a multiple of it."""
    for masks in drawn:
        while len(masks) < count:
            masks = torch.cat([masks, next(drawn)])
        yield from masks.split(count)


class _Vote:
    """Sums over two halves of the masks, taken turn about: scores, masks, and scores times masks."""

    def __init__(self, subject: Subject, fill: torch.Tensor, probability: float) -> None:
        self._subject, self._fill, self._probability = subject, fill, probability
        with torch.no_grad():
            self._score = float(subject.scores(subject.x)[0])
        self._scores = torch.zeros(2, dtype=torch.float64, device="cpu")
        self._masks = torch.zeros(2, *subject.x.shape[2:], dtype=torch.float64, device="cpu")
        self._products = torch.zeros_like(self._masks)
        self.count = 0

    def add(self, masks: torch.Tensor) -> None:
        """Evaluate another batch of masks (N, H, W); only the last may be odd."""
        shares = masks[:, None].to(self._subject.x)
        with torch.no_grad():
            scores = self._subject.scores(self._fill + shares * (self._subject.x - self._fill))
        # relative to the whole picture's score, so that a large common part costs no digits
        change = scores.double().cpu() - self._score
        # masks turn about, not first and second half: so both can be compared at any time
        for half in (0, 1):
            self._scores[half] += change[half::2].sum()
            self._masks[half] += masks[half::2].double().sum(0)
            self._products[half] += torch.einsum("n,nhw->hw", change[half::2], masks[half::2].double())
        self.count += len(masks)

    def _values(self, *halves: int) -> torch.Tensor:
        count = sum((self.count + 1 - half) // 2 for half in halves)
        scores, masks, products = (t[list(halves)].sum(0) for t in (self._scores, self._masks, self._products))
        # less mean score times mask: that hiding anything moves the score says nothing of a place
        return (products - scores / count * masks) / (count * self._probability)

    def reliability(self) -> float:
        """Estimate the correlation with a repetition, at the resolution at which maps are compared."""
        return reliability(*(in_cells(self._values(half)) for half in (0, 1)))

    def result(self, done: float = 1.0, progress: str = "", **facts: object) -> Attribution:
        """Return the map so far as an attribution."""
        # not in half precision, which would round away what a thousand masks have told apart
        values = self._values(0, 1).to(at_least_single(self._subject.x).dtype)
        if self.count >= 2:
            facts = {"masks": self.count, "reliability": self.reliability(), **facts}
        return result(self._subject, values, values, done=done, progress=progress, signed=True, **facts)
