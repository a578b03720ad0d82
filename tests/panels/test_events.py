"""One act is one round: it reaches the panels that read what it changed, and one that fails silences nobody."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nbviz
from nbviz.explorer import Explorer
from nbviz.panels.base.panel import Panel
from nbviz.panels.snapshot import compose
from nbviz.panels.still import still_parts
from nbviz.session.inline import InlineRunner
from nbviz.session.pins.presets import show
from nbviz.session.requests import base
from nbviz.session.selection import Selection
from tests.test_explorer import network, pictures, states

PACKAGE = Path(nbviz.__file__).parent
CARDS = {"card_made", "card_found", "switch", "need"}
QUESTION = {"classes", "scores"}


def opened(**start: Any) -> Explorer:
    start = {"method": "saliency", "target": 1, "layer": "1", **start}
    return Explorer(network(), pictures(), classes=["ant", "bee", "cat", "dog"], runner=InlineRunner, **start)


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    with opened() as made:
        yield made


def counted(explorer: Explorer) -> dict[str, Counter[str]]:
    """Count from now on who is synced and who is asked, by slot."""
    counts: dict[str, Counter[str]] = {"sync": Counter(), "request": Counter(), "point": Counter()}

    def watch(panel: Panel, name: str, call: Callable[..., Any]) -> None:
        def watched(*args: Any) -> Any:
            counts[name][panel.slot] += 1
            return call(*args)

        setattr(panel, name, watched)

    for panel in explorer.panels.values():
        for name in counts:
            watch(panel, name, getattr(panel, name))
    return counts


MAP = {"canvas"}
ACTS: dict[str, tuple[dict[str, Any], set[str], set[str]]] = {
    # act: what is written, who is synced, who is asked
    "layer": ({"layer": "3"}, {"classes", "channels", "channel", "layers"} | CARDS, {"channels", "channel"} | CARDS),
    "channel": ({"channel": 2}, {"classes", "channels", "channel"} | CARDS, {"channel"} | CARDS),
    "class": (
        {"target": 2},
        {"channels", "channel", "layers", "canvas", "trust"} | QUESTION | CARDS,
        {"channels", "channel", "layers", "canvas", "trust"} | CARDS,
    ),
    "picture": (
        {"image": "two"},
        {"title", "pictures", "answers", "channels", "channel", "layers", "canvas", "trust", "pins"} | QUESTION | CARDS,
        {"title", "pictures", "answers", "channels", "channel", "layers", "canvas", "trust", "pins"} | QUESTION | CARDS,
    ),
    "method": ({"method": "input_x_gradient"}, {"canvas", "trust"}, {"canvas", "trust"}),
    "pin": (
        {"pins": (nbviz.session.pins.pin.Pin("two", nbviz.Target(1), "saliency"),)},
        {"canvas", "stages", "pins"},
        {"stages", "pins"},
    ),
    "edit": (
        {"edits": (nbviz.edits.Transform("rotate", 20.0),)},
        {"scores", "what_if", "switch"} | {"channels", "layers", "canvas"} | CARDS,
        {"title", "pictures", "scores", "stages", "health", "switch", "methods", "map_file"}
        | {"channels", "channel", "layers", "canvas", "trust"}
        | CARDS,
    ),
    "place": ({"place": (0.5, 0.5)}, set(), set()),
    "pinned place": ({"pinned_place": (0.5, 0.5)}, {"canvas"}, set()),
}


@pytest.mark.parametrize("act", ACTS)
def test_an_act_syncs_and_asks_only_the_panels_that_read_what_it_changes(explorer: Explorer, act: str) -> None:
    written, synced, asked = ACTS[act]
    counts = counted(explorer)
    explorer.selection.change(**written)
    # cards follow the channel's answer as well: at most once more
    assert set(counts["sync"]) == synced and set(counts["request"]) == asked
    assert {slot for slot, times in counts["sync"].items() if times > 1} <= CARDS
    assert {slot for slot, times in counts["request"].items() if times > 1} <= CARDS
    assert max([*counts["sync"].values(), *counts["request"].values(), 0]) <= 2
    assert set(counts["point"]) - {"channels"} == ({"canvas"} if "place" in act else {"canvas"} & set(counts["point"]))


def test_a_layer_that_the_map_is_of_asks_for_it_too() -> None:
    with opened(method="grad_cam") as explorer:
        counts = counted(explorer)
        explorer.selection.layer = "3"
        assert {"canvas", "trust"} <= set(counts["request"])
        explorer.selection.canvas = "channel"
        counts["request"].clear()
        explorer.selection.method = "saliency"
        assert "canvas" not in counts["request"]


def test_a_click_on_a_layer_seen_before_crosses_few_files(explorer: Explorer) -> None:
    for layer in ("3", "1", "3", "1"):
        explorer.selection.layer = layer
    crossed: set[str] = set()

    def watch(frame: Any, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and PACKAGE in path.parents:
            crossed.add(path.relative_to(PACKAGE).as_posix())

    sys.setprofile(watch)
    try:
        explorer.selection.layer = "3"
    finally:
        sys.setprofile(None)
    # what decides and carries: not the panels that change nor what they draw with, nor the look at the network
    carrying = {path for path in crossed if path.startswith(("explorer", "session/", "panels/events", "panels/base/"))}
    assert "session/selection.py" in carrying and len(carrying) <= 12
    changing = (
        "panels/channels/",
        "panels/layers/",
        "panels/scenes/",
        "panels/question/class_dropdown",
        "panels/switch/",
    )
    others = {path for path in crossed if path.startswith("panels/") and not path.startswith(changing)} - carrying
    # these say which traits they read, and whether they are awake, by themselves; the title bar says that all is done
    assert others <= {f"panels/{name}.py" for name in (
        "explanation/saliency_canvas", "explanation/trust_line", "pins/pins_stage", "question/title_bar",
        "whatif/desk")}  # fmt: skip


def test_bringing_a_pin_back_computes_one_explanation(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = explorer.pin(image="two", target=2, method="smoothgrad", options={"samples": 4})
    explorer.selection.stage = "channels"
    explorer._context.cache.clear()
    computed: list[tuple[Any, ...]] = []
    explain = base.explain

    def watched(*args: Any, **options: Any) -> Any:
        computed.append((args[2].index, args[3], options))
        return explain(*args, **options)

    monkeypatch.setattr(base, "explain", watched)
    show(pin, explorer.selection)
    assert computed == [(2, "smoothgrad", {"samples": 4})]
    assert explorer.attribution is not None and explorer.attribution.facts["target"] == "cat"


class Watched(Selection):
    """Notes which of its traits are read."""

    read: set[str] = set()

    def __getattribute__(self, name: str) -> Any:
        if name in Selection.class_trait_names():
            Watched.read.add(name)
        return super().__getattribute__(name)


@pytest.mark.parametrize("stage", ["channels", "parts", "atlas", "pins"])
@pytest.mark.parametrize("method", ["saliency", "grad_cam"])
@pytest.mark.parametrize("canvas", ["explanation", "channel"])
def test_a_panel_reads_nothing_of_the_selection_that_it_does_not_declare(
    monkeypatch: pytest.MonkeyPatch, stage: str, method: str, canvas: str
) -> None:
    monkeypatch.setattr("nbviz.session.start.Selection", Watched)
    with opened(stage=stage, method=method, canvas=canvas) as explorer:
        for panel in explorer.panels.values():
            declared = set(panel.reads) | {"stage"}
            asks = declared if panel.asks is None else set(panel.asks) | {"stage"}
            Watched.read.clear()
            panel.request(explorer.selection)
            assert Watched.read <= asks <= declared, panel.slot
            panel.sync(explorer.selection)
            assert Watched.read <= declared, panel.slot


@pytest.mark.parametrize("what", ["sync", "request", "show", "wait", "hear", "still"])
@pytest.mark.parametrize("slot", ["title", "classes", "scores", "channels", "layers", "canvas", "card_made", "pins"])
def test_a_panel_that_fails_silences_no_other(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch, slot: str, what: str
) -> None:
    failed: list[BaseException] = []

    def broken(*_: Any) -> Any:
        raise ValueError("broken in this panel")

    panel = explorer.panels[slot]
    monkeypatch.setattr(panel, what, broken)
    monkeypatch.setattr(panel, "fail", failed.append)
    explorer.selection.change(image="two", target=2, layer="3")
    others = {name: state for name, state in states(explorer).items() if explorer.panels[name].view is not panel.view}
    around = ("stages", "desks") if slot == "canvas" else ("stages",)  # the view of these has the panel's own in it
    assert {state for name, state in others.items() if name not in (slot, *around)} <= {"ready", "nothing"}
    assert explorer.panels["title"].view.word == "ready"
    if slot != "canvas":
        assert explorer.attribution is not None and explorer.attribution.facts["target"] == "cat"
    if what in ("sync", "request"):
        assert failed and "broken in this panel" in str(failed[0])
    parts = still_parts(explorer.panels.values(), explorer.selection)
    assert ("could not be drawn: broken" in " ".join(parts.problems)) == (what == "still" and slot != "pins")
    assert explorer.snapshot().height > 300


def test_a_head_that_was_replaced_leaves_every_panel_usable() -> None:
    explorer = Explorer(network(), pictures(), method="saliency", target=3, runner=InlineRunner)
    explorer.model.net[6] = torch.nn.Linear(6, 2)
    explorer.refresh()
    explorer.selection.image = "two"
    explorer.selection.layer = "3"
    said = {slot: state for slot, state in states(explorer).items() if state != "ready"}
    assert "Class 3" in explorer.panels["canvas"].foot.message and said["canvas"] in ("refused", "failed")
    explorer.selection.target = 1
    assert set(states(explorer).values()) <= {"ready", "nothing"}
    assert explorer.attribution is not None and len(explorer.panels["classes"].view.names) == 2
    explorer.close()


def _fails(output: Any) -> Any:
    raise nbviz.NbvizError("This target is refused, for the sake of the test.")


def test_a_failed_panel_is_in_the_still_picture_with_its_sentence(explorer: Explorer) -> None:
    clean = np.asarray(explorer.snapshot())
    explorer.selection.target = _fails
    message = explorer.panels["canvas"].foot.message
    parts = still_parts(explorer.panels.values(), explorer.selection)
    assert message and message in parts.problems and parts.explanation is None
    bare = np.asarray(compose(replace(parts, problems=())))
    said = np.asarray(compose(parts))
    assert said.shape[0] > bare.shape[0] and clean.shape[1] == said.shape[1]
