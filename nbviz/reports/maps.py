"""A fixed panel of pictures with their maps, right and wrong, and how far each map can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nbviz.attribution import Attribution, explain
from nbviz.drawing.overlay import gray, heat_rgba, overlay
from nbviz.errors import NbvizError
from nbviz.evaluation.base import Verdict, settle
from nbviz.evaluation.registry import Case, common, verdicts
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.load import Picture
from nbviz.pictures.picture import PictureLike
from nbviz.reviews.listing import Listing
from nbviz.reviews.result import Review

METHOD, OPACITY = "integrated_gradients", 0.6
"""Method of the panel's maps; how strongly they are laid over their pictures, 0…1."""
WRONG, RIGHT, UNSURE = 4, 4, 2
"""Pictures of the panel: surely wrong, surely right, least sure; the darkest and the brightest are the corner cases."""
PANEL = WRONG + RIGHT + UNSURE + 2
"""Pictures of the panel, at most."""


@dataclass(frozen=True, eq=False)
class ExplainedPicture:
    """One picture of the panel."""

    item: int
    rule: str
    """The rule that chose it."""
    words: str
    """Prediction, its probability, and the label."""
    drawn: NDArray[np.uint8]
    """(H, W, 3): its map over it."""
    status: str
    """Of the map: "ok", "no positive evidence", …"""
    verdicts: tuple[Verdict, ...]


def explained(review: Review) -> Iterator[ExplainedPicture]:
    """Explain the answers to the pictures of :func:`panel`; those that can't be read are left out."""
    model, items = review.model, review.items
    assert model is not None and items is not None
    table = review.pictures
    for row, rule in panel(review).items():
        item = int(table["item"].iat[row])
        try:
            picture = items.read(item)
        except NbvizError:  # it was readable during the review, and its row is in the tables
            continue
        label = "" if table["label"].iat[row] is None else f", labelled {table['label'].iat[row]}"
        words = f"{table['prediction'].iat[row]} ({table['probability'].iat[row]:.0%}){label}"
        yield _explained(model, picture, int(review.explained[row]), (item, rule, words))


def panel(review: Review) -> dict[int, str]:
    """Return row of ``review.pictures`` → the rule that chose it; each once, by its first rule."""
    chosen: dict[int, str] = {}
    if review.labelled:
        for rule, answers, count in (("surely wrong", "wrong", WRONG), ("surely right", "right", RIGHT)):
            rows = Listing("surest", answers).rows(review)  # type: ignore[arg-type]
            _take(chosen, _of_each_class(review, rows), rule, count)
    _take(chosen, review.order("unsure"), "least sure", UNSURE)
    # corner cases: whatever else a panel shows, these are seen by somebody
    bright = np.argsort(review.column("brightness"), kind="stable")
    _take(chosen, bright, "darkest", 1)
    _take(chosen, bright[::-1], "brightest", 1)
    return chosen


def _of_each_class(review: Review, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each predicted class, then the rest: else a panel may show one class only."""
    _, first = np.unique(review.column("prediction")[rows], return_index=True)
    return np.concatenate([rows[np.sort(first)], np.delete(rows, first)])


def _take(chosen: dict[int, str], rows: NDArray[np.int64], rule: str, count: int) -> None:
    # so many that enough are left when those chosen by another rule are taken out
    fresh = [row for row in rows[: count + len(chosen)].tolist() if row not in chosen]
    chosen |= dict.fromkeys(fresh[:count], rule)


def _explained(model: InstrumentedModel, picture: Picture, index: int, about: tuple[int, str, str]) -> ExplainedPicture:
    target = Target(index=index)
    *_, attribution = explain(model, picture, target, METHOD)
    case = Case(model, picture, target, attribution, _explain)
    return ExplainedPicture(
        *about, draw_map(model.seen(picture), attribution), str(attribution.facts["status"]), tuple(_judged(case))
    )


def draw_map(seen: NDArray[np.uint8], attribution: Attribution) -> NDArray[np.uint8]:
    """Draw a map over a picture as the network saw it, uint8 (H, W, 3), which turns gray below it."""
    heat = attribution.heat((seen.shape[0], seen.shape[1]))
    return overlay(gray(seen), heat_rgba(np.asarray(heat), None, False), OPACITY)


def _explain(model: InstrumentedModel, picture: PictureLike, target: Target) -> Iterator[Attribution]:
    return explain(model, picture, target, METHOD)


def _judged(case: Case) -> Iterator[Verdict]:
    for one in verdicts():
        known = common(one, case.model, case.picture, case.target)
        measured = settle(one.of(replace(case, common=known)))
        if measured.verdict is not None:
            yield measured.verdict
