"""An explanation as a request: its steps, and what is said beside each of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.load import load_pictures
from nbviz.session.context import LiveContext
from nbviz.session.requests import base
from nbviz.session.requests.base import ExplainRequest


def first(scores: torch.Tensor) -> torch.Tensor:
    return scores[:, 0]


def test_the_default_layer_of_a_function_is_looked_for_once_for_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a pass each time, and Score-CAM has many steps."""
    wide = nn.Sequential(
        nn.Conv2d(3, 40, 3, padding=1), nn.ReLU(), nn.AvgPool2d(4), nn.Conv2d(40, 4, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
    ).eval()  # fmt: skip
    model, picture = InstrumentedModel(wide), load_pictures({"one": torch.rand(3, 32, 32)})["one"]
    looks, default = [], base.default_layer
    monkeypatch.setattr(base, "default_layer", lambda *asked: looks.append(asked) or default(*asked))
    request = ExplainRequest(picture, Target(function=first), "score_cam", "0")
    answers = list(LiveContext(model).answers(request))
    assert len(answers) > 1 and len(looks) == 1
    assert {answer.early for answer in answers} == {"0"}
