"""A cell trains a network while another explains it: it ends as it would alone, and no map mixes weights."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.attribution import explain
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.replica.watching import optimizer_steps
from tests.networks import CLASSES, picture

Weights = dict[str, torch.Tensor]


class Tiny(nn.Module):
    """So small that a pass is over before Python switches threads; dropout draws from the global RNG."""

    def __init__(self, norm: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.second(functional.relu(self.norm(self.first(x)))))
        return self.head(functional.dropout(x.mean((2, 3)), 0.2, self.training))


class Middle(nn.Module):
    """Takes some milliseconds a pass."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, 32, 32, 64, 64, 64, 64]
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(widths, widths[1:], strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in widths[1:])
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = functional.relu(norm(layer(x)))
        return self.head(functional.dropout(x.mean((2, 3)), 0.2, self.training))


NETS: dict[str, Callable[[], nn.Module]] = {"tiny": Tiny, "tiny norm": lambda: Tiny(norm=True), "middle": Middle}
LOOPS: dict[str, Any] = {
    "sgd": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, foreach=False),
    "foreach": lambda p: torch.optim.SGD(p, 0.05, foreach=True),
    "fused": lambda p: torch.optim.Adam(p, 0.01, fused=True),
    "data": None,
}


def _built(net: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return NETS[net]()


def _weights(net: nn.Module) -> Weights:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def train(net: nn.Module, loop: str, steps: int, keep: Callable[[Weights], Any] = lambda weights: None) -> None:
    """A seeded loop, dropout included; ``keep`` gets the weights after every forward and every step."""
    optimizer = LOOPS[loop](net.parameters()) if LOOPS[loop] else None
    net.train()
    keep(_weights(net))
    for step in range(steps):
        x = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(step))
        loss = functional.cross_entropy(net(x), torch.arange(8) % CLASSES)
        keep(_weights(net))
        net.zero_grad()
        loss.backward()
        if optimizer is not None:
            optimizer.step()
        else:
            for p in net.parameters():
                assert p.grad is not None
                p.data -= 0.05 * p.grad
        keep(_weights(net))


def beside(work: Callable[[], Any], *, seconds: float) -> tuple[list[Any], list[BaseException]]:
    """Repeat ``work`` in this thread while the training runs in another; its answers, and what it refused."""
    answers: list[Any] = []
    refused: list[BaseException] = []
    begun = time.monotonic()
    # on a busy machine a few answers take longer
    while (spent := time.monotonic() - begun) < seconds or (len(answers) + len(refused) < 3 and spent < 20):
        try:
            answers.append(work())
        except NbvizError as error:
            refused.append(error)
    return answers, refused


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("net", NETS)
def test_training_ends_as_alone_and_no_map_mixes_two_versions(net: str, loop: str) -> None:
    subject, versions = _built(net), list[Weights]()
    model, x = InstrumentedModel(subject), picture()
    model.predict(x)
    stop = threading.Event()

    def keep(weights: Weights) -> None:
        versions.append(weights)
        if stop.is_set():
            raise StopIteration

    def run() -> None:
        torch.manual_seed(1)
        try:
            train(subject, loop, 10**6, keep)
        except StopIteration:
            pass

    thread = threading.Thread(target=run)
    thread.start()
    answers, refused = beside(lambda: nbviz.attribute(model, x, 1, "saliency"), seconds=0.7)
    stop.set()
    thread.join()

    assert len(versions) > 3
    assert len(answers) + len(refused) >= 3
    assert not refused or loop == "data"
    _check_alone(subject, net, loop, versions)
    _check_versions(net, [(a.facts["score"], a.values) for a in answers], versions)


