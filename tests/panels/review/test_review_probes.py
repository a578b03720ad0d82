"""Maps of a confused pair and the training pictures behind an answer, as the stage Review shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import nbviz
from nbviz.explorer import Explorer
from nbviz.panels.review.review_cues import OUTLINE, SIDE, _with_box
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.probes.pair import SAMPLE
from nbviz.session.requests.probes.training import LOUDEST
from tests.panels.review.test_review_stage import NAMES, Pictures, opened
from tests.panels.rig import say
from tests.reviews.test_pair_maps import Sides, halves
from tests.reviews.test_pair_maps import network as sides
from tests.test_explorer import network


def test_a_confused_pair_s_maps_are_compared_beside_their_chance_level() -> None:
    left, right = halves()
    with Explorer(sides(left, right), Sides(), runner=InlineRunner, stage="review", method="saliency") as explorer:
        view = explorer.panels["review"].view
        say(view, event="run")
        say(view, event="page", name="classes")
        assert [text for _, text, _ in view.pair["choices"]] == ["left taken for right (60)"] and view.pair["offer"]
        say(view, event="begin")
        assert explorer.review is not None
        found = explorer.review.pair_maps("left", "right", sample=SAMPLE)
        cells = np.array(view.pair["cells"])
        np.testing.assert_allclose(cells * np.abs(found.shown).max(), found.shown, atol=1e-4)
        words = "".join(run if isinstance(run, str) else run[0] for run in view.pair["words"])
        assert words.startswith("60 pictures: 196 of 196 cells differ by more than chance makes them (± ")
        assert view.pair["names"] == ["right", "left"] and view.pair_mean and view.pair["done"] == 1
        say(view, event="page", name="slices")
        say(view, event="page", name="classes")
        assert view.pair["cells"]  # what it came to stays
        say(view, event="compare", pair="0,1")
        assert view.pair["cells"]
        say(view, event="stop")
        assert "cells" not in view.pair and view.pair["offer"]
    with Explorer(sides(left, left), Sides(), runner=InlineRunner, stage="review", method="saliency") as explorer:
        view = explorer.panels["review"].view
        say(view, event="run")
        say(view, event="page", name="classes")
        say(view, event="begin")
        assert ["no cell differs by more than chance makes it", "strong"] in [list(run) for run in view.pair["words"]]
        assert not np.any(view.pair["cells"])


def test_without_enough_confusions_it_says_how_many_a_pair_needs() -> None:
    few = [(torch.rand(3, 32, 32), number % 4) for number in range(20)]
    with opened(data=few) as explorer:
        view = explorer.panels["review"].view
        say(view, event="run")
        assert explorer.review is not None
        most = explorer.review.confusion.pairs()[0][2]
        say(view, event="page", name="classes")
        assert most < 10 and "choices" not in view.pair and "offer" not in view.pair
        assert f"need 10 pictures, and the commonest has {most} picture" in view.pair["words"][0]


def test_classes_matched_by_order_and_items_left_out_are_told() -> None:
    class Odd(Pictures):
        classes = ("one", "two", "three", "four")

        def __getitem__(self, number: int) -> Any:
            image, label = super().__getitem__(number)
            return (image[:, :9] if number == 7 else image), label

    with opened(data=Odd()) as explorer:
        view = explorer.panels["review"].view
        say(view, event="run")
        review = explorer.review
        assert review is not None and len(review.problems) == 1
        (count, items), (words, nothing) = view.notes[1], view.notes[0]
        assert [words, f"{count[:-1]}: {items}"] == [*review.notes, *review.problems] and not nothing
        assert "taken in order (one is ant" in words and count == "1 of 80 items could not be used."
        assert items.startswith("item 7")
    with opened(data=[(torch.rand(3, 32, 32), number % 2) for number in range(20)]) as explorer:
        view = explorer.panels["review"].view
        say(view, event="run")
        assert [f"No picture here is labelled {NAMES[2]} or {NAMES[3]}.", ""] in view.notes


def test_labels_that_are_suspect_and_the_training_pictures_behind_an_answer() -> None:
    model = nbviz.InstrumentedModel(network(), classes=NAMES)
    review = nbviz.review(model, Pictures(), training=Pictures(), progress=False)
    with Explorer(model, Pictures(), review=review, runner=InlineRunner, stage="review") as explorer:
        view = explorer.panels["review"].view
        say(view, event="page", name="labels")
        table = review.suspect_labels
        assert [row[0] for row in view.suspects["rows"]] == table["item"].tolist()[:24] and view.suspect_pictures
        assert view.training["offer"][0] == "Look at the 80 training pictures" and view.code == "review.suspect_labels"
        say(view, event="begin")
        assert "offer" not in view.training and "tiles" not in view.training
        item = int(table["item"][0])
        say(view, event="open", item=item)
        assert view.chosen == item and view.training_pictures
        loudest = review.influences(item, review, LOUDEST)
        assert [tile[0] for tile in view.training["tiles"]] == loudest["label"].tolist()
        assert all(f"Training item {number}" in tile[2] for number, tile in
                   zip(loudest["item"], view.training["tiles"], strict=True))  # fmt: skip
        words = "".join(run if isinstance(run, str) else run[0] for run in view.training["words"])
        assert f"{100 * loudest.attrs['share']:.1f} % of all that speaks for it" in words and "12.50 %" in words
        assert explorer.review is not None and explorer.review.training is not None


def test_the_line_around_a_cue_stays_within_the_picture() -> None:
    picture = np.zeros((16, 16, 3), np.uint8)
    scale = 2 * SIDE // 16
    for window, rows, columns in (((0, 0, 2, 2), (0, 2), (0, 2)), ((14, 12, 16, 16), (14, 16), (12, 16))):
        drawn = (_with_box(picture, window) == OUTLINE).all(2)
        top, bottom = (scale * row for row in rows)
        left, right = (scale * column for column in columns)
        below, above = min(bottom, len(drawn) - 1), max(top - 1, 0)
        after, before = min(right, len(drawn) - 1), max(left - 1, 0)
        assert drawn[[above, below], left:right].all() and drawn[top:bottom, [before, after]].all()
