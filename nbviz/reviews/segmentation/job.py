"""Recording of a segmentation network's answers: pixels by class and answer, picture by picture.

Tensors, see :mod:`nbviz.reviews.dense.part`. One row per picture: ``items``, ``width``, ``height`` (int64),
``labelled`` (int64, pixels that are counted; 0 without a mask), ``right`` (int64, of these), ``confidence``, ``loss``
(float64; NaN without counted pixels), ``brightness``, ``contrast``, ``saturation`` (float32), ``bin_count``,
``bin_right`` (int64), ``bin_confidence`` (float64), each (pictures, 15). One row per pair of class and answer that
a picture has: ``pair_items``, ``pair_label`` (−1: not counted), ``pair_prediction``, ``pair_count`` (int64).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nbviz.dataset.shards import Problems, ShardJob
from nbviz.dataset.shards.job import Tick
from nbviz.errors import NbvizError, Refused
from nbviz.pictures.preprocessing import Preprocessing
from nbviz.pictures.samples import Items
from nbviz.replica.guest import Guest, Pass
from nbviz.reviews.dense.part import DensePart, together
from nbviz.reviews.dense.plan import DensePlan
from nbviz.reviews.dense.samples import Sample, Truths, groups
from nbviz.reviews.records.job import appearance
from nbviz.reviews.segmentation.maps import BINS, MapReader, pixel_counts
from nbviz.reviews.segmentation.masks import Masks, as_tensor

INTEGERS = ("items", "width", "height", "labelled", "right")
PAIRS = ("pair_items", "pair_label", "pair_prediction", "pair_count")


@dataclass(frozen=True)
class SegmentationReading:
    """Rules by which maps and masks are read."""

    reader: MapReader
    truths: Truths


class SegmentationJob(ShardJob[DensePlan, DensePart]):
    """Maker of the records of a piece."""

    transform: Preprocessing

    def __init__(
        self, guest: Guest, transform: Preprocessing, items: Items, plan: DensePlan, reading: SegmentationReading
    ) -> None:
        super().__init__(guest, transform, items, plan)
        self.reading = reading
        self.masks = Masks.of(plan, transform)

    def more(self) -> tuple[Any, ...]:
        """Rules by which the network is read."""
        return (self.reading,)

    def run(self, piece: int, tick: Tick | None = None) -> DensePart:
        """Record one piece, over one version of the weights."""

        def work(run: Pass) -> DensePart:
            problems, rows = Problems(), [no_rows()]
            for group in self.rows(run, self.plan.numbers(piece), problems):
                rows += group
                if tick is not None:
                    tick(len(group))
            return together(piece, rows, problems)

        return self.guest.steady(work)

    def rows(self, run: Pass, numbers: Iterable[int], problems: Problems) -> Iterator[list[dict[str, Tensor]]]:
        """Yield the records of items, a batch at a time; those that can't be read or scored go to ``problems``."""
        truths = self.reading.truths
        for group in groups(self.items, numbers, self.plan.batch, self.transform, truths, problems):
            inputs = torch.cat([sample.input for sample in group])
            with torch.no_grad():
                maps = self.reading.reader.maps(run, inputs.to(run.device, self.guest.dtype))
                records = [self._record(one, sample, problems) for one, sample in zip(maps, group, strict=True)]
            yield [record for record in records if record is not None]

    def _record(self, maps: Tensor, sample: Sample, problems: Problems) -> dict[str, Tensor] | None:
        output = int(maps.shape[-2]), int(maps.shape[-1])
        try:
            mask = as_tensor(self.masks.read(sample, output))
        except Refused:
            raise
        except NbvizError as error:
            problems.add(sample.number, str(error))
            return None
        if not bool(maps.isfinite().all()):
            problems.add(sample.number, "its scores are not finite numbers")
            return None
        size = sample.size if mask is None else (mask.shape[0], mask.shape[1])
        counts = pixel_counts(self.reading.reader.scores(maps, size), mask)
        width, height = sample.picture.size
        known = counts["pair_label"] >= 0
        right = known & (counts["pair_label"] == counts["pair_prediction"])
        whole = {
            "items": sample.number, "width": width, "height": height,
            "labelled": int(counts["pair_count"][known].sum()), "right": int(counts["pair_count"][right].sum()),
        }  # fmt: skip
        return {
            **{name: torch.tensor([value], device="cpu") for name, value in whole.items()}, **counts,
            "pair_items": torch.full_like(counts["pair_label"], sample.number),
            **appearance(sample.input, self.transform.colours),
        }  # fmt: skip


def no_rows() -> dict[str, Tensor]:
    """Return the tensors of no picture, for a piece of which none can be read."""
    whole = {name: torch.empty(0, dtype=torch.int64, device="cpu") for name in (*INTEGERS, *PAIRS)}
    figures = {name: torch.empty(0, dtype=torch.float64, device="cpu") for name in ("confidence", "loss")}
    looks = {name: torch.empty(0, device="cpu") for name in ("brightness", "contrast", "saturation")}
    bins = {name: torch.empty(0, BINS, dtype=torch.int64, device="cpu") for name in ("bin_count", "bin_right")}
    means = {"bin_confidence": torch.empty(0, BINS, dtype=torch.float64, device="cpu")}
    return {**whole, **figures, **looks, **bins, **means}
