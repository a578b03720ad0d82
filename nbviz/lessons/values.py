"""Comparisons of an answer of any type with the right one; none of them raises."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def numbers(answer: object) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return an answer as finite float64 numbers without axes of length 1; None where it is none.

    Truth values and words are no numbers.
    """
    try:
        array = np.asarray(answer.detach().cpu() if isinstance(answer, torch.Tensor) else answer)
    except Exception:  # whatever a student's object raises when it is read as an array, it is no number
        return None
    if array.dtype.kind not in "iuf" or not array.size:
        return None
    values = array.astype(np.float64).squeeze()
    return values if np.isfinite(values).all() else None


def near(answer: object, right: object, part: float = 0.02) -> bool:
    """Whether an answer has the right shape and lies within `part` of the right one's largest magnitude."""
    given, wanted = numbers(answer), numbers(right)
    if given is None or wanted is None or given.shape != wanted.shape:
        return False
    return bool(np.abs(given - wanted).max() <= part * max(float(np.abs(wanted).max()), 1e-12))


def between(answer: object, low: float, high: float) -> bool:
    """Whether an answer is one number in low…high."""
    given = numbers(answer)
    return given is not None and given.ndim == 0 and low <= float(given) <= high


def same(answer: object, right: str) -> bool:
    """Whether an answer is this word, letter case and spaces around it aside."""
    return isinstance(answer, str) and answer.strip().casefold() == right.casefold()


def same_set(answer: object, right: set[int]) -> bool:
    """Whether an answer holds exactly these whole numbers, in any order."""
    given = numbers(list(answer) if isinstance(answer, set | frozenset) else answer)
    return given is not None and sorted(given.reshape(-1).tolist()) == sorted(map(float, right))
