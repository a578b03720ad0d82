"""The page Labels: pictures whose label is suspect, and the training pictures that speak loudest for an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nbviz.attribution.words import Run
from nbviz.drawing.numbers import percent
from nbviz.drawing.photos import photo_mosaic
from nbviz.errors import NbvizError, Refused
from nbviz.panels.base.links import Links
from nbviz.panels.review.listed_pictures import ListedPictures
from nbviz.panels.review.long_page import LongPage
from nbviz.panels.review.review_front import ReviewFront
from nbviz.pictures.samples import Items
from nbviz.reviews.influence import check_influence
from nbviz.reviews.records.records import Records
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Request
from nbviz.session.requests.probes.training import (
    LOUDEST,
    FindInfluences,
    InfluenceAnswer,
    ReadRecords,
    RecordsAnswer,
)
from nbviz.session.requests.review import ReviewPage
from nbviz.session.selection import Selection

ROWS, SIDE = 24, 96
"""Suspect labels that are listed, and pixels a side of a picture."""
WITHOUT = (
    "Which training pictures speak loudest for an answer is shown where they are given: "
    "nbviz.review(model, dataset, training=…)."
)
CHOOSE = "Choose a picture, here or on Pictures: the training pictures that speak loudest for its answer stand here."


def suspects(review: Review) -> dict[str, Any]:
    """Return what is listed: words, and [item, runs] per suspect label, the most suspect first."""
    try:
        table = review.suspect_labels
    except Refused as reason:
        return {"words": [str(reason)], "rows": []}
    sample = (
        "by networks that were not trained on them"
        if table.attrs.get("out_of_sample")
        else ("by the network itself: of pictures that it was trained on it may have learnt wrong labels by heart")
    )
    words: list[Run] = [(f"{len(table):,} labels", "strong"), f" of {len(review.known):,} are suspect, {sample}. "]
    if len(table) > ROWS:
        words.append(f"The first {ROWS}; Pictures lists all, in the order label suspect.")
    rows = [[int(row["item"]), _suspect_words(row)] for row in table.head(ROWS).to_dict("records")]
    return {"words": words, "rows": rows}


def _suspect_words(row: dict[str, Any]) -> list[Run]:
    of = f"{row['class']}: " if "class" in row else ""
    surer = f", {abs(row['margin']):.2f} surer of it than of the label"
    return [f"{of}labelled ", (str(row["label"]), "strong"), ", surely ", (str(row["suggested"]), "strong"), surer]


class SuspectPictures(ListedPictures):
    """Panel that reads the pictures whose label is suspect, as far as they are listed."""

    slot = "review suspects"

    def draw(self, review: Review) -> None:
        """Send what is listed."""
        # finding them takes a pass over all scores: once a review, not at every turn of the page
        if review is not self.review:
            self.review, self.view.suspect_pictures = review, b""
            self.view.suspects = suspects(review)

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(int(row[0]) for row in self.view.suspects.get("rows", ()))

    def show(self, answer: ReviewPage) -> None:
        blank = [None] * (answer.total - len(answer.pictures))
        self.view.suspect_pictures = photo_mosaic([*answer.pictures, *blank], 1, SIDE).data


class TrainingPage(LongPage):
    """Training pictures that speak loudest for the answer to the picture on show, once all were looked at."""

    slot, trait = "review training", "training"

    def __init__(self, links: Links, view: ReviewFront, item: Callable[[Selection], int | None]) -> None:
        super().__init__(links, view)
        self._item = item

    def first(self) -> dict[str, Any]:
        self.view.training_pictures = b""
        training = None if self.review is None else self.review.training
        if self.review is None or training is None:
            return {"words": [WITHOUT]}
        try:
            # before anything is offered: to look at the training pictures may take minutes
            check_influence(self.review.plan)
        except Refused as reason:
            return {"words": [str(reason)]}
        if isinstance(training, Items):
            offer = [f"Look at the {len(training):,} training pictures", "Looks at each once; it can be stopped"]
            return {"words": [CHOOSE], "offer": offer}
        return {"words": [CHOOSE]}

    def request(self, selection: Selection) -> Request | None:
        training, item = None if self.review is None else self.review.training, self._item(selection)
        if isinstance(training, Items):
            return ReadRecords(training) if self.begun else None
        if self.review is None or training is None or item is None or not self.on_show:
            return None
        return FindInfluences(self.review, training, item)

    def show(self, answer: RecordsAnswer | InfluenceAnswer) -> None:
        if isinstance(answer, InfluenceAnswer):
            self._show_influences(answer)
        elif answer.records is None or self.review is None:
            self.draw({"words": [], "progress": answer.progress, "done": answer.done})
        else:
            # kept in the review, whose own calls need not read them again
            self.review.training = _labelled(answer.records)
            # begins anew: its first state depends on whether the pictures are read
            self.open(self.review)
            self.send()
            self.links.ask()

    def _show_influences(self, answer: InfluenceAnswer) -> None:
        assert self.review is not None
        table = answer.table
        with self.view.hold_sync():
            self.view.training_pictures = photo_mosaic(answer.pictures, LOUDEST, SIDE).data
            self.draw({
                "words": _influence_words(self.review, answer),
                "tiles": [
                    [row["label"], f"{row['errors']:.2g} × {row['likeness']:.3g}", _tip(row)]
                    for row in table.to_dict("records")
                ],
            })  # fmt: skip


def _labelled(records: Records) -> Records:
    """Return records of training pictures; NbvizError where none has a label."""
    if not records.labelled:
        raise NbvizError(
            "The training pictures have no labels: training= is a data set whose items are (picture, label)."
        )
    return records


def _tip(row: dict[str, Any]) -> str:
    return (
        f"Training item {row['item']}, labelled {row['label']}, said to be {row['prediction']}: influence "
        f"{row['influence']:.3g} = {row['errors']:.3g} (how alike the errors are) × {row['likeness']:.3g} (how alike "
        "the last layer's inputs are)"
    )


def _influence_words(review: Review, answer: InfluenceAnswer) -> list[Run]:
    row = review.pictures.iloc[int(review.column("items").searchsorted(answer.item))]
    label = "" if row["label"] is None else f", labelled {row['label']}"
    words: list[Run] = [
        "Loudest in training for ", (str(row["prediction"]), "strong"),
        f", which item {answer.item} is said to be{label}: likeness of the errors × likeness of the last layer's ",
        "inputs.",
    ]  # fmt: skip
    attrs = answer.table.attrs
    if not np.isnan(attrs["share"]):
        words.append(
            f" These {len(answer.table)} carry {percent(attrs['share'], 1)} of all that speaks for it; if every "
            f"training picture spoke alike, they would carry {percent(attrs['even'], 2)}."
        )
    return words
