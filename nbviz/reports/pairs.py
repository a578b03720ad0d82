"""Confused pairs of a report: where evidence for the answer lies, and where that for the label, in the mean."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from nbviz.drawing.png import data_url, png
from nbviz.reports.page.tables import number, section
from nbviz.reports.privacy import Privacy
from nbviz.reports.values import Values
from nbviz.reviews.cues.candidates import FEWEST
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.pair_maps import PairMaps, mean_picture
from nbviz.reviews.result import Review

PAIRS, SAMPLE = 3, 60
"""Pairs, the most confused ones that have enough pictures; pictures of each that are looked at."""
SIDE = 168
"""Of a drawing, in pixels of the page."""
DIGITS = 5
"""Of a cell's share."""


def pair_values(review: Review, privacy: Privacy | None) -> list[Values]:
    """Compare the maps of the most confused pairs; empty where none has enough pictures.

    With ``privacy`` pairs have at least k pictures, and items are left out; where it asks for noise, so is what was
    measured without.
    """
    if isinstance(review, DenseReview):
        review.refuse("Maps of confused pairs")
    least = max(FEWEST, 0 if privacy is None else privacy.k)
    pairs = [(label, prediction) for label, prediction, count in review.confusion.pairs() if count >= least][:PAIRS]
    return [_values(review, review.pair_maps(*pair, sample=max(SAMPLE, least)), privacy) for pair in pairs]


def _values(review: Review, found: PairMaps, privacy: Privacy | None) -> Values:
    cells = found.difference
    measured: dict[str, float | None] = {"p": found.p, "chance": found.chance, "reliability": found.reliability}
    if privacy is not None and privacy.noise is not None:
        # with its figures left out, which are of the means without noise: they would tell what it hides
        cells, measured = privacy.noisy_mean(cells, len(found.items)), dict.fromkeys(measured)
    return {
        "label": review.names[found.label], "prediction": review.names[found.prediction],
        "pictures": len(found.items), **measured, "cells": np.round(cells, DIGITS).tolist(),
        **({"items": found.items.tolist()} if privacy is None else {}),
    }  # fmt: skip


def mean_pictures(review: Review, rows: Sequence[Values]) -> list[str]:
    """Return data addresses of the mean gray picture of each pair, as the network sees it."""
    model, items = review.model, review.items
    assert model is not None and items is not None
    means = [mean_picture(model, items, row["items"]) for row in rows]
    return ["" if mean is None else data_url(png(mean)) for mean in means]


def pairs_section(rows: Sequence[Values], means: Sequence[str]) -> str:
    """Return the section of a page on confused pairs; means: data addresses of their mean pictures, or none."""
    if not rows:
        return ""
    words = (
        "Share of each cell in the map of the answer, less its share in the map of the label, in the mean over the "
        "pictures. Cells that chance explains (95 of 100 random exchanges of both maps, all cells at once) are empty."
    )
    figures = "".join(_figure(row, mean) for row, mean in zip(rows, [*means, *[""] * len(rows)], strict=False))
    return section("Confused pairs: what speaks for the answer, and what for the label", f"<p>{words}</p>{figures}")


def _figure(row: Values, mean: str) -> str:
    cells = np.array(row["cells"])
    if row["p"] is None:
        fact = "with noise added, so nothing tells what chance would do"
    else:
        cells = np.where(np.abs(cells) > row["chance"], cells, 0.0)
        fact = f"halves of them agree r {number(row['reliability'])}" if cells.any() else "no cell is beyond chance"
    words = f"{row['label']} taken for {row['prediction']}: {row['pictures']} pictures, {fact}"
    # on one scale whatever was found: what is hardly beyond chance stays pale
    scale = max(float(np.abs(cells).max()), 2 * (row["chance"] or 0), 1e-12)
    keys = (
        f'<span class="for">■</span> for {escape(row["prediction"])} '
        f'<span class="against">■</span> for {escape(row["label"])}'
    )
    drawing = _drawing(cells / scale, mean, words)
    return f'<figure class="pair">{drawing}<figcaption>{escape(words)}<br><small>{keys}</small></figcaption></figure>'


def _drawing(cells: NDArray[np.float64], mean: str, words: str) -> str:
    width = SIDE / cells.shape[1]
    marks = [f'<image href="{escape(mean)}" width="{SIDE}" height="{SIDE}" opacity=".6"/>'] if mean else []
    for (top, left), value in np.ndenumerate(cells):
        if value:
            place = f'x="{left * width:g}" y="{top * width:g}" width="{width:g}" height="{width:g}"'
            kind = "for" if value > 0 else "against"
            marks.append(f'<rect class="{kind}" {place} fill-opacity="{0.8 * abs(value):.2f}"/>')
    frame = f'<rect class="frame" x=".5" y=".5" width="{SIDE - 1}" height="{SIDE - 1}"/>'
    size = f'width="{SIDE}" height="{SIDE}" viewBox="0 0 {SIDE} {SIDE}"'
    return f'<svg {size} role="img" aria-label="{escape(words)}">{"".join(marks)}{frame}</svg>'
