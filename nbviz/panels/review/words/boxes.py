"""Figures, classes and slices of a detector's review as plain data and texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbviz.attribution.words import Run
from nbviz.drawing.numbers import percent
from nbviz.panels.review.words.curves import bins
from nbviz.panels.review.words.dense import dense_choices, dense_slices, ends_words, figure_words, legend
from nbviz.reviews.detection.matching import SURE
from nbviz.reviews.detection.precision import NO_CHANCE
from nbviz.reviews.detection.review import DetectionReview

MISSING = "Of networks that say one class per picture only: this one puts out boxes"
ORDERS = (
    ("worst", "most missed or made up", "By F1 of the boxes with a score of .5 or more"),
    ("unsure", "least sure", "By the box whose score is nearest to .5"),
    ("random", "at random", "In a random order that stays the same"),
    ("item", "as they come", "In the data set's order"),
)


def figures(review: DetectionReview) -> list[list[str]]:
    """Return the figures that always stand there: average precision, boxes found, boxes made up."""
    ap50, ap, boxes = (review.summary[name] for name in ("ap50", "ap", "boxes"))
    if ap50 is None:
        return [[f"{len(review):,}", "pictures · no true boxes", review.summary["absent"]["ap50"]]]
    ends = "" if np.isnan(ap50["low"]) else f" ({ap50['low']:.3f}–{ap50['high']:.3f})"
    tip = "Mean over classes of the area under precision over recall, at an overlap of .5, with its 95 % interval over "
    whole = f"AP over .5 … .95: {ap['value']:.3f}. {NO_CHANCE}"
    made_up = f"Boxes with a score of {SURE} or more that overlap no true one of their class by half"
    return [
        [f"{ap50['value']:.3f}", f"AP50{ends}", f"{tip}pictures (bootstrap); {whole}"],
        [f"{boxes['found']:,}", f"of {boxes['objects']:,} boxes found", f"With a score of {SURE} or more"],
        [f"{boxes['made_up']:,}", "made up", made_up],
    ]


def choices(review: DetectionReview) -> dict[str, Any]:
    """Return the orders and choices in which pictures can be listed, and what the lines' colours mean."""
    said = np.bincount(review.column("box_label")[review.column("box_score") >= SURE], minlength=len(review.names))
    white = " White: true boxes." if review.labelled else ""
    about = f"Colours: boxes with a score of {SURE} or more.{white}"
    return {**dense_choices(review, ORDERS, ("worst",), about), "legend": legend(review.names, said)}


def tiles(review: DetectionReview, rows: np.ndarray) -> list[list[Any]]:
    """Return [item, boxes found, boxes made up, whether wrong] per row."""
    result = []
    for row in review.pictures.iloc[rows].itertuples():
        if np.isnan(row.f1):
            result.append([int(row.item), f"{row.said} boxes", "true ones unknown", False])
        else:
            result.append([int(row.item), f"{row.found} of {row.objects} found", f"{row.made_up} made up", False])
    return result


def matrix(review: DetectionReview) -> dict[str, Any]:
    """Return the confusion matrix of boxes, the table of the classes, and a sentence on the commonest confusion."""
    confusion = review.confusion
    counts, pairs = confusion.counts, confusion.pairs()
    often: list[Run] = ["No class is taken for another. "]
    if pairs:
        label, prediction, count = pairs[0]
        times = "once" if count == 1 else f"{count:,} times"
        often = ["Most often: ", (review.names[label], "strong"), " taken for ", (review.names[prediction], "strong")]
        often.append(f", {times}. A click lists the pictures. ")
    often.append(f"The last column: missed; the last row: made up. {NO_CHANCE}")
    return {
        "names": list(confusion.names), "classes": list(confusion.classes), "counts": counts.tolist(), "often": often,
        # the last row, boxes that are made up, is no class of which any could be found
        "right": [
            f"{percent(counts[i, i] / max(1, counts[i].sum()), 1)} found" if index is not None else ""
            for i, index in enumerate(confusion.classes)
        ],
        "table": [_class_row(row) for row in review.classes.to_dict("records")],
        "heads": ["class", "boxes", "AP50", "95 %", "precision", "recall"], "noun": "boxes",
    }  # fmt: skip


def _class_row(row: dict[str, Any]) -> list[Any]:
    """Return [index, name, boxes, AP50, its interval, precision, recall]; a dash for what was not counted."""
    shares = [figure_words(row[name]) for name in ("ap50", "precision", "recall")]
    interval = ends_words(row["ap50_low"], row["ap50_high"])
    return [int(row["index"]), row["class"], f"{int(row['support']):,}", shares[0], interval, *shares[1:]]


def curve(review: DetectionReview) -> dict[str, Any]:
    """Return the reliability diagram of boxes. Raises Refused below 10 pictures."""
    found = review.reliability
    words: list[Run] = [
        "Boxes by their score, 15 bins of equal width; bars: 95 % over pictures (bootstrap). The error is ",
        (percent(found.error, 2), "strong"),
        ". Scores of a detector rank its boxes, and few are made to be probabilities. review.precision_recall(class) "
        "is a class's curve.",
    ]  # fmt: skip
    return {"bins": bins(found, "boxes"), "words": words, "risk": [], "classes": [], "risk_words": []}


def slice_rows(review: DetectionReview) -> dict[str, Any]:
    """Return the slices, the worst first, with what they came to be corrected for."""
    return dense_slices(review, "mean F1 of a picture's boxes, which has no agreed chance level")
