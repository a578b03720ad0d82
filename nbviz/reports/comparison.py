"""Comparison of two reports of the same data: whether the newer network is worse, and where."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nbviz.dataset.files import manifest_in
from nbviz.errors import NbvizError, unknown
from nbviz.reports.changes.cues import new_cues
from nbviz.reports.changes.maps import moved_maps
from nbviz.reports.changes.shares import Difference, not_paired, paired
from nbviz.reports.dense.comparison import dense_verdicts
from nbviz.reports.values import FORMAT, Values
from nbviz.reports.verdicts import ReportVerdict, State, worst
from nbviz.reviews.statistics.intervals import SIGNIFICANCE, Estimate, holm


@dataclass(frozen=True)
class Thresholds:
    """Margins by which a newer network may be worse; each also has to be more than chance."""

    accuracy: float = 0.01
    """Accuracy lost; a loss beyond chance below it warns."""
    recall: float = 0.05
    """Recall of a class lost, IoU or AP50, as ``accuracy``; p corrected by Holm for the number of classes."""
    collapsed: int = 0
    """Filters of a layer collapsed to one value more than before."""
    dead: int = 2
    """Dead channels of a layer more than before; beyond it warns."""
    calibration: float = 0.01
    """Calibration error gained where it is beyond chance; beyond it warns."""
    maps: float = 0.0
    """Likeness of the same pictures' maps beyond that of other pictures'; an interval that reaches it warns."""
    agreement: float = 0.05
    """Agreement of an audit lost, by the same person, or evidence on the objects lost; beyond it, and chance, warns."""

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Thresholds:
        """Read a TOML file with some of the names. NbvizError for others, and for values that are no numbers."""
        import tomllib

        try:
            given = tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise NbvizError(f"The thresholds in '{path}' can't be read: {error}.") from error
        known = [field.name for field in fields(cls)]
        for name, value in given.items():
            if name not in known:
                raise unknown("threshold", name, known, f"'{path}'")
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise NbvizError(f"The threshold {name} in '{path}' is a number, not {value!r}.")
        return cls(**given)


@dataclass(frozen=True)
class ReportComparison:
    """Verdicts on a newer network beside an older one."""

    verdicts: tuple[ReportVerdict, ...]
    paired: bool
    """True if both reports tell single answers, so that the same pictures were compared."""

    @property
    def state(self) -> State:
        """Worst of the verdicts."""
        return worst(self.verdicts)

    def markdown(self) -> str:
        """Return a table for a pull request, the worst first."""
        order = {"fail": 0, "warn": 1, "pass": 2}
        rows = sorted(self.verdicts, key=lambda verdict: order[verdict.state])
        lines = [f"**nbviz compare: {self.state}**", "", "| | what | detail |", "|---|---|---|"]
        return "\n".join([*lines, *(f"| {v.state} | {_cell(v.name)} | {_cell(v.detail)} |" for v in rows)]) + "\n"


def compare_reports(
    old: str | PathLike[str], new: str | PathLike[str], thresholds: Thresholds | None = None
) -> ReportComparison:
    """Compare two folders that ``nbviz.report`` wrote, of the same data.

    Paired by picture, with McNemar's exact test, where both tell single answers; private reports by Fisher's. Raises
    NbvizError where a report is missing, of another format, or of other data.
    """
    limits = thresholds or Thresholds()
    one, other = read_report(old), read_report(new)
    _check_same(old, new, one, other)
    if one["manifest"].get("task") is not None:
        answered, paired = dense_verdicts(one, other, limits.accuracy, limits.recall)
    else:
        answers = _paired(one, other)
        answered, paired = _accuracy(one, other, answers, limits), answers is not None
    verdicts = [
        *answered,
        *_health(one, other, limits),
        *_calibration(one, other, limits),
        *new_cues(one, other),
        *moved_maps(one, other, limits.maps),
        *_audits(one, other, limits),
    ]
    return ReportComparison(tuple(verdicts), paired)


def read_report(folder: str | PathLike[str]) -> Values:
    """Return the values in a folder's ``report.json``. NbvizError where there is none, or of another format."""
    return manifest_in(Path(folder), "report.json", "report", FORMAT, "Write it anew with nbviz report.")


def _check_same(old: str | PathLike[str], new: str | PathLike[str], one: Values, other: Values) -> None:
    here, there = one["manifest"], other["manifest"]
    # None in a private report, which tells no digest of its data
    data = {known["data"] for known in (here, there)} - {None}
    if here.get("task") != there.get("task"):
        raise NbvizError(f"The reports in '{old}' and '{new}' are of networks for different tasks.")
    if here["items"] != there["items"] or here["classes"] != there["classes"] or len(data) > 1:
        raise NbvizError(
            f"The reports in '{old}' and '{new}' are of other data, preprocessing or classes ({here['items']} and "
            f"{there['items']} items): a comparison needs the same pictures."
        )


Answers = tuple[NDArray[np.int64] | None, NDArray[np.bool_], NDArray[np.bool_]]
"""Labels, None where a picture has several, and whether each of two networks was right, of the pictures of both."""


