"""Feature maps: a layer's output as channels by places, from a forward that ends there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.passes.feature_maps import feature_maps
from tests.counting import counted
from tests.networks import build, picture

SEEN = as_picture(picture())


def test_maps_are_what_the_layer_put_out() -> None:
    net = build("inplace").eval()
    model = InstrumentedModel(net)
    with torch.no_grad():
        norm = net[1](net[0](picture()))[0]
    found = feature_maps(model, SEEN, "1")
    np.testing.assert_array_equal(found.values, norm)
    assert found.values.dtype == np.float32 and found.places and found.signed
    assert found.nbytes == norm.numel() * 4
    assert not feature_maps(model, SEEN, "2").signed


def test_tokens_come_on_their_grid_without_the_class_token() -> None:
    found = feature_maps(InstrumentedModel(build("tokens")), SEEN, "block")
    assert found.values.shape == (12, 4, 4) and found.prefix == 1 and found.places


def test_vectors_have_one_place() -> None:
    found = feature_maps(InstrumentedModel(build("inplace")), SEEN, "7")
    assert found.values.shape == (5, 1, 1) and not found.places


def test_calls_of_a_shared_module() -> None:
    model = InstrumentedModel(build("functional"))
    one, two, last = (feature_maps(model, SEEN, name).values for name in ("relu#1", "relu#2", "relu"))
    np.testing.assert_array_equal(two, last)
    assert not np.array_equal(one, two)


class Reached(nn.Identity):
    """A place in a forward."""


class Failed(nn.Identity):
    """The place where a network ends up that swallows an exception."""


class Swallows(nn.Module):
    """Goes on when a part of it raises."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.reached, self.failed = build("inplace"), Reached(), Failed()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        try:
            x = self.reached(self.net[:4](x))
        except Exception:
            x = self.failed(x)
        return self.net[4:](x)


def test_the_forward_ends_at_the_layer() -> None:
    model = InstrumentedModel(Swallows())
    model.predict(picture())
    model.layers()  # made of other forwards, once
    with counted(Reached) as reached, counted(Failed) as failed:
        feature_maps(model, SEEN, "net.0")
        assert not reached
        feature_maps(model, SEEN, "net.5")
        assert len(reached) == 1 and not failed


def test_layers_without_channels_are_refused_in_words() -> None:
    net = build("inplace")
    net.add_module("unused", nn.Linear(1, 1))
    net.forward = lambda x: net[:8](x)
    with pytest.raises(NbvizError, match="'unused' puts out nothing"):
        feature_maps(InstrumentedModel(net), SEEN, "unused")
