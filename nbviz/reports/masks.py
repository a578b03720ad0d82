"""Audit by masks: a report's maps measured against the objects, where these are known."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from nbviz.errors import NbvizError
from nbviz.model.brief import ModelLike
from nbviz.pictures.samples import Labels
from nbviz.pictures.sources import DatasetLike
from nbviz.reports.audits import LOG, audit_lines, audit_values
from nbviz.reports.comparison import read_report
from nbviz.reports.signing import sign
from nbviz.reviews.audits.inside import measure_sample
from nbviz.reviews.audits.log import AuditLog
from nbviz.reviews.audits.sample import METHOD, draw
from nbviz.reviews.making import review as make_review
from nbviz.reviews.masks import Truth
from nbviz.reviews.result import Review


def audit_by_masks(
    model: ModelLike,
    dataset: DatasetLike,
    out: str | PathLike[str],
    truth: Truth,
    *,
    count: int = 40,
    seed: int = 0,
    method: str = METHOD,
    review: Review | None = None,
    labels: Labels | None = None,
    answers: str | PathLike[str] | None = None,
    progress: bool = True,
) -> str:
    """Measure a sample of maps against masks or boxes instead of asking a person; sign the report, return the summary.

    truth: item → mask (H, W) or box (top, left, bottom, right), in the picture's own pixels, None where it is unknown;
    a mapping or a function. The others: as ``nbviz.audit`` takes them. Raises NbvizError where there is no report, or
    one of another network, and where no picture of the sample has a mask.
    """
    log = log_for(out, answers)
    result = review or make_review(model, dataset, labels=labels, progress=progress)
    check_report(out, result)
    sample = draw(result, count, seed, method)
    for _ in measure_sample(result, sample, truth, log):
        pass
    # after measuring, not before: masks may be a function, and which items have one only it knows
    if not log.read()[sample.audit].measures:
        raise NbvizError("None of the pictures drawn has a mask and a map that is not empty: nothing was measured.")
    sign(out, log)
    return "\n".join(audit_lines(audit_values(log)))


def log_for(out: str | PathLike[str], answers: str | PathLike[str] | None) -> AuditLog:
    """Return the log of a report's audits.

    NbvizError where there is no report, and for a private one whose log would lie in its folder.
    """
    if read_report(out)["private"] and answers is None:
        raise NbvizError(
            "A private report's folder must not tell of single pictures, and an audit's answers do: pass answers= with "
            "a file elsewhere."
        )
    return AuditLog(Path(out) / LOG if answers is None else answers)


def check_report(out: str | PathLike[str], review: Review) -> None:
    """Raise NbvizError where a report is of another network than a review."""
    if read_report(out)["manifest"]["weights"] != review.plan.model:
        raise NbvizError(
            f"The report in '{out}' is of another network, or of other weights of this one: write it anew."
        )