def _paired(one: Values, other: Values) -> Answers | None:
    if "rows" not in one or "rows" not in other:
        return None
    # a picture with several classes has no one label to be right about
    several = "right" in one["rows"] and "right" in other["rows"]
    names = ("items", "right", "right") if several else ("items", "labels", "prediction")
    first, second = (np.array([v["rows"][n] for n in names]) for v in (one, other))
    # one of them may have left out a picture that the other could score
    _, here, there = np.intersect1d(first[0], second[0], return_indices=True)
    first, second = first[:, here], second[:, there]
    if several:
        known = first[1] >= 0
        return None, first[1][known] == 1, second[1][known] == 1
    known = first[1] >= 0
    return first[1][known], (first[1] == first[2])[known], (second[1] == second[2])[known]


def _accuracy(one: Values, other: Values, answers: Answers | None, limits: Thresholds) -> list[ReportVerdict]:
    if one["summary"]["accuracy"] is None or other["summary"]["accuracy"] is None:
        return []
    names = one["manifest"]["classes"]
    if answers is None:
        was, now = (values["summary"]["accuracy"] for values in (one, other))
        tests = {"accuracy": not_paired(was, now, "labelled", "value"), **_recalls(one, other)}
    else:
        labels, before, after = answers
        tests = {"accuracy": paired(before, after)}
        if labels is None:
            tests |= _recalls(one, other)
        for index in () if labels is None else np.unique(labels).tolist():
            inside = labels == index
            tests[f"recall of {names[index]}"] = paired(before[inside], after[inside])
    # accuracy is asked once; of a hundred classes five fall "beyond chance" by chance
    corrected = [tests["accuracy"].p, *holm([test.p for name, test in tests.items() if name != "accuracy"])]
    return [
        _fallen(name, test.lost, float(p), test.words, limits.accuracy if name == "accuracy" else limits.recall)
        for (name, test), p in zip(tests.items(), corrected, strict=True)
    ]


def _recalls(one: Values, other: Values) -> dict[str, Difference]:
    """Test the recall of each class by the counts in the tables."""
    tests = {}
    for row, new in zip(one["classes"], other["classes"], strict=True):
        if row["support"] is not None and new["support"] is not None:
            tests[f"recall of {row['class']}"] = not_paired(row, new, "support", "recall")
    return tests


def _fallen(name: str, lost: float, p: float, detail: str, limit: float) -> ReportVerdict:
    state: State = "pass"
    if lost > 0 and p < SIGNIFICANCE:
        state = "fail" if lost > limit else "warn"
    return ReportVerdict(name, state, f"{detail} (p = {p:.2g})")


def _health(one: Values, other: Values, limits: Thresholds) -> list[ReportVerdict]:
    verdicts = []
    rules: tuple[tuple[str, int, State], ...] = (("collapsed", limits.collapsed, "fail"), ("dead", limits.dead, "warn"))
    for finding, limit, bad in rules:
        was, now = (
            Counter(row["layer"] for row in v["health"]["findings"] if row["finding"] == finding) for v in (one, other)
        )
        # counted by layer: which channel does what is another in each training
        for layer in sorted({*was, *now}):
            state: State = bad if now[layer] - was[layer] > limit else "pass"
            verdicts.append(ReportVerdict(f"{finding} in '{layer}'", state, f"{was[layer]} → {now[layer]} channels"))
    return verdicts


def _calibration(one: Values, other: Values, limits: Thresholds) -> list[ReportVerdict]:
    was, now = one["calibration"], other["calibration"]
    if was is None or now is None:
        return []
    # within chance an error is mostly bias, and of few pictures it moves without a cause
    worse = now["beyond_chance"] and now["error"] - was["error"] > limits.calibration
    return [ReportVerdict("calibration", "warn" if worse else "pass", f"error {was['error']:.4f} → {now['error']:.4f}")]


def _audits(one: Values, other: Values, limits: Thresholds) -> list[ReportVerdict]:
    """Compare the last audits of both, person by person."""
    was, now = (_estimates(values) for values in (one, other))
    verdicts = []
    for name in sorted(was.keys() & now.keys()):
        # by person: two people's standards differ by more than two networks do
        change = now[name].less(was[name])
        state: State = "warn" if change.high < 0 and -change.value > limits.agreement else "pass"
        ends = f"{change.low:+.3f} … {change.high:+.3f}"
        words = f"{was[name].value:.3f} → {now[name].value:.3f} ({change.value:+.3f}, 95 %: {ends})"
        verdicts.append(ReportVerdict(name, state, words))
    return verdicts


def _estimates(values: Values) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for audit in values.get("audits", []):
        # an audit of earlier weights that the log still holds says nothing of these
        if audit["weights"] != values["manifest"]["weights"]:
            continue
        shares = {f"agreement of {person['who']}": person["agreement"] for person in audit["people"]}
        if audit["inside"] is not None:
            shares["evidence on the objects"] = audit["inside"]["inside"]
        for name, share in shares.items():
            if share is not None and None not in share.values():
                found[name] = Estimate(**share)
    return found


def _cell(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
