"""Sections and tables of a report's page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from nbviz.reports.values import Values


def number(value: Any) -> str:
    """Write a figure: three digits, a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


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
    body = "".join("<tr>" + "".join(_cell(row.get(name)) for name in columns) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: Any) -> str:
    return f"<td{_kind(value)}>{escape(number(value))}</td>"


def _kind(value: Any) -> str:
    return ' class="text"' if isinstance(value, str) else ""
