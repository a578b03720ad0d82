"""The key of a network's state follows the globals and classes that its code reads, and nothing else."""

from __future__ import annotations

import gc
import types
from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz import InstrumentedModel
from nbviz.session.inline import InlineRunner
from tests.networks import build, picture

GAIN, TABLE, ARRAY, CALLS, shape = 1.0, {"gain": 1.0}, np.ones(1), 0, 1.0
TENSOR = torch.ones(())


def factor() -> float:
    return 1.0


class Settings:
    """Object of the user's that is no part of the network."""

    gain = 1.0

    def scale(self, y: torch.Tensor) -> torch.Tensor:
        return y * self.gain

    @staticmethod
    def unit() -> float:
        return 1.0


SETTINGS = Settings()


class Reads(nn.Module):
    """Reads its gain from everywhere but from itself, and counts its calls in a global and on its class."""

    gain = 1.0
    table = {"gain": 1.0}
    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.body = build("eval")
        self.helper = Settings()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        global CALLS
        CALLS += 1
        Reads.calls += 1
        y = self.body(x) * GAIN * TABLE["gain"] * float(ARRAY[0]) * TENSOR * factor() * x.shape[0]
        return SETTINGS.scale(self.helper.scale(y)) * self.gain * self.table["gain"] * Settings.unit()


EDITS: dict[str, Callable[[], Any]] = {
    "global": lambda: globals().update(GAIN=3.0),
    "item of a global": lambda: TABLE.update(gain=3.0),
    "array": lambda: ARRAY.__setitem__(0, 3.0),
    "tensor": lambda: TENSOR.mul_(3),
    "tensor's data": lambda: TENSOR.data.mul_(3),
    "function": lambda: globals().update(factor=lambda: 3.0),
    "code of a function": lambda: setattr(factor, "__code__", (lambda: 3.0).__code__),
    "attribute of a global object": lambda: setattr(SETTINGS, "gain", 3.0),
    "attribute of its class": lambda: setattr(Settings, "gain", 3.0),
    "method of its class": lambda: setattr(Settings, "scale", lambda self, y: 3 * y),
    "static method": lambda: setattr(Settings, "unit", staticmethod(lambda: 3.0)),
    "attribute of the network's class": lambda: setattr(Reads, "gain", 3.0),
    "item on the network's class": lambda: Reads.table.update(gain=3.0),
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    names, classes = ("GAIN", "CALLS", "factor", "shape"), (Settings, Reads)
    values = {name: globals()[name] for name in names}
    attributes = {kind: {k: v for k, v in vars(kind).items() if k[:2] != "__"} for kind in classes}
    code = factor.__code__
    yield
    globals().update(values)
    factor.__code__ = code
    for kind, held in attributes.items():
        for name, value in held.items():
            setattr(kind, name, value)
    vars(SETTINGS).clear()
    TABLE["gain"] = Reads.table["gain"] = ARRAY[0] = 1.0
    TENSOR.data.fill_(1)


def _own(net: nn.Module) -> np.ndarray:
    with torch.no_grad():
        return net(picture())[0].numpy()


@pytest.mark.parametrize("how", EDITS)
def test_what_the_code_reads_outside_is_part_of_the_key(how: str) -> None:
    model = InstrumentedModel(net := Reads().eval())
    before, scores = model.fingerprint(), model.logits(picture())
    assert model.fingerprint() == before
    EDITS[how]()
    after = model.fingerprint()
    assert after != before and model.fingerprint() == after
    np.testing.assert_array_equal(model.logits(picture()), _own(net))
    assert not np.array_equal(model.logits(picture()), scores) and model.fingerprint() == after


def test_an_explorer_shows_the_map_of_the_globals_as_they_are() -> None:
    with nbviz.Explorer(Reads().eval(), picture(), runner=InlineRunner, method="saliency", target=1) as explorer:
        explorer.wait(30)
        shown = explorer.attribution
        globals().update(GAIN=3.0)
        explorer.selection.target = 0
        explorer.selection.target = 1
        explorer.wait(30)
        assert shown is not None and explorer.attribution is not None
        torch.testing.assert_close(explorer.attribution.values, 3 * shown.values)


def test_what_the_code_does_not_read_and_what_it_writes_itself_is_no_change() -> None:
    model = InstrumentedModel(Reads().eval())
    model.logits(picture())
    before = model.fingerprint()
    model.logits(picture())
    # named like the attribute x.shape, which is no global of the network's
    globals().update(shape=5.0)
    globals().update(CALLS=CALLS + 7)
    assert model.fingerprint() == before


def test_a_network_that_its_code_names_is_not_kept_alive() -> None:
    home = types.ModuleType("notebook")
    exec("def forward(self, x): return self.body(x) if net is not None else x", vars(home))
    kind = type("Named", (nn.Module,), {"forward": vars(home)["forward"]})
    vars(home)["net"] = net = kind().eval()
    net.body = build("eval")
    model = InstrumentedModel(net)
    model.fingerprint()
    gone = ref(net)
    vars(home)["net"] = None
    del net, model
    gc.collect()
    assert gone() is None
