"""Memory runs out on an accelerator: every call goes on on the CPU and gives what the CPU gives.

torch's "meta" device stands for the accelerator: its tensors have no values, so nothing that was there can be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.passes.effective_field import effective_field
from nbviz.passes.evidence import evidence
from nbviz.passes.feature_maps import feature_maps
from nbviz.replica.guest import Guest
from tests.networks import build, picture, state_hash
from tests.test_laws import EVERY_METHOD, host, quick
from tests.test_laws_channels import CALLS, EVERY_CALL, layer_of


@contextmanager
def full(net: nn.Module, message: str = "") -> Iterator[list[str]]:
    """No forward of the network fits the accelerator; the devices that were tried."""
    tried: list[str] = []
    call = nn.Module.__call__

    def forward(module: nn.Module, *args: Any, **options: Any) -> Any:
        weight = next(module.parameters(), None)
        if type(module) is type(net) and weight is not None:
            tried.append(weight.device.type)
            if weight.device.type == "meta":
                raise RuntimeError(message) if message else torch.OutOfMemoryError("tried to allocate 80 GiB")
        return call(module, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Module, "__call__", forward)
        yield tried


def opened(net: nn.Module, known: bool = True) -> InstrumentedModel:
    """A model whose passes run on the accelerator; known: memory ran out only after first contact."""
    if not known:
        return InstrumentedModel(net, device="meta")
    model = InstrumentedModel(net)
    model.trace(picture())
    model.guest._device = "meta"
    return model


@pytest.mark.parametrize("known", [True, False], ids=["later", "at first contact"])
@EVERY_METHOD
def test_every_method_gives_what_the_cpu_gives(method: str, known: bool) -> None:
    net = build(host(method))
    expected = nbviz.attribute(net, picture(), 1, method, **quick(method))
    before, model = state_hash(net), opened(net, known)
    with full(net) as tried:
        found = nbviz.attribute(model, picture(), 1, method, **quick(method))
    assert "meta" in tried and model.device.type == "cpu"
    assert torch.equal(found.values, expected.values) and found.facts["status"] == expected.facts["status"]
    assert "memory ran out on meta" in found.facts["note"]
    assert state_hash(net) == before


@EVERY_CALL
def test_every_call_about_channels_gives_what_the_cpu_gives(call: str) -> None:
    net = build("plain")
    layer, known = layer_of(net), InstrumentedModel(net)
    known.trace(picture())
    expected = CALLS[call](known, layer)
    model = opened(net)
    with full(net) as tried:
        found = CALLS[call](model, layer)
    assert "meta" in tried
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def _captured(model: InstrumentedModel) -> torch.Tensor:
    with model.capture("3") as outputs:
        model(picture())
    return outputs["3"]


PASSES = {
    "call": lambda model: model(picture()),
    "logits": lambda model: torch.from_numpy(model.logits(picture())),
    "capture": _captured,
    "feature maps": lambda model: torch.from_numpy(feature_maps(model, as_picture(picture()), "3").values),
    "evidence": lambda model: torch.from_numpy(evidence(model, as_picture(picture()), Target(1)).contributions["3"]),
    "effective field": lambda model: torch.from_numpy(effective_field(model, picture(), "3", 0).values),
}


@pytest.mark.parametrize("name", PASSES)
def test_every_pass_gives_what_the_cpu_gives(name: str) -> None:
    net = build("plain")
    expected = PASSES[name](InstrumentedModel(net))
    with full(net) as tried:
        found = PASSES[name](opened(net))
    assert "meta" in tried and torch.equal(found, expected)


def test_a_gradient_comes_back_to_the_callers_own_batch() -> None:
    net, batch = build("plain"), picture().requires_grad_()
    with full(net):
        opened(net)(batch)[0, 1].backward()
    expected = nbviz.attribute(net, picture(), 1, "saliency").values
    assert batch.grad is not None and torch.allclose(batch.grad, expected)


@pytest.mark.parametrize("message", ["MPS backend out of memory (allocated: 18 GB)", "CUBLAS_STATUS_ALLOC_FAILED when"])
def test_memory_that_runs_out_under_torch_counts_as_well(message: str) -> None:
    net = build("plain")
    with full(net, message) as tried:
        opened(net)(picture())
    assert tried[-2:] == ["meta", "cpu"]


def test_two_threads_that_run_out_at_once_both_go_on() -> None:
    guest = Guest(build("plain"), device="meta")

    def work(run: Any) -> str:
        if run.device.type != "cpu":
            guest._device = "cpu"  # the other thread was first
            raise torch.OutOfMemoryError
        return "done"

    assert guest.steady(work) == "done"


def test_no_tensor_of_the_failed_attempt_is_held_when_the_next_begins() -> None:
    guest, held = Guest(build("plain"), device="meta"), []

    class Large:
        def __init__(self) -> None:
            held.append(self)

        def __del__(self) -> None:
            alive.discard(id(self))

    alive: set[int] = set()

    def work(run: Any) -> int:
        if run.device.type != "cpu":
            large = Large()
            alive.add(id(large))
            held.clear()
            raise torch.OutOfMemoryError
        return len(alive)

    assert guest.steady(work) == 0


def test_another_error_is_raised_as_it_is() -> None:
    guest = Guest(build("plain"), device="meta")

    def work(run: Any) -> None:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        guest.steady(work)
    assert guest.device.type == "meta" and not guest.note
