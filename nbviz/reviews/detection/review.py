"""Review of a detector: average precision per class, boxes that are found, missed and made up, worst pictures first."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from nbviz.drawing.boxes import boxes_over
from nbviz.errors import Refused
from nbviz.replica.guest import Pass
from nbviz.reviews.dense.bootstrap import LEAST, Floats
from nbviz.reviews.dense.reliability import binned
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.dense.samples import read
from nbviz.reviews.detection.job import BoxReader, arrays
from nbviz.reviews.detection.matching import FALSE, NEITHER, NOTHING, SURE, TRUE
from nbviz.reviews.detection.precision import BoxCounts, box_table, curve, mean_precision
from nbviz.reviews.detection.targets import Targets
from nbviz.reviews.result import Order
from nbviz.reviews.shift.answers import pictures_for
from nbviz.reviews.statistics.calibration import Reliability
from nbviz.reviews.statistics.classes import Confusion
from nbviz.reviews.summary import headline

if TYPE_CHECKING:
    import pandas

BINS = 15
"""Bins of equal width that scores of boxes are counted in."""


class DetectionReview(DenseReview):
    """Records of a detector's boxes beside the true ones, and the tables over them.

    A picture's own figure is F1 of its boxes with a score of .5 or more at an overlap (IoU) of .5. Intervals are by a
    bootstrap over pictures.
    """

    noun: ClassVar[str] = "boxes"
    orders: ClassVar[tuple[str, ...]] = ("worst", "unsure", "surest", "random", "item")

    def __repr__(self) -> str:
        words, figure = f"{len(self):,} pictures, {len(self.names)} classes", self.summary["ap50"]
        share = "no boxes" if figure is None else f"mean AP50 {figure['value']:.3f}"
        return f"{type(self).__name__}({words}, {share})"

    @property
    def _known_rows(self) -> NDArray[np.bool_]:
        return self._columns["labelled"] > 0

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the classes: those known, and numbers for what else is found or true."""
        labels = (self._columns["box_label"], self._columns["object_label"])
        most = max((int(one.max()) + 1 for one in labels if len(one)), default=1)
        return (*self.plan.names, *(f"class {index}" for index in range(len(self.plan.names), most)))

    @cached_property
    def counts(self) -> BoxCounts:
        """Boxes of the pictures whose true ones are known. Raises Refused where none is."""
        return BoxCounts.of(self._columns, self._columns["items"][self.known], len(self.names))

    @cached_property
    def _tally(self) -> dict[str, NDArray[np.int64]]:
        """Count true boxes, sure found ones, made up ones and missed ones of each picture, (pictures,)."""
        c = self._columns
        sure = c["box_score"] >= SURE
        return {
            "objects": self._per_picture("object", np.ones(len(c["object_items"]), bool)),
            "found": self._per_picture("box", sure & (c["box_match"][:, 0] == TRUE)),
            "made_up": self._per_picture("box", sure & (c["box_match"][:, 0] == FALSE)),
            "said": self._per_picture("box", sure),
        }

    def _per_picture(self, table: str, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        rows = np.searchsorted(self._columns["items"], self._columns[f"{table}_items"][chosen])
        return np.bincount(rows, minlength=len(self))

    @cached_property
    def figure(self) -> Floats:
        """F1 of each picture whose true boxes are known; 1 where there is none and none is said."""
        found, objects, made_up = (self._tally[name][self.known] for name in ("found", "objects", "made_up"))
        total = objects + found + made_up
        # nothing there and nothing said is right
        return np.where(total > 0, 2 * found / np.maximum(total, 1), 1.0)

    @cached_property
    def pictures(self) -> pandas.DataFrame:
        """One row per picture: item, F1, and how many true boxes there are, are found, missed and made up, and more.

        Boxes with a score of .5 or more count as said. ``f1`` is NaN, and others are 0, where no true boxes are known.
        """
        import pandas

        c, tally, f1 = self._columns, self._tally, np.full(len(self), np.nan)
        if self.labelled:
            f1[self.known] = self.figure
        counts = {**tally, "missed": tally["objects"] - tally["found"]}
        looks = {name: c[name] for name in ("brightness", "contrast", "saturation", "width", "height")}
        table = {"item": c["items"], "f1": f1, **counts, **looks}
        return pandas.DataFrame({**table, **{k: v for k, v in self.metadata_columns().items() if k not in table}})

    def has_class(self, index: int) -> NDArray[np.bool_]:
        """Return which pictures have a true box of a class, (pictures,)."""
        return self._per_picture("object", self._columns["object_label"] == index) > 0

    def says_class(self, index: int) -> NDArray[np.bool_]:
        """Return in which pictures a sure box is said to be of a class, (pictures,)."""
        c = self._columns
        return self._per_picture("box", (c["box_label"] == index) & (c["box_score"] >= SURE)) > 0

    def confuses(self, label: int, prediction: int) -> NDArray[np.bool_]:
        c = self._columns
        return self._per_picture("object", (c["object_label"] == label) & (c["object_said"] == prediction)) > 0

    @cached_property
    def classes(self) -> pandas.DataFrame:
        """One row per class: precision, recall and average precision, see :func:`box_table`."""
        return box_table(self.counts, self.names)

    def precision_recall(self, label: int | str) -> pandas.DataFrame:
        """One row per box of a class, the surest first: score, recall, best precision at that recall or more."""
        import pandas

        index = self.class_index(label)
        counts, order = self.counts, self.counts.ranked(index)
        true, objects = np.cumsum(counts.match[order, 0] == TRUE).astype(float), float(counts.objects[:, index].sum())
        recall, precision = curve(true, np.arange(1.0, len(order) + 1), objects or np.nan)
        return pandas.DataFrame({"score": counts.score[order], "recall": recall, "precision": precision})

    @cached_property
    def confusion(self) -> Confusion:
        """Confusion matrix in boxes with a score of .5 or more, at an overlap of .5; last: missed, made up."""
        self.known  # noqa: B018 - raises where nothing is known
        c, count = self._columns, len(self.names)
        matrix = np.zeros((count + 1, count + 1), np.int64)
        np.add.at(matrix, (c["object_label"], c["object_said"]), 1)
        # a box on an object of another class is counted with that object already, in its row
        made_up = (c["box_score"] >= SURE) & (c["box_match"][:, 0] == FALSE) & (c["box_taken"] == NOTHING)
        np.add.at(matrix, (np.full(made_up.sum(), count), c["box_label"][made_up]), 1)
        # only classes that occur: COCO's ninety would be mostly empty rows
        used = np.append(np.flatnonzero(matrix[:-1].sum(1) + matrix[:, :-1].sum(0)), count)
        names = [*(self.names[index] for index in used[:-1]), "nothing"]
        return Confusion(matrix[np.ix_(used, used)], tuple(names), (*(int(index) for index in used[:-1]), None))

    @cached_property
    def reliability(self) -> Reliability:
        """Score of found boxes against the share that finds a true one, in 15 bins of equal width, see :func:`binned`.

        Raises Refused below 10 pictures.
        """
        if len(self.known) < LEAST:
            raise Refused(f"Calibration needs {LEAST} pictures with boxes, and there are {len(self.known)}.")
        counts = self.counts
        judged = counts.match[:, 0] != NEITHER  # in a crowd nobody can tell right from wrong
        score = counts.score[judged]
        # by picture and bin at once: the bootstrap draws pictures, whose boxes come along
        place = counts.row[judged] * BINS + np.clip((score * BINS).astype(int), 0, BINS - 1)
        weights = (np.ones(len(score)), (counts.match[judged, 0] == TRUE).astype(float), score)
        sums = [np.bincount(place, one, counts.pictures * BINS).reshape(-1, BINS) for one in weights]
        return binned(sums[0].astype(np.int64), sums[1].astype(np.int64), sums[2].astype(float))

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Figures of the whole: pictures, mean AP50 and AP, boxes found and made up, calibration."""
        return headline(
            self,
            {
                "ap50": lambda: {"labelled": len(self.known), **asdict(mean_precision(self.counts)[0])},
                "ap": lambda: {"value": mean_precision(self.counts)[1]},
                "boxes": lambda: {name: int(one[self.known].sum()) for name, one in self._tally.items()},
                "calibration": lambda: {"error": self.reliability.error},
            },
        )

    def ranked(self, by: Order) -> NDArray[np.int64]:
        """Rows by "worst" (lowest F1 first, of equal ones those with more missed), "unsure" or "surest".

        "unsure": with a box whose score is nearest to .5 first. "surest": with the box of the highest score first.
        """
        if by == "worst":
            missed = (self._tally["objects"] - self._tally["found"])[self.known]
            return self.known[np.lexsort((-missed, self.figure))]
        # infinite where a picture has no box: it comes last
        least, score = np.full(len(self), np.inf), self._columns["box_score"]
        rows = np.searchsorted(self._columns["items"], self._columns["box_items"])
        np.minimum.at(least, rows, np.abs(score - SURE) if by == "unsure" else -score)
        return np.argsort(least, kind="stable")

    def words(self, row: int) -> str:
        count = self.pictures.iloc[row]
        return f"{count['found']:.0f} of {count['objects']:.0f} boxes found, {count['made_up']:.0f} made up"

    def drawn(self, item: int, side: int) -> NDArray[np.uint8]:
        model, items = pictures_for(self.items, self.model)
        sample = read(items, item, model.transform, self.truths)
        reader = BoxReader(model.read)

        def work(run: Pass) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            with torch.no_grad():
                return arrays(reader.boxes(run, sample.input.to(run.device, model.guest.dtype))[0])

        boxes, labels, scores = model.guest.steady(work)
        # 0 classes: labels were checked by the review, and of the true boxes only the edges are drawn
        target = Targets(model.transform, 0).read(sample)
        true = np.zeros((0, 4)) if target is None else target.boxes
        sure = scores >= SURE
        return boxes_over(model.seen(sample.picture), boxes[sure], labels[sure].tolist(), true, side)
