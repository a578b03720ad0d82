"""The layer tree says every module once, in order, and its strip has a square a row."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.panels.layers.layer_tree import LayersPanel, caption, miniature, rows, short_name, where
from nbviz.passes.evidence import EvidenceMaps
from nbviz.pictures.load import load_pictures
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import EvidenceRequest
from nbviz.session.selection import Selection
from tests.panels.rig import Rig

MARKUP = "<img src=x onerror=alert(1)>"


class Small(nn.Module):
    """Two blocks, a ReLU called twice, and a module that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(nn.Sequential(nn.Conv2d(c, 6, 3, padding=1), nn.Tanh()) for c in (3, 6)))
        self.relu = nn.ReLU()
        self.head = nn.Linear(6, 2)
        self.unused = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.relu(self.relu(self.blocks(x))).mean((2, 3)))


@pytest.fixture(scope="module")
def model() -> InstrumentedModel:
    torch.manual_seed(0)
    return InstrumentedModel(Small(), classes=["cat", MARKUP])


@pytest.fixture()
def panel(model: InstrumentedModel) -> LayersPanel:
    noise = torch.randn(3, 24, 24, generator=torch.Generator().manual_seed(1))
    pictures = load_pictures({"noise": noise, "wide": noise[:, :10, :20]})
    model.trace(model.input(pictures["noise"]))
    selection = Selection(model, pictures, image="noise", layer="blocks", target="cat")
    return LayersPanel(Rig(model, pictures, selection).links)


def answer(panel: LayersPanel, model: InstrumentedModel) -> EvidenceMaps:
    request = panel.request(panel.selection)
    assert request is not None
    return LiveContext(model).answer(request)


def row(panel: LayersPanel, name: str) -> dict[str, Any]:
    return next(row for row in panel.view.rows if row["name"] == name)


def test_every_module_has_one_row_below_its_parent(panel: LayersPanel, model: InstrumentedModel) -> None:
    names = [row["name"] for row in panel.view.rows]
    assert {name for name, _ in model.net.named_modules() if name} <= set(names)
    assert len(names) == len(set(names))
    depths = [row["depth"] for row in panel.view.rows]
    assert depths[0] == 0 and all(after <= before + 1 for before, after in pairwise(depths))


def test_a_row_says_shape_kind_and_calls(panel: LayersPanel) -> None:
    assert (row(panel, "blocks")["kind"], row(panel, "blocks")["shape"]) == ("2 blocks", "6×24×24")
    first = row(panel, "blocks.0.0")
    assert (first["text"], first["kind"], first["depth"]) == ("0", "conv 3×3", 2)
    assert "168 parameters · called once" in first["tip"]
    assert row(panel, "relu")["tip"].endswith("no parameters · called twice")
    assert not row(panel, "unused")["called"] and "not called" in row(panel, "unused")["tip"]


def test_the_strip_has_a_square_a_row(panel: LayersPanel, model: InstrumentedModel) -> None:
    panel.wait()
    assert panel.view.state == "computing"
    panel.show(answer(panel, model))
    strip = Image.open(io.BytesIO(panel.view.sprite))
    assert strip.size == (22, 22 * len(panel.view.rows)) and len(panel.view.captions) == len(panel.view.rows)
    assert (panel.view.state, panel.view.target) == ("ready", "cat")
    at = [row["name"] for row in panel.view.rows].index("unused")
    blank = np.asarray(strip.convert("RGBA"))[22 * at : 22 * at + 22]
    assert not blank[..., 3].any() and panel.view.captions[at] == ""


def test_going_back_to_a_class_paints_the_same_again(panel: LayersPanel, model: InstrumentedModel) -> None:
    first = answer(panel, model)
    panel.show(first)
    sent = panel.view.sprite
    panel.selection.target = 1
    panel.show(answer(panel, model))
    assert panel.view.sprite != sent and panel.view.target == MARKUP
    panel.show(first)
    assert panel.view.sprite == sent and panel.view.target == "cat"