def _check_alone(subject: nn.Module, net: str, loop: str, versions: list[Weights]) -> None:
    alone, kept = _built(net), list[Weights]()
    torch.manual_seed(1)
    train(alone, loop, len(versions) // 2, kept.append)
    for name, value in subject.state_dict().items():
        assert torch.equal(value, kept[len(versions) - 1][name]), name


def _check_versions(net: str, maps: list[tuple[float, torch.Tensor]], versions: list[Weights]) -> None:
    twin = _built(net).eval()
    known: dict[float, list[torch.Tensor]] = {}
    for weights in versions:
        twin.load_state_dict(weights)
        x = picture().requires_grad_()
        score = twin(x)[0, 1]
        gradient = torch.autograd.grad(score, x)[0]
        known.setdefault(float(score.detach()), []).append(gradient)
    for score, values in maps:
        assert any(torch.equal(values, exact) for exact in known.get(score, [])), "a map of no version of the weights"


def test_a_long_method_is_of_one_version_from_its_first_evaluation_to_its_last() -> None:
    subject, versions = _built("tiny"), list[Weights]()
    model, x = InstrumentedModel(subject), picture()
    model.predict(x)
    stop = threading.Event()

    def keep(weights: Weights) -> None:
        versions.append(weights)
        if stop.is_set():
            raise StopIteration

    def run() -> None:
        try:
            train(subject, "sgd", 10**6, keep)
        except StopIteration:
            pass

    thread = threading.Thread(target=run)
    thread.start()
    options: dict[str, Any] = {"rule": "gausslegendre", "steps": 24}
    while len(versions) < 2:  # the first optimiser of a process imports for a second
        assert thread.is_alive()
        time.sleep(0.01)
    answers, refused = beside(lambda: nbviz.attribute(model, x, 1, "integrated_gradients", **options), seconds=0.6)
    stop.set()
    thread.join()
    assert answers and not refused
    twin = _built("tiny").eval()
    found = 0
    for answer in answers[:6]:
        for weights in versions:
            twin.load_state_dict(weights)
            with torch.no_grad():
                if float(twin(x)[0, 1]) != answer.facts["score"]:
                    continue
            exact = nbviz.attribute(twin, x, 1, "integrated_gradients", **options)
            found += torch.equal(exact.values, answer.values)
            break
    assert found == len(answers[:6])
    assert any("snapshot" in answer.facts.get("weights", "") for answer in answers)


def test_a_step_between_two_partials_starts_the_method_again() -> None:
    subject = _built("tiny")
    model = InstrumentedModel(subject)
    optimizer = torch.optim.SGD(subject.parameters(), 0.1, foreach=False)
    answers = explain(model, picture(), 1, "integrated_gradients", tolerance=1e-9, maximum=40)
    first = next(answers)
    subject(picture()).sum().backward()
    optimizer.step()
    *_, last = answers
    assert last.facts["score"] != first.facts["score"]
    exact = nbviz.attribute(subject, picture(), 1, "integrated_gradients", tolerance=1e-9, maximum=40)
    assert torch.equal(last.values, exact.values)


def test_a_step_that_raises_is_not_waited_for_for_ever() -> None:
    subject = _built("tiny")
    model = InstrumentedModel(subject)
    model.predict(picture())

    class Broken(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            raise ValueError

    with pytest.raises(ValueError):
        Broken(subject.parameters(), 0.1).step()
    begun = time.monotonic()
    assert nbviz.attribute(model, picture(), 1, "saliency").facts["status"] == "ok"
    assert time.monotonic() - begun < 2


def test_an_interrupted_step_keeps_neither_optimiser_nor_weights() -> None:
    class Interrupted(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            raise KeyboardInterrupt

    model, net = InstrumentedModel(Tiny()), Tiny()
    optimizer = Interrupted([*net.parameters(), *model.net.parameters()], 0.1)
    alive = weakref.ref(optimizer), weakref.ref(net.head.weight)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            optimizer.step()
    model.predict(picture())
    del optimizer, net
    gc.collect()
    assert [ref() for ref in alive] == [None, None]
    assert not optimizer_steps._stepping


def test_training_another_network_waits_for_nothing() -> None:
    subject, other = _built("tiny"), _built("tiny")
    model = InstrumentedModel(subject)
    optimizer = torch.optim.SGD(other.parameters(), 0.1)
    other(picture()).sum().backward()
    model.predict(picture())
    before = model.guest._watch.steps.count
    optimizer.step()
    assert model.guest._watch.steps.count == before
    assert not model.guest._watch.steps.recent()


def test_explaining_from_inside_the_loop_is_exact_and_quick() -> None:
    subject = _built("middle")
    model, x = InstrumentedModel(subject), picture()
    optimizer = torch.optim.SGD(subject.parameters(), 0.05)
    model.predict(x)
    for _ in range(3):
        subject(x).sum().backward()
        optimizer.step()
        found = nbviz.attribute(model, x, Target(1), "saliency")
        _check_versions("middle", [(found.facts["score"], found.values)], [_weights(subject)])
        assert "weights" not in found.facts
