"""Document of a report as plain values: all that its pages show, and what two reports are compared by."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from nbviz.dataset.progress import progress_bar
from nbviz.errors import NbvizError, Refused
from nbviz.evaluation.health import health
from nbviz.reports.answers import single_answers
from nbviz.reports.audits import audit_values
from nbviz.reports.changes.maps import map_values
from nbviz.reports.maps import ExplainedPicture
from nbviz.reports.pairs import pair_values
from nbviz.reports.privacy import Privacy, bins, quarters, suppress
from nbviz.reports.values import FORMAT, Values, plain
from nbviz.reviews.audits.log import AuditLog
from nbviz.reviews.cues.hunt import Suspect, cue_table
from nbviz.reviews.dense.plan import DensePlan
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.records.records import SLICED
from nbviz.reviews.result import CLUSTERS, Review
from nbviz.reviews.shift.answers import OF_LABELS, Answers, Key, shift_table
from nbviz.version import __version__

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")
NOT_ASKED = "Not asked for."
SHIFTED, COMPARED, SUSPECTS = 300, 20, 50
"""Pictures that are corrupted; those whose maps are followed, none in a private report; suspect labels listed."""


def now() -> str:
    """Return the time, to the second, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@dataclass(frozen=True)
class Parts:
    """Parts of a report that take long."""

    corruptions: Sequence[str] | None = None
    """Names of those to follow; None for all, empty for none."""
    cues: bool = True
    maps: bool = True
    audits: AuditLog | None = None
    """Log of what people said of its maps."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Cost of parts that were there before: the review, the maps."""
    progress: bool = False
    """Whether bars are drawn."""


class Cost:
    """Wall-clock seconds of a report's parts."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time this block as a part."""
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 2)


def document(review: Review, asked: Parts, privacy: Privacy | None, maps: Sequence[ExplainedPicture]) -> Values:
    """Gather a report's values: plain numbers, texts and lists, NaN as None.

    privacy: None writes items' numbers, too. maps: the panel of explained pictures. Raises NbvizError for a private
    report of fewer pictures than a group has.
    """
    if privacy is not None:
        _check_enough(review, privacy.k)
    absent, cost = dict(review.summary["absent"]), Cost()
    found = {**_tables(review, privacy, absent, cost), **_long(review, asked, privacy, absent, cost)}
    if privacy is not None:
        absent["maps"] = "A private report has no picture."
    elif isinstance(review, DenseReview):
        absent["maps"] = f"Maps of a fixed panel are of one class per picture, and this network puts out {review.noun}."
    elif asked.maps:
        found["maps"] = [_map(one) for one in maps]
        found["answer_maps"] = map_values(review)
    else:
        absent["maps"] = NOT_ASKED
    if privacy is None:
        found |= single_answers(review)
    k = None if privacy is None else privacy.k
    left_out = [f"{review.left_out} items were left out."] if review.left_out else []
    values = {
        "format": FORMAT, "made": now(), "seconds": {**asked.seconds, **cost.seconds},
        "manifest": _manifest(review, privacy), "private": privacy is not None, "k": k,
        "summary": _summary(review, privacy), **found,
        "audits": [] if asked.audits is None else audit_values(asked.audits, k),
        "notes": [] if privacy else list(review.notes), "problems": left_out if privacy else review.problems,
        "absent": absent,
    }  # fmt: skip
    return plain(values)


def _check_enough(review: Review, k: int) -> None:
    count = len(review.known) if review.labelled else len(review)
    if count < k:
        which = f"{count} of these have a label" if count < len(review) else f"these are {count}"
        words = f"A private report tells of groups of at least {k} pictures, and {which}:"
        raise NbvizError(f"{words} pass a smaller k=, or more pictures.")


def _summary(review: Review, privacy: Privacy | None) -> Values:
    """Return the figures of the whole."""
    figures = {name: value for name, value in review.summary.items() if name != "absent"}
    accuracy = figures.get("accuracy")
    # chance counts the commonest label, which may be that of too few
    if privacy is not None and accuracy is not None and accuracy["chance"] * accuracy["labelled"] < privacy.k:
        figures["accuracy"] = {**accuracy, "chance": None}
    return figures


def _tables(review: Review, privacy: Privacy | None, absent: dict[str, str], cost: Cost) -> Values:
    """Return what follows from the review's records alone."""
    parts: dict[str, Callable[[Review, Privacy | None], object]] = {
        "classes": _classes, "confusion": _confusion, "calibration": _calibration, "slices": _slices, "labels": _labels,
    }  # fmt: skip
    found: Values = {}
    for name, part in parts.items():
        with cost.of(name):
            found[name] = _unless_refused(name, partial(part, review, privacy), absent)
    if found["calibration"] is not None:
        classes = _unless_refused("calibration of classes", partial(_class_calibration, review, privacy), absent)
        found["calibration"]["classes"] = classes
    return found


def _long(review: Review, asked: Parts, privacy: Privacy | None, absent: dict[str, str], cost: Cost) -> Values:
    """Return what asks the network again."""
    # timed each: of a report that takes an hour one wants to know which part did
    names, k = asked.corruptions, 0 if privacy is None else privacy.k
    parts: dict[str, tuple[bool, Callable[[], Any]]] = {
        "shift": (names is None or bool(names), lambda: _shift(review, asked, privacy)),
        "cues": (asked.cues, lambda: _cues(review, k, asked.progress)),
        "evidence": (asked.cues, lambda: _of_at_least(k, review.evidence())),
        "pairs": (asked.maps, lambda: pair_values(review, privacy)),
    }
    found: Values = {}
    for name, (wanted, part) in parts.items():
        if not wanted:
            absent[name] = NOT_ASKED
            continue
        with cost.of(name):
            found[name] = _unless_refused(name, part, absent)
    with cost.of("health"):
        found["health"] = _health(review)
    return found


