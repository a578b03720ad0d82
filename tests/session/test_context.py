"""A context's looks at the weights: one an event, and always a fresh one for what is computed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from nbviz.explorer import Explorer
from nbviz.session.context import LiveContext
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.base import Request
from tests.test_explorer import network, pictures


class Model:
    """A model whose weights can be moved, and that counts the looks at them."""

    version, looks = 0, 0

    def fingerprint(self, reread: bool = False) -> int:
        self.looks += 1
        return self.version


@dataclass(frozen=True)
class Echo(Request):
    """The version there is when it is asked."""

    name: str

    def __call__(self, context: Any) -> Iterator[tuple[str, int]]:
        yield self.name, context.model.version


def context() -> LiveContext:
    return LiveContext(Model())  # type: ignore[arg-type]


def test_one_look_serves_all_that_is_asked_within() -> None:
    one = context()
    one.answer(Echo("a"))
    before = one.model.looks  # type: ignore[attr-defined]
    with one.one_look(), one.one_look():
        assert [one.known(Echo("a")), one.known(Echo("b")), one.version()] == [("a", 0), None, 0]
    assert one.model.looks == before + 1  # type: ignore[attr-defined]
    one.model.version = 1  # type: ignore[attr-defined]
    assert one.known(Echo("a")) is None


def test_what_is_computed_meanwhile_belongs_to_the_weights_it_was_computed_of() -> None:
    one = context()
    with one.one_look():
        one.model.version = 1  # type: ignore[attr-defined]
        assert one.answer(Echo("a")) == ("a", 1) and one.known(Echo("a")) is None
    assert one.known(Echo("a")) == ("a", 1)


def test_another_thread_looks_for_itself() -> None:
    one, seen = context(), list[Any]()
    with one.one_look():
        one.model.version = 1  # type: ignore[attr-defined]
        other = threading.Thread(target=lambda: seen.append(one.version()))
        other.start()
        other.join()
        assert (seen, one.version()) == ([1], 0)


def test_an_event_that_computes_nothing_looks_once() -> None:
    with Explorer(network(), pictures(), runner=InlineRunner, method="saliency") as explorer:
        explorer.selection.channel = 1
        explorer.selection.channel = 2
        looks, guest = list[int](), explorer.model.guest
        real = guest.fingerprint
        guest.fingerprint = lambda *_: looks.append(1) or real()  # type: ignore[method-assign,assignment,func-returns-value]
        explorer.selection.channel = 1
        assert len(looks) == 1
        next(guest.net.parameters()).data.mul_(1.5)
        before = explorer.attribution
        explorer.selection.channel = 2
        assert explorer.attribution is not before


def test_pointing_at_a_place_looks_at_no_network() -> None:
    with Explorer(network(), pictures(), runner=InlineRunner, method="saliency") as explorer:
        looks, guest = list[int](), explorer.model.guest
        real = guest.fingerprint
        guest.fingerprint = lambda *_: looks.append(1) or real()  # type: ignore[method-assign,assignment,func-returns-value]
        explorer.selection.place = (0.5, 0.5)
        assert not looks and explorer.panels["canvas"].pointer.tip.startswith("row 16")  # type: ignore[attr-defined]


def test_a_click_seen_before_asks_the_network_for_no_filters_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with Explorer(network(), pictures(), runner=InlineRunner, method="saliency", layer="0") as explorer:
        asked: list[str] = []
        real = explorer.model.filters
        monkeypatch.setattr(explorer.model, "filters", lambda name: asked.append(name) or real(name))
        for layer in ("1", "0", "1", "0", "1"):
            explorer.selection.layer = layer
        assert sorted(asked) in (["1"], ["0", "1"])
        explorer.selection.layer = "0"
        before = explorer.panels["channel"].view.filter
        conv = next(explorer.model.guest.net.modules())[0]
        with torch.no_grad():
            conv.weight.copy_(torch.rand_like(conv.weight))
        explorer.refresh()
        assert before and explorer.panels["channel"].view.filter != before
