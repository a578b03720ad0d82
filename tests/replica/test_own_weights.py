"""A forward that sets its weights, in one of the many ways there are, sets those of its replica."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture, state_hash


class Sets(nn.Module):
    """Does something to its first layer's weight before each forward."""

    def __init__(self, act: Callable[[nn.Conv2d], object]) -> None:
        super().__init__()
        self.body, self.act = build("eval"), act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.act(self.body[0])
        return self.body(x)


def _data(conv: nn.Conv2d) -> None:
    conv.weight.data = torch.renorm(conv.weight.data, 2, 0, 0.3)  # as constrained convolutions do


def _through_numpy(conv: nn.Conv2d) -> None:
    conv.weight.detach().numpy()[0] *= 0.5


def _through_asarray(conv: nn.Conv2d) -> None:
    np.asarray(conv.weight.data)[0] *= 0.5


def _frozen(conv: nn.Conv2d) -> None:
    for parameter in conv.parameters():
        parameter.requires_grad = False


def _grad(conv: nn.Conv2d) -> None:
    conv.weight.grad = torch.ones_like(conv.weight)


def _hook(conv: nn.Conv2d) -> None:
    if conv.weight.requires_grad:
        conv.weight.register_hook(lambda gradient: gradient * 2)


def _precision(conv: nn.Conv2d) -> None:
    conv.half().float()


ACTS = [_data, _through_numpy, _through_asarray, _frozen, _grad, _hook, _precision]


@pytest.mark.parametrize("act", ACTS)
def test_the_users_weights_stay_and_every_pass_begins_with_them(act: Callable[[nn.Conv2d], object]) -> None:
    net, twin, x = Sets(act).eval(), Sets(act).eval(), picture()
    before = state_hash(net)
    model = InstrumentedModel(net)
    said = model.logits(x)
    nbviz.attribute(model, x, 1, "saliency")
    assert state_hash(net) == before
    assert np.array_equal(said, twin(x)[0].detach().numpy()) and np.array_equal(said, model.logits(x))


def test_a_network_that_trains_itself_is_refused() -> None:
    net = Sets(lambda conv: net.__dict__["optimizer"].zero_grad()).eval()
    net.optimizer = torch.optim.SGD(net.parameters(), 0.1)
    net.body[0].weight.grad = torch.ones_like(net.body[0].weight)
    before = state_hash(net)
    with pytest.raises(Refused, match="writes to its own weights"):
        nbviz.attribute(net, picture(), 1, "saliency")
    assert state_hash(net) == before


def test_a_compiled_function_in_a_forward_may_write_to_a_tensor_of_the_network() -> None:
    """Catches the compiler tracing the guard, which fails on its own tables."""
    step = torch.compile(lambda net, x: (net.count.add_(1), net.body(x))[1], backend="eager")

    class Compiled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.count = build("inplace"), torch.zeros(())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return step(self, x)

    net = Compiled().eval()
    assert InstrumentedModel(net).predict(picture())
    assert float(net.count) == 0
