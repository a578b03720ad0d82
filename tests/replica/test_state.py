"""A network that changes itself in a forward says the same each time it is asked, and stays as it was."""

from __future__ import annotations

import collections
import gc
import random
import threading
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture, state_hash


def plain(x: torch.Tensor) -> torch.Tensor:
    """Scores of the body that all networks here have, in eval mode."""
    return build("plain").eval()(x)


class Writes(nn.Module):
    """Scales what goes into its body by what ``write`` makes of itself."""

    def __init__(self, write: Callable[[Any, torch.Tensor], float]) -> None:
        super().__init__()
        self.body = build("plain")
        self.write = write
        self.register_buffer("seen", torch.zeros(()))
        self.count, self.last, self.calls = 0, None, []
        self.named, self.recent, self.known = {"calls": 0}, collections.deque(maxlen=50), {0}
        self.numbers, self.holder = np.zeros(3), types.SimpleNamespace(count=0)
        self.stream, self.generator = random.Random(1), np.random.default_rng(1)
        self.legacy = np.random.RandomState(1)
        self.closure = _counter()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x * (1 + self.write(self, x)))


def _counter() -> Callable[[], int]:
    count = 0

    def call() -> int:
        nonlocal count
        count += 1
        return count

    return call


def _count(net: Writes, _: torch.Tensor) -> float:
    net.count += 1
    return net.count


def _buffer(net: Writes, _: torch.Tensor) -> float:
    net.seen += 1
    return float(net.seen)


def _buffer_replaced(net: Writes, _: torch.Tensor) -> float:
    net.seen = net.seen + 1
    return float(net.seen)


def _last(net: Writes, x: torch.Tensor) -> float:
    before, net.last = net.last, x
    return 0.0 if before is None else 1.0 + float(before.detach().abs().mean())


def _append(net: Writes, x: torch.Tensor) -> float:
    net.calls.append(x)
    return len(net.calls)


def _items(net: Writes, _: torch.Tensor) -> float:
    net.named["calls"] += 1
    net.named[str(len(net.named))] = 0
    net.recent.append(1)
    net.known.add(len(net.known))
    return net.named["calls"] + len(net.named) + len(net.recent) + len(net.known)


def _object(net: Writes, _: torch.Tensor) -> float:
    net.holder.count += 1
    return net.holder.count


def _array(net: Writes, _: torch.Tensor) -> float:
    net.numbers += 1
    return float(net.numbers.sum())


def _closure(net: Writes, _: torch.Tensor) -> float:
    return net.closure()


def _new_attribute(net: Writes, _: torch.Tensor) -> float:
    net.extra = getattr(net, "extra", 0) + 1
    return net.extra


def _streams(net: Writes, _: torch.Tensor) -> float:
    return net.stream.random() + float(net.generator.random()) + float(net.legacy.rand())


def _layer_replaced(net: Writes, _: torch.Tensor) -> float:
    conv = net.body[0]
    net.body[0] = type(conv)(conv.in_channels, conv.out_channels, conv.kernel_size)
    net.body[0].weight, net.body[0].bias = conv.weight, nn.Parameter(conv.bias.detach() + 1)
    return 0.0


def _hook_left(net: Writes, _: torch.Tensor) -> float:
    net.body[0].register_forward_hook(lambda module, inputs, output: output * 2)
    return 0.0


def _mode(net: Writes, _: torch.Tensor) -> float:
    net.train(not net.training)
    return float(net.training)


WRITES = [
    _count, _buffer, _buffer_replaced, _last, _append, _items, _object, _array, _closure, _new_attribute, _streams,
    _layer_replaced, _hook_left, _mode,
]  # fmt: skip


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_the_same_call_has_the_same_answer_and_the_network_stays(write: Any) -> None:
    net, x, twin = Writes(write).eval(), picture(), Writes(write).eval()
    wanted = twin(x).detach()
    before, attributes = state_hash(net), _attributes(net)
    model = InstrumentedModel(net)
    assert all(torch.equal(model(x).detach(), wanted) for _ in range(3))
    one = nbviz.attribute(model, x, 1, "smoothgrad", samples=3)
    assert torch.equal(nbviz.attribute(model, x, 1, "smoothgrad", samples=3).values, one.values)
    assert torch.equal(model(x).detach(), wanted)
    assert state_hash(net) == before and _attributes(net) == attributes


