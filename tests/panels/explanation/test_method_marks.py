"""Methods that a network can't have are greyed with the reason, and no other is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nbviz.attribution import METHODS, attribute
from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.explanation.method_marks import MethodMarks
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.pictures.load import as_picture
from nbviz.session.context import LiveContext
from nbviz.session.requests.refusals import AskRefusals
from tests.panels.rig import photo, rig


@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU])
def test_exactly_the_refused_methods_are_greyed_with_their_reason(activation: type[nn.Module]) -> None:
    small = rig()
    if activation is not nn.ReLU:
        for place in (1, 3):
            small.model.net[place] = activation()
    marks = MethodMarks(small.links, SaliencyCanvas(small.links, lambda place: []))
    small.show(marks)
    refused = {}
    for name in METHODS:
        try:
            attribute(small.model, small.pictures["cat"], 0, name, **({"masks": 8} if name == "rise" else {}))
        except Refused as error:
            refused[name] = str(error)
    assert dict(marks.view.refused) == refused and "rollout" in refused
    assert ("guided_backprop" in refused) == (activation is nn.SiLU)
    marks.wait()
    assert marks.view.refused == {}


def test_a_method_that_may_be_refused_says_so_where_it_is_registered() -> None:
    torch.manual_seed(0)
    linear = InstrumentedModel(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2)), transform=_tensor)
    refused = set()
    for name in METHODS:
        try:
            attribute(linear, photo(8, 8), 0, name, **({"masks": 8} if name == "rise" else {}))
        except Refused:
            refused.add(name)
        except NbvizError:
            continue  # needs a layer with places, which is the reader's to choose
    assert refused and refused <= {name for name, method in METHODS.items() if method.limited}


def test_methods_of_a_layer_are_greyed_where_no_layer_has_places() -> None:
    flat = InstrumentedModel(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2)), transform=_tensor)
    (*_, answer) = AskRefusals(as_picture(photo(8, 8)))(LiveContext(flat))
    assert "grad_cam" in answer.reasons and "nowhere to draw a map" in answer.reasons["grad_cam"]
    assert set(answer.reasons) == {name for name, method in METHODS.items() if method.limited}  # no ReLU either


def _tensor(image: object) -> torch.Tensor:
    return torch.linspace(0, 1, 3 * 8 * 8).view(3, 8, 8)