def _unless_refused(name: str, part: Callable[[], T], absent: dict[str, str]) -> T | None:
    try:
        return part()
    # refusals alone: any other error is a fault, and stops the report
    except Refused as reason:
        absent[name] = str(reason)
        return None


def _manifest(review: Review, privacy: Privacy | None) -> Values:
    model, plan = review.model, review.plan
    return {
        "network": "" if model is None else model.name, "parameters": None if model is None else model.parameters,
        "weights": plan.model, "data": None if privacy else plan.data, "items": plan.items,
        "classes": list(review.names), "input": list(plan.shape), "seed": 0,
        "versions": {"nbviz": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": f"{platform.system()} {platform.machine()}",
        **({"task": plan.task} if isinstance(plan, DensePlan) else {}),
    }  # fmt: skip


def _records(table: pandas.DataFrame) -> list[Values]:
    return [dict(row) for row in table.to_dict("records")]


def _classes(review: Review, privacy: Privacy | None) -> list[Values]:
    rows = _records(review.classes)
    if privacy is None:
        return rows
    # of pixels and boxes the pictures count: one picture may hold thousands
    sizes = ("pictures",) if isinstance(review, DenseReview) else ("support", "predicted")
    few = [any(row[size] < privacy.k for size in sizes) for row in rows]
    kept = ("class", "index")
    return [
        {name: value if name in kept or not left_out else None for name, value in row.items()}
        for row, left_out in zip(rows, few, strict=True)
    ]


def _confusion(review: Review, privacy: Privacy | None) -> Values:
    if privacy is not None and isinstance(review, DenseReview):
        raise Refused("A private report tells no pairs of classes: one picture may hold all pixels of a pair.")
    matrix = review.confusion
    counts = matrix.counts.astype(float)
    if privacy is not None:
        counts = suppress(counts, privacy.k)
    return {"names": list(matrix.names), "counts": counts.tolist()}


def _calibration(review: Review, privacy: Privacy | None) -> Values:
    if privacy is not None and isinstance(review, DenseReview):
        raise Refused("A private report tells no bins of pixels: one picture may hold all of a bin.")
    table = review.calibration
    rows = _records(table) if privacy is None else bins(_records(table))
    return {"bins": rows, **table.attrs}


def _class_calibration(review: Review, privacy: Privacy | None) -> list[Values]:
    least = 0 if privacy is None else privacy.k
    return [row for row in _records(review.class_calibration) if row["answers"] >= least]


def _slices(review: Review, privacy: Privacy | None) -> list[Values]:
    rows = _records(review.slices)
    if privacy is None:
        return rows
    total = len(review.known)
    # nor may all but a few be in it: what is known of the whole and of a slice gives the rest away
    rows = [row for row in rows if privacy.k <= row["count"] <= total - privacy.k]
    quarters(rows)
    own = [row for row in rows if row["column"] not in (*SLICED, CLUSTERS)]
    for row in own:
        row["column"], row["slice"] = privacy.hashed(row["column"]), privacy.hashed(row["slice"])
    return rows


def _labels(review: Review, privacy: Privacy | None) -> Values:
    table = review.suspect_labels
    known = {"count": len(table), "of": len(review.known), "out_of_sample": table.attrs.get("out_of_sample", False)}
    if privacy is not None:
        return {**known, "count": None if 0 < len(table) < privacy.k else len(table)}
    return {**known, "rows": _records(table.head(SUSPECTS))}


def _shift(review: Review, asked: Parts, privacy: Privacy | None) -> list[Values]:
    answers: dict[Key, Answers] = {}
    steps = review.shifting(asked.corruptions, sample=SHIFTED, maps=COMPARED if privacy is None else 0)
    with progress_bar("corruptions", min(SHIFTED, len(review)), unit=" pictures", shown=asked.progress) as bar:
        for step in steps:
            if isinstance(step, int):
                bar.update(step - bar.n)
            else:
                answers = step
    table = shift_table(answers)
    k, chance = 0 if privacy is None else privacy.k, {"alike_by_chance": table.attrs["alike_by_chance"]}
    few = dict.fromkeys(("labelled", *OF_LABELS))  # figures of fewer labelled pictures than a group has
    return [{**row, **(few if row["labelled"] < k else {}), **chance} for row in _records(table)]


def _cues(review: Review, k: int, progress: bool) -> list[Values]:
    found: list[Suspect] = []
    with progress_bar("cues", len(review.names), unit=" classes", shown=progress) as bar:
        for each in review.hunting():
            found += each
            bar.update(1)
    table = cue_table(found, review.names)
    # a private report names no item
    if not k:
        suspects = table.attrs["suspects"]
        table["item"], table["index"] = [one.pictures[0] for one in suspects], [one.index for one in suspects]
    return _of_at_least(k, table)


def _of_at_least(k: int, table: pandas.DataFrame) -> list[Values]:
    """Return the rows of a table that are of enough pictures."""
    return [row for row in _records(table) if row["pictures"] >= k]


def _map(one: ExplainedPicture) -> Values:
    verdicts = [{"name": v.name, "state": v.state, "sentence": v.sentence} for v in one.verdicts]
    return {"item": one.item, "rule": one.rule, "words": one.words, "status": one.status, "verdicts": verdicts}


def _health(review: Review) -> Values:
    if review.model is None or review.items is None:
        raise NbvizError("A report needs the review's network and data set: nbviz.reviews.load(path, model, dataset).")
    table = health(review.model, review.items)
    return {"findings": _records(table[["layer", "channel", "finding"]]), "pictures": table.attrs["pictures"]}
