"""Comparison with another data set, on the page Shift: what the network does there otherwise than here."""

from __future__ import annotations

from typing import Any

from nbviz.panels.review.layer_page import LayerPage
from nbviz.panels.review.words.against import ABOUT, WITHOUT, about_drift, against_rows
from nbviz.pictures.samples import Items
from nbviz.session.requests.base import Request
from nbviz.session.requests.probes.against import AgainstAnswer, CompareAgainst
from nbviz.session.requests.probes.training import ReadRecords, RecordsAnswer
from nbviz.session.selection import Selection


class AgainstPage(LayerPage):
    """Figures of both data sets, and the channels of the chosen layer that differ most."""

    slot, trait = "review against", "against"

    def first(self) -> dict[str, Any]:
        other = None if self.review is None else self.review.against
        if other is None:
            return {"words": [WITHOUT]}
        offer = [f"Compare with the other data set's {len(other):,} pictures", "It can be stopped"]
        return {"words": [ABOUT], "offer": offer}

    def request(self, selection: Selection) -> Request | None:
        other = None if self.review is None else self.review.against
        if self.review is None or other is None or not self.begun:
            return None
        return ReadRecords(other) if isinstance(other, Items) else CompareAgainst(self.review, other, self.layer)

    def show(self, answer: RecordsAnswer | AgainstAnswer) -> None:
        if isinstance(answer, RecordsAnswer) and answer.records is not None and self.review is not None:
            self.review.against = self.review.checked(answer.records, "against")
            self.links.ask()  # it is compared now
        elif isinstance(answer, AgainstAnswer) and answer.table is not None:
            rows = against_rows(answer.table)
            self.draw({"words": about_drift(answer.table), "rows": rows, "progress": "", "done": 1.0})
        else:
            # two works one after the other: the line is full only at the end of the second
            done = answer.done / 2 if isinstance(answer, RecordsAnswer) else answer.done
            self.draw({"words": [], "progress": answer.progress, "done": done})
