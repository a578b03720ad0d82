"""What a forward does besides computing stays where nobody minds it."""

from __future__ import annotations

import cProfile
import gc
import pstats
import random
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.user_code.quiet import Caught, quiet
from tests.networks import build, picture, state_hash


class Minus(nn.Module):
    """Normalises its input in place."""

    def __init__(self, grad: bool) -> None:
        super().__init__()
        self.body, self.grad = build("plain"), grad

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(self.grad):
            x -= 0.5
        return self.body(x)


@pytest.mark.parametrize("grad", [False, True])
def test_an_input_written_to_is_handed_over_fresh(grad: bool) -> None:
    net, x = Minus(grad).eval(), picture()
    before = x.clone()
    model = InstrumentedModel(net)
    wanted = net(x.clone()).detach()
    for _ in range(3):
        assert torch.equal(model(x), wanted) and torch.equal(torch.from_numpy(model.logits(x)), wanted[0])
    leaf = x.clone().requires_grad_()
    gradient = torch.autograd.grad(net.body(leaf - 0.5)[0, 1], leaf)[0]
    assert torch.equal(nbviz.attribute(net, x, 1, "saliency").values, gradient)
    assert torch.equal(x, before)


class Draws(nn.Module):
    """Draws from every global stream there is, and seeds torch's."""

    def __init__(self) -> None:
        super().__init__()
        self.body = build("plain")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(7)
        return self.body(x * (1 + random.random() + float(np.random.rand())))


def test_every_global_stream_is_where_it_was_and_answers_repeat() -> None:
    net = Draws()
    before = state_hash(net)
    model = InstrumentedModel(net)
    one = model.logits(picture())
    assert np.array_equal(one, model.logits(picture()))
    nbviz.attribute(model, picture(), 1, "smoothgrad", samples=4)
    assert state_hash(net) == before


class Waits(nn.Module):
    """Lets another thread draw while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = build("plain")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        MEANWHILE.append(_in_a_thread(lambda: (random.random(), float(np.random.rand()), float(torch.rand(())))))
        return self.body(x)


MEANWHILE: list[Any] = []


def _in_a_thread(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_what_another_thread_draws_meanwhile_is_not_taken_back() -> None:
    # on a thread of its own, as the Explorer's worker: the user's cell draws while it explains
    MEANWHILE.clear()
    model = InstrumentedModel(Waits())
    for _ in range(3):
        _in_a_thread(lambda: model.logits(picture()))
    assert model.guest.conduct.draws == set()
    for drawn in zip(*MEANWHILE, strict=True):
        assert len(set(drawn)) == len(MEANWHILE) > 3


@pytest.mark.parametrize("profile", [cProfile.Profile, None])
def test_a_network_opens_under_a_profiler_and_leaves_it_on(profile: Any) -> None:
    calls: list[str] = []
    if profile is None:
        before = sys.getprofile()
        sys.setprofile(lambda frame, event, argument: calls.append(event))
    else:
        (profiler := profile()).enable()
    try:
        model = InstrumentedModel(Draws())
        model.logits(picture())
        sorted([3, 1], key=abs)
    finally:
        if profile is None:
            sys.setprofile(before)
        else:
            profiler.disable()
            calls = [str(row[0]) for row in pstats.Stats(profiler).stats.items()]
    assert any("sorted" in call or call == "c_call" for call in calls)
    assert model.guest.conduct.draws == {"python", "numpy", "torch"}


class Prints(nn.Module):
    """Prints and warns."""

    def __init__(self) -> None:
        super().__init__()
        self.body = build("plain")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print("shape", tuple(x.shape))
        print("warned", file=sys.stderr)
        return self.body(x)


def test_what_a_forward_prints_is_counted_and_shown_nowhere(capsys: Any) -> None:
    streams = sys.stdout, sys.stderr
    model = InstrumentedModel(Prints())
    attribution = nbviz.attribute(model, picture(), 1, "saliency")
    assert capsys.readouterr() == ("", "") and (sys.stdout, sys.stderr) == streams
    assert model.guest.conduct.caught.lines >= 4
    assert "the last: 'warned'" in model.guest.notes[0] and "'warned'" in attribution.facts["note"]


def test_a_warning_is_one_line_however_many_it_is_written_in() -> None:
    caught = Caught()
    with quiet(caught):
        print("printed\ntwice")
        for words, kind, line in (("of one", UserWarning, "warn()"), ("1st\nof two", RuntimeWarning, None)):
            sys.stderr.write(warnings.formatwarning(words, kind, "some/file.py", 3, line))
    assert caught.lines == 4 and caught.last == "RuntimeWarning: 1st of two"


def test_another_threads_output_is_not_caught(capsys: Any) -> None:
    caught = Caught()
    with quiet(caught):
        print("ours")
        thread = threading.Thread(target=print, args=("theirs",))
        thread.start()
        thread.join()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            print("more", file=sys.stderr)
    assert capsys.readouterr() == ("theirs\n", "") and caught.lines == 2


def test_a_stream_outlives_what_it_stood_in_for() -> None:
    # print in another thread holds sys.stdout without a reference to it: were it freed, Python would crash
    with quiet(Caught()):
        stream = weakref.ref(sys.stdout)
    gc.collect()
    assert stream() is not None


def test_a_stream_that_another_thread_put_back_late_catches_again_and_goes(capsys: Any) -> None:
    before, caught = sys.stdout, Caught()
    with quiet(Caught()):
        left = sys.stdout
    sys.stdout = left
    with quiet(caught):
        print("ours")
    assert sys.stdout is before and caught.lines == 1
    print("theirs")
    assert capsys.readouterr().out == "theirs\n"
