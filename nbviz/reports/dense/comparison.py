"""Verdicts on a newer network whose answers are masks or boxes, beside an older one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nbviz.reports.dense.boxes import apart_boxes, paired_boxes
from nbviz.reports.dense.changes import Change
from nbviz.reports.dense.masks import apart_masks, paired_masks
from nbviz.reports.values import Values
from nbviz.reports.verdicts import ReportVerdict, State

Changes = Callable[[Values, Values], Iterator[Change]]
CHANGES: dict[str, tuple[str, Changes, Changes]] = {
    "maps": ("pixels", paired_masks, apart_masks), "boxes": ("boxes", paired_boxes, apart_boxes),
}  # fmt: skip
"""Task → what a report tells of single pictures, changes of the same pictures, and changes without them."""


def dense_verdicts(one: Values, other: Values, whole: float, single: float) -> tuple[list[ReportVerdict], bool]:
    """Return verdicts on the figures of the whole and of each class, and whether pictures were paired.

    Paired, a difference has an interval by drawing pictures, the same ones for both; else by square and add of both
    intervals. Fewer than 10 pictures, of a class or of all, are not judged. whole, single: losses of the whole and of a
    class beyond which what is more than chance fails.
    """
    rows, together, by_themselves = CHANGES[one["manifest"]["task"]]
    paired = rows in one and rows in other
    verdicts = []
    for name, was, now, change in together(one, other) if paired else by_themselves(one, other):
        state: State = "pass"
        if change.high < 0:
            state = "fail" if -change.value > (single if " of " in name else whole) else "warn"
        words = f"{was:.3f} → {now:.3f}, 95 %: {change.low:+.3f} … {change.high:+.3f}"
        verdicts.append(ReportVerdict(name, state, words if paired else f"{words}, not paired"))
    return verdicts, paired
