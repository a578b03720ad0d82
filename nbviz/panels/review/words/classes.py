"""Figures, classes and slices of a review as plain data and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbviz.attribution.words import Run
from nbviz.drawing.numbers import percent
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.listing import SURE, Listing
from nbviz.reviews.result import CLUSTERS, Review
from nbviz.reviews.several import SeveralReview
from nbviz.reviews.statistics.intervals import SIGNIFICANCE

if TYPE_CHECKING:
    import pandas

ORDERS = (
    ("surest", "surest first", "By the probability of the answer"),
    ("loss", "largest loss", "By the negative log probability of the label"),
    ("unsure", "least sure", "By how far the answer leads the second class"),
    ("suspect label", "label suspect", "Only those whose label the network surely speaks against"),
    ("random", "at random", "In a random order that stays the same"),
    ("item", "as they come", "In the data set's order"),
)
ANSWERS = (
    ("all", "all answers", ""),
    ("wrong", "wrong", ""),
    ("right", "right", ""),
    ("sure", f"sure (≥ {SURE})", "The probability of the answer is that large"),
    ("surely wrong", "sure and wrong", ""),
)
NAMED = 3
"""Classes without pictures that are named."""
FILTERS = ("prediction", "part", "items")
"""Filters of a listing that have no control of their own: a chip takes each away."""
LABELLED = frozenset(("wrong", "right", "surely wrong", "loss", "suspect label"))
"""Choices that need labels."""


def figures(review: Review) -> list[list[str]]:
    """Return the figures that always stand there: right, calibration error beside chance, wrong."""
    summary, count = review.summary, len(review)
    accuracy, calibration = summary["accuracy"], summary["calibration"]
    if accuracy is None:
        return [[f"{count:,}", "pictures · no labels", summary["absent"]["accuracy"]]]
    low, high = 100 * accuracy["low"], 100 * accuracy["high"]
    right = percent(accuracy["value"], 1), f"right ({low:.1f}–{high:.1f})"
    wrong = int((~review.right).sum())
    error = ["–", "calibration error", summary["absent"].get("calibration", "")]
    if calibration is not None:
        least, most = (100 * end for end in calibration["chance"])
        tip = "A perfectly calibrated network would show the error in brackets on as many pictures, 90 times of 100"
        error = [percent(calibration["error"], 2), f"calibration error (chance {least:.1f}–{most:.1f})", tip]
    several, chance = isinstance(review, SeveralReview), percent(accuracy["chance"], 1)
    share = "pictures of which every class is said as it is" if several else "answers that are the label"
    return [
        [*right, f"Share of {share}, with its 95 % Wilson interval; chance, the commonest for all: {chance}"],
        error,
        [f"{wrong:,}", f"wrong of {len(review.right):,}", "All others"],
    ]


def notes(review: Review) -> list[list[str]]:
    """Return [sentence, list] on how classes were matched, classes without pictures, and items that were left out."""
    # the list behind the colon is folded: the paths of one reason filled a screen and hid the others
    problems = (sentence.partition(": ") for sentence in review.problems)
    plain = [[sentence, ""] for sentence in (*review.notes, *_without_pictures(review))]
    return [*plain, *([f"{count}.", items] for count, _, items in problems)]


def _without_pictures(review: Review) -> list[str]:
    # of masks and boxes the table of classes tells it: a detector's background has no box by nature
    if not review.labelled or isinstance(review, DenseReview):
        return []
    names = review.classes.loc[review.classes["support"] == 0, "class"].tolist()
    if len(names) > NAMED:
        return [f"{len(names):,} of {len(review.names):,} classes have no picture here: their figures are missing."]
    return [f"No picture here is labelled {' or '.join(names)}."] if names else []


def choices(review: Review) -> dict[str, Any]:
    """Return the orders and choices in which pictures can be listed."""
    labelled = review.labelled
    every = [["", "every class", ""]]
    names = [[str(number), name, ""] for number, name in enumerate(review.names)] if labelled else []
    return {
        "orders": [list(one) for one in ORDERS if (labelled and _scored(review, one[0])) or one[0] not in LABELLED],
        "answer_choices": [list(one) for one in ANSWERS if labelled or one[0] not in LABELLED],
        "labels": every + names,
    }


def _scored(review: Review, order: str) -> bool:
    return order != "suspect label" or review.plan.every


def tiles(review: Review, rows: np.ndarray) -> list[list[Any]]:
    """Return [item, prediction, label, wrong] per row, classes by name."""
    result = []
    for row in review.pictures.iloc[rows].itertuples():
        answer = f"{row.prediction or 'none'} {row.probability:.2f}"
        # `is False`: without a label it is None, which is neither
        result.append([int(row.item), answer, _truth(row.label, row.right), row.right is False])
    return result


def _truth(label: str | None, right: bool | None) -> str:
    if right is None:
        return "no label"
    return "right" if right else f"is {label or 'none of them'}"


def filters(listing: Listing, names: tuple[str, ...]) -> list[list[str]]:
    """Return [what, words] of the filters that have no control of their own."""
    result = []
    if listing.prediction is not None:
        result.append(["prediction", f"taken for {names[listing.prediction]}"])
    if listing.part is not None:
        result.append(["part", " ".join(listing.part)])
    if listing.items is not None:
        result.append(["items", "marked"])
    return result


def matrix(review: Review) -> dict[str, Any]:
    """Return the confusion matrix, the table of the classes, and a sentence on the commonest confusion."""
    table = [_class_row(row) for row in review.classes.to_dict("records")]
    if isinstance(review, SeveralReview):
        return {"table": table, "often": ["Each class is said or not by itself; a click lists its pictures."]}
    confusion = review.confusion
    counts = confusion.counts
    pairs = confusion.pairs()
    often: list[Run] = ["Nothing is confused."]
    if pairs:
        label, prediction, count = pairs[0]
        times = "once" if count == 1 else f"{count:,} times"
        names = (review.names[label], "strong"), (review.names[prediction], "strong")
        often = ["Most often: ", names[0], " taken for ", names[1], f", {times}. A click lists them."]
    return {
        "names": list(confusion.names), "classes": list(confusion.classes), "counts": counts.tolist(), "often": often,
        # a class without pictures has a row of zeros
        "right": [f"{percent(counts[i, i] / max(1, counts[i].sum()), 1)} right" for i in range(len(counts))],
        "table": table,
    }  # fmt: skip


def _class_row(row: dict[str, Any]) -> list[Any]:
    """Return [index, name, pictures, recall, its interval, precision, F1]; a dash for what was not counted."""
    shares = [None if np.isnan(row[name]) else f"{row[name]:.3f}" for name in ("recall", "precision", "f1")]
    interval = f"{row['recall_low']:.3f}–{row['recall_high']:.3f}" if shares[0] else ""
    figures = [shares[0] or "–", interval, shares[1] or "–", shares[2] or "–"]
    return [int(row["index"]), row["class"], f"{int(row['support']):,}", *figures]


def slice_rows(review: Review) -> dict[str, Any]:
    """Return the slices, the worst first, with what they came to be corrected for."""
    rows = slice_table_rows(review.slices)
    worse = sum(row["marked"] for row in rows)
    words = f"{worse} of {len(rows)} slices do worse than the rest beyond chance (Fisher, corrected by Holm for all)."
    tail = " Bars: share right with its 95 % interval; the tick is the share elsewhere. A click lists those wrong."
    return {"kind": "slices", "rows": rows, "words": [words + tail if rows else "No slice has 20 pictures."]}


def slice_table_rows(table: pandas.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table of slices as they are drawn."""
    return [
        {
            "key": [row["column"], row["slice"]], "name": _slice_name(row),
            "count": f"{row['count']:,}",
            "share": row["accuracy"], "low": row["low"], "high": row["high"], "beside": row["elsewhere"],
            "figure": percent(row["accuracy"], 1),
            "words": p_words(row["corrected"]), "marked": row["corrected"] < SIGNIFICANCE,
        }
        for row in table.to_dict("records")
    ]  # fmt: skip


def _slice_name(row: dict[str, Any]) -> str:
    # a cluster's name says what it is, and was cut off behind its column's
    return str(row["slice"]) if row["column"] == CLUSTERS else f"{row['column']} {row['slice']}"


def p_words(p: float) -> str:
    """Describe a p-value."""
    return "p < .001" if p < 0.001 else f"p {p:.3f}".replace("0.", ".", 1) if p < 1 else "p 1"
