"""Maps of a confused pair, below the classes: chosen and begun by a person, drawn beside what chance makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbviz.attribution.words import Run
from nbviz.drawing.numbers import percent
from nbviz.drawing.png import png
from nbviz.errors import Refused
from nbviz.panels.base.panel import Content
from nbviz.panels.review.long_page import LongPage
from nbviz.reviews.cues.candidates import FEWEST
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.pair_maps import PairMaps
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Request
from nbviz.session.requests.probes.pair import ComparePair, PairAnswer
from nbviz.session.selection import Selection

PAIRS = 20
"""Pairs that can be chosen, the most confused first."""
ABOUT = (
    "Where does the evidence for the answer lie, and where that for the label? The mean difference of both maps over "
    "the pictures that are confused, beside what chance makes of it."
)
Pair = tuple[int, int]


class PairPage(LongPage):
    """Difference of the mean maps of a pair of classes."""

    slot, trait = "review pair", "pair"
    pair: Pair | None = None

    def first(self) -> dict[str, Any]:
        review = self.review
        self.view.pair_mean = b""
        if review is None or isinstance(review, DenseReview):
            return {}
        pairs = _pairs(review)
        if not pairs:
            return {}
        if review.plan.scores == 1:
            return {"words": ["The network has one score for both classes, and so one map: no two can be compared."]}
        enough = [(one[:2], one[2]) for one in pairs if one[2] >= FEWEST][:PAIRS]
        if not enough:
            most = f"{pairs[0][2]} pictures" if pairs[0][2] > 1 else "1 picture"
            return {"words": [f"Maps of a confused pair need {FEWEST} pictures, and the commonest has {most}."]}
        if self.pair not in [pair for pair, _ in enough]:
            self.pair = enough[0][0]
        names = review.names
        return {
            "choices": [[_key(p), f"{names[p[0]]} taken for {names[p[1]]} ({count:,})", ""] for p, count in enough],
            "chosen": _key(self.pair), "words": [ABOUT],
            "offer": ["Compare their maps", "Some seconds to minutes; it can be stopped"],
        }  # fmt: skip

    def choose(self, pair: Pair) -> None:
        """Choose a pair: another one's maps are gone."""
        if pair != self.pair:
            self.pair = pair
            self.open(self.review)

    def choose_by(self, content: Content) -> None:
        """Choose the pair of a person's event."""
        label, prediction = str(content["pair"]).split(",")
        self.choose((int(label), int(prediction)))

    def request(self, selection: Selection) -> Request | None:
        if self.review is None or self.pair is None or not self.begun:
            return None
        return ComparePair(self.review, self.pair)

    def show(self, answer: PairAnswer) -> None:
        found, review = answer.maps, self.review
        # a state takes the place of the one before: without them the menu would be gone
        choices = {name: self.state.get(name) for name in ("choices", "chosen")}
        if found is None or review is None:
            self.draw({**choices, "words": [], "progress": answer.progress, "done": answer.done})
            return
        cells = found.shown
        with self.view.hold_sync():
            self.view.pair_mean = b"" if answer.mean is None else png(answer.mean)
            self.draw({
                **choices, "words": _words(found, int(review.confuses(found.label, found.prediction).sum())),
                # on one scale whatever was found: what is hardly beyond chance stays pale
                "cells": (cells / max(float(np.abs(cells).max()), 2 * found.chance, 1e-12)).round(3).tolist(),
                "names": [review.names[found.prediction], review.names[found.label]], "done": 1.0,
            })  # fmt: skip


def _pairs(review: Review) -> list[tuple[int, int, int]]:
    try:
        return review.confusion.pairs()
    except Refused:  # the page says why there is none
        return []


def _key(pair: Pair) -> str:
    return f"{pair[0]},{pair[1]}"


def _words(found: PairMaps, confused: int) -> list[Run]:
    count, beyond = len(found.items), int((found.shown != 0).sum())
    sample = f"{count:,} pictures" if count == confused else f"{count:,} of the {confused:,} pictures"
    level = f"± {percent(found.chance, 2)} of a map, within which 95 of 100 random exchanges of both maps stay"
    if not found.beyond_chance:
        return [
            f"{sample}: ",
            ("no cell differs by more than chance makes it", "strong"),
            f" ({level}; p {found.p:.2f}).",
        ]
    halves = "" if np.isnan(found.reliability) else f" Random halves of the pictures agree, r {found.reliability:.2f}."
    return [
        f"{sample}: ", (f"{beyond} of {found.difference.size} cells", "strong"),
        f" differ by more than chance makes them ({level}; p {found.p:.3f}). Others are empty.{halves}",
    ]  # fmt: skip
