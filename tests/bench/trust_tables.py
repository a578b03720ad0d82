"""The tables of the trust study, from what it collected."""

from __future__ import annotations


def tables(kept: dict) -> str:
    return f"{len(kept)} kept"
