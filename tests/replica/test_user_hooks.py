"""The user's own hooks: recorders are left out, torch's are run, any other is run and leaves no graph behind."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.user_code.hook_code import looks_only
from nbviz.replica.user_code.user_hooks import HookActs
from tests.networks import build, picture, state_hash

kept: dict[str, Any] = {}
every: list[Any] = []
count = 0


class Recorder:
    """An object that is a hook."""

    def __init__(self) -> None:
        self.outputs: list[Any] = []
        self.last: Any = None

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.last = output
        self.outputs.append(output.detach())

    def method(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, tuple):
            output = output[0]
        self.outputs.append(output.detach().cpu().numpy())

    def named(self, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        self.outputs.append((name, output))


def counts(module: nn.Module, inputs: Any, output: Any) -> None:
    """Counts in a global variable."""
    global count
    count += 1


def prints(module: nn.Module, inputs: Any, output: Any) -> None:
    print(type(module).__name__, output.shape, f"{output.mean():.3f}")


def _closure() -> Callable[..., None]:
    activations: list[Any] = []
    shapes: dict[str, Any] = {}

    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        activations.append(output)
        shapes["last"] = tuple(output.shape)

    return hook


LOOKS: dict[str, Any] = {
    "global dict": lambda m, i, o: kept.__setitem__("conv1", o.detach()),
    "global list": lambda m, i, o: every.append(o),
    "nothing": lambda m, i, o: None,
    "closure": _closure(),
    "object": Recorder(),
    "method": Recorder().method,
    "partial": functools.partial(Recorder().named, "conv"),
    "counter": counts,
    "prints": prints,
}


def _writes(module: nn.Module, inputs: Any, output: Any) -> None:
    output[0] = 0


def _adds(module: nn.Module, inputs: Any, output: Any) -> None:
    output += 1


def _calls(module: nn.Module, inputs: Any, output: Any) -> None:
    store(output)


def store(value: Any) -> None:
    """An unknown function, for a reader of the hook alone."""
    every.append(value)


def _through_a_local(module: nn.Module, inputs: Any, output: Any) -> None:
    part = output[0]
    part[0] = 0


ACTS: dict[str, Any] = {
    "returns": lambda m, i, o: o * 1.5,
    "returns sometimes": lambda m, i, o: o if o.mean() > 0 else None,
    "in place": lambda m, i, o: o.mul_(2) and None,
    "subscript": _writes,
    "augmented": _adds,
    "unknown function": _calls,
    "local": _through_a_local,
    "module": lambda m, i, o: setattr(m, "kept", o),
    "input": lambda m, i, o: i.append(o),
    "compiled from a string": eval("lambda m, i, o: None"),
    "builtin": print,
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_hook_that_only_looks_is_seen_to(name: str) -> None:
    assert looks_only(LOOKS[name]) is not None


@pytest.mark.parametrize("name", ACTS)
def test_a_hook_that_may_act_is_not_taken_for_one_that_looks(name: str) -> None:
    assert looks_only(ACTS[name]) is None


def test_recorders_have_nothing_of_ours_and_no_note_is_made() -> None:
    net = build("plain").eval()
    plain = nbviz.attribute(net, picture(), 1, "saliency").values
    recorder = Recorder()
    for module, hook in zip(net, [recorder, *LOOKS.values()], strict=False):
        module.register_forward_hook(hook)
    net[0].register_forward_pre_hook(lambda m, i: every.append(i))
    net[3].register_full_backward_hook(lambda m, gi, go: every.append(go))
    every.clear(), kept.clear()
    net(picture())
    mine = [*every], {**kept}, recorder.last, len(recorder.outputs), count
    before = state_hash(net)
    model = InstrumentedModel(net)
    assert torch.equal(nbviz.attribute(model, picture(), 1, "saliency").values, plain)
    nbviz.attribute(net, picture(1), 1, "occlusion", stride=8, window=8)
    now = [*every], {**kept}, recorder.last, len(recorder.outputs), count
    assert [list(map(id, now[0])), list(map(id, now[1].values()))] == [
        list(map(id, mine[0])),
        list(map(id, mine[1].values())),
    ]
    assert now[2] is mine[2] and now[3:] == mine[3:]
    assert model.guest.notes == [] and state_hash(net) == before


def test_a_recorded_activation_with_a_graph_keeps_no_network_from_opening() -> None:
    net, outputs = build("plain").eval(), {}
    net[3].register_forward_hook(lambda m, i, o: outputs.__setitem__("3", o))
    net(picture())
    mine = outputs["3"]
    assert nbviz.attribute(net, picture(), 1, "grad_cam").facts["status"] == "ok"
    assert outputs["3"] is mine and mine.requires_grad


def test_a_hook_that_can_not_be_read_runs_without_leaving_a_graph() -> None:
    net = build("plain").eval()
    wanted = nbviz.attribute(net, picture(), 1, "saliency").values
    every.clear()
    net[3].register_forward_hook(_calls)
    model = InstrumentedModel(net)
    attribution = nbviz.attribute(model, picture(), 1, "saliency")
    assert torch.equal(attribution.values, wanted)
    assert every and not any(output.requires_grad for output in every)
    assert model.guest.notes == ["1 of the network's own hooks is run; hooks='skip' leaves them out"]
    assert "hooks='skip'" in attribution.facts["note"]
    every.clear()
    assert torch.equal(nbviz.attribute(net, picture(), 1, "saliency", hooks="skip").values, wanted)
    assert every == []


@pytest.mark.parametrize("name", ["returns", "subscript", "augmented"])
def test_a_hook_that_takes_part_does_so_with_its_gradient(name: str) -> None:
    net, x = build("plain").eval(), picture().requires_grad_()
    net[3].register_forward_hook(ACTS[name])
    logits = net(x)
    wanted = torch.autograd.grad(logits[0, 1], x)[0]
    model = InstrumentedModel(net)
    assert torch.equal(model(picture()), logits.detach())
    assert torch.equal(nbviz.attribute(model, picture(), 1, "saliency").values, wanted)
    skipped = InstrumentedModel(net, hooks="skip")
    assert torch.equal(skipped(picture()), build("plain").eval()(picture()).detach())
    assert skipped.guest.notes == []


def test_a_recorder_that_the_network_reads_is_run() -> None:
    features: dict[str, Any] = {}

    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = build("plain"), nn.Linear(8, 5)
            self.features = features
            self.body[3].register_forward_hook(lambda m, i, o: features.__setitem__("3", o))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.body(x)
            return self.head(self.features["3"].mean((2, 3)))

    net, x = Reads().eval(), picture().requires_grad_()
    logits = net(x)
    wanted, mine = torch.autograd.grad(logits[0, 1], x)[0], features["3"]
    assert torch.equal(nbviz.attribute(net, picture(), 1, "saliency").values, wanted)
    assert features["3"] is mine


def test_hooks_all_run_where_that_is_asked_for() -> None:
    net = build("plain").eval()
    net[3].register_forward_hook(LOOKS["global list"])
    every.clear()
    model = InstrumentedModel(net, hooks="run")
    model.predict(picture())
    assert every and model.guest.notes == []
    with pytest.raises(NbvizError, match="hooks='never' is none of 'auto', 'run', 'skip'"):
        InstrumentedModel(net, hooks="never")  # type: ignore[arg-type]
    with pytest.raises(NbvizError, match="give hooks= to InstrumentedModel"):
        nbviz.attribute(model, picture(), 1, "saliency", hooks="skip")


def test_however_many_hooks_are_found_to_act_there_is_an_answer() -> None:
    rounds: list[int] = []

    def work(run: Pass) -> int:
        rounds.append(1)
        if len(rounds) < 6:
            raise HookActs
        return len(rounds)

    assert Guest(build("plain")).steady(work) == 6
