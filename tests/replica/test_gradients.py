"""Python code in a backward is contained as a forward's is: it draws from and writes to nothing of the user's."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import picture, state_hash
from tests.test_laws import quick

METHODS = ("saliency", "grad_cam")


class Passed(torch.autograd.Function):
    """Identity whose backward does something first."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, act: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        ctx.act = act
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        return ctx.act(gradients[0]), None


class Net(nn.Module):
    """A convolution and a head; ``act`` is what happens in the backward between them, ``way`` how it comes there."""

    count: torch.Tensor

    def __init__(self, act: Callable[[Net, torch.Tensor], torch.Tensor], way: str) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 5)
        self.act, self.way, self.calls = act, way, 0
        self.register_buffer("count", torch.zeros(2))
        if way == "hook of a module":
            self.conv.register_full_backward_hook(self.module_hook)

    def module_hook(self, module: nn.Module, inner: Any, outer: Any) -> None:
        self.gradient(outer[0])

    def gradient(self, gradient: torch.Tensor) -> torch.Tensor:
        return self.act(self, gradient)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        if self.way == "function":
            x = Passed.apply(x, self.gradient)
        elif self.way == "hook of a tensor" and x.requires_grad:
            x.register_hook(self.gradient)
        elif self.way == "hook of a node" and x.grad_fn is not None:
            x.grad_fn.register_prehook(lambda gradients: (self.gradient(gradients[0]),))
        return self.head(x.square().mean((2, 3)))


WAYS = ("function", "hook of a module", "hook of a tensor", "hook of a node")


def _draw(net: Net, gradient: torch.Tensor) -> torch.Tensor:
    return gradient * (torch.rand_like(gradient) > 0.5) * (1 + random.random()) * float(np.random.rand() + 1)


def _seed(net: Net, gradient: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    random.seed(0)
    return gradient + functional.dropout(gradient, 0.5)


def _count(net: Net, gradient: torch.Tensor) -> torch.Tensor:
    net.count += 1
    net.calls += 1
    return gradient


def _weights(net: Net, gradient: torch.Tensor) -> torch.Tensor:
    net.conv.weight.data.mul_(0.5)
    net.head.bias = nn.Parameter(torch.ones(5))
    return gradient


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("act", [_draw, _seed, _count, _weights], ids=lambda act: act.__name__)
def test_what_a_backward_draws_and_writes_is_not_the_users(act: Any, way: str) -> None:
    """Catches a backward outside of a pass's containment: it moved the user's streams, buffers and weights."""
    net = Net(act, way).eval()
    before = state_hash(net)
    model = InstrumentedModel(net)
    for method in METHODS:
        first, again = (nbviz.attribute(model, picture(), 1, method, **quick(method)) for _ in range(2))
        assert np.array_equal(first.values, again.values), method
        assert state_hash(net) == before, method


def test_a_hook_that_writes_through_its_closure_writes_to_a_copy() -> None:
    net = Net(lambda net, gradient: gradient, "none").eval()
    count, scale = net.count, net.head.weight
    net.conv.register_full_backward_hook(lambda module, inner, outer: [count.add_(1), scale.data.mul_(2)] and None)
    before = state_hash(net)
    nbviz.attribute(net, picture(), 1, "saliency")
    assert state_hash(net) == before


def test_what_a_hook_prints_in_a_backward_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    net = Net(lambda net, gradient: [print("a gradient")] and gradient, "function").eval()  # type: ignore[func-returns-value]
    model = InstrumentedModel(net)
    nbviz.attribute(model, picture(), 1, "saliency")
    assert capsys.readouterr().out == ""
    assert any("a gradient" in note for note in model.guest.notes)


class Checkpointed(nn.Module):
    """Drops half of a layer's values in a checkpoint, which a backward computes again from the same numbers."""

    def __init__(self, recomputed: bool) -> None:
        super().__init__()
        self.conv, self.head, self.recomputed = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 5), recomputed
        self.between: Callable[[], object] = lambda: None

    def block(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.dropout(self.conv(x), 0.5, training=True)
        self.between()
        return x * torch.rand_like(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = checkpoint(self.block, x, use_reentrant=False) if self.recomputed else self.block(x)
        return self.head(x.square().mean((2, 3)))


def test_a_checkpoint_computes_again_what_it_computed() -> None:
    """Catches a recomputation with other numbers than the forward's: the gradient of another network."""
    net, plain = Checkpointed(True).eval(), Checkpointed(False).eval()
    plain.load_state_dict(net.state_dict())
    maps = [nbviz.attribute(one, picture(), 1, "saliency").values for one in (net, plain)]
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-5, atol=1e-7)
    assert maps[0].any()


class _Stop:
    """Place where a worker stands still until another thread has drawn; anybody else goes through."""

    def __init__(self) -> None:
        self.there, self.go_on = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self) -> None:
        if threading.current_thread().name == "a worker":
            self.there.release()
            assert self.go_on.acquire(timeout=20)


_stop = _Stop()


def _stopping_draw(net: Net, gradient: torch.Tensor) -> torch.Tensor:
    gradient = _draw(net, gradient)
    _stop()
    return gradient


@pytest.mark.parametrize("kind", ["checkpoint", "function"])
def test_a_cell_that_draws_in_the_middle_of_a_backward_gets_its_own_numbers(kind: str) -> None:
    """Catches streams that a backward moves and puts back: the cell would be given numbers twice."""
    net: nn.Module = Net(_stopping_draw, "function")
    if kind == "checkpoint":
        net = Checkpointed(True)
        net.between = _stop
    model = InstrumentedModel(net.eval())
    nbviz.attribute(model, picture(), 1, "saliency")  # first contact

    def numbers() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    def seed() -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed()
    alone = [numbers() for _ in range(20)]
    seed()
    worker = threading.Thread(target=lambda: nbviz.attribute(model, picture(1), 1, "saliency"), name="a worker")
    worker.start()
    found = []
    while worker.is_alive():
        if _stop.there.acquire(timeout=0.05):
            found.append(numbers())
            _stop.go_on.release()
    assert len(found) >= (2 if kind == "checkpoint" else 1)  # a checkpoint's block runs again in the backward
    found.append(numbers())
    assert found == alone[: len(found)]
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def test_no_backward_is_run_in_another_way() -> None:
    """Catches ``torch.autograd.grad`` on a user's graph beside the one function that contains it."""
    allowed = ("replica/gradients.py", "lessons/", "zoo/")  # networks of our own
    root = Path(nbviz.__file__).parent
    files = [path for path in root.rglob("*.py") if not str(path.relative_to(root)).startswith(allowed)]
    another = re.compile(r"^[^#\n]*(autograd\.(grad|backward)\(|\.backward\(\))", re.M)
    assert not [str(path) for path in files if another.search(path.read_text())]
