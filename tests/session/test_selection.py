"""The selection is the only mutable truth: an act is written whole or not at all, and heard of once."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import traitlets

from nbviz.errors import NbvizError
from nbviz.model.target import Target
from nbviz.session.pins.pin import Pin
from nbviz.session.pins.presets import show
from nbviz.session.selection import ACT, LOCK, Selection
from tests.panels.rig import rig


@pytest.fixture()
def chosen() -> Selection:
    return rig(channel=2, method="smoothgrad", options={"samples": 3}).selection


def acts(selection: Selection) -> list[set[str]]:
    """Collect the names of what each act from now on changes."""
    heard: list[set[str]] = []
    selection.observe(lambda change: heard.append(set(change["new"])), type=ACT)
    return heard


def values(selection: Selection) -> dict[str, Any]:
    return {name: getattr(selection, name) for name in selection.trait_names()}


def test_a_write_waits_for_what_is_being_painted() -> None:
    chosen = rig().selection
    with LOCK:
        writer = threading.Thread(target=chosen.set_trait, args=("image", "coffee"))
        writer.start()
        writer.join(0.1)
        assert writer.is_alive() and chosen.image == "cat"
    writer.join(5)
    assert chosen.image == "coffee"


def test_an_act_is_heard_of_once_with_all_that_it_changed_and_reset(chosen: Selection) -> None:
    heard, seen = acts(chosen), []
    chosen.observe(lambda change: seen.append((change["name"], chosen.layer, chosen.channel)), ["layer", "channel"])
    chosen.change(layer="3", method="saliency", image="coffee")
    assert heard == [{"layer", "channel", "method", "options", "image"}]
    assert (chosen.channel, chosen.options) == (None, {})
    assert sorted(seen) == [("channel", "3", None), ("layer", "3", None)]  # no observer sees half of an act


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        ({"layer": "3"}, {"layer", "channel"}),
        ({"layer": "3", "channel": 5}, {"layer", "channel"}),
        ({"channel": 5}, {"channel"}),
        ({"method": "saliency"}, {"method", "options"}),
        ({"method": "saliency", "options": {}}, {"method", "options"}),
        ({"pinned_place": (0.2, 0.4)}, {"pinned_place", "place"}),
        ({"pinned_place": (0.2, 0.4), "place": (0.1, 0.1)}, {"pinned_place", "place"}),
        ({"target": 0, "layer": "1"}, set()),
    ],
)
@pytest.mark.parametrize("how", ["change", "plain", "held"])
def test_what_a_value_resets_is_of_the_same_act(
    chosen: Selection, written: dict[str, Any], changed: set[str], how: str
) -> None:
    if how == "plain" and len(written) > 1:
        pytest.skip("two plain writes are two acts")
    heard = acts(chosen)
    if how == "change":
        chosen.change(**written)
    elif how == "plain":
        setattr(chosen, *next(iter(written.items())))
    else:
        with chosen.hold_trait_notifications():
            for name, value in written.items():
                setattr(chosen, name, value)
    assert heard == ([changed] if changed else [])
    assert {name: getattr(chosen, name) for name in written} == written


@pytest.mark.parametrize(
    "refused",
    [{"layer": "nope"}, {"target": None}, {"target": 99}, {"channel": 99}, {"image": "dog"}, {"method": "x"},
     {"stage": "x"}, {"head": (0,)}, {"pinned_place": (2, 2)}, {"image": 3}, {"options": 3}, {"pins": ("x",)}],
)  # fmt: skip
@pytest.mark.parametrize("beside", [{}, {"layer": "3", "method": "saliency", "query": "mean"}])
def test_a_refused_act_changes_nothing_and_nobody_hears_of_it(
    chosen: Selection, refused: dict[str, Any], beside: dict[str, Any]
) -> None:
    before, heard = values(chosen), acts(chosen)
    with pytest.raises((NbvizError, traitlets.TraitError)):
        chosen.change(**{**beside, **refused})
    assert values(chosen) == before and heard == []
    with pytest.raises((NbvizError, traitlets.TraitError)), chosen.hold_trait_notifications():
        for name, value in {**beside, **refused}.items():
            setattr(chosen, name, value)
    assert values(chosen) == before and heard == []
    chosen.channel = 1
    assert heard == [{"channel"}]


def test_none_is_no_target_in_a_sentence_that_says_what_is(chosen: Selection) -> None:
    with pytest.raises(NbvizError, match="None is no target: choose a class"):
        chosen.target = None
    assert chosen.target == 0


def test_junk_is_refused_by_every_trait(chosen: Selection) -> None:
    before = values(chosen)
    for name in set(chosen.trait_names()) - {"dropped"}:  # that one holds sentences of our own
        for junk in (np.array([1, 2]), ([1], [2]), (1, "a", None), ("a",), object(), float("nan"), -5, {1}):
            with pytest.raises((NbvizError, traitlets.TraitError)):
                setattr(chosen, name, junk)
    for name, junk in (("channel", True), ("place", (0.5, float("nan"))), ("pinned_place", (0.5, 1.5)), ("place", ())):
        with pytest.raises(NbvizError):
            setattr(chosen, name, junk)
    assert values(chosen) == before


def test_a_name_that_is_no_trait_is_refused_with_the_nearest(chosen: Selection) -> None:
    with pytest.raises(TypeError, match="no 'layr'; did you mean 'layer'"):
        chosen.change(layr="3", image="coffee")
    with pytest.raises(AttributeError, match="no 'layr'; did you mean 'layer'"):
        chosen.layr = "3"  # type: ignore[attr-defined]
    assert chosen.image == "cat"


def test_an_observer_that_writes_begins_an_act_of_its_own(chosen: Selection) -> None:
    heard = acts(chosen)
    chosen.observe(lambda change: chosen.change(target=1), "layer")
    chosen.layer = "3"
    assert heard == [{"layer", "channel"}, {"target"}] and chosen.target == 1


def test_bringing_a_pin_back_is_one_act(chosen: Selection) -> None:
    pin = Pin("coffee", Target(2), "grad_cam", "3")
    heard = acts(chosen)
    show(pin, chosen)
    assert heard == [{"image", "target", "layer", "channel", "method", "options"}]
    assert (chosen.image, chosen.target, chosen.layer, chosen.method) == ("coffee", 2, "3", "grad_cam")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [({"masks": 3}, TypeError, "no option 'masks'"), ({"samples": "many"}, NbvizError, "samples is a number")],
)
def test_options_are_checked_at_the_door(
    chosen: Selection, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        chosen.options = options
    assert chosen.options == {"samples": 3}
    with pytest.raises(TypeError, match="no option 'samples'"):
        chosen.change(method="saliency", options={"samples": 3})
    assert chosen.method == "smoothgrad"
