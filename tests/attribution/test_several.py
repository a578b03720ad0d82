"""Several targets at once: each as it would be alone, from forwards that are run once."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import nbviz
from nbviz.attribution import METHODS, explain_each
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from tests.counting import counted
from tests.networks import build, picture, state_hash
from tests.test_laws import quick

FORWARDS = {"saliency": 1, "input_x_gradient": 1, "grad_cam": 1, "hires_cam": 1, "guided_backprop": 1, "deconvnet": 1}


class Counted(torch.nn.Module):
    """A network whose forwards are counted."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.net = build(name)

    def forward(self, x: torch.Tensor) -> Any:
        return self.net(x)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["inplace", "tokens", "drops", "segments", "detects"])
def test_each_is_what_it_would_be_alone(method: str, name: str) -> None:
    net, x, targets = build(name), picture(), [1, "predicted", (2, 0), Target(3)]
    targets = targets[::3] if name == "detects" else targets
    before = state_hash(net)
    try:
        alone = [nbviz.attribute(net, x, target, method, **quick(method)) for target in targets]
    except Refused:
        pytest.skip("refused")
    together = nbviz.attribute(net, x, targets, method, **quick(method))
    assert state_hash(net) == before
    for one, other in zip(together, alone, strict=True):
        assert torch.equal(one.values, other.values) and torch.equal(one.evidence, other.evidence)
        facts = [{k: v for k, v in made.facts.items() if k != "seconds"} for made in (one, other)]
        assert facts[0] == facts[1]


@pytest.mark.parametrize(("method", "count"), FORWARDS.items())
def test_a_gradient_method_takes_one_forward(method: str, count: int) -> None:
    net = Counted("plain")
    model = InstrumentedModel(net)
    nbviz.attribute(model, picture(), 0, method)  # first contact, and the default layer
    with counted(Counted) as passes:
        found = nbviz.attribute(model, picture(), [0, 1, 2, 3, 4], method)
    assert len(passes) == count and len(found) == 5


def test_perturbation_methods_hide_each_part_once() -> None:
    model = InstrumentedModel(Counted("plain"))
    model.predict(picture())
    for method in ("occlusion", "rise"):
        nbviz.attribute(model, picture(), 0, method, **quick(method))
        with counted(Counted) as alone:
            nbviz.attribute(model, picture(), 0, method, **quick(method))
        with counted(Counted) as together:
            nbviz.attribute(model, picture(), [0, 1, 2], method, **quick(method))
        assert len(together) == len(alone) > 0


def test_they_come_one_after_the_other() -> None:
    model = InstrumentedModel(build("inplace"))
    partials = list(explain_each(model, picture(), [0, 1, 2], "saliency"))
    assert [[made is not None for made in partial] for partial in partials] == [
        [True, False, False], [True, True, False], [True, True, True]
    ]  # fmt: skip


def test_left_at_any_point_nothing_stays() -> None:
    net = build("inplace")
    model = InstrumentedModel(net)
    model.predict(picture())
    before = state_hash(net)
    for after in range(4):
        answers = explain_each(model, picture(), [0, 1, 2], "occlusion", window=8, stride=8)
        for _, _ in zip(range(after), answers, strict=False):
            pass
        answers.close()  # type: ignore[attr-defined]
        assert state_hash(net) == before


def test_a_wrong_one_among_them_is_said() -> None:
    with pytest.raises(nbviz.NbvizError, match="Class 9 does not exist"):
        nbviz.attribute(build("inplace"), picture(), [1, 9], "saliency")
    with pytest.raises(nbviz.NbvizError, match="nothing to explain"):
        nbviz.attribute(build("inplace"), picture(), [], "saliency")
