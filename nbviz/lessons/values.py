"""Comparisons of an answer of any type with the right one; none of them raises."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from nbviz.arrays import array_of


def numbers(answer: object) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return an answer as finite float64 numbers without axes of length 1; None where it is none.

    Truth values and words are no numbers.
    """
    try:
        with np.errstate(all="ignore"):
            array = np.asarray(_plain(answer))
            if array.dtype.kind not in "iuf" or not array.size:
                return None
            values = array.astype(np.float64).squeeze()
    except Exception:  # whatever a student's object raises when it is read as an array, it is no number
        return None
    return values if np.isfinite(values).all() else None


def _plain(answer: object) -> object:
    """Return what numpy can read: tensors without their graph, in a type that numpy has; fractions as floats."""
    if isinstance(answer, torch.Tensor):
        return array_of(answer.float() if answer.dtype == torch.bfloat16 else answer)
    if isinstance(answer, list | tuple):
        if any(isinstance(part, bool) for part in answer):
            raise TypeError  # beside numbers numpy would read True as 1
        return [_plain(part) for part in answer]
    return float(answer) if isinstance(answer, Fraction | Decimal) else answer


def near(answer: object, right: object, part: float = 0.0, absolute: float = 0.0) -> bool:
    """Return whether an answer has the right shape and lies near the right one.

    part: of the right one's largest magnitude; absolute: in its unit; the larger one counts.
    """
    given, wanted = numbers(answer), numbers(right)
    if given is None or wanted is None or given.shape != wanted.shape:
        return False
    # of the largest magnitude: numbers near zero among large ones are not asked to more digits than these
    far = max(part * float(np.abs(wanted).max()), absolute)
    return bool(np.abs(given - wanted).max() <= far)
