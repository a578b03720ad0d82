"""Privacy of a report: groups that are large enough, and names that can't be read back."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbviz.reports.values import Values


@dataclass(frozen=True)
class Privacy:
    """Rules of a report that shows nothing of a single picture."""

    k: int = 20
    """Groups of fewer pictures are left out."""
    salt: str = ""
    """Mixed into the hashes of columns' names and values."""
    noise: float | None = None
    """Privacy ε of the Laplace noise on mean maps; None for none."""

    def hashed(self, name: object) -> str:
        """Hash a name so that it can't be read back without the salt."""
        # a zero between both: else salt "ab" and name "c" would be salt "a" and name "bc"
        return hashlib.blake2b(f"{self.salt}\0{name}".encode(), digest_size=6).hexdigest()

    def noisy_mean(self, cells: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """Return a mean difference of two maps of shares, over ``count`` pictures, with noise on each cell.

        One picture moves the mean of either map by 2 / count over all cells, so Laplace noise of scale 4 / (ε count) is
        ε-differentially private (Dwork et al. 2006, doi:10.1007/11681878_14). Drawn afresh: a seed would take it away.
        """
        if self.noise is None:
            return cells
        return cells + np.random.default_rng().laplace(0, 4 / (self.noise * count), cells.shape)


def suppress(counts: NDArray[Any], k: int) -> NDArray[np.float64]:
    """Return a matrix of counts with NaN for those below ``k``, and for what a row's or column's sum would give away.

    Sums of rows and columns are in the table of the classes: a count that is the only one hidden there is the sum less
    the others, so the smallest other one is hidden with it.
    """
    shown = np.where(counts < k, math.nan, counts.astype(float))
    while True:
        # again and again: what is hidden for a row may be the only one hidden in its column
        alone = next((line for line in (*shown, *shown.T) if np.isnan(line).sum() == 1 and len(line) > 1), None)
        if alone is None:
            return shown
        alone[int(np.nanargmin(alone))] = math.nan


def quarters(rows: Sequence[Values]) -> None:
    """Name slices of a column of numbers by their rank: their edges are single pictures' own values."""
    by_column: dict[str, list[Values]] = {}
    for row in rows:
        if " … " in row["slice"]:
            by_column.setdefault(row["column"], []).append(row)
    for parts in by_column.values():
        parts.sort(key=lambda row: float(row["slice"].split(" … ")[0]))
        for number, row in enumerate(parts, 1):
            row["slice"] = f"part {number} of {len(parts)}, from the lowest"


def bins(rows: Sequence[Values]) -> list[Values]:
    """Return bins of calibration without edges, which are single pictures' own probabilities."""
    return [{name: value for name, value in row.items() if name not in ("from", "to")} for row in rows]
