"""Audit desk in a notebook: who is asked, about which pictures, and where the answers go.

A thread of its own explains the pictures ahead of the person, so that an answer is followed by the next picture at
once. Every answer is in the log before the next picture stands there.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from nbviz.attribution import METHODS
from nbviz.attribution.words import Run
from nbviz.drawing.numbers import percent
from nbviz.drawing.png import png
from nbviz.errors import NbvizError, unknown
from nbviz.model.brief import ModelLike
from nbviz.panels.audit.audit_front import AuditFront
from nbviz.panels.base.close_tree import close_tree
from nbviz.panels.base.frame import Style, box
from nbviz.panels.base.panel import LOCK
from nbviz.panels.base.strip import fail, ready, refuse
from nbviz.pictures.samples import Labels
from nbviz.pictures.sources import DatasetLike
from nbviz.reports.maps import draw_map
from nbviz.reports.masks import check_report, log_for
from nbviz.reports.signing import sign
from nbviz.reviews.audits.agreement import agreement
from nbviz.reviews.audits.inside import explain_item
from nbviz.reviews.audits.log import AuditLog, Reply
from nbviz.reviews.audits.sample import METHOD, AuditSample, draw
from nbviz.reviews.making import review as make_review
from nbviz.reviews.result import Review

AHEAD = 3
"""Pictures that are explained before they are asked for."""
ANSWERS: tuple[tuple[Reply, str, str, str], ...] = (
    ("no", "No", "ArrowLeft", "It looks at something else: arrow to the left"),
    ("can't tell", "Can't tell", "ArrowDown", "The map or the picture does not say: arrow down"),
    ("yes", "Yes", "ArrowRight", "It looks at what makes the picture that: arrow to the right"),
)


class AuditDesk:
    """Desk of one person's audit; shown by the last line of a cell."""

    def __init__(self, review: Review, out: str | PathLike[str], by: str, log: AuditLog, sample: AuditSample) -> None:
        self.review, self.out, self.by, self.log, self.sample = review, Path(out), by, log, sample
        self.items: list[int] = sample.items
        log.begin(sample)
        self._worker = ThreadPoolExecutor(1, "nbviz-audit")
        self._maps: dict[int, Future[tuple[bytes, bytes]]] = {}
        self.front = AuditFront(answers=[list(answer) for answer in ANSWERS])
        self.front.on_msg(lambda _, content, __: self.act(content))
        self.view = box("nbviz nbviz-audit-frame", Style(label="nbviz audit"), self.front)
        # read once: each look at the answers reads the whole log
        known = self.answers
        self._place(next((at for at, item in enumerate(self.items) if item not in known), 0))

    @property
    def answers(self) -> dict[int, str]:
        """Answers of this person so far, item → "yes", "no" or "can't tell"."""
        return self.log.read()[self.sample.audit].answers.get(self.by, {})

    def act(self, content: dict[str, Any]) -> None:
        """Do what a person asks for: answer (answer), go (step), sign, retry. What is raised stands in the strip."""
        with LOCK:
            try:
                if content.get("event") == "answer":
                    self.answer(content["answer"])
                elif content.get("event") == "go":
                    self._place(self.front.place + (1 if content["step"] > 0 else -1))
                elif content.get("event") == "sign":
                    self.sign()
                elif content.get("event") == "retry":
                    self._place(self.front.place)
            except Exception as error:  # nothing raised in a callback is seen elsewhere
                refuse(self.front, error)

    def answer(self, answer: Reply | None) -> None:
        """Keep an answer about the picture on show, None to take it back, and go on to the next without one."""
        at = self.front.place
        self.log.answer(self.sample, self.items[at], answer, self.by)
        count, known = len(self.items), self.answers
        order = [(at + step) % count for step in range(1, count + 1)]
        self._place(next((place for place in order if self.items[place] not in known), at))

    def sign(self) -> None:
        """Write what was answered into the report."""
        sign(self.out, self.log)
        self.front.signed = f"Written into {self.out / 'report.html'}."

    def close(self) -> None:
        """Stop explaining and close the widgets; answers are kept."""
        # not waited for: what is being explained is shown to nobody
        self._worker.shutdown(wait=False, cancel_futures=True)
        close_tree(self.view)

    def _repr_mimebundle_(self, **options: object) -> Any:  # noqa: ANN401 - as IPython has it: data, or with metadata
        return self.view._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return f"Audit by {self.by}: {len(self.answers)} of {len(self.items)} pictures answered, in {self.log.path}"

    # -- what is on show ------------------------------------------------------------------------------

    def _place(self, place: int) -> None:
        place = min(max(place, 0), len(self.items) - 1)
        known, front = self.answers, self.front
        item = self.items[place]
        with LOCK, front.hold_sync():
            front.place, front.replies = place, [known.get(each, "") for each in self.items]
            front.question, front.caption = self._question(item)
            front.figures = self._figures() if len(known) == len(self.items) else []
            front.signed, front.seen, front.map = "", b"", b""
            front.state, front.message = "computing", ""
        for at in range(place, min(place + 1 + AHEAD, len(self.items))):
            self._explain(self.items[at])
        # called at once where it is explained already, else by the worker
        self._maps[item].add_done_callback(lambda done: self._show(item, done))

    def _explain(self, item: int) -> None:
        if item not in self._maps:
            self._maps[item] = self._worker.submit(self._drawn, item)

    def _drawn(self, item: int) -> tuple[bytes, bytes]:
        picture, attribution = explain_item(self.review, item, self.sample.method)
        assert self.review.model is not None
        seen = self.review.model.seen(picture)
        return png(seen), png(draw_map(seen, attribution))

    def _show(self, item: int, done: Future[tuple[bytes, bytes]]) -> None:
        """Paint a picture and its map, if it is still the one on show."""
        if done.cancelled() or self.items[self.front.place] != item:
            return
        with LOCK, self.front.hold_sync():
            error = done.exception()
            if error is not None:
                # forgotten, so that *Retry* explains it again
                self._maps.pop(item, None)
                fail(self.front, error)
                return
            self.front.seen, self.front.map = done.result()
            ready(self.front)

    def _question(self, item: int) -> tuple[list[Run], str]:
        """Return the question, which does not tell the label: it is about the map, and would be answered by it."""
        row = int(np.searchsorted(self.review.column("items"), item))
        name = self.review.names[int(self.review.column("prediction")[row])]
        sure = percent(float(self.review.column("probability")[row]), 0)
        question: list[Run] = ["It says ", (name, "strong"), f" ({sure}). Is what it looks at the right thing?"]
        return question, f"Item {item}, said to be {name}: the picture, and where the evidence for {name} lies on it"

    def _figures(self) -> list[Run]:
        found = agreement(self.sample, self.answers)
        if np.isnan(found.value):
            return ["All answered. A group of pictures has neither a yes nor a no, so there is no agreement to state."]
        ends = f" ({percent(found.low, 0)} to {percent(found.high, 0)}, 95 %)"
        return ["All answered. On the right thing: ", (percent(found.value, 0), "strong"), f"{ends} of the data set."]


