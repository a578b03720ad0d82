"""Findings of a report: its verdicts, and the lines that a reader should see first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nbviz.reports.page.tables import number, p_value
from nbviz.reports.values import Values
from nbviz.reports.verdicts import ReportVerdict, State
from nbviz.reviews.cues.window import window_words
from nbviz.reviews.statistics.intervals import SIGNIFICANCE

SHOWN = 3
"""Slices and cues that a line names."""


def report_verdicts(values: Values) -> list[ReportVerdict]:
    """Return a verdict on each figure of a report that can warn."""
    calibration = values["calibration"]
    verdicts = []
    if calibration is not None:
        state: State = "warn" if calibration["beyond_chance"] else "pass"
        verdicts.append(
            ReportVerdict("calibration", state, f"error {number(calibration['error'])}, chance {calibration['chance']}")
        )
    for row in values["slices"] or []:
        state = "warn" if row["corrected"] < SIGNIFICANCE else "pass"
        words = f"accuracy {number(row['accuracy'])}, elsewhere {number(row['elsewhere'])}"
        verdicts.append(ReportVerdict(f"slice {row['column']} {row['slice']}", state, words))
    for row in values.get("cues") or []:
        if row["flagged"]:
            words = f"moves {number(row['transplanted'])} of other pictures, elsewhere {number(row['control'])}"
            verdicts.append(ReportVerdict(f"cue {row['class']} {row['window']}", "warn", words))
    for finding in values["health"]["findings"]:
        if finding["finding"] == "collapsed":
            verdicts.append(ReportVerdict(f"filter {finding['layer']}:{finding['channel']}", "warn", "collapsed"))
    return verdicts


def findings(values: Values) -> list[str]:
    """Return a line on each part that was looked at: its worst, or that there is nothing."""
    return [
        line for part in (_accuracy, _calibration, _slices, _labels, _cues, _shift, _filters) for line in part(values)
    ]


def _accuracy(values: Values) -> Iterator[str]:
    found = values["summary"].get("accuracy")
    if found and found.get("labelled") and found.get("low") is not None:
        share = f"{found['value']:.1%} (95 %: {found['low']:.1%} … {found['high']:.1%})"
        chance = found.get("chance")
        level = "" if chance is None else f"; the commonest label for all would be right for {chance:.1%}"
        yield f"Right: {share} of {found['labelled']:,} labelled pictures{level}."


def _calibration(values: Values) -> Iterator[str]:
    found = values["calibration"]
    # masks and boxes have no chance level: how alike the answers of one picture are nobody knows
    if found is not None and found["chance"][1] is not None:
        beyond = "more" if found["beyond_chance"] else "no more"
        words = f"Calibration: error {found['error']:.2%}, {beyond} than a perfectly calibrated network may show"
        yield f"{words} (up to {found['chance'][1]:.2%})."


def _slices(values: Values) -> Iterator[str]:
    rows = values["slices"]
    if not rows:
        return
    worse = [row for row in rows if row["corrected"] < SIGNIFICANCE]
    named = ", ".join(
        f"{row['column']} {row['slice']} ({number(row['accuracy'])}; elsewhere {number(row['elsewhere'])})"
        for row in worse[:SHOWN]
    )
    yield f"Slices: {len(worse) or 'none'} of {len(rows)} worse than the rest{f'; first: {named}' if worse else ''}."


def _labels(values: Values) -> Iterator[str]:
    found = values["labels"]
    if found is not None and found["count"] is not None:
        yield f"Labels: {found['count']} of {found['of']:,} are suspect."


def _cues(values: Values) -> Iterator[str]:
    rows = values.get("cues")
    if rows is None:
        return
    flagged = [row for row in rows if row["flagged"]]
    named = ", ".join(
        f"{row['class']} at {window_words(row['window'])} (moves {number(row['transplanted'])} of other pictures)"
        for row in flagged[:SHOWN]
    )
    yield f"Cues: {len(flagged) or 'none'} of {len(rows)} suspects flagged{f'; first: {named}' if flagged else ''}."


def _shift(values: Values) -> Iterator[str]:
    # without labels nothing is lost
    rows = [row for row in values.get("shift") or [] if row["lost"] is not None]
    if rows:
        most = max(rows, key=lambda row: row["lost"])
        before = number(most["accuracy"] + most["lost"])
        words = f"Shift: most is lost by {most['corruption'].replace('_', ' ')}, severity {most['severity']}"
        yield f"{words}: accuracy {before} → {number(most['accuracy'])} (p {p_value(most['corrected'])})."


def _filters(values: Values) -> Iterator[str]:
    found = values["health"]
    counts = Counter(row["finding"] for row in found["findings"])
    named = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing found"
    yield f"Filters: {named}, over {found['pictures']} pictures."
