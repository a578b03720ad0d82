"""Networks with sparse weights and buffers are run, watched and left alone as those with dense ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.watching.identity import network_digest
from tests.networks import build, picture, state_hash

LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "coordinates": torch.Tensor.to_sparse,
    "rows": torch.Tensor.to_sparse_csr,
    "columns": torch.Tensor.to_sparse_csc,
}


class Mixed(nn.Module):
    """Mixes a network's scores by a matrix; ``act`` is what else its forward does to it."""

    mix: torch.Tensor

    def __init__(self, mix: torch.Tensor, act: Callable[[torch.Tensor], object] | None = None) -> None:
        super().__init__()
        self.body, self.act = build("eval"), act
        self.register_buffer("mix", mix)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.body(x)
        if self.act is not None:
            self.act(self.mix)
        return (self.mix @ scores.t()).t()


def _matrix() -> torch.Tensor:
    return torch.diag(torch.arange(1.0, 6)) + torch.eye(5).roll(1, 0) / 2


def _sparse(layout: str) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls rows and columns a beta
        return LAYOUTS[layout](_matrix())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sparse_buffer_is_a_buffer(layout: str) -> None:
    """Catches the refusal of every network with one: torch has no single address to give of it."""
    net, dense = Mixed(_sparse(layout)).eval(), Mixed(_matrix()).eval()
    model = InstrumentedModel(net)
    for method in ("saliency", "grad_cam"):
        values, right = (nbviz.attribute(one, picture(), 2, method).values for one in (model, dense))
        np.testing.assert_allclose(values, right, rtol=1e-4, atol=1e-6)
    # an edit that moves no version: it is seen by the values
    before, said = network_digest(net), model.logits(picture())
    values = net.mix._values() if layout == "coordinates" else net.mix.values()
    values.detach().numpy()[:] *= 2
    assert network_digest(net) != before
    np.testing.assert_allclose(model.logits(picture()), 2 * said, rtol=1e-5)


def test_an_edit_of_a_sparse_weight_is_news() -> None:
    net = Mixed(_sparse("coordinates")).eval()
    model = InstrumentedModel(net)
    model.logits(picture())
    before = model.fingerprint()
    assert model.fingerprint() == before
    net.mix._values().numpy()[0] = 7
    assert model.fingerprint() != before


@pytest.mark.parametrize("act", [lambda mix: mix.mul_(2), lambda mix: mix._values().mul_(2), lambda mix: mix.zero_()])
def test_a_forward_that_writes_to_a_sparse_buffer_writes_to_a_copy(act: Callable[[torch.Tensor], object]) -> None:
    net = Mixed(_sparse("coordinates"), act).eval()
    before = state_hash(net)
    model = InstrumentedModel(net)
    first, again = model.logits(picture()), model.logits(picture())
    np.testing.assert_array_equal(first, again)
    assert state_hash(net) == before
