"""What a layer put out, as it put it out."""

from __future__ import annotations

from contextlib import suppress

import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import NbvizError, UnknownName
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.hooks import Enough, edit_output, first_tensor, input_at, output_at, record_layers, split
from tests.networks import build, picture


def test_an_output_is_recorded_before_it_is_overwritten() -> None:
    net = build("inplace").eval()
    model = InstrumentedModel(net)
    with model.capture("1", "2", "3") as outputs:
        logits = model(picture())
    with torch.no_grad():
        norm = net[1](net[0](picture()))
        torch.testing.assert_close(outputs["1"], norm, rtol=0, atol=0)
        torch.testing.assert_close(outputs["2"], norm.clone().clamp(min=0), rtol=0, atol=0)
        torch.testing.assert_close(outputs["3"], net[3](norm.clamp(min=0)), rtol=0, atol=0)
        torch.testing.assert_close(logits, net(picture()), rtol=0, atol=0)


def test_calls_of_a_shared_module_are_recorded_apart() -> None:
    net = build("functional").eval()
    model = InstrumentedModel(net)
    with model.capture("relu#1", "relu#2", "relu") as outputs:
        model(picture())
    assert torch.equal(outputs["relu"], outputs["relu#2"])
    with torch.no_grad():
        first = torch.relu(net.norm(net.stem(picture())))
    assert torch.equal(outputs["relu#1"], first)


def test_batches_come_whole_and_the_last_one_stays() -> None:
    model = InstrumentedModel(build("inplace"))
    with model.capture("0") as outputs:
        model(torch.cat([picture(seed) for seed in range(3)]))
        assert outputs["0"].shape == (3, 6, 16, 16)
        model(picture())
    assert outputs["0"].shape == (1, 6, 16, 16)
    model(picture(size=8))
    assert outputs["0"].shape == (1, 6, 16, 16)


def test_captures_nest_and_end_after_an_exception() -> None:
    model = InstrumentedModel(build("inplace"))
    with pytest.raises(ZeroDivisionError), model.capture("0") as outer:
        with model.capture("3") as inner:
            model(picture())
        assert set(outer) == {"0"} and set(inner) == {"3"}
        raise ZeroDivisionError
    outer.clear()
    model(picture())
    assert outer == {}


def test_a_layer_that_goes_while_it_is_captured_is_named() -> None:
    model = InstrumentedModel(net := build("inplace"))
    with model.capture("3"):
        model(picture())
        del net[3:]
        with pytest.raises(UnknownName, match="'3'"):
            model(picture())


def test_two_models_do_not_record_for_each_other() -> None:
    one, two = InstrumentedModel(build("inplace")), InstrumentedModel(build("functional"))
    with one.capture("0") as outputs:
        two(picture())
        assert outputs == {}
        one(picture())
    assert set(outputs) == {"0"}


def test_gradients_flow_through_what_is_captured() -> None:
    model = InstrumentedModel(build("plain"))
    x = picture().requires_grad_()
    with model.capture("3") as outputs:
        logits = model(x)
    (gradient,) = torch.autograd.grad(logits[0, 0], outputs["3"])
    assert gradient.shape == (1, 8, 8, 8)


def test_an_unknown_layer_is_refused_with_the_nearest() -> None:
    model = InstrumentedModel(build("functional"))
    model.predict(picture())
    with pytest.raises(UnknownName, match="Nearest: 'stem'"), model.capture("stme"):
        pass


def test_the_first_tensor_of_an_output() -> None:
    one = torch.zeros(1)
    assert first_tensor(({"a": [None, one]}, torch.ones(1))) is one
    assert first_tensor({"a": "text"}) is None and first_tensor(None) is None
    assert first_tensor(nn.Identity()(one)) is one
    assert split("relu#2") == ("relu", 2) and split("a#b") == ("a#b", None)


def hooks_of(net: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())


def test_named_calls_are_recorded_and_those_overwritten_later_as_clones() -> None:
    net, outputs = build("inplace").eval(), dict[str, torch.Tensor]()
    layers = {("1", 1): "norm", ("3", 1): "last", ("1", 2): "never"}
    with torch.no_grad(), record_layers(net, layers, outputs.__setitem__, {("1", 1), ("3", 1)}):
        net(picture())
    with torch.no_grad():
        norm = net[1](net[0](picture()))
        assert torch.equal(outputs.pop("norm"), norm)  # the next layer wrote to the tensor itself
        assert torch.equal(outputs.pop("last"), net[3](norm.clamp(min=0)))
    assert not outputs and hooks_of(net) == 0


def test_a_forward_ends_at_the_output_or_the_input_asked_for() -> None:
    ran: list[str] = []
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True), nn.Identity()).eval()
    net[2].register_forward_pre_hook(lambda *_: ran.append("past"))
    with torch.no_grad():
        conv = net[0](picture())
        assert torch.equal(output_at(net, ("1", 1), lambda: net(picture())), conv.clamp(min=0))
        assert torch.equal(input_at(net, ("1", 1), lambda: net(picture())), conv)
        assert ran == []
        assert output_at(net, ("1", 2), lambda: net(picture())) is None and ran == ["past"]
    assert hooks_of(net) == 1  # the test's own


def test_an_edit_counts_calls_from_each_forward_s_beginning() -> None:
    """A forward that was cut short between two calls of a layer shifted the edit of the next one."""
    relu = nn.ReLU()
    net = nn.Sequential(relu, nn.Identity(), relu)
    x = torch.ones(1, 2)
    with edit_output(net, ("0", 2), lambda tensor: tensor * 3):
        with record_layers(net, {("1", 1): None}, _end), pytest.raises(Enough):
            net(x)
        assert net(x).tolist() == [[3, 3]]
    assert net(x).tolist() == [[1, 1]] and hooks_of(net) == 0


@pytest.mark.parametrize("method", nbviz.METHODS)
@pytest.mark.parametrize("end", ["done", "raised"])
def test_no_method_leaves_a_hook_on_the_replica(method: str, end: str) -> None:
    """Hooks on the user's own modules can't be: a leftover is on the replica, and would act in every later pass."""

    def target(output: torch.Tensor) -> torch.Tensor:
        if end == "raised":
            raise ZeroDivisionError
        return output[:, 1]

    model = InstrumentedModel(build("plain"))
    model.predict(picture())
    with suppress(NbvizError, ZeroDivisionError):
        nbviz.attribute(model, picture(), target, method)
    assert hooks_of(model.guest._local.net) == 0


def _end(_: None, __: torch.Tensor) -> None:
    raise Enough
