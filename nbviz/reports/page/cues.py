"""Cues on a page: a table of suspects, and pictures of those flagged, before and after a transplant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbviz.drawing.png import data_url, png
from nbviz.errors import NbvizError
from nbviz.reports.page.notes import NOTES
from nbviz.reports.page.tables import figures, note, section, table
from nbviz.reports.values import Values
from nbviz.reviews.cues.example import transplant
from nbviz.reviews.cues.window import window_words
from nbviz.reviews.result import Review

SHOWN, ROWS = 4, 20
"""Cues whose pictures are shown, the first of those flagged; rows of the table."""
CUE_COLUMNS = ("class", "window", "repeated", "transplanted", "control", "removed", "corrected", "flagged")


def cue_pictures(review: Review, rows: Sequence[Values]) -> Iterator[tuple[str, str]]:
    """Yield data addresses and captions of flagged cues, three pictures each; rows: as the report has them."""
    flagged = [row for row in rows if row["flagged"]][:SHOWN]
    if not flagged or review.model is None or review.items is None:
        return
    items, labels, predictions = (review.column(name) for name in ("items", "labels", "prediction"))
    # in a seeded order: data sets are sorted by class more often than not
    order = np.random.default_rng(0).permutation(len(items))
    for row in flagged:
        # by index: ImageNet has two classes called crane
        name, index, window = row["class"], row["index"], tuple(row["window"])
        others = items[order[(labels[order] != index) & (predictions[order] != index)]]
        try:
            shown = transplant(review.model, review.items, row["item"], window, index, others)
        except NbvizError:  # it was readable during the hunt, and its row is in the table
            continue
        answer = name if shown.moved else "the answer stays"
        words = (
            f"{name}, item {row['item']}: {window_words(window)}",
            "another class, before",
            f"with these pixels: {answer}",
        )
        for pixels, caption in zip((shown.donor, shown.before, shown.after), words, strict=True):
            yield data_url(png(pixels)), caption


def cue_section(rows: list[Values] | None, pictures: Sequence[tuple[str, str]]) -> str:
    """Return the section of a page on cues; pictures: as :func:`cue_pictures` yields them."""
    if rows is None:
        return ""
    flagged = sum(row["flagged"] for row in rows)
    words = (
        f"{flagged} of {len(rows)} suspects are flagged: pixels that a class's pictures share, and that move others."
    )
    shown = [{**row, "window": window_words(row["window"])} for row in rows if row["flagged"] or row["transplanted"]]
    body = note(NOTES["cues"]) + table(shown[:ROWS], CUE_COLUMNS) if shown else ""
    return section("Cues", f"<p>{words}</p>{figures(pictures)}{body}")
