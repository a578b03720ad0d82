"""Review of a segmentation network: pixel accuracy and IoU, per picture and per class, worst first."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nbviz.drawing.masks import mask_over
from nbviz.errors import NbvizError, Refused
from nbviz.model.classes import BACKGROUND
from nbviz.model.inputs.input_size import noise
from nbviz.reviews.dense.bootstrap import LEAST, Floats
from nbviz.reviews.dense.reliability import binned
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.dense.samples import read
from nbviz.reviews.result import Order
from nbviz.reviews.segmentation.figures import (
    PixelCounts,
    by_commonest,
    mean_accuracy,
    mean_iou,
    pixel_accuracy,
    pixel_table,
)
from nbviz.reviews.segmentation.maps import MapReader, map_reader
from nbviz.reviews.segmentation.masks import Masks, masks_of
from nbviz.reviews.shift.answers import pictures_for
from nbviz.reviews.statistics.calibration import Reliability
from nbviz.reviews.statistics.classes import Confusion, shown_confusion
from nbviz.reviews.summary import headline

if TYPE_CHECKING:
    import pandas
    from scipy.sparse import csr_array


class SegmentationReview(DenseReview):
    """Records of a network's masks beside the true ones, and the tables over them.

    Pixels whose class is unknown are not counted. Intervals are by a bootstrap over pictures: pixels of one picture are
    not independent, and as many of them are no more evidence than the picture is.
    """

    noun: ClassVar[str] = "masks"
    orders: ClassVar[tuple[str, ...]] = ("worst", "loss", "unsure", "surest", "random", "item")

    def __repr__(self) -> str:
        words = f"{len(self):,} pictures, {len(self.names)} classes"
        if not self.labelled:
            return f"{type(self).__name__}({words}, no masks)"
        accuracy, iou = (self.summary[name]["value"] for name in ("pixel_accuracy", "mean_iou"))
        return f"{type(self).__name__}({words}, pixel accuracy {accuracy:.3f}, mean IoU {iou:.3f})"

    @property
    def _known_rows(self) -> NDArray[np.bool_]:
        return self._columns["labelled"] > 0

    @cached_property
    def counts(self) -> PixelCounts:
        """Pixels by class and answer of the pictures that have a mask. Raises Refused where none has."""
        return PixelCounts.of(self._columns, self.known, len(self.names))

    @property
    def figure(self) -> Floats:
        """Pixel accuracy of each picture that has a mask."""
        return self._columns["right"][self.known] / self._columns["labelled"][self.known]

    @property
    def loss(self) -> Floats:
        """Mean negative log probability of a counted pixel's class, in nats, of pictures that have a mask."""
        return self._columns["loss"][self.known]

    @cached_property
    def pictures(self) -> pandas.DataFrame:
        """One row per picture: item, pixel accuracy, mean IoU, loss, confidence, and more.

        ``pixel_accuracy`` and ``iou`` (mean over the classes that are there or said) are NaN without a mask, as is
        ``loss`` (mean over pixels, nats); ``labelled`` counts the pixels with a class; ``confidence`` is the mean
        probability of the answer; ``commonest`` is the class said of most pixels.
        """
        import pandas

        c, figures = self._columns, {name: np.full(len(self), np.nan) for name in ("pixel_accuracy", "iou")}
        if self.labelled:
            figures["pixel_accuracy"][self.known], figures["iou"][self.known] = self.figure, self.counts.picture_iou
        names = np.array(self.names, dtype=object)
        more = ("loss", "confidence", "labelled", "brightness", "contrast", "saturation", "width", "height")
        table = {"item": c["items"], **figures, "commonest": names[self._commonest], **{name: c[name] for name in more}}
        own = {name: values for name, values in self.metadata_columns().items() if name not in table}
        return pandas.DataFrame({**table, **own})

    @property
    def clear(self) -> frozenset[int]:
        """Classes that are not drawn: those called background, and that of pixels where one map is low."""
        named = frozenset(index for index, name in enumerate(self.names) if name.lower() in BACKGROUND)
        # one map: its low side stands for everything that is not the object
        return named | {0} if self.plan.scores == 1 else named

    def masks(self, item: int) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """Return an item's mask as the network says it, and the true one, −1 where it is not counted; None for none.

        Both as large as the network's input, or as its output where masks came so. Raises NbvizError for an item that
        can't be read, and for a review without its network and data set.
        """
        model, items = pictures_for(self.items, self.model)
        sample = read(items, item, model.transform, self.truths)
        return masks_of(model, sample, self._reader, Masks.of(self.plan, model.transform))

    @cached_property
    def _reader(self) -> MapReader:
        model, _ = pictures_for(self.items, self.model)
        # asked anew: how maps are read is the network's, and a review on disk has nothing of it
        found = map_reader(model, noise(model.guest, self.plan.shape))
        if found is None:
            raise NbvizError(f"{model.name} puts out no maps of classes any more.")
        return found[0]

    def words(self, row: int) -> str:
        accuracy, iou = (self.pictures[name].iat[row] for name in ("pixel_accuracy", "iou"))
        return f"{accuracy:.1%} of its pixels right, mean IoU {iou:.2f}"

    def drawn(self, item: int, side: int) -> NDArray[np.uint8]:
        model, items = pictures_for(self.items, self.model)
        said, truth = self.masks(item)
        return mask_over(model.seen(items.read(item)), said, truth, side, self.clear)

    @cached_property
    def said_pixels(self) -> csr_array:
        """Pixels said to be each class, counted or not, sparse (pictures, classes)."""
        return self._pixels("pair_prediction", self._columns["pair_prediction"] >= 0)

    def _pixels(self, name: str, chosen: NDArray[np.bool_]) -> csr_array:
        from scipy.sparse import csr_array

        c = self._columns
        rows = np.searchsorted(c["items"], c["pair_items"][chosen])
        return csr_array((c["pair_count"][chosen], (rows, c[name][chosen])), (len(self), len(self.names)))

    @property
    def _commonest(self) -> NDArray[np.int64]:
        return np.asarray(self.said_pixels.argmax(1)).ravel()

    def has_class(self, index: int) -> NDArray[np.bool_]:
        """Return in which pictures any counted pixel is of a class, (pictures,)."""
        return self._with_pair(self._columns["pair_label"] == index)

    def says_class(self, index: int) -> NDArray[np.bool_]:
        """Return in which pictures any pixel is said to be a class, (pictures,)."""
        return self._with_pair(self._columns["pair_prediction"] == index)

    def confuses(self, label: int, prediction: int) -> NDArray[np.bool_]:
        c = self._columns
        return self._with_pair((c["pair_label"] == label) & (c["pair_prediction"] == prediction))

    def _with_pair(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.isin(self._columns["items"], self._columns["pair_items"][chosen])

    @cached_property
    def classes(self) -> pandas.DataFrame:
        """One row per class: its pixels' accuracy and IoU with 95 % intervals, see :func:`pixel_table`."""
        table = pixel_table(self.counts, self.names)
        best, share, iou = by_commonest(self.counts)
        table.attrs.update(commonest=self.names[best], chance_accuracy=share, chance_iou=iou)
        return table

    @cached_property
    def confusion(self) -> Confusion:
        """Confusion matrix in pixels: which class is taken for which."""
        return shown_confusion(self.counts.matrix, self.names)

    @cached_property
    def reliability(self) -> Reliability:
        """Confidence of pixels against the share right, in 15 bins of equal width, intervals over pictures.

        See :func:`binned`. Raises Refused below 10 pictures, and where each class has a sigmoid of its own.
        """
        if self.plan.scale not in ("softmax", "shares") and self.plan.scores > 1:
            raise Refused("Each class's map has a sigmoid of its own: a pixel's probabilities don't sum to 1.")
        if len(self.known) < LEAST:
            raise Refused(f"Calibration needs {LEAST} pictures with masks, and there are {len(self.known)}.")
        count, right, said = (self._columns[name][self.known] for name in ("bin_count", "bin_right", "bin_confidence"))
        return binned(count, right, said)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Figures of the whole: pictures, pixel accuracy and mean IoU beside chance, calibration."""
        return headline(
            self,
            {
                "pixel_accuracy": lambda: {
                    "labelled": len(self.known), **asdict(pixel_accuracy(self.counts)),
                    "chance": self.classes.attrs["chance_accuracy"],
                },
                "mean_iou": lambda: {**asdict(mean_iou(self.counts)), "chance": self.classes.attrs["chance_iou"]},
                "mean_class_accuracy": lambda: asdict(mean_accuracy(self.counts)),
                "calibration": lambda: {"error": self.reliability.error},
            },
        )  # fmt: skip

    def ranked(self, by: Order) -> NDArray[np.int64]:
        """Rows by "worst" (lowest pixel accuracy first), "loss" (largest first), "unsure" or "surest".

        "unsure": lowest mean confidence first. "surest": highest first.
        """
        if by == "worst":
            return self.known[np.argsort(self.figure, kind="stable")]
        if by == "loss":
            return self.known[np.argsort(-self.loss, kind="stable")]
        return np.argsort(self._columns["confidence"] * (1 if by == "unsure" else -1), kind="stable")