def audit(
    model: ModelLike,
    dataset: DatasetLike,
    out: str | PathLike[str],
    by: str,
    *,
    count: int = 40,
    seed: int = 0,
    method: str = METHOD,
    review: Review | None = None,
    labels: Labels | None = None,
    answers: str | PathLike[str] | None = None,
) -> AuditDesk:
    """Ask a person about a sample of explained pictures whether the network looks at the right thing.

    model, dataset, labels: as ``nbviz.review`` takes them. out: the folder of their report, which is signed. by: who
    answers. count, seed: pictures that are drawn, half of them wrong answers where there are as many, see
    :data:`nbviz.reviews.audits.sample.RULE`. method: of the maps. review: one that was made before, instead of a pass.
    answers: the log, a file that is only added to; left out, ``audit.jsonl`` in the report's folder. The same call goes
    on where the last one stopped. Raises NbvizError for nobody's name, an unknown method, and a private report without
    ``answers`` elsewhere.
    """
    if not isinstance(by, str) or not by.strip():
        raise NbvizError(f"An audit keeps who answered: by= is a name, not {by!r}.")
    if method not in METHODS:
        raise unknown("method", method, METHODS, "nbviz")
    log = log_for(out, answers)
    result = review or make_review(model, dataset, labels=labels)
    check_report(out, result)
    return AuditDesk(result, out, by.strip(), log, draw(result, count, seed, method))
