"""Sign-off: what a log of audits came to, written into a report that is there."""

from __future__ import annotations

from functools import partial
from os import PathLike
from pathlib import Path

from nbviz.dataset.files import folder_at, write_whole
from nbviz.errors import NbvizError
from nbviz.reports.audits import BEGIN, END, audit_section, audit_values
from nbviz.reports.comparison import read_report
from nbviz.reports.markdown import markdown
from nbviz.reports.values import json_text
from nbviz.reviews.audits.log import AuditLog

ROOM = "; make room and sign again."


def sign(out: str | PathLike[str], log: AuditLog) -> None:
    """Write what a log of audits came to into a report's page, values and summary; all else in them stays.

    Raises NbvizError where there is no report, or its page has no place for audits.
    """
    folder = folder_at(out)
    values = read_report(folder)
    values["audits"] = audit_values(log, values.get("k"))
    page = (folder / "report.html").read_text("utf-8")
    # a section put in its place, not a page made again: the review and its pictures are not at hand
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise NbvizError(f"'{folder / 'report.html'}' has no place for an audit: write the report anew.")
    texts = {
        "report.json": json_text(values),
        "report.html": head + audit_section(values["audits"], values["manifest"]["weights"]) + tail,
        "report.md": markdown(values),
    }
    for name, text in texts.items():
        write_whole(folder / name, partial(Path.write_text, data=text, encoding="utf-8"), ROOM)
