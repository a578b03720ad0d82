"""Chart of confidence against frequency as SVG."""

from __future__ import annotations

from typing import Any

SIDE, EDGE = 260, 34


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
