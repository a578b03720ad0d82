"""Global random streams are where they were, for the user's cell and for other threads."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from random import random as drawn_by_name
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import rand as numpys_by_name
from torch import nn

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture, state_hash
from tests.test_laws import quick


def _draw_by_module(_: torch.Tensor) -> float:
    return (
        random.choice([1.0, 2.0]) + random.gauss(0, 1) + float(np.random.uniform()) + float(np.random.permutation(5)[0])
    )


def _draw_by_name(_: torch.Tensor) -> float:
    return drawn_by_name() + float(numpys_by_name())


def _seed_everything(_: torch.Tensor) -> float:
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    return random.random() + float(np.random.rand()) + float(torch.rand(()))


def _draw_with_torch(x: torch.Tensor) -> float:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        one = float(torch.randn(()))
    return one + float(torch.rand_like(x).mean())


DRAWS = [_draw_by_module, _draw_by_name, _seed_everything, _draw_with_torch]


class Scaled(nn.Module):
    """A body behind a scale that is drawn."""

    def __init__(self, draw: Callable[[torch.Tensor], float]) -> None:
        super().__init__()
        self.body, self.draw = build("plain"), draw

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x * (1 + self.draw(x)))


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)
def test_no_call_moves_a_stream_and_answers_repeat(draw: Any) -> None:
    """Catches a draw or a seeding by the network that reaches a global stream, in whatever call."""
    net = Scaled(draw).eval()
    before = state_hash(net)
    model = InstrumentedModel(net)
    answers = [model.logits(picture()) for _ in range(3)]
    assert all(np.array_equal(answer, answers[0]) for answer in answers)
    calls: list[Callable[[], Any]] = [
        lambda: model.predict(picture()),
        lambda: model.layers(),
        lambda: nbviz.attribute(net, picture(), 1, "grad_cam"),
        lambda: nbviz.attribute(model, picture(), 1, "occlusion", **quick("occlusion")),
    ]
    for call in calls:
        call()
        assert state_hash(net) == before


def test_a_network_that_seeds_itself_says_what_it_says_alone() -> None:
    net = Scaled(_seed_everything).eval()
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    wanted = net(picture()).detach()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    assert torch.equal(InstrumentedModel(net)(picture()).detach(), wanted)


@pytest.mark.parametrize(
    "draw", [_draw_by_module, _draw_by_name, _seed_everything, _draw_with_torch], ids=lambda draw: draw.__name__
)
def test_another_thread_draws_what_it_would_alone(draw: Any) -> None:
    """Catches streams that are put back after a pass: the other thread would get the same numbers again."""

    def numbers() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(())), random.uniform(0, 1)]

    def seed() -> None:
        random.seed(5)
        np.random.seed(5)
        torch.manual_seed(5)

    net = Scaled(draw).eval()
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed()
    wanted = [numbers() for _ in range(300)]
    seed()
    found: list[list[float]] = []
    begun, enough = threading.Event(), threading.Event()

    def work() -> None:
        for _ in range(300):
            found.append(numbers())
            begun.set()
            enough.wait(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    passes = 0
    while thread.is_alive():
        model = InstrumentedModel(net)
        model.logits(picture())
        model.logits(picture())
        passes += 1
        enough.set() if passes == 30 else None
    thread.join()
    assert passes >= 2 and found == wanted
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def test_functions_of_random_are_the_modules_own_afterwards() -> None:
    before = random.random, random.seed, np.random.rand, np.random.seed, torch.manual_seed, torch.random.manual_seed
    InstrumentedModel(Scaled(_seed_everything)).logits(picture())
    now = random.random, random.seed, np.random.rand, np.random.seed, torch.manual_seed, torch.random.manual_seed
    assert all(one == other for one, other in zip(before, now, strict=True))


def _draw_held(_: torch.Tensor, held: Callable[[], float] = random.random) -> float:
    return held()


def test_a_draw_that_cannot_be_forwarded_is_told() -> None:
    model = InstrumentedModel(Scaled(_draw_held))
    model.logits(picture())
    assert any("by a function that it holds" in note for note in model.guest.notes)
    for draw in (_draw_by_module, _draw_by_name):
        other = InstrumentedModel(Scaled(draw))
        other.logits(picture())
        assert not other.guest.notes


def test_a_function_imported_by_name_is_the_modules_own_afterwards() -> None:
    variables, before = globals(), (drawn_by_name, numpys_by_name)
    one, other = (InstrumentedModel(Scaled(_draw_by_name)) for _ in range(2))
    one.logits(picture())
    other.logits(picture())
    assert (variables["drawn_by_name"], variables["numpys_by_name"]) == before


def test_what_a_cell_puts_in_the_place_of_a_function_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", random.random)  # for the end of this test

    def another() -> float:
        return 0.5

    def replace(_: torch.Tensor) -> float:
        random.random = another
        return drawn_by_name()

    InstrumentedModel(Scaled(replace)).logits(picture())
    assert random.random is another


BRANCHES: dict[str, Callable[[torch.Tensor], bool]] = {
    "several pictures": lambda x: len(x) > 1,
    "no gradients": lambda x: not torch.is_grad_enabled(),
    "bright pictures": lambda x: float(x.detach().mean()) > 5,
}


class Branches(nn.Module):
    """Draws in a branch that a first contact may not take."""

    def __init__(self, taken: Callable[[torch.Tensor], bool]) -> None:
        super().__init__()
        self.body, self.taken = build("plain"), taken

    def noise(self, x: torch.Tensor) -> torch.Tensor:
        return _noisy(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(self.noise(x) if self.taken(x) else x)


def _noisy(x: torch.Tensor) -> torch.Tensor:
    return x + torch.randn_like(x) * random.random() * float(np.random.rand())


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_that_a_first_contact_did_not_take_draws_from_a_pass_of_its_own(branch: str) -> None:
    """Catches draws that are contained only where the first forward happened to make them."""
    net = Branches(BRANCHES[branch]).eval()
    before = state_hash(net)
    model = InstrumentedModel(net)
    model.logits(picture())
    bright = picture(1) + 10
    assert np.array_equal(model.logits(bright), model.logits(bright))
    batches = [model(torch.cat([picture(), bright])).detach() for _ in range(2)]
    assert torch.equal(*batches)
    nbviz.attribute(model, picture(), 1, "occlusion", **quick("occlusion"))
    assert state_hash(net) == before


def test_reading_the_seed_is_no_draw() -> None:
    """Catches streams compared by a pickle of theirs, which holds an address."""
    model = InstrumentedModel(Scaled(lambda x: float(torch.initial_seed() % 2)).eval())
    model.logits(picture())
    assert model.guest.notes == []
