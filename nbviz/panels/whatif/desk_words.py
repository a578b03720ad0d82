"""Texts and figures of the desks."""

from __future__ import annotations


def signed(value: float, plus: bool = False, digits: int = 2) -> str:
    """Write a figure with a real minus, after ``+`` where asked."""
    return f"{value:{'+' if plus else ''}.{digits}f}".replace("-", "−")
