"""Laws of every method where anything fails, or is dropped, at any point: seeded, and while another thread trains.

A failure is put into a random operation of torch's, in a forward, a backward, a hook or between them; so nothing
here knows where a method's own dangerous moments are.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import nbviz
from nbviz.attribution import METHODS, explain
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel, as_picture
from tests.networks import build, picture, state_hash

EVERY_METHOD = pytest.mark.parametrize("method", METHODS)
HOSTS = ("functional", "writes", "drops", "hooked", "plain")
CHEAP = {"samples": 4, "maximum": 12, "masks": 8, "stride": 8, "window": 8, "baselines": "black, blur"}
POINTS = 8


class Broken(Exception):
    """What is raised where nobody expects it."""


class Counter(TorchDispatchMode):
    """Counts operations; raises ``error`` at the one numbered ``at``."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the whole compiler is imported

    def __init__(self, at: int = -1, error: type[BaseException] = Broken) -> None:
        super().__init__()
        self.at, self.error, self.count = at, error, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        if self.count == self.at:
            raise self.error("at a random point")
        return func(*args, **(kwargs or {}))


def options(method: str) -> dict[str, Any]:
    return {option.name: CHEAP[option.name] for option in METHODS[method].options if option.name in CHEAP}


def attribution(model: Any, method: str) -> torch.Tensor:
    return nbviz.attribute(model, picture(), 1, method, **options(method)).values


def host(method: str, draw: random.Random) -> nn.Module:
    """A network that the method works on, any of several."""
    for name in (*draw.sample(HOSTS, len(HOSTS)), "tokens"):
        net = build(name)
        with suppress(Refused):
            attribution(net, method)
            return net
    raise AssertionError(f"{method} works on none of the tests' networks")


def hooks(net: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in net.modules())


@contextmanager
def untouched(net: nn.Module) -> Iterator[None]:
    """The block leaves the network, the random generators and torch's modes as they were."""
    before, modes = state_hash(net), (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
    yield
    assert state_hash(net) == before
    assert modes == (torch.is_grad_enabled(), torch.is_inference_mode_enabled())


@EVERY_METHOD
def test_an_exception_anywhere_comes_out_and_leaves_everything_as_it_was(method: str) -> None:
    draw = random.Random(f"anywhere {method}")
    net = host(method, draw)
    model = InstrumentedModel(net)
    wanted = attribution(model, method)
    own = hooks(model.guest._local.net)
    with Counter() as counted:
        attribution(model, method)
    for _ in range(POINTS):
        point, error = draw.randrange(1, counted.count + 1), draw.choice([Broken, KeyboardInterrupt])
        with untouched(net):
            with pytest.raises(error, match="at a random point"), Counter(point, error):
                attribution(model, method)
            assert hooks(model.guest._local.net) == own
        assert torch.equal(attribution(model, method), wanted)


@EVERY_METHOD
def test_an_exception_at_first_contact_leaves_everything_as_it_was(method: str) -> None:
    draw = random.Random(f"first contact {method}")
    net = host(method, draw)
    with untouched(net):
        with Counter() as counted:
            attribution(net, method)
        for _ in range(POINTS // 2):
            with pytest.raises((Broken, nbviz.NbvizError), match="at a random point"):
                with Counter(draw.randrange(1, counted.count + 1)):
                    attribution(net, method)


@EVERY_METHOD
def test_a_cancel_anywhere_leaves_everything_as_it_was(method: str) -> None:
    draw = random.Random(f"cancel {method}")
    net = host(method, draw)
    model, seen = InstrumentedModel(net), as_picture(picture())
    wanted = attribution(model, method)
    own, count = hooks(model.guest._local.net), sum(1 for _ in explain(model, seen, 1, method, **options(method)))
    for _ in range(POINTS):
        with untouched(net):
            answers = explain(model, seen, 1, method, **options(method))
            for _, _ in zip(range(draw.randint(0, count)), answers, strict=False):
                pass
            _dropped(answers, draw.choice(["closed", "thrown", "forgotten"]))
            del answers
            assert hooks(model.guest._local.net) == own
    assert torch.equal(attribution(model, method), wanted)


def _dropped(answers: Any, how: str) -> None:
    if how == "closed":
        answers.close()
    if how == "thrown":
        with suppress(Broken, StopIteration):
            answers.throw(Broken("at a random point"))


def _trained(net: nn.Module, more: Callable[[int], bool]) -> int:
    """Steps on pictures that are always the same, as long as there are ``more``; how many."""
    generator, step = torch.Generator().manual_seed(0), 0
    optimiser = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9)
    while more(step):
        batch = torch.randn(8, 3, 16, 16, generator=generator)
        loss = nn.functional.cross_entropy(net(batch), torch.arange(8) % 5)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
    return step


def _attempt(model: InstrumentedModel, draw: random.Random) -> bool:
    """An explanation that breaks at a random operation or is dropped after it; whether it broke."""
    method = draw.choice([name for name, method in METHODS.items() if method.family != "attention"])
    answers = explain(model, as_picture(picture()), 1, method, **options(method))
    with suppress(Broken), Counter(draw.randrange(1, 200)):
        for _, _ in zip(range(draw.randint(1, 4)), answers, strict=False):
            pass
        _dropped(answers, draw.choice(["closed", "thrown", "forgotten"]))
        return False
    return True


def test_failures_and_cancels_beside_a_training_thread_do_not_change_what_it_learns() -> None:
    net, alone, draw = build("functional"), build("functional"), random.Random(0)
    model, enough, steps = InstrumentedModel(net), threading.Event(), list[int]()
    model.trace(picture())
    trainer = threading.Thread(target=lambda: steps.append(_trained(net, lambda _: not enough.wait(0.002))))
    trainer.start()
    try:
        outcomes = [_attempt(model, draw) for _ in range(25)]
    finally:
        enough.set()
        trainer.join()
    assert 3 < sum(outcomes) < 25
    assert steps[0] > 3 and _trained(alone, lambda step: step < steps[0]) == steps[0]
    for (name, mine), theirs in zip(net.state_dict().items(), alone.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs), name
    assert hooks(net) == 0 and net.training
