"""Heads in a still picture: their grid in the place of the channels, the large one in that of the card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nbviz.drawing.overlay import Mosaic, gray, heat_rgba
from nbviz.panels.attention.attention_page import HeadsPage
from nbviz.panels.snapshot.over import laid_over
from nbviz.panels.snapshot.parts import CardPart, ChannelsPart, StillParts

GAP = 1
"""Pixels between tiles."""


def still(
    drawn: HeadsPage,
    view: Any,  # noqa: ANN401 - an AttentionFront, whose module imports this one
    settings: Sequence[str],
) -> StillParts:
    """Return the still picture's part, with the texts of ``view``."""
    sheet, rows, aspect = drawn.sheet, len(view.rows), view.shape["aspect"]
    grid = ChannelsPart(
        [view.about],
        Mosaic(sheet.png, sheet.columns, rows, sheet.tile[0], sheet.tile[1], GAP, None, 0),
        rows * sheet.columns,
        view.head[0] * sheet.columns + view.head[1],
        aspect,
        settings,
        "".join(_plain(view.caption)),
        title="Attention",
        rows=[text for text, *_ in view.rows],
        largest=min(60, 320 / rows) * max(1, aspect),
    )
    large = heat_rgba(drawn.values, None, False)
    # clear, as in the page: the query can't look there
    large[~np.isfinite(drawn.values), 3] = 0
    name, *about = _plain(view.title)
    figures = [(key, value) for key, value, *_ in view.figures]
    here = laid_over(gray(drawn.answer.picture), large)
    return {"channels": grid, "card": CardPart(None, about, here, (), figures, name)}


def _plain(runs: Sequence[Any]) -> list[str]:
    return [run if isinstance(run, str) else run[0] for run in runs]
