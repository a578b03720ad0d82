"""Recording of a segmentation network's answers: pixels by class and answer, picture by picture.

Tensors, see :mod:`nbviz.reviews.dense.part`. One row per picture: ``items``, ``width``, ``height`` (int64),
``labelled`` (int64, pixels that are counted; 0 without a mask), ``right`` (int64, of these), ``confidence``
(float64, over all pixels), ``loss`` (float64; NaN without counted pixels), ``brightness``, ``contrast``,
``saturation`` (float32), ``bin_count``, ``bin_right`` (int64), ``bin_confidence`` (float64), each (pictures, 15). One
row per pair of class and answer that a picture has: ``pair_items``, ``pair_label`` (−1: not counted),
``pair_prediction``, ``pair_count`` (int64).
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from nbviz.errors import NbvizError
from nbviz.replica.guest import Pass
from nbviz.reviews.dense.job import DenseJob, Record, empty
from nbviz.reviews.dense.samples import Sample
from nbviz.reviews.segmentation.maps import BINS, MapReader, pixel_counts
from nbviz.reviews.segmentation.masks import Masks, as_tensor


class SegmentationJob(DenseJob):
    """Maker of the records of a piece."""

    reader: MapReader

    @cached_property
    def masks(self) -> Masks:
        """Reader of the true masks."""
        return Masks.of(self.plan, self.transform)

    def outputs(self, run: Pass, inputs: Tensor) -> Tensor:
        return self.reader.maps(run, inputs)

    def record(self, output: Tensor, sample: Sample) -> Record:
        mask = as_tensor(self.masks.read(sample, (output.shape[-2], output.shape[-1])))
        if not bool(output.isfinite().all()):
            raise NbvizError("its scores are not finite numbers")
        size = sample.size if mask is None else (mask.shape[0], mask.shape[1])
        counts = pixel_counts(self.reader.scores(output, size), mask)
        known = counts["pair_label"] >= 0
        right = known & (counts["pair_label"] == counts["pair_prediction"])
        sums = {"labelled": counts["pair_count"][known].sum(), "right": counts["pair_count"][right].sum()}
        return {
            **{name: one[None] for name, one in sums.items()}, **counts,
            "pair_items": torch.full_like(counts["pair_label"], sample.number),
        }  # fmt: skip

    @staticmethod
    def no_rows() -> Record:
        bins = {name: torch.empty(0, BINS, dtype=torch.int64, device="cpu") for name in ("bin_count", "bin_right")}
        pairs = ("pair_items", "pair_label", "pair_prediction", "pair_count")
        return {
            **empty(("labelled", "right", *pairs), ("confidence", "loss")), **bins,
            "bin_confidence": torch.empty(0, BINS, dtype=torch.float64, device="cpu"),
        }  # fmt: skip
