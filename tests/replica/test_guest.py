"""Passes over the user's network: guarded, on another device's copy, in any thread."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Guest
from nbviz.replica.torch_modes import isolated_steps
from nbviz.replica.user_code.write_guard import Guard, WeightsWritten
from tests.aliases import check_aliases
from tests.networks import build, picture, state_hash


@pytest.mark.parametrize("name", ["writes", "writes_with_gradients", "renormalises"])
def test_what_the_forward_writes_is_written_to_a_private_copy(name: str) -> None:
    net = build(name)
    before = state_hash(net)
    model = InstrumentedModel(net)
    model.predict(picture())
    assert len(model.guest._private) == 1
    assert state_hash(net) == before


def test_only_what_is_copied_is_read_at_each_pass() -> None:
    net = build("writes")
    model, x = InstrumentedModel(net), picture()
    before = model.predict(x)
    replica, (private,) = model.guest._local.net, model.guest._private
    with torch.no_grad():
        next(p for p in net.parameters()).mul_(-3)
    assert model.predict(x) != before and model.guest._local.net is replica
    written = next(t for t in model.guest._watch.tensors if id(t) == private)
    with torch.no_grad():
        written.data.add_(1)
    model.predict(x)
    assert model.guest._local.net is not replica


class Hidden:
    """Holds a module where no copy of a network finds it: in a global variable."""

    __slots__ = ("norm",)
    norm: nn.Module


hidden = Hidden()


class CallsHidden(nn.Module):
    """Goes through that module."""

    def __init__(self) -> None:
        super().__init__()
        self.net = build("inplace")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return hidden.norm(self.net(x)[:, :, None].expand(-1, -1, 4)).mean(2)


def test_a_write_that_cannot_be_kept_private_is_refused() -> None:
    net = CallsHidden()
    net.norm = hidden.norm = nn.BatchNorm1d(5)
    before = state_hash(net)
    with pytest.raises(Refused, match="writes to its own weights"):
        InstrumentedModel(net).predict(picture())
    assert state_hash(net) == before


def test_the_guard_sees_writes_through_views_and_out() -> None:
    weight = torch.zeros(4, 4)
    for write in (lambda: weight[1:].add_(1), lambda: weight.t().mul_(2), lambda: torch.ones(4, 4, out=weight)):
        with pytest.raises(WeightsWritten), Guard([weight]):
            write()
    assert not weight.any()


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: torch.nn.functional.dropout(x, 0.5),
        torch.rand_like,
        lambda x: torch.randn(3),
        lambda x: torch.randperm(5),
        lambda x: torch.randint(10, 10_000, (3,)),
        lambda x: torch.randint(10_000, (3,)),
        lambda x: torch.randint_like(x, 10, 10_000),
        lambda x: torch.bernoulli(x.sigmoid()),
        lambda x: torch.nn.functional.rrelu(x, training=True),
        lambda x: torch.normal(x, 1.0),
        lambda x: x.clone().uniform_(),
        lambda x: torch.multinomial(x[0, 0].abs(), 2),
        lambda x: torch.native_dropout(x, 0.5, True)[0],
        lambda x: torch.nn.functional.gumbel_softmax(x),
    ],
)
def test_random_operations_draw_from_a_stream_of_their_own(draw: Any) -> None:
    state = torch.get_rng_state()
    with Guard() as guard:
        one, other = draw(picture()), draw(picture())
    with Guard():
        again = draw(picture())
    assert guard.random
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_network_that_does_not_draw_is_not_slowed_down() -> None:
    model = InstrumentedModel(build("inplace"))
    model.predict(picture())
    assert not model.guest.random
    model = InstrumentedModel(build("drops"))
    model.predict(picture())
    assert model.guest.random


def test_a_thread_has_its_own_replica() -> None:
    model = InstrumentedModel(build("inplace"))
    model.predict(picture())
    mine, theirs = model.guest._local.net, []

    def work() -> None:
        nbviz.attribute(model, picture(), 1, "grad_cam")
        theirs.append(model.guest._local.net)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert theirs[0] is not mine
    for replica in (mine, theirs[0]):
        check_aliases(dict(replica.named_parameters()), dict(model.net.named_parameters()))
        check_aliases(dict(replica.named_buffers()), dict(model.net.named_buffers()))


def test_threads_explain_one_model_at_once() -> None:
    model = InstrumentedModel(build("functional"))
    wanted = [nbviz.attribute(model, picture(seed), 1, "saliency").values for seed in range(4)]
    found: dict[int, torch.Tensor] = {}

    def work(seed: int) -> None:
        for _ in range(5):
            found[seed] = nbviz.attribute(model, picture(seed), 1, "saliency").values

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[seed], wanted[seed]) for seed in range(4))


def test_memory_running_out_on_a_cpu_is_said() -> None:
    guest = Guest(build("inplace"))

    def work(run: Any) -> None:
        raise torch.OutOfMemoryError("tried to allocate 80 GiB")

    with pytest.raises(NbvizError, match="Memory ran out: tried to allocate 80 GiB"):
        guest.steady(work)


def test_memory_running_out_on_an_accelerator_falls_back_to_the_cpu() -> None:
    guest = Guest(build("inplace"), device="meta")
    devices = []

    def work(run: Any) -> torch.device:
        devices.append(run.device.type)
        if run.device.type != "cpu":
            raise torch.OutOfMemoryError
        return run(picture()).device

    assert guest.steady(work).type == "cpu"
    assert devices[-1] == "cpu" and "memory ran out on meta" in guest.note


def test_modes_are_ours_inside_and_the_callers_at_every_yield() -> None:
    inside = []

    def answers() -> Any:
        for _ in range(3):
            inside.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
            yield torch.ones(1).requires_grad_()

    with torch.inference_mode():
        for answer in isolated_steps(answers()):
            assert torch.is_inference_mode_enabled() and not torch.is_grad_enabled()
            assert not answer.is_inference()
    assert inside == [(True, False)] * 3
