"""The stage Review lists and says what the review does; a click opens the picture; only what is on show is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import nbviz
from nbviz.errors import NbvizError
from nbviz.explorer import Explorer
from nbviz.panels.review.review_pictures import OPENED, Opener
from nbviz.panels.review.review_stage import SHOWN
from nbviz.panels.review.words.classes import p_words
from nbviz.pictures.samples import Items
from nbviz.reviews import CORRUPTIONS, Listing
from nbviz.reviews.cues.example import transplant
from nbviz.reviews.cues.window import places
from nbviz.session.inline import InlineRunner
from tests.panels.rig import NASTY, say
from tests.reviews.test_cues import Marked
from tests.reviews.test_cues import network as corner_reader
from tests.test_explorer import network

NAMES = ["ant", "bee", NASTY, "dog"]
COUNT = 80


class Pictures(torch.utils.data.Dataset[Any]):
    """Small pictures with labels; without classes of its own."""

    def __init__(self, labelled: bool = True) -> None:
        self.images, self.labelled = torch.rand(COUNT, 3, 32, 32, generator=torch.Generator().manual_seed(2)), labelled

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, number: int) -> Any:
        return (self.images[number], number % 4) if self.labelled else self.images[number]


def opened(**options: Any) -> Explorer:
    data = options.pop("data", None) or Pictures()
    return Explorer(network(), data, classes=NAMES, runner=InlineRunner, stage="review", method="saliency", **options)


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    with opened() as made:
        say(made.panels["review"].view, event="run")
        yield made


def rows_shown(explorer: Explorer) -> list[int]:
    return [tile[0] for tile in explorer.panels["review"].view.tiles]


def test_it_offers_to_review_what_the_explorer_has_and_equals_the_call(explorer: Explorer) -> None:
    view, made = explorer.panels["review"].view, explorer.review
    expected = nbviz.review(explorer.model, Pictures(), progress=False)
    assert made is not None and made.pictures.equals(expected.pictures)
    wrong = expected.pictures[~expected.pictures["right"].astype(bool)]
    assert view.figures[2][0] == str(len(wrong)) and view.figures[0][0] == f"{100 * expected.right.mean():.1f} %"
    surest = wrong.sort_values("probability", ascending=False, kind="stable")["item"].tolist()
    assert rows_shown(explorer) == surest[:SHOWN] and view.listing["total"] == len(wrong)
    assert view.pictures and view.offer == []
    listed = eval(view.code, {"nbviz": nbviz, "review": made})
    assert listed["item"].tolist() == surest


def test_every_filter_narrows_the_list(explorer: Explorer) -> None:
    view, review = explorer.panels["review"].view, explorer.review
    assert review is not None
    table = review.pictures
    say(view, event="list", order="item", answers="all", label="1", first=0)
    assert rows_shown(explorer) == table[table["label"] == "bee"]["item"].tolist()[:SHOWN]
    label, prediction, count = review.confusion.pairs()[0]
    say(view, event="pair", label=label, prediction=prediction)
    assert view.page == "pictures" and view.listing["total"] == count
    assert view.listing["filters"] == [["prediction", f"taken for {NAMES[prediction]}"]]
    say(view, event="clear", what="prediction")
    assert view.listing["total"] == (table["label"] == NAMES[label]).sum()
    column, part = next(iter(review.parts))
    say(view, event="slice", column=column, part=part)
    inside = review.parts[column, part] & ~table["right"].to_numpy(bool)
    assert set(rows_shown(explorer)) <= set(table["item"][inside])
    say(view, event="list", order="unsure", answers="all", label="", first=60)
    say(view, event="clear", what="part")
    assert view.listing["first"] == 0 and view.listing["total"] == COUNT


def test_more_pictures_are_a_page_away_and_never_beyond_the_last(explorer: Explorer) -> None:
    view = explorer.panels["review"].view
    say(view, event="list", order="item", answers="all", label="", first=60)
    assert rows_shown(explorer) == list(range(60, 80))
    say(view, event="list", order="item", answers="all", label="", first=600)
    assert rows_shown(explorer) == list(range(60, 80))


def test_a_click_opens_the_picture_everywhere(explorer: Explorer) -> None:
    view = explorer.panels["review"].view
    count = len(explorer.pictures)
    say(view, event="open", item=50)
    assert explorer.selection.image == "item 50" and view.chosen == 50 and len(explorer.pictures) == count + 1
    assert torch.equal(explorer.pictures["item 50"].tensor[0], Pictures()[50][0])  # type: ignore[index]
    say(view, event="open", item=3)  # the Explorer has it already
    assert explorer.selection.image == "3" and view.chosen == 3 and len(explorer.pictures) == count + 1
    explorer.selection.image = "item 50"
    assert view.chosen == 50


def test_marks_survive_filters_and_are_read_from_python(explorer: Explorer) -> None:
    view = explorer.panels["review"].view
    for item in (7, 3, 50, 7):
        say(view, event="mark", item=item)
    assert explorer.selection.marked == (3, 50) and view.marked == [3, 50]
    say(view, event="list", order="item", answers="marked", label="", first=0)
    assert rows_shown(explorer) == [3, 50] and explorer.selection.marked == (3, 50)
    assert view.listing["filters"] == [["items", "marked"]]
    say(view, event="clear", what="items")
    assert view.state == "ready" and view.listing["filters"] == [] and view.listing["total"] == COUNT
    with pytest.raises(NbvizError, match="at least 0, not -1"):
        explorer.selection.marked = (-1,)


def test_pages_say_what_the_review_says(explorer: Explorer) -> None:
    view, review = explorer.panels["review"].view, explorer.review
    assert review is not None
    say(view, event="page", name="classes")
    assert np.array_equal(view.matrix["counts"], review.confusion.counts) and view.code == "review.classes"
    assert [row[1] for row in view.matrix["table"]] == NAMES
    say(view, event="page", name="calibration")
    assert [one[1] for one in view.curve["bins"]] == review.reliability.frequency.tolist()
    say(view, event="page", name="slices")
    assert [row["share"] for row in view.rows["rows"]] == review.slices["accuracy"].tolist()
    assert (p_words(0.0004), p_words(0.029), p_words(1.0)) == ("p < .001", "p .029", "p 1")


def test_shift_is_begun_and_is_the_review_s(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: CORRUPTIONS[name] for name in ("fog", "jpeg")}
    monkeypatch.setattr("nbviz.reviews.shift.answers.CORRUPTIONS", few)
    view, review = explorer.panels["review"].view, explorer.review
    assert review is not None
    say(view, event="page", name="shift")
    assert view.rows["offer"] and not view.rows["rows"] and view.code == "review.shift()"
    say(view, event="begin")
    table = review.shift()
    last = table[table["severity"] == 5]["accuracy"]
    assert [row["last"] for row in view.rows["rows"]] == sorted(last) and view.state == "ready"
    say(view, event="page", name="slices")
    say(view, event="page", name="shift")
    assert len(view.rows["rows"]) == 2  # what it came to stays
    say(view, event="stop")
    assert view.rows["offer"] and not view.rows["rows"]


def test_a_cue_is_shown_with_a_picture_before_and_after() -> None:
    model, data = corner_reader(30.0), Marked(0.9)
    with Explorer(model, data, runner=InlineRunner, stage="review", method="saliency") as explorer:
        view = explorer.panels["review"].view
        say(view, event="run")
        say(view, event="page", name="cues")
        say(view, event="begin")
        assert explorer.review is not None
        table = explorer.review.cues()
        rows, merged = view.rows["rows"], places(table["class"].tolist(), table["window"].tolist())
        flagged = table["flagged"].iloc[[place[0] for place in merged]].tolist()
        assert [row["marked"] for row in rows] == flagged and rows[0]["marked"]
        # found by its pixels and by maps, and listed once
        last = rows[0]["words"][-1]
        assert len(merged[0]) > 1 and last.startswith(" Proposed by pixels that repeat and the maps of ")
        assert view.rows["examples"] == min(6, len(rows)) and view.examples
        suspect = table.attrs["suspects"][0]
        left = np.flatnonzero(explorer.review.column("labels") == 0)
        assert explorer.review.items is not None
        shown = transplant(model, explorer.review.items, suspect.pictures[0], suspect.window, suspect.index, left)
        assert shown.moved and (shown.after[:2, :2] == shown.donor[:2, :2]).all()
        assert (shown.after != shown.before).any(2).sum() <= 4


def test_without_labels_what_needs_them_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbviz.reviews.shift.answers.CORRUPTIONS", {"fog": CORRUPTIONS["fog"]})
    with opened(data=Pictures(labelled=False)) as explorer:
        view = explorer.panels["review"].view
        say(view, event="run")
        assert view.figures[0][:2] == [str(COUNT), "pictures · no labels"] and len(view.tiles) == SHOWN
        assert {choice[0] for choice in view.listing["orders"]} == {"surest", "unsure", "random", "item"}
        say(view, event="page", name="cues")
        say(view, event="begin")
        assert view.state == "refused" and "no labels" in view.message and view.rows["offer"]
        for page in ("classes", "calibration", "slices"):
            say(view, event="page", name=page)
            assert view.state == "refused" and "no labels" in view.message
        say(view, event="page", name="shift")
        say(view, event="begin")
        assert explorer.review is not None
        assert view.rows["rows"][0]["values"] == explorer.review.shift()["same"].tolist()
        assert view.rows["words"][0].startswith("Share of answers that stay")
        say(view, event="page", name="pictures")
        assert view.state == "ready"


def test_a_review_is_opened_and_refused_for_another_network() -> None:
    model = nbviz.InstrumentedModel(network(), classes=NAMES)
    review = nbviz.review(model, Pictures(), progress=False)
    with Explorer(model, review=review, runner=InlineRunner, stage="review") as explorer:
        assert explorer.review is review and list(explorer.pictures)[:2] == ["item 0", "item 1"]
        view = explorer.panels["review"].view
        assert view.tiles and not view.offer
        with torch.no_grad():
            model.net[0].weight += 1
        explorer.refresh()
        assert view.state == "failed" and "other weights" in view.message and view.offer
        say(view, event="run")
        assert view.state == "ready" and explorer.review is not review
    with pytest.raises(NbvizError, match="of another network"):
        Explorer(network(5), review=review)
    with pytest.raises(NbvizError, match=r"review= is an nbviz\.Review, not int"):
        Explorer(network(), review=3)  # type: ignore[arg-type]


class Gated(Pictures):
    """Pictures that stop coming after the first few, until they are let."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.gate = threading.Event(), threading.Event()

    def __getitem__(self, number: int) -> Any:
        if number == 70 and threading.current_thread() is not threading.main_thread():
            self.reached.set()
            assert self.gate.wait(30)
        return super().__getitem__(number)


