"""Heads that a configuration tells more of than the graph does, and targets that are no score."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import nbviz
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from tests.model.test_heads import Net, gradient, net, picture, shares


def configured(classes: int, problem: str, ending: Callable[[Any, torch.Tensor], Any] | None = None) -> Net:
    made = net(classes, ending)
    made.config = SimpleNamespace(num_labels=classes, problem_type=problem)
    return made


def test_a_configuration_s_labels_are_independent() -> None:
    made = configured(5, "multi_label_classification")
    assert shares(InstrumentedModel(made)) == pytest.approx(made.logits(picture()).sigmoid()[0].tolist(), rel=1e-6)


def test_a_regression_has_no_probability() -> None:
    made = configured(1, "regression")
    with pytest.raises(NbvizError, match="configuration says regression.*target=lambda"):
        InstrumentedModel(made).predict(picture())
    found = nbviz.attribute(made, picture(), lambda out: out[:, 0], "saliency")
    x = picture().requires_grad_()
    assert torch.allclose(found.values, gradient(made.logits(x)[0, 0], x))


def test_what_stands_beside_a_name_that_can_t_be_read_is_not_taken() -> None:
    made = net(5, lambda n, f: {"loss": f.sum(), "logits": n.fc(f)[:, None].expand(-1, 6, -1), "mask": f.sigmoid()})
    with pytest.raises(NbvizError, match=r"shape \(1, 6, 5\)"):
        InstrumentedModel(made).predict(picture())


@pytest.mark.parametrize("step", [lambda out: out.argmax(1), lambda out: out[:, 0] > 0])
def test_a_target_that_steps_is_refused(step: Callable[[torch.Tensor], torch.Tensor]) -> None:
    with pytest.raises(NbvizError, match="one score per picture, not (int64|bool)"):
        nbviz.attribute(net(5), picture(), step, "saliency")
