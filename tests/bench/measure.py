"""Paired measuring: what is compared runs in turn, so that a busy machine slows both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Work = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    floor: str
    milliseconds: float
    ratio: float
    limit: float | None = None

    def __str__(self) -> str:
        limit = "" if self.limit is None else f"≤ {self.limit:.2f}"
        late = " !" if self.limit is not None and self.ratio > self.limit else ""
        return f"{self.what:<44} {self.milliseconds:9.1f} ms {self.ratio:7.2f} × {self.floor:<34} {limit}{late}"


def paired(what: str, work: Work, floor: str, base: Work, *, limit: float | None = None, rounds: int = 15) -> Row:
    """The median over rounds of work's CPU time over its floor's; the two alternate."""
    work(), base()
    times = [(cpu(base), cpu(work)) for _ in range(rounds)]
    ratios = sorted(b / a for a, b in times)
    return Row(what, floor, 1000 * sorted(b for _, b in times)[rounds // 2], ratios[rounds // 2], limit)


def cpu(work: Work) -> float:
    """CPU seconds of this thread; torch runs on one."""
    begun = time.thread_time()
    work()
    return time.thread_time() - begun
