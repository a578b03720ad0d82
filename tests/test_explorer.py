"""The Explorer without a browser: everything follows the selection, and nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import NbvizError, UnknownName
from nbviz.explorer import Explorer
from nbviz.panels.base.close_tree import reach
from nbviz.panels.base.front import Front
from nbviz.session.inline import InlineRunner
from tests.shapes import NAMES, detector, draw

WIDGETS = ipywidgets.widgets.widget._instances


def network(classes: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 6, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, classes),
    ).eval()


def pictures() -> dict[str, torch.Tensor]:
    made = torch.Generator().manual_seed(1)
    return {name: torch.rand(3, 32, 32, generator=made) for name in ("one", "two", "three")}


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    with Explorer(network(), pictures(), classes=["ant", "bee", "cat", "dog"], runner=InlineRunner) as made:
        yield made


@pytest.fixture
def live() -> Iterator[Explorer]:
    with Explorer(network(), pictures(), classes=["ant", "bee", "cat", "dog"]) as made:
        yield made


def test_waiting_for_the_background_too_has_every_test_of_the_map_ended(live: Explorer) -> None:
    assert live.wait(60, background=True)
    dots = live.panels["trust"].view.dots  # type: ignore[attr-defined]
    assert dots and "judging" not in {state for _, state, _ in dots}


def states(explorer: Explorer) -> dict[str, str]:
    found = {}
    for slot, panel in explorer.panels.items():
        fronts = [widget for widget in reach(panel.view) if isinstance(widget, Front)]
        words = [front.state for front in fronts if front.state != "ready"]
        found[slot] = words[0] if words else "ready"
    return found


def test_it_opens_with_nothing_empty(live: Explorer) -> None:
    assert live.wait(30)
    assert live.selection.image == "one"
    assert live.selection.layer == "1"
    assert live.attribution is not None and live.attribution.done == 1
    assert set(states(live).values()) <= {"ready", "nothing"}


def test_the_attribution_is_that_of_the_selection(live: Explorer) -> None:
    for image, target, method in [("two", "cat", "saliency"), ("three", "ant", "saliency"), ("two", 3, "grad_cam")]:
        live.selection.image, live.selection.target, live.selection.method = image, target, method
        assert live.wait(30)
        layer = live.selection.layer if method == "grad_cam" else None
        expected = nbviz.attribute(live.model, live.pictures[image], target, method, layer)
        assert live.attribution is not None
        assert torch.equal(live.attribution.values, expected.values)
        assert live.attribution.facts["target"] == expected.facts["target"]


def test_random_clicks_end_on_the_selection_and_show_nothing_stale(live: Explorer) -> None:
    random = np.random.default_rng(0)
    shown: list[tuple[Any, Any]] = []
    show = live._events.answered

    def watched(slot: str, request: Any, answer: Any, final: bool) -> None:
        shown.append((request, live.panels[slot].request(live.selection)))
        show(slot, request, answer, final)

    live._events.answered = watched  # type: ignore[method-assign]
    choices = {
        "image": list(live.pictures), "layer": ["0", "1", "2", "3"], "target": [0, 1, "cat", "predicted", (0, 1)],
        "method": ["saliency", "integrated_gradients", "grad_cam"],
    }  # fmt: skip
    for _ in range(80):
        trait = random.choice(list(choices))
        options = choices[str(trait)]
        setattr(live.selection, str(trait), options[random.integers(len(options))])
    assert live.wait(60)
    assert shown and all(answered == wanted for answered, wanted in shown)
    assert set(states(live).values()) <= {"ready", "nothing"}


def test_going_back_computes_nothing(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    for layer in ("3", "1", "3"):
        explorer.selection.layer = layer
    explorer.selection.target = "bee"
    monkeypatch.setattr(explorer._context, "answers", lambda request: pytest.fail(f"computed again: {request}"))
    explorer.selection.target = "predicted"
    explorer.selection.layer = "1"
    explorer.selection.change(at="last")  # as it opened
    assert (explorer.selection.layer, explorer.attribution.facts["layer"]) == ("1", "3")
    while explorer.selection.can_back:
        explorer.selection.back()
    assert set(states(explorer).values()) <= {"ready", "nothing"}


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("layer", "12", "Layer '12' is not in this model"),
        ("image", "twoo", "Nearest: 'two'"),
        ("target", "catt", "Nearest: 'cat'"),
        ("target", 4, "Class 4 does not exist"),
        ("method", "saliencies", "Nearest: 'saliency'"),
        ("channel", 8, "Channel 8 is not in layer '1'"),
    ],
)
def test_an_unknown_name_leaves_the_selection(explorer: Explorer, trait: str, value: Any, words: str) -> None:
    before = getattr(explorer.selection, trait)
    with pytest.raises(NbvizError, match=words):
        setattr(explorer.selection, trait, value)
    assert getattr(explorer.selection, trait) == before


def test_a_model_that_raises_says_so_in_its_panels_and_recovers(explorer: Explorer) -> None:
    net = explorer.model.net
    net[2].forward = lambda x: 1 / 0  # type: ignore[method-assign]
    explorer.selection.image = "two"
    assert states(explorer)["scores"] in ("failed", "refused")
    del net[2].forward
    explorer.selection.image = "three"
    assert set(states(explorer).values()) <= {"ready", "nothing"}


def test_a_data_set_that_is_paged_through_is_not_said_to_be_cut() -> None:
    data = [(picture, 0) for picture in torch.rand(20, 3, 16, 16)]
    with Explorer(network(), torch.utils.data.Subset(data, range(20)), method="saliency", runner=InlineRunner) as made:
        view = made.panels["pictures"].view
        assert len(view.names) < view.total == 20 and "shown" not in view.message


def test_a_model_that_changes_is_followed(explorer: Explorer) -> None:
    before = explorer.attribution
    with torch.no_grad():
        explorer.model.net[0].weight.mul_(1.5)
    explorer._events.idle()
    title = explorer.panels["title"].view
    assert title.moved
    explorer.refresh()
    assert not title.moved
    assert before is not None and explorer.attribution is not None
    assert not torch.equal(before.values, explorer.attribution.values)


def test_refresh_computes_anew_whatever_is_known_of_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbviz.replica.watching.watch.Watch.contents", lambda self, reread=False: b"as ever")
    net = network()
    with Explorer(net, pictures(), method="saliency", target=1, runner=InlineRunner) as explorer:
        net[0].weight.data[1].zero_()
        explorer.refresh()
        right = nbviz.attribute(net, pictures()[explorer.selection.image], 1, "saliency")
        assert explorer.attribution is not None and torch.equal(explorer.attribution.values, right.values)


def test_an_edit_that_no_sample_shows_is_seen_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbviz.replica.watching.watch.SMALL", 0)
    net = nn.Sequential(nn.Conv2d(3, 64, 3), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with Explorer(net, pictures(), method="saliency", target=1) as explorer:
        assert explorer.wait(30)
        title = explorer.panels["title"].view
        net[1].weight.data[7, 5].fill_(3)
        deadline = time.monotonic() + 60
        while not title.moved and time.monotonic() < deadline:
            time.sleep(0.05)
        assert title.moved
        explorer.selection.target = 2
        explorer.selection.target = 1
        assert explorer.wait(30)
        right = nbviz.attribute(net, pictures()[explorer.selection.image], 1, "saliency")
        assert explorer.attribution is not None and torch.equal(explorer.attribution.values, right.values)


def test_two_explorers_on_one_model_do_not_disturb_each_other() -> None:
    net = network()
    with Explorer(net, pictures()) as first, Explorer(net, pictures()) as second:
        first.selection.method, second.selection.method = "saliency", "grad_cam"
        second.selection.image = "two"
        assert first.wait(30) and second.wait(30)
        assert first.attribution is not None and second.attribution is not None
        assert first.attribution.facts["layer"] is None
        assert second.attribution.facts["layer"] == "1"
    assert not any(module._forward_hooks for module in net.modules())


def test_the_model_is_untouched(explorer: Explorer) -> None:
    net = explorer.model.net
    state = {key: value.clone() for key, value in net.state_dict().items()}
    net.train()
    explorer.selection.image = "two"
    explorer.selection.method = "grad_cam"
    assert all(module.training for module in net.modules())
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in state.items())
    assert all(p.grad is None for p in net.parameters())


def test_names_are_text_never_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    with Explorer(network(), {evil: pictures()["one"]}, classes=[evil, "b", "c", "d"], runner=InlineRunner) as made:
        assert made.selection.image == evil
        made.selection.target = evil
        assert made.attribution is not None and made.attribution.facts["target"] == evil


def test_arguments_that_do_not_fit_are_said() -> None:
    with pytest.raises(NbvizError, match="4 scores"):
        Explorer(network(), pictures(), classes=["a", "b"])
    with pytest.raises(TypeError, match="did you mean 'classes'"):
        Explorer(network(), pictures(), clases=["a"])
    with pytest.raises(UnknownName, match="Layer"):
        Explorer(network(), pictures(), layer="nope")
    with pytest.raises(NbvizError, match="TorchScript"):
        Explorer(torch.jit.trace(network(), torch.rand(1, 3, 32, 32)), pictures())


def test_failed_construction_leaves_no_widget() -> None:
    widgets = set(WIDGETS)
    with pytest.raises(NbvizError):
        Explorer(network(), pictures(), layer="nope")
    assert set(WIDGETS) == widgets


def test_snapshot_and_bundle(explorer: Explorer) -> None:
    image = explorer.snapshot()
    assert image.mode == "RGB" and image.width >= 1000
    assert len(np.unique(np.asarray(image.convert("L")))) > 50
    bundle = explorer._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "text/plain" in bundle


def test_an_output_that_can_not_be_read_is_said_at_once_and_a_callable_explains_it() -> None:
    depth, pictures_, widgets = nn.Sequential(nn.Conv2d(3, 1, 3), nn.ReLU()), pictures(), set(WIDGETS)
    with pytest.raises(NbvizError, match=r"Is it a depth or another quantity\? Pass output="):
        Explorer(depth, pictures_)
    assert set(WIDGETS) == widgets
    with Explorer(depth, pictures_, target=lambda y: y.mean((1, 2, 3)), method="saliency", runner=InlineRunner) as made:
        assert made.attribution is not None and states(made)["scores"] == "refused"


def test_a_detector_that_finds_nothing_still_shows_its_channels() -> None:
    shown = {"none": torch.full((3, 64, 64), 0.45), "two": draw(0).image}
    with Explorer(detector(), shown, classes=NAMES, method="saliency", runner=InlineRunner) as made:
        assert states(made)["canvas"] == "refused" and states(made)["channels"] == "ready"
        made.selection.image = "two"
        assert set(states(made).values()) <= {"ready", "nothing"}
        assert made.attribution is not None and made.attribution.facts["target"] == "disc, box 0"
        assert len(np.unique(np.asarray(made.snapshot().convert("L")))) > 50
