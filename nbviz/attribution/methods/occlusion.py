"""Occlusion: a window slides over the picture and hides what is under it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import torch

from nbviz.attribution.base import About, Attribution, register, result
from nbviz.attribution.baselines import Fill, baseline, baseline_name
from nbviz.attribution.batch_size import at_once
from nbviz.attribution.masks import Window, windows
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject


@register("Occlusion", "Zeiler, Fergus 2014, arXiv:1311.2901", family="hiding parts")
def occlusion(
    subject: Subject,
    *,
    window: Annotated[
        int,
        About(
            "Side of the patch that hides, in pixels; 0 is a seventh of the picture's shorter side.",
            0,
            512,
            label="patch",
        ),
    ] = 0,
    stride: Annotated[
        int, About("How far the patch moves each time, in pixels; 0 is half a patch.", 0, 512, label="moved by")
    ] = 0,
    fill: Fill = "gray",
) -> Iterator[Attribution]:
    """How much the score falls when a part of the picture is hidden.

    values: (H, W), score(x) − score(x with the window filled), averaged over the windows a pixel lies under;
    signed: negative where hiding helps. Windows come coarse first, then between; the last ones are cut off at
    the edges, as captum's are. ``facts["last_change"]`` is by how much, relative L1, the map changed when the
    windows last became twice as dense. heat: values, signed. Needs forwards only, no gradients.
    """
    size = (subject.x.shape[2], subject.x.shape[3])
    side = window or max(1, round(min(size) / 7))
    step = stride or max(1, side // 2)
    # a stride above the window's side would leave pixels that no window covers
    passes = windows(size, side, min(step, side))
    sweep = _Sweep(subject, baseline(subject, fill))
    facts: dict[str, Any] = {"window": side, "stride": min(step, side), "fill": baseline_name(fill)}
    count, batch = sum(map(len, passes)), at_once(subject)
    for number, places in enumerate(passes):
        before = sweep.values()
        for begin in range(0, len(places), batch):
            sweep.hide(places[begin : begin + batch])
            if sweep.count < count:
                yield sweep.result(done=sweep.count / count, progress=f"{sweep.count} of {count} windows", **facts)
        if number:
            facts["last_change"] = _share(sweep.values() - before, sweep.values())
    yield sweep.result(windows=count, **facts)


class _Sweep:
    """Sums of score differences over the windows so far."""

    def __init__(self, subject: Subject, fill: torch.Tensor) -> None:
        self._subject, self._fill = subject, fill
        with torch.no_grad():
            self._score = float(subject.scores(subject.x)[0])
        self._sum = torch.zeros(subject.x.shape[2:], dtype=torch.float64, device="cpu")
        self._covered = torch.zeros_like(self._sum)
        self.count = 0

    def hide(self, places: Sequence[Window]) -> None:
        """Evaluate a batch of windows."""
        batch = self._subject.x.repeat(len(places), 1, 1, 1)
        for picture, place in zip(batch, places, strict=True):
            # in the batch's own copy, which repeat() made
            picture[place.pixels] = self._fill[0][place.pixels]
        with torch.no_grad():
            scores = self._subject.scores(batch).double().cpu()
        for score, place in zip(scores, places, strict=True):
            # a pixel under several windows has their mean, else the middle of the picture would weigh more than its
            # edge
            self._sum[place.pixels] += self._score - score
            self._covered[place.pixels] += 1
        self.count += len(places)

    def values(self) -> torch.Tensor:
        """Return the map so far; 0 where no window has been."""
        return self._sum / self._covered.clamp(min=1)

    def result(self, done: float = 1.0, progress: str = "", **facts: object) -> Attribution:
        """Return the map so far as an attribution."""
        values = self.values().to(at_least_single(self._subject.x).dtype)
        return result(self._subject, values, values, done=done, progress=progress, signed=True, **facts)


def _share(part: torch.Tensor, whole: torch.Tensor) -> float:
    return float(part.abs().sum() / whole.abs().sum()) if whole.any() else 0.0