def test_cancelled_it_leaves_nothing_half_done_and_can_begin_again() -> None:
    data = Gated()
    with Explorer(network(), data, classes=NAMES, stage="review", method="saliency") as explorer:
        view = explorer.panels["review"].view
        say(view, event="run")
        assert data.reached.wait(30) and view.offer == []
        say(view, event="cancel")
        data.gate.set()
        assert explorer.wait(30) and view.offer and not view.pages and explorer.review is None
        say(view, event="run")
        assert explorer.wait(30) and view.pages and explorer.review is not None


def test_a_listing_is_checked() -> None:
    review = nbviz.review(nbviz.InstrumentedModel(network(), classes=NAMES), Pictures(), progress=False)
    with pytest.raises(NbvizError, match="Slice 'brightness, high' is not in this review"):
        Listing(part=("brightness", "high")).rows(review)
    sure = Listing(answers="sure", order="item").rows(review)
    assert (review.column("probability")[sure] >= 0.9).all()
    both = [set(Listing(answers=kind).rows(review)) for kind in ("right", "wrong")]
    assert not both[0] & both[1] and len(both[0] | both[1]) == COUNT


def test_of_the_pictures_opened_the_last_few_stay_and_those_in_use() -> None:
    items = Items.ensure([np.full((4, 4, 3), number, np.uint8) for number in range(60)])
    own = {"mine": items.read(59)}
    opener = Opener(own)
    kept = opener.name(items, 0)
    for number in range(1, 40):
        latest = opener.name(items, number, {kept})
    assert "mine" in own and kept in own and latest in own and len(own) == OPENED + 1
    assert opener.item(latest) == 39 and opener.name(items, 39) == latest
    again = opener.name(items, 3, {kept})  # dropped by now: it is read once more
    assert again in own and own[again].source == items.read(3).source
