"""Texts of the stage Review that masks and boxes have alike: choices, legend, slices, intervals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbviz.drawing.palette import NAMES as COLOURS
from nbviz.drawing.palette import hexed
from nbviz.panels.review.words.classes import slice_table_rows
from nbviz.reviews.dense.review import DenseReview

LEGEND = 12
"""Classes whose colours are told."""


def dense_choices(
    review: DenseReview, orders: Sequence[tuple[str, str, str]], labelled: Collection[str], about: str
) -> dict[str, Any]:
    """Return the orders and classes by which pictures can be listed; about: what their colours mean.

    labelled: orders that need true masks or boxes.
    """
    names = [[str(number), f"with {name}", ""] for number, name in enumerate(review.names)] if review.labelled else []
    return {
        "orders": [list(one) for one in orders if review.labelled or one[0] not in labelled],
        "answer_choices": [["all", "all pictures", ""]],
        "labels": [["", "every class", ""], *names],
        "about": about,
    }


def legend(names: Sequence[str], often: NDArray[np.integer], without: Collection[int] = ()) -> list[list[str]]:
    """Return [name, colour] of the classes that are said most ``often``; classes beyond twelve share colours."""
    order = [int(index) for index in np.argsort(-often, kind="stable")[:LEGEND] if often[index]]
    return [[names[index], hexed(index % len(COLOURS))] for index in sorted(order) if index not in without]


def dense_slices(review: DenseReview, bars: str) -> dict[str, Any]:
    """Return the slices, the worst first, with what they came to be corrected for.

    bars: what the bars are.
    """
    rows = slice_table_rows(review.slices)
    worse = sum(row["marked"] for row in rows)
    words = (
        f"{worse} of {len(rows)} slices do worse than the rest beyond chance (Mann–Whitney over pictures, corrected by "
        f"Holm for all). Bars: {bars}, with its 95 % interval; the tick is the mean elsewhere. A click lists its "
        "pictures."
    )
    return {"kind": "slices", "rows": rows, "words": [words if rows else "No slice has 20 pictures."]}


def figure_words(value: float) -> str:
    """Return a share in three digits; a dash for what was not counted."""
    return "–" if np.isnan(value) else f"{value:.3f}"


def ends_words(low: float, high: float) -> str:
    """Return an interval in three digits; empty where there is none."""
    return "" if np.isnan(low) else f"{low:.3f}–{high:.3f}"