def _attributes(net: Writes) -> list[Any]:
    held = [net.count, net.last, list(net.calls), dict(net.named), list(net.recent), set(net.known), net.holder.count]
    streams = [net.stream.getstate(), repr(net.generator.bit_generator.state), repr(net.legacy.get_state())]
    cell = net.closure.__closure__[0].cell_contents  # type: ignore[index]
    hooks = [len(module._forward_hooks) for module in net.modules()]
    return [held, streams, cell, hooks, net.numbers.tolist(), sorted(vars(net)), list(map(id, net.modules()))]


def test_a_gradient_comes_through_what_was_written_to_a_private_buffer() -> None:
    class Scales(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = build("plain")
            self.register_buffer("scale", torch.ones(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.scale += 1
            return self.body(x * self.scale)

    x = picture().requires_grad_()
    wanted = torch.autograd.grad(plain(x * 2)[0, 1], x)[0]
    for _ in range(2):
        values = nbviz.attribute(Scales(), x.detach(), 1, "saliency").values
        assert torch.allclose(values, wanted, atol=1e-6)


def test_batch_statistics_by_hand_are_those_of_one_pass() -> None:
    class Normalises(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = build("plain")
            self.register_buffer("mean", torch.zeros(3))
            self.register_buffer("var", torch.ones(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            F.batch_norm(x, self.mean, self.var, training=True, momentum=0.5)
            return self.body(x - self.mean[:, None, None])

    net, x = Normalises().eval(), picture()
    wanted = plain(x - x.mean((0, 2, 3))[:, None, None] / 2)
    model = InstrumentedModel(net)
    for _ in range(3):
        assert torch.allclose(model(x).detach(), wanted.detach(), atol=1e-5)
    assert not net.mean.any()


def test_memory_stays_level_over_two_hundred_passes_that_remember() -> None:
    model = InstrumentedModel(Writes(_append).eval())
    x = torch.zeros(1, 3, 256, 256)
    model(x)
    replica = model.guest._local.net
    assert replica.calls == []  # nothing of the pass is left, its graph neither
    before = _tensors()
    for _ in range(200):
        model(x)
    assert replica.calls == [] and _tensors() <= before


def _tensors() -> int:
    gc.collect()
    return sum(issubclass(type(item), torch.Tensor) for item in gc.get_objects())


def test_what_is_written_when_gradients_arrive_is_put_back_too() -> None:
    def write(net: Any, x: torch.Tensor) -> float:
        if x.requires_grad:
            x.register_hook(lambda gradient: net.calls.append(gradient))
        return len(net.calls)

    model, x = InstrumentedModel(Writes(write).eval()), picture()
    first = nbviz.attribute(model, x, 1, "saliency").values
    assert torch.equal(nbviz.attribute(model, x, 1, "saliency").values, first)
    assert model.guest._local.net.calls == []


def test_a_network_that_writes_nothing_is_not_minded() -> None:
    model = InstrumentedModel(build("inplace"))
    model.predict(picture())
    assert not model.guest.conduct.writes_itself
    assert model.guest.steady(lambda run: run.state) is None


def test_another_threads_replica_and_an_edit_of_the_users_are_minded() -> None:
    net, x = Writes(_count).eval(), picture()
    model, answers = InstrumentedModel(net), []
    wanted = model(x).detach()
    thread = threading.Thread(target=lambda: answers.extend(model(x).detach() for _ in range(2)))
    thread.start()
    thread.join()
    assert len(answers) == 2 and all(torch.equal(answer, wanted) for answer in answers)
    net.count = 5  # the user's own forwards count on
    assert torch.equal(model(x).detach(), plain(x * 7).detach())


def test_writes_to_copies_on_another_device_are_put_back() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = build("plain")
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen += 1
            return self.body(x * self.seen)

    with torch.inference_mode():  # of what is made in it a replica has copies, as on another device
        net = Counts().eval()
    model, x = InstrumentedModel(net), picture()
    wanted = plain(x).detach()
    for _ in range(3):
        assert torch.equal(model(x).detach(), wanted)
