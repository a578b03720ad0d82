"""Log of audits: JSON lines that are only ever added to, so that who said what and when stays.

A line is an object with ``kind``: "sample" (what was drawn and how, see :mod:`nbviz.reviews.audits.sample`), "answer"
(``item``, ``answer``: "yes", "no", "can't tell" or null for one taken back, ``who``) or "measure" (``item``, ``hit``,
``inside``, ``covered``, see :mod:`nbviz.reviews.audits.inside`). Each has ``audit``, its sample's, and ``when``
(UTC). Of several answers of one person to one picture the last counts.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from typing import Any, BinaryIO, Literal, get_args

from nbviz.arguments import path_of
from nbviz.dataset.files import alone, make_folder
from nbviz.errors import NbvizError, unknown
from nbviz.reviews.audits.sample import AuditSample

FORMAT = 1
"""Format of a log's lines; a log of another is refused by the line that says so."""
Reply = Literal["yes", "no", "can't tell"]
REPLIES: tuple[str, ...] = get_args(Reply)
FIGURES = ("hit", "inside", "covered")
"""Names of a measure's figures in its line, in the order of :attr:`Audit.measures`."""


@dataclass(eq=False)
class Audit:
    """One sample and all that was answered or measured about it."""

    sample: AuditSample
    began: str
    answers: dict[str, dict[int, str]] = field(default_factory=dict)
    """Person → item → "yes", "no" or "can't tell"."""
    when: dict[str, str] = field(default_factory=dict)
    """Person → time of the last answer."""
    measures: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    """Item → hit, inside, covered."""


class AuditLog:
    """Log of audits in a file, ``audit.jsonl`` of a report's folder unless another is named."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = path_of("answers", path)
        if self.path.is_dir():
            raise NbvizError(f"'{path}' is a folder: a log of audits is a file, such as '{self.path / 'audit.jsonl'}'.")

    def begin(self, sample: AuditSample) -> None:
        """Write the sample down, unless it is there already."""
        if sample.audit not in self.read():
            self._add({"kind": "sample", "format": FORMAT, **sample.to_json()}, sample)

    def answer(self, sample: AuditSample, item: int, answer: Reply | None, who: str) -> None:
        """Add a person's answer about an item of the sample; None takes it back.

        Raises NbvizError for another answer, for an item that was not drawn, and for nobody's name.
        """
        if answer is not None and answer not in REPLIES:
            raise unknown("answer", str(answer), REPLIES, "an audit")
        if item not in sample.items:
            raise NbvizError(f"Item {item} is not in this audit's sample of {len(sample.items)} pictures.")
        if not who.strip():
            raise NbvizError("An audit keeps who answered: pass by= with a name.")
        self._add({"kind": "answer", "item": item, "answer": answer, "who": who.strip()}, sample)

    def measure(self, sample: AuditSample, item: int, figures: Sequence[float]) -> None:
        """Add what was measured about an item."""
        self._add({"kind": "measure", "item": item, **dict(zip(FIGURES, figures, strict=True))}, sample)

    def read(self) -> dict[str, Audit]:
        """Return every audit by its short name, in the order in which they began.

        Raises NbvizError, with its number, for a line that is none of ours. The last line may be cut off: a write that
        a full disk or a kill stopped.
        """
        found: dict[str, Audit] = {}
        for number, line in self._lines():
            try:
                self._take(found, json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                words = f"Line {number} of '{self.path}' is none of an audit's ({type(error).__name__}: {error})."
                raise NbvizError(f"{words} Mend or remove it, or name another file.") from error
        return found

    def _lines(self) -> Iterator[tuple[int, str]]:
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise NbvizError(f"'{self.path}' can't be read as an audit's log: {error}.") from error
        # without the last, which is empty, or the half line of a write that was cut off
        # not splitlines(): that also splits at U+2028, which a name may hold and JSON leaves as it is
        lines = text.split("\n")
        for number, line in enumerate(lines[:-1], 1):
            if line.strip():
                yield number, line

    def _take(self, found: dict[str, Audit], line: dict[str, Any]) -> None:
        kind, audit = line["kind"], line["audit"]
        if kind == "sample":
            if line["format"] != FORMAT:
                raise ValueError(f"format {line['format']!r}; this nbviz reads {FORMAT}")
            # the first counts: two who begin at once both find none in the log, and both write it
            found.setdefault(audit, Audit(AuditSample.from_json(line), line["when"]))
        elif kind == "answer":
            one = found[audit]
            given, who = one.answers.setdefault(line["who"], {}), line["who"]
            given.pop(line["item"], None)
            if line["answer"] is not None:
                given[line["item"]] = line["answer"]
            one.when[who] = line["when"]
        elif kind == "measure":
            hit, inside, covered = (float(line[name]) for name in FIGURES)
            found[audit].measures[line["item"]] = hit, inside, covered
        else:
            raise ValueError(f"kind {kind!r}")

    def _add(self, values: dict[str, Any], sample: AuditSample) -> None:
        make_folder(self.path.parent)
        when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = json.dumps({"audit": sample.audit, "when": when, **values}, ensure_ascii=False, sort_keys=True)
        try:
            # two people may answer on one share at once
            with alone(self.path.parent, partial(time.sleep, 0.01)), open(self.path, "ab+") as file:
                whole = _mend(file)
                try:
                    file.write((line + "\n").encode())
                    file.flush()
                    # a full disk may say so only here
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(whole)  # half a line would be in the way of the next
                    raise
        except OSError as error:
            raise NbvizError(
                f"The answer could not be written to '{self.path}' ({error.strerror or error}): make room and answer "
                "again. Answers before it are kept."
            ) from error


def _mend(file: BinaryIO) -> int:
    """Cut off what a killed write left behind the last whole line; return the length that stays."""
    file.seek(0)
    text = file.read()
    whole = len(text) if text.endswith(b"\n") else text.rfind(b"\n") + 1
    if whole < len(text):
        file.truncate(whole)
    return whole
