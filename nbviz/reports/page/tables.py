"""Sections, tables and the chart of a report's page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from nbviz.reports.values import Values

SIDE, EDGE = 260, 34
"""Of the chart, and of its margin, in pixels of the page."""


P_VALUES, LEAST = ("p", "corrected"), 0.001
"""Columns of p-values; the least that is told."""


def number(value: object) -> str:
    """Write a figure: three digits, a dash where there is none."""
    if value is None:
        return "–"
    # before numbers, for True is one to Python
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def p_value(value: object) -> str:
    """Write a p-value, as "< 0.001" where it is less."""
    return f"< {LEAST}" if isinstance(value, float) and value < LEAST else number(value)


def note(words: str) -> str:
    """Return a paragraph that tells how to read a table."""
    return f"<p><small>{escape(words)}</small></p>"


def figures(pictures: Sequence[tuple[str, str]]) -> str:
    """Return pictures, (data address, caption) each, with their captions."""
    return "".join(
        f'<figure><img src="{escape(address)}" alt="{escape(words)}"><figcaption>{escape(words)}</figcaption></figure>'
        for address, words in pictures
    )


def section(title: str, body: str) -> str:
    """Return a section with its heading; nothing for an empty body."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def table(rows: Sequence[Values] | None, columns: Sequence[str]) -> str:
    """Return a table of some columns that scrolls sideways by itself; nothing for no rows."""
    if not rows:
        return ""
    head = "".join(
        f'<th scope="col"{_kind(rows[0].get(name))}>{escape(name.replace("_", " "))}</th>' for name in columns
    )
    body = "".join("<tr>" + "".join(_cell(name, row.get(name)) for name in columns) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(name: str, value: object) -> str:
    words = p_value(value) if name in P_VALUES else number(value)
    return f"<td{_kind(value)}>{escape(words)}</td>"


def _kind(value: object) -> str:
    return ' class="text"' if isinstance(value, str) else ""


def reliability_chart(bins: list[dict[str, Any]]) -> str:
    """Return an SVG of calibration bins: frequency with its interval over mean confidence, and the diagonal."""

    def at(x: float, y: float) -> tuple[float, float]:
        inside = SIDE - 2 * EDGE
        return round(EDGE + x * inside, 2), round(SIDE - EDGE - y * inside, 2)

    (x0, y0), (x1, y1) = at(0, 0), at(1, 1)
    marks = [
        f'<path d="M{x0} {y0}L{x1} {y1}" stroke="currentColor" stroke-dasharray="3 3" opacity=".5"/>',
        f'<path d="M{x0} {y1}V{y0}H{x1}" fill="none" stroke="currentColor" opacity=".5"/>',
        f'<text x="{x0}" y="{y0 + 22}">confidence 0…1</text><text x="{x0}" y="{y1 - 8}">frequency 0…1</text>',
    ]
    for one in bins:
        (x, y), (_, low), (_, high) = (at(one["confidence"], one[name]) for name in ("frequency", "low", "high"))
        marks.append(f'<path d="M{x} {low}V{high}" stroke="var(--accent)"/>')
        marks.append(f'<circle cx="{x}" cy="{y}" r="3" fill="var(--accent)"/>')
    words = "Frequency of right answers over confidence, by bins"
    return (
        f'<svg width="{SIDE}" height="{SIDE}" role="img" aria-label="{words}" fill="currentColor" font-size="11">'
        f"{''.join(marks)}</svg>"
    )
