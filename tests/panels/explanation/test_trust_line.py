"""The trust line without a browser: dots as verdicts arrive, sentences for what was not passed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from nbviz.errors import Refused
from nbviz.evaluation import Verdict
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.explanation.trust_line import TrustFigures, TrustPanel
from nbviz.pictures.load import load_pictures
from nbviz.session.requests.trust import Trust, TrustAnswer, TrustDetail
from nbviz.session.selection import Selection
from tests.panels.rig import Rig


@pytest.fixture
def panel() -> Iterator[TrustPanel]:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    model, pictures = InstrumentedModel(net), load_pictures({"one": torch.rand(3, 16, 16)})
    model.trace(model.input(pictures["one"]))
    selection = Selection(model, pictures)
    selection.image, selection.layer = "one", "1"
    made = TrustPanel(Rig(model, pictures, selection).links)
    yield made
    made.view.close()


def test_dots_appear_as_verdicts_arrive(panel: TrustPanel) -> None:
    panel.wait()
    assert {state for _, state, _ in panel.view.dots} == {"judging"}
    passed, missed = Verdict("converged", "passed", "Within 4 %."), Verdict("hiding", "not passed", "No.")
    found = {verdict.name: verdict for verdict in (passed, missed)}
    panel.show(TrustAnswer(found, 0.5, "redrawing weights"))
    states = {name: state for name, state, _ in panel.view.dots}
    assert states == {
        "converged": "passed", "this class": "judging", "these weights": "judging", "hiding": "not passed",
    }  # fmt: skip
    assert (panel.view.sentences, panel.view.progress) == (["No."], "redrawing weights")
    panel.show(TrustAnswer(found))
    assert panel.view.progress == ""


def test_it_asks_for_the_map_on_show_and_for_figures_only_when_open(panel: TrustPanel) -> None:
    figures, selection = TrustFigures(panel.links, panel), panel.selection
    selection.method = "grad_cam"
    asked = panel.request(selection)
    assert isinstance(asked, Trust) and (asked.explanation.method, asked.explanation.layer) == ("grad_cam", "1")
    assert figures.request(selection) is None
    panel._act({"event": "open", "opened": True})
    assert isinstance(figures.request(selection), TrustDetail)
    selection.canvas = "channel"
    assert panel.request(selection) is None and figures.request(selection) is None


def test_a_refused_map_leaves_no_dots_and_a_failure_says_so(panel: TrustPanel) -> None:
    panel.fail(Refused("no ReLU here"))
    assert panel.view.dots == [] and panel.view.sentences == []
    panel.fail(ValueError("broken"))
    assert panel.view.sentences == ["Not judged: broken"]
