"""Figures, classes and slices of a segmentation network's review as plain data and texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nbviz.attribution.words import Run
from nbviz.drawing.numbers import percent
from nbviz.panels.review.words.curves import bins
from nbviz.panels.review.words.dense import dense_choices, dense_slices, ends_words, figure_words, legend
from nbviz.reviews.segmentation.review import SegmentationReview

MISSING = "Of networks that say one class per picture only: this one puts out masks"
BOOTSTRAP = "with its 95 % interval over pictures (bootstrap): pixels of one picture are not independent"
ORDERS = (
    ("worst", "fewest pixels right", "By the share of the pixels with a class that are said to be it"),
    ("loss", "largest loss", "By the mean negative log probability of a pixel's class"),
    ("unsure", "least sure", "By the mean probability of the answers"),
    ("random", "at random", "In a random order that stays the same"),
    ("item", "as they come", "In the data set's order"),
)
MASKED = frozenset(("worst", "loss"))
"""Orders that need masks."""


def figures(review: SegmentationReview) -> list[list[str]]:
    """Return the figures that always stand there: pixels right, mean IoU beside chance, the weakest class."""
    summary = review.summary
    accuracy, iou = summary["pixel_accuracy"], summary["mean_iou"]
    if accuracy is None:
        return [[f"{len(review):,}", "pictures · no masks", summary["absent"]["pixel_accuracy"]]]
    commonest = review.classes.attrs["commonest"]
    table = review.classes.dropna(subset="iou").sort_values("iou", kind="stable")
    weak = table.iloc[0]
    return [
        [
            # chance beside it, not in the tip: a network right in 73 % was worse than the background everywhere
            percent(accuracy["value"], 1), f"pixels right (by chance {percent(accuracy['chance'], 1)})",
            f"Share of the pixels with a class{_ends(accuracy)}, {BOOTSTRAP}; chance: {commonest} everywhere",
        ],
        [
            f"{iou['value']:.3f}", f"mean IoU (by chance {iou['chance']:.3f})",
            f"Intersection over union, mean over classes{_ends(iou, 3)}, {BOOTSTRAP}; chance: {commonest} everywhere",
        ],
        [f"{weak['iou']:.3f}", f"IoU of {weak['class']}", "The weakest class"],
    ]  # fmt: skip


def _ends(figure: Mapping[str, float], digits: int | None = None) -> str:
    if np.isnan(figure["low"]):
        return ""
    if digits is None:
        return f" ({100 * figure['low']:.1f}–{100 * figure['high']:.1f})"
    return f" ({figure['low']:.{digits}f}–{figure['high']:.{digits}f})"


def choices(review: SegmentationReview) -> dict[str, Any]:
    """Return the orders and choices in which pictures can be listed, and what the tiles' colours mean."""
    lines = " Lines: borders of the true masks." if review.labelled else ""
    said = np.asarray(review.said_pixels.sum(0)).ravel()
    about = f"Colours: classes that are said.{lines}"
    return {**dense_choices(review, ORDERS, MASKED, about), "legend": legend(review.names, said, review.clear)}


def tiles(review: SegmentationReview, rows: np.ndarray) -> list[list[Any]]:
    """Return [item, pixels right, mean IoU, whether wrong] per row."""
    result = []
    for row in review.pictures.iloc[rows].itertuples():
        if np.isnan(row.pixel_accuracy):
            result.append([int(row.item), f"mostly {row.commonest}", "no mask", False])
        else:
            result.append([int(row.item), f"{percent(row.pixel_accuracy, 1)} right", f"IoU {row.iou:.2f}", False])
    return result


def matrix(review: SegmentationReview) -> dict[str, Any]:
    """Return the confusion matrix of pixels, the table of the classes, and a sentence on the commonest confusion."""
    confusion = review.confusion
    counts, pairs = confusion.counts, confusion.pairs()
    often: list[Run] = ["Nothing is confused."]
    if pairs:
        label, prediction, count = pairs[0]
        share = count / review.counts.matrix.sum()
        names = (review.names[label], "strong"), (review.names[prediction], "strong")
        often = ["Most often: ", names[0], " taken for ", names[1], f", {percent(share)} of all pixels. "]
        often.append("A click lists the pictures.")
    return {
        "names": list(confusion.names), "classes": list(confusion.classes), "counts": counts.tolist(), "often": often,
        "right": [f"{percent(counts[i, i] / max(1, counts[i].sum()), 1)} right" for i in range(len(counts))],
        "table": [_class_row(row) for row in review.classes.to_dict("records")],
        "heads": ["class", "pictures", "pixels right", "95 %", "IoU", "95 %"], "shares": True,
        "noun": "pixels", "table_title": "pixels right, IoU",
    }  # fmt: skip


def _class_row(row: dict[str, Any]) -> list[Any]:
    """Return [index, name, pictures, accuracy, its interval, IoU, its interval]; a dash for what was not counted."""
    cells: list[Any] = [int(row["index"]), row["class"], f"{int(row['pictures']):,}"]
    for name in ("accuracy", "iou"):
        value, low, high = (row[key] for key in (name, f"{name}_low", f"{name}_high"))
        cells += [figure_words(value), ends_words(low, high)]
    return cells


def curve(review: SegmentationReview) -> dict[str, Any]:
    """Return the reliability diagram of pixels. Raises Refused below 10 pictures."""
    found = review.reliability
    words: list[Run] = [
        "Pixels by the probability of their answer, 15 bins of equal width; bars: 95 % over pictures (bootstrap). The "
        "error is ", (percent(found.error, 2), "strong"),
        ". How much a perfectly calibrated network would show is not told: that depends on how alike the pixels of a "
        "picture are.",
    ]  # fmt: skip
    return {"bins": bins(found, "pixels"), "words": words, "risk": [], "classes": [], "risk_words": []}


def slice_rows(review: SegmentationReview) -> dict[str, Any]:
    """Return the slices, the worst first, with what they came to be corrected for."""
    return dense_slices(review, "mean share of a picture's pixels that is right")
