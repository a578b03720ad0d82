"""The card's made and found parts: what they ask for, what they say, and how to get what isn't there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nbviz.dataset import Index
from nbviz.errors import NbvizError
from nbviz.panels.channels.card_found import CardFound, more_words, profile_words, where
from nbviz.panels.channels.card_made import CardMade
from nbviz.panels.channels.channel_card import ChannelPanel
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.channels.found_page import FoundPage
from nbviz.panels.channels.made_page import MadePage
from nbviz.session.context import LiveContext
from nbviz.session.requests.found import Crop, Finds, FoundChannel
from nbviz.session.requests.one_channel import KeptOne, MakeOne
from tests.panels.rig import Rig, rig, say


class Card:
    """A card with its parts over the rig's network."""

    def __init__(self, made: Rig, index: Any = None) -> None:
        made.index = index
        made.links = made.linked()
        self.rig, self.context = made, LiveContext(made.model)
        self.card, self.grid = ChannelPanel(made.links), ChannelsPanel(made.links)
        self.page, self.library = MadePage(made.links, self.grid), made.links.library
        self.made = CardMade(made.links, self.card, self.page)
        self.found = CardFound(made.links, self.card, FoundPage(made.links, self.grid))
        self.view, self.selection = self.card.view, made.selection

    def open(self, panel: Any) -> Any:
        """Ask and show."""
        panel.sync(self.selection)
        request = panel.request(self.selection)
        if request is not None:
            panel.show(self.context.answer(request))
        return request


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    monkeypatch.setenv("NBVIZ_CACHE", str(tmp_path))
    return Card(chosen())


def chosen() -> Rig:
    made = rig()
    made.selection.channel = 2
    return made


def labelled() -> list[tuple[torch.Tensor, int]]:
    made = torch.rand(40, 3, 32, 40, generator=torch.Generator().manual_seed(1))
    return [(picture, number % 3) for number, picture in enumerate(made)]


def test_it_says_how_to_get_the_picture_and_makes_it_when_asked(card: Card) -> None:
    asked = []
    card.made.links = replace(card.made.links, ask=lambda: asked.append(card.made.request(card.selection)))
    assert isinstance(card.open(card.made), KeptOne)
    assert (card.view.made["state"], card.view.made["button"]) == ("absent", "make it")
    assert bytes(card.view.made_picture) == b""
    say(card.view, event="make")
    assert asked == [MakeOne("1", 2, "default", "channel")]
    *partial, last = card.context.answers(asked[0])
    card.made.show(last)
    assert card.view.made["state"] == "there" and len(card.view.made_picture) > 500
    assert "channel 2 of 1 most, in 75 steps" in card.view.made["words"]
    assert len(card.view.made["rise"][0]) == 75 and card.made.picture is not None


def test_the_next_channel_is_made_too_until_it_is_stopped(card: Card) -> None:
    say(card.view, event="make")
    card.selection.channel = 3
    assert isinstance(card.made.request(card.selection), MakeOne)
    say(card.view, event="stop")
    assert isinstance(card.made.request(card.selection), KeptOne)


def test_what_was_made_on_the_page_is_there_at_once(card: Card) -> None:
    card.open(card.made)
    assert card.view.made["state"] == "absent"
    card.grid.show(card.context.answer(card.grid.request(card.selection)))  # type: ignore[arg-type]
    say(card.grid.view, event="look", look={"mode": "made"})
    card.page.show(card.context.answer(card.page.request(card.selection)))  # type: ignore[arg-type]
    assert isinstance(card.open(card.made), KeptOne) and card.view.made["state"] == "there"


def test_facets_and_the_opposite(card: Card) -> None:
    card.open(card.made)
    for variant, pictures in (("facets", 4), ("opposite", 1)):
        say(card.view, event="variant", variant=variant)
        request = card.open(card.made)
        assert request.variant == variant and len(card.view.made["rise"]) == pictures
    assert "below zero" in card.view.made["words"]
    say(card.view, event="variant", variant="channel")
    assert isinstance(card.made.request(card.selection), KeptOne)


