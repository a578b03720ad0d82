"""What a forward does besides computing stays where nobody minds it."""

from __future__ import annotations

import random
import sys
import threading
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.user_code.quiet import Caught, quiet
from tests.networks import build, picture, state_hash


class Minus(nn.Module):
    """Normalises its input in place."""

    def __init__(self, grad: bool) -> None:
        super().__init__()
        self.body, self.grad = build("plain"), grad

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(self.grad):
            x -= 0.5
        return self.body(x)


@pytest.mark.parametrize("grad", [False, True])
def test_an_input_written_to_is_handed_over_fresh(grad: bool) -> None:
    net, x = Minus(grad).eval(), picture()
    before = x.clone()
    model = InstrumentedModel(net)
    wanted = net(x.clone()).detach()
    for _ in range(3):
        assert torch.equal(model(x), wanted) and torch.equal(torch.from_numpy(model.logits(x)), wanted[0])
    leaf = x.clone().requires_grad_()
    gradient = torch.autograd.grad(net.body(leaf - 0.5)[0, 1], leaf)[0]
    assert torch.equal(nbviz.attribute(net, x, 1, "saliency").values, gradient)
    assert torch.equal(x, before)


class Draws(nn.Module):
    """Draws from every global stream there is, and seeds torch's."""

    def __init__(self) -> None:
        super().__init__()
        self.body = build("plain")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(7)
        return self.body(x * (1 + random.random() + float(np.random.rand())))


def test_every_global_stream_is_where_it_was_and_answers_repeat() -> None:
    net = Draws()
    before = state_hash(net)
    model = InstrumentedModel(net)
    one = model.logits(picture())
    assert np.array_equal(one, model.logits(picture()))
    nbviz.attribute(model, picture(), 1, "smoothgrad", samples=4)
    assert state_hash(net) == before


class Prints(nn.Module):
    """Prints and warns."""

    def __init__(self) -> None:
        super().__init__()
        self.body = build("plain")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print("shape", tuple(x.shape))
        print("warned", file=sys.stderr)
        return self.body(x)


def test_what_a_forward_prints_is_counted_and_shown_nowhere(capsys: Any) -> None:
    streams = sys.stdout, sys.stderr
    model = InstrumentedModel(Prints())
    attribution = nbviz.attribute(model, picture(), 1, "saliency")
    assert capsys.readouterr() == ("", "") and (sys.stdout, sys.stderr) == streams
    assert model.guest.conduct.caught.lines >= 4
    assert "the last: 'warned'" in model.guest.notes[0] and "'warned'" in attribution.facts["note"]


def test_another_threads_output_is_not_caught(capsys: Any) -> None:
    caught = Caught()
    with quiet(caught):
        print("ours")
        thread = threading.Thread(target=print, args=("theirs",))
        thread.start()
        thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            print("more", file=sys.stderr)
    assert capsys.readouterr() == ("theirs\n", "") and caught.lines == 2