def test_rows_follow_a_picture_of_another_size(panel: LayersPanel, model: InstrumentedModel) -> None:
    panel.show(answer(panel, model))
    before = panel.view.rows
    panel.show(answer(panel, model))
    assert panel.view.rows is before
    for name, shape in (("wide", "6×10×20"), ("noise", "6×24×24")):
        panel.selection.image = name
        panel.show(answer(panel, model))
        assert row(panel, "blocks")["shape"] == shape


def test_its_request_follows_picture_and_class_only(panel: LayersPanel) -> None:
    before = panel.request(panel.selection)
    panel.selection.layer, panel.selection.canvas = "relu", "channel"
    assert panel.request(panel.selection) == before and isinstance(before, EvidenceRequest)
    panel.selection.target = 1
    assert panel.request(panel.selection) != before


def test_a_click_chooses_the_layer(panel: LayersPanel) -> None:
    panel.view._handle_custom_msg({"event": "choose", "layer": "blocks.1"}, [])
    assert panel.selection.layer == "blocks.1"
    panel.sync(panel.selection)
    assert panel.view.selected == "blocks.1"


def test_names_stay_text(panel: LayersPanel, model: InstrumentedModel) -> None:
    panel.selection.target = 1
    panel.show(answer(panel, model))
    assert panel.view.target == MARKUP


def test_failures_say_what_a_user_can_act_on(panel: LayersPanel) -> None:
    for error, state, folded in (
        (Refused("No."), "refused", False),
        (NbvizError("Pass x."), "failed", False),
        (ValueError("odd"), "failed", True),
    ):
        panel.fail(error)
        assert (panel.view.state, bool(panel.view.details)) == (state, folded)
        assert str(error) in panel.view.message
    retried: list[int] = []
    panel.links = replace(panel.links, refresh=lambda: retried.append(1))
    panel.view._handle_custom_msg({"event": "retry"}, [])
    assert retried == [1]


def test_a_network_of_one_module_has_a_row() -> None:
    only = rows(Layer("", "Linear", (2,), 6, calls=1, label="linear"))
    assert [(row["name"], row["text"]) for row in only] == [("", "Linear")]


@pytest.mark.parametrize(
    ("name", "parent", "text"),
    [
        ("a.b.c", "a.b", "c"),
        ("a", "", "a"),
        ("relu#2", "relu", "call 2"),
        ("ab", "a", "b"),
        ("x.0#1", "x.0", "call 1"),
    ],
)
def test_a_row_says_what_its_parent_does_not(name: str, parent: str, text: str) -> None:
    assert short_name(name, parent) == text


@pytest.mark.parametrize(
    ("peak", "words"),
    [
        ((0, 0), "at the upper left"),
        ((4, 4), "in the middle"),
        ((8, 4), "at the bottom"),
        ((4, 8), "at the right"),
    ],
)
def test_a_place_in_words(peak: tuple[int, int], words: str) -> None:
    values = np.zeros((9, 9), np.float32)
    values[peak] = 1
    assert where(values) == words
    # words must not depend on the resolution
    assert where(np.kron(values, np.ones((5, 3), np.float32))) == words


def test_captions_tell_no_evidence_from_no_places() -> None:
    called = Layer("a", "Linear", (4,), 0, calls=1)
    nothing = EvidenceMaps("cat", 0, 1.0, {"a": None}, {})
    assert "no places" in caption(called, miniature(called, nothing), "cat")
    negative = -np.ones((2, 2), np.float32)
    assert caption(called, negative, "cat") == "blank: no evidence for cat here"
    assert "at the upper left" in caption(called, np.eye(3, dtype=np.float32), "cat")


def test_nan_evidence_has_a_caption() -> None:
    called = Layer("a", "Conv2d", (1, 2, 2), 0, calls=1)
    assert "not finite" in caption(called, np.full((2, 2), np.nan, np.float32), "cat")
