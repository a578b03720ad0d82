"""Plain state of the network's that a replica has a copy of is followed when the user edits it in place."""

from __future__ import annotations

import random
import types
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture


class Gain:
    """A plain object, with attributes and a slot."""

    __slots__ = ("__dict__", "slot")

    def __init__(self) -> None:
        self.scale, self.slot, self.unit = 1.0, 1.0, None


class Scaled(nn.Module):
    """Multiplies its picture by every number that it holds in one way or another."""

    def __init__(self) -> None:
        super().__init__()
        self.body = build("plain")
        self.cfg, self.names = Gain(), types.SimpleNamespace(scale=1.0, inner=Gain())
        self.deep, self.queue = [[[[1.0]]]], deque([[1.0]])
        self.keyed = {"a": {"b": {"c": {"scale": 1.0}}}}
        self.arr, self.fixed = np.ones(3), (Gain(), {"arr": [[[np.ones((2, 2)).T]]]})
        self.hidden = [nn.Threshold(-1e9, 0.0)]
        self.helper = Gain()
        self.helper.unit = self.body
        self.cell, self.set_cell = _cell()
        self.stream = random.Random(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for factor in (self.cfg.scale, self.cfg.slot, self.names.scale, self.names.inner.scale, self.deep[0][0][0][0]):
            x = x * factor
        x = x * self.queue[0][0] * self.keyed["a"]["b"]["c"]["scale"] * float(self.arr.sum() / 3)
        x = x * self.fixed[0].scale * float(self.fixed[1]["arr"][0][0][0].sum() / 4) * self.helper.scale * self.cell()
        return self.body(self.hidden[0](x))


class _Steeper(Gain):
    """Stands for another class that a cell gives to an object."""

    __slots__ = ()
    scale = property(lambda self: 5.0, lambda self, value: None)  # type: ignore[assignment]


class _Doubled(nn.Module):
    """Stands for another class that a cell gives to a module."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


def _cell() -> tuple[Callable[[], float], Callable[[float], None]]:
    scale = 1.0

    def write(value: float) -> None:
        nonlocal scale
        scale = value

    return lambda: scale, write


def _array(net: Scaled) -> None:
    net.arr[0] = 3


def _array_inside(net: Scaled) -> None:
    net.fixed[1]["arr"][0][0][0][1, 0] = 5


def _shape(net: Scaled) -> None:
    net.arr.resize(6, refcheck=False)
    net.arr[3:] = 2


EDITS: dict[str, Callable[[Scaled], Any]] = {
    "object": lambda net: setattr(net.cfg, "scale", 3.0),
    "slot": lambda net: setattr(net.cfg, "slot", 3.0),
    "new attribute": lambda net: vars(net.cfg).update(other=1, scale=2.0),
    "attributes replaced": lambda net: setattr(net.cfg, "__dict__", {"scale": 4.0}),
    "namespace": lambda net: setattr(net.names, "scale", 3.0),
    "object in a namespace": lambda net: setattr(net.names.inner, "scale", 3.0),
    "object in a tuple": lambda net: setattr(net.fixed[0], "scale", 3.0),
    "object with a module": lambda net: setattr(net.helper, "scale", 3.0),
    "list four deep": lambda net: net.deep[0][0][0].__setitem__(0, 3.0),
    "list three deep": lambda net: net.deep[0][0].__setitem__(0, [3.0]),
    "list in a queue": lambda net: net.queue[0].insert(0, 3.0),
    "queue": lambda net: net.queue.appendleft([3.0]),
    "dictionary four deep": lambda net: net.keyed["a"]["b"]["c"].update(scale=3.0),
    "array": _array,
    "array in containers": _array_inside,
    "array's shape": _shape,
    "module in a list": lambda net: setattr(net.hidden[0], "threshold", 0.5),
    "class of a module": lambda net: setattr(net.body[1], "__class__", _Doubled),
    "class of an object": lambda net: setattr(net.cfg, "__class__", _Steeper),
    "class of a module in a list": lambda net: setattr(net.hidden[0], "__class__", _Doubled),
    "variable of a closure": lambda net: net.set_cell(3.0),
}


def _own(net: nn.Module) -> np.ndarray:
    with torch.no_grad():
        return net.eval()(picture())[0].numpy()


@pytest.mark.parametrize("how", EDITS)
def test_an_edit_in_place_is_followed(how: str) -> None:
    net = Scaled()
    model = InstrumentedModel(net)
    said, before = model.logits(picture()), model.fingerprint()
    np.testing.assert_array_equal(said, _own(net))
    EDITS[how](net)
    after = model.fingerprint()
    assert after[0] == before[0] + 1
    np.testing.assert_array_equal(model.logits(picture()), _own(net))
    assert not np.array_equal(model.logits(picture()), said)
    assert model.fingerprint() == after


def test_nothing_changes_where_nothing_was_edited() -> None:
    net = Scaled()
    model = InstrumentedModel(net)
    before = model.fingerprint()
    model.predict(picture())
    net.eval()(picture()).sum().backward()
    net.train()
    net.hidden[0].eval()
    net.stream.gauss(0, 1)
    net.cfg.scale = net.cfg.scale
    net.arr[0] = 1
    assert model.fingerprint() == before


class Service:
    """Something large that drives the network, as a trainer does."""

    def __init__(self, net: nn.Module) -> None:
        self.net, self.step, self.progress = net, 0, Gain()
        self.history = [Gain() for _ in range(300)]


def test_the_progress_of_a_large_object_that_drives_the_network_is_no_structure() -> None:
    net = build("plain")
    net.__dict__["driver"] = Service(net)
    model = InstrumentedModel(net)
    before = model.fingerprint()
    net.driver.step += 1
    net.driver.progress.scale = 5.0
    assert model.fingerprint() == before


class Remembers(nn.Module):
    """Writes what it was last given to a plain object at every forward."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.memory = build("plain"), types.SimpleNamespace(last=None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.memory.last = x
        return self.body(x)


def test_a_forward_of_the_users_is_one_change_however_often_one_looks() -> None:
    net = Remembers()
    model = InstrumentedModel(net)
    before = model.fingerprint()[0]
    assert [model.fingerprint()[0] for _ in range(3)] == [before] * 3
    net(picture())
    model.predict(picture())
    assert [model.fingerprint()[0] for _ in range(3)] == [before + 1] * 3
