"""Cancel: after it no further pass of the network begins, whatever the work is and wherever in it one is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any

import pytest
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from nbviz import Atlas, Index, review, zoo
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.load import load_pictures
from nbviz.pictures.samples import Items
from nbviz.replica.interruption import Unwanted, pause, unless
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import Request
from nbviz.session.scheduler import Scheduler
from tests.networks import state_hash
from tests.panels.rig import photo, rig
from tests.session.test_scheduler import Listener
from tests.works import World, kinds, works

AT = (1, 3, 8)
"""Passes of the network in which the work is cancelled."""
STEPS = 12
"""Steps of a work after which it is left: what comes then, t-SNE in another process, runs no network."""


def _world(model: InstrumentedModel, pictures: list[Any], layer: str) -> World:
    labelled = [(picture, place % 3) for place, picture in enumerate(pictures)]
    return World(
        model, tuple(dict(load_pictures(pictures)).values()), layer, Items.ensure(labelled),
        Index.build(model, labelled, layers=[layer]), Atlas.build(model, labelled, layer, layout="pca"),
        review(model, labelled), Target(index=0),
    )  # fmt: skip


@pytest.fixture(scope="module")
def convolutions() -> World:
    return _world(rig().model, [photo(seed=seed) for seed in range(12)], "1")


@pytest.fixture(scope="module")
def attention() -> World:
    return _world(zoo.load("fashion_vit"), [zoo.fashion()[place][0] for place in range(12)], "blocks.1")


@contextmanager
def passes(net: nn.Module, then: Callable[[int], None]) -> Iterator[None]:
    """Call ``then`` with the number of each pass of the network, its replicas' too, within the pass."""
    kind, count = type(net), 0

    def heard(module: nn.Module, inputs: Any) -> None:
        nonlocal count
        if isinstance(module, kind) and len(list(module.modules())) >= len(list(net.modules())):
            count += 1
            then(count)

    handle = register_module_forward_pre_hook(heard)
    try:
        yield
    finally:
        handle.remove()


def begun_after(world: World, request: Request, at: int) -> tuple[int, int]:
    """Cancel a work in a pass; return how many passes there were, and how many of them began after it."""
    cancelled, late, count = threading.Event(), [], 0

    def then(number: int) -> None:
        nonlocal count
        count = number
        if cancelled.is_set():
            late.append(number)
        if number == at:
            cancelled.set()

    model = world.owner(request)
    with passes(model.net, then):
        try:
            with unless(cancelled.is_set), closing(LiveContext(model).answers(request)) as answers:
                for _ in islice(answers, STEPS):
                    pause()
        except (Unwanted, NbvizError):
            pass
    return count, len(late)


def test_every_kind_of_work_is_among_those_that_are_cancelled(convolutions: World) -> None:
    missing = kinds() - {type(request) for request in works(convolutions).values()}
    assert not missing, f"tests/works.py has no example of {sorted(kind.__name__ for kind in missing)}"


@pytest.mark.parametrize(("name", "kind", "least"), [("convolutions", "", 40), ("attention", "Explain", 18)])
def test_no_pass_begins_after_a_cancel(name: str, kind: str, least: int, request: pytest.FixtureRequest) -> None:
    world: World = request.getfixturevalue(name)
    before, tried = state_hash(world.model.net), set()
    for work, asked in works(world).items():
        if kind not in work:
            continue
        for at in AT:
            count, late = begun_after(world, asked, at)
            assert late == 0, f"{work}: {late} passes began after a cancel in pass {at}"
            if count < at:
                break
            tried.add(work)
    assert len(tried) > least and state_hash(world.model.net) == before


def test_a_job_that_is_dropped_within_a_step_lets_go_of_the_worker() -> None:
    inside, listener, ended = threading.Event(), Listener(), threading.Event()

    class Endless(Request):
        def __call__(self, context: Any) -> Iterator[Any]:
            try:
                while True:
                    inside.set()
                    pause()
                yield
            finally:
                ended.set()

    scheduler = Scheduler(LiveContext(rig().model), listener, ["a"], listener.lock)
    scheduler.submit("a", Endless())
    assert inside.wait(10) and scheduler.cancel("a") and ended.wait(10)
    assert not scheduler.busy and not [event for event in listener.events if event[0] == "failed"]
    scheduler.close()
