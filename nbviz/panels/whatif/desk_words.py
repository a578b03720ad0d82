"""Figures as desks say them."""

from __future__ import annotations


def signed(value: float, plus: bool = False, digits: int = 2) -> str:
    """A figure with a real minus, after ``+`` where asked."""
    return f"{value:{'+' if plus else ''}.{digits}f}".replace("-", "−")