def test_filters_of_colours_are_shown(card: Card) -> None:
    assert bytes(card.view.filter) == b""
    for layer, there in (("0", True), ("1", False), ("2", False)):
        card.selection.layer = layer
        card.open(card.card)
        assert bool(card.view.filter) == there


def test_a_failure_is_said_in_its_place(card: Card) -> None:
    card.made.fail(NbvizError("The network takes 5 channels."))
    assert card.view.made["state"] == "failed" and card.view.made["words"] == "The network takes 5 channels."
    card.found.fail(RuntimeError("odd"))
    assert card.view.found["state"] == "failed" and "RuntimeError: odd" in card.view.found["profile"]
    assert card.view.state == "ready"  # the map and its figures are untouched


def test_the_subject_waits_for_the_first_by_contribution() -> None:
    card = Card(rig())
    assert card.card.subject(card.selection) is None and card.made.request(card.selection) is None
    card.open(card.card)
    subject = card.card.subject(card.selection)
    assert subject == ("1", card.view.channel)
    card.selection.layer = "3"
    assert card.card.subject(card.selection) is None


def test_without_an_index_it_offers_to_look(card: Card) -> None:
    assert card.open(card.found) is None
    assert (card.view.found["state"], card.view.found["button"]) == ("absent", "look through these 2 pictures")
    say(card.view, event="look")
    page = card.found.page
    assert page.request(card.selection) is not None
    buttons = dict[str, str]()
    for answer in card.context.answers(page.request(card.selection)):
        page.show(answer)
        card.found.sync(card.selection)
        buttons |= {answer.progress: card.view.found["button"]} if answer.index is None else {}
    assert buttons == {progress: f"stop · {progress}" for progress in ("0 of 2 pictures", "2 of 2 pictures")}
    assert isinstance(card.open(card.found), FoundChannel) and card.view.found["state"] == "there"


def test_the_offer_follows_when_looking_is_stopped_or_fails(card: Card) -> None:
    card.open(card.found)
    say(card.view, event="look")
    assert card.view.found["button"] == "stop · begins"
    say(card.view, event="look")
    assert card.view.found["button"] == "look through these 2 pictures"
    say(card.view, event="look")
    card.found.page.fail(NbvizError("None of the 2 pictures could be read."))
    assert card.view.found["button"] == "look through these 2 pictures"
    assert card.view.found["profile"] == "None of the 2 pictures could be read."


def test_found_pictures_with_their_place_and_classes() -> None:
    made = chosen()
    card = Card(made, Index.build(made.model, labelled(), progress=False, sample=10))
    card.open(card.found)
    found = card.view.found
    assert found["label"] == "found, of 40 pictures" and len(found["tiles"]) == 8
    best = card.library.index.top("1", 2, 1)[0]  # type: ignore[union-attr]
    assert found["tiles"][0][0].endswith(f"picture {best.item}") and best.name in found["tiles"][0][0]
    assert found["profile"].startswith("fires for: ") and "strongest" in found["more"]
    assert len(card.view.crops) + len(card.view.wholes) < 120_000


def test_a_place_in_a_picture_that_is_not_square() -> None:
    crop = Crop(np.zeros((4, 4, 3), np.uint8), np.zeros((20, 40, 3), np.uint8), (0, 10, 10, 20), 3, 1.0, None)
    assert where(crop) == [0.25, 0.25, 0.25, 0.25]


def test_only_classes_that_matter_are_named() -> None:
    boots = [("ankle boot", 0.71), ("sneaker", 0.2), ("bag", 0.03)]
    assert profile_words(boots) == "fires for: ankle boot 71 %, sneaker 20 %"
    assert profile_words([]) == ""
    assert more_words(Finds("1", 0, [], 5, [], 0.5, (3.0, 1.0, 0.0))).startswith("selectivity 0.50")
