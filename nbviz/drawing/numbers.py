"""Numbers as text, in one format each for all panels: figures, percentages, ordinals, times.

A minus is a real one, so that figures in a column are as wide as each other.
"""

from __future__ import annotations

from typing import TypeGuard

import numpy as np


def finite(value: object) -> TypeGuard[float]:
    """Return whether a value is a number, and a finite one."""
    return isinstance(value, (int, float)) and bool(np.isfinite(value))


def figure(value: object) -> str:
    """Write a number as short as it can be read: 8.31, 0.051, 1.2e-05; "not a number", and nothing for None."""
    if not finite(value):
        return "not a number" if value is not None else ""
    size = abs(value)
    digits = 0 if size >= 1000 or not size else 2 if size >= 1 else 3 if size >= 0.01 else 4
    text = f"{size:.1e}" if 0 < size < 0.0005 else f"{size:,.{digits}f}"
    return f"−{text}" if value < 0 else text


def three_digits(value: float, plus: bool = False) -> str:
    """Write a number in three digits, after ``+`` where asked: 4.30, 240, 1.20e+03."""
    text = f"{value:+#.3g}" if plus else f"{value:#.3g}"
    return minus(text.rstrip("."))


def signed(value: float, plus: bool = False, digits: int = 2) -> str:
    """Write a number with that many decimals, after ``+`` where asked."""
    return minus(f"{value:{'+' if plus else ''}.{digits}f}")


def score_change(value: float) -> str:
    """Write a change of a score after its sign: +0.41, and two digits where two decimals would be none: −0.0021."""
    # a network whose scores are small would else be said to change by −0.00, whatever is done to it
    small = 0 < abs(value) < 0.005
    return f"{'−' if value < 0 else '+'}{abs(value):.2g}" if small else signed(value, True)


def score_words(value: object) -> str:
    """Write a score, always to two decimals."""
    return signed(value) if finite(value) else figure(value)


def percent(share: float, digits: int | None = None) -> str:
    """Write a share as a percentage, with a decimal below ten unless ``digits`` says how many: 4.1 %, 23 %."""
    value = 100 * float(share)
    if value > 1000:
        return "over 1,000 %"
    if digits is None:
        digits = 1 if 0 < abs(value) < 9.95 else 0
    return minus(f"{value:.{digits}f} %")


def ordinal(number: int) -> str:
    """Write an ordinal: 1st, 2nd, 3rd, 4th, 11th …"""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"


def duration(seconds: float) -> str:
    """Write a time: 72 ms, 1.9 s."""
    return f"{1000 * seconds:.0f} ms" if seconds < 0.1995 else f"{seconds:.1f} s"


def minus(text: str) -> str:
    """Put real minuses in place of hyphens."""
    return text.replace("-", "−")
