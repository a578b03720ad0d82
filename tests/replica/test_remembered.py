"""A plain network is traced once; what it does is followed, and nothing keeps it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.model.brief import _models
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.copying.copier import Copier
from nbviz.replica.watching.structure import Structure
from tests.counting import counted
from tests.networks import build, picture


class Counting(nn.Identity):
    """A layer whose calls are counted."""


def _forwards(act: Callable[[], object]) -> int:
    with counted(Counting) as forwards:
        act()
    return len(forwards)


def _saliency(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return nbviz.attribute(net, x, 1, "saliency").values


def test_the_second_call_runs_what_the_method_needs_and_nothing_else() -> None:
    net, x = nn.Sequential(Counting(), *build("plain")), picture()
    assert _forwards(lambda: _saliency(net, x)) > 1
    assert _forwards(lambda: _saliency(net, x)) == 1
    assert _forwards(lambda: nbviz.attribute(net, x, 1, "grad_cam")) > 1
    assert _forwards(lambda: nbviz.attribute(net, x, 1, "grad_cam")) == 1


CHANGES: dict[str, Callable[[nn.Sequential], Any]] = {
    "nothing": lambda net: None,
    "weights": lambda net: nn.init.ones_(net[0].weight),
    "one kernel": lambda net: net[0].weight.data[2, 1].fill_(3),
    "surgery": lambda net: net.__setitem__(2, nn.Tanh()),
    "layer removed": lambda net: net.__delitem__(2),
    "type": lambda net: net.double(),
    "data": lambda net: setattr(net[0].weight, "data", torch.ones_like(net[0].weight)),
    "attribute": lambda net: setattr(net[0], "padding", (2, 2)),
    "hook": lambda net: net[0].register_forward_hook(lambda module, inputs, output: 2 * output),
    "forward": lambda net: setattr(net[2], "forward", torch.sin),
    "head": lambda net: net.__setitem__(len(net) - 1, nn.Linear(net[-1].in_features, 3)),
}


@pytest.mark.parametrize("how", CHANGES)
def test_changes_are_followed(how: str) -> None:
    net = build("plain")
    assert isinstance(net, nn.Sequential)
    _saliency(net, picture())
    nbviz.attribute(net, picture(), "predicted", "grad_cam")
    CHANGES[how](net)
    x = picture().to(next(net.parameters()).dtype)
    for method in ("saliency", "grad_cam"):
        right = nbviz.attribute(InstrumentedModel(net), x, 1, method)
        found = nbviz.attribute(net, x, 1, method)
        assert torch.equal(found.values, right.values) and found.facts["layer"] == right.facts["layer"]


class _Closure(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)
        self.run = lambda x: self.head(self.body(x).mean((2, 3)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.run(x)


class _Parent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = build("plain")
        self.body.__dict__["owner"] = [self]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


class _Hooked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.seen = build("plain"), 0
        self.body.register_forward_hook(self.note)

    def note(self, *_: object) -> None:
        self.seen = 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


@pytest.mark.parametrize("kind", [_Closure, _Parent, _Hooked])
def test_a_network_that_holds_itself_is_not_remembered(kind: type[nn.Module]) -> None:
    count, net = len(_models), kind().eval()
    _saliency(net, picture())
    assert len(_models) == count
    alive = weakref.ref(net)
    del net
    gc.collect()
    assert alive() is None


def test_a_network_is_freed_at_once_with_all_that_is_known_of_it() -> None:
    gc.collect()
    count, net = len(_models), build("plain")
    for method in ("saliency", "grad_cam"):
        nbviz.attribute(net, picture(), 1, method)
    assert len(_models) == count + 1
    alive = weakref.ref(net), weakref.ref(net[0].weight), weakref.ref(_models._known[id(net)][1])
    gc.disable()
    try:
        del net
        assert [ref() for ref in alive] == [None, None, None] and len(_models) == count
    finally:
        gc.enable()


def test_what_goes_on_after_the_call_has_a_model_of_its_own() -> None:
    net = build("plain")
    _saliency(net, picture())
    model = InstrumentedModel.ensure(net)
    alive = weakref.ref(net)
    del net
    gc.collect()
    assert alive() is model.net and len(model.predict(picture())) == 5


def test_a_call_looks_at_the_structure_once_or_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Structure] = []
    still = Structure.still
    monkeypatch.setattr(Structure, "still", lambda structure: (looks.append(structure), still(structure))[1])
    net, x = build("plain"), picture()
    model = InstrumentedModel(net)
    for given, most in ((model, 1), (net, 2)):
        for method in ("saliency", "grad_cam"):
            nbviz.attribute(given, x, 1, method)
            looks.clear()
            nbviz.attribute(given, x, 1, method)
            assert 1 <= len(looks) <= most, (method, len(looks))


def test_a_first_contact_walks_over_the_network_once(monkeypatch: pytest.MonkeyPatch) -> None:
    walks: list[nn.Module] = []
    network = Copier.network
    monkeypatch.setattr(Copier, "network", lambda copier, net: (walks.append(net), network(copier, net))[1])
    _saliency(build("plain"), picture())
    assert len(walks) == 1  # the replica that tells the watch what there is is the one that all passes run on
