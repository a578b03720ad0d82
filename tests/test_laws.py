"""Laws of every registered method and public call: the model is a guest's host, and is found as it was left.

A new method is under these laws by being registered.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution import METHODS, explain
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.passes.evidence import evidence
from nbviz.passes.feature_maps import feature_maps
from tests.counting import failing
from tests.networks import NETWORKS, build, picture, state_hash

EVERY_METHOD = pytest.mark.parametrize("method", METHODS)
EVERY_NETWORK = pytest.mark.parametrize("name", NETWORKS)


# methods are made as cheap as they can be, by the options they have
QUICK = {"samples": 4, "maximum": 40, "masks": 32, "stride": 8, "window": 8}


def quick(method: str) -> dict[str, Any]:
    """Options that make a method cheap."""
    return {option.name: QUICK[option.name] for option in METHODS[method].options if option.name in QUICK}


def attribution(model: Any, x: torch.Tensor, target: Any, method: str, **options: Any) -> nbviz.Attribution:
    """What the method gives; a network it refuses in words is none of these laws' concern."""
    try:
        return nbviz.attribute(model, x, target, method, **{**quick(method), **options})
    except Refused as refused:
        pytest.skip(str(refused))


@cache
def host(method: str, wish: str = "inplace") -> str:
    """A network the method works on: the one wished for, else one with attention."""
    try:
        nbviz.attribute(build(wish), picture(), 1, method, **quick(method))
    except Refused:
        return "tokens"
    return wish


def _channel(model: InstrumentedModel) -> Target:
    return Target.channel(next(layer.name for layer in model.layers().walk() if layer.name and layer.channels), 1)


def _attempt(model: Any, x: torch.Tensor, target: Any, method: str) -> None:
    try:
        nbviz.attribute(model, x, target, method, **quick(method))
    except Refused:
        return


def _input(name: str) -> torch.Tensor:
    return picture(dtype=torch.float64 if name == "float64" else torch.float32)


@EVERY_NETWORK
def test_every_public_call_leaves_the_network_as_it_was(name: str) -> None:
    net, x = build(name), _input(name)
    before = state_hash(net)
    model = InstrumentedModel(net)
    seen = as_picture(x)

    def captured() -> None:
        layer = "body" if name == "detects" else ""  # a list of boxes has no axis of pictures
        with model.capture(layer) as outputs:
            model(x)
        assert outputs[layer].shape[0] == 1

    calls: list[Callable[[], Any]] = [
        lambda: model.predict(x),
        lambda: model.prediction(x),
        model.layers,
        model.fingerprint,
        captured,
        lambda: model(x.requires_grad_()).sum(),
        lambda: evidence(model, seen, Target(1)),
        lambda: [feature_maps(model, seen, layer.name) for layer in model.layers().walk() if layer.channels],
        lambda: [model.filters(layer.name) for layer in model.layers().walk()],
        *[lambda m=m: _attempt(net, x, 1, m) for m in METHODS],
        *[lambda m=m: _attempt(model, x, "predicted", m) for m in METHODS],
        *[lambda m=m: _attempt(model, x, _channel(model), m) for m in METHODS],
    ]
    for call in calls:
        call()
        assert state_hash(net) == before


@EVERY_NETWORK
def test_the_replica_puts_out_what_the_network_does(name: str) -> None:
    if name == "drops":
        pytest.skip("its output is random")
    net, x = build(name), _input(name)
    model = InstrumentedModel(net)
    model.predict(x)
    twin = build(name).eval()
    x = x.to(model.guest.dtype)
    with torch.inference_mode():
        wanted = twin(x)
    wanted = model.read(wanted).logits
    assert torch.equal(model(x).detach(), wanted)


@EVERY_METHOD
@pytest.mark.parametrize("where", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", torch.bfloat16)])
def test_a_method_gives_the_same_from_inside_any_mode(method: str, where: Callable[[], Any]) -> None:
    net = build(host(method))
    wanted = attribution(net, picture(), 1, method).values
    with where():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")
        values = attribution(net, picture(), 1, method).values
        after = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")
    assert before == after
    assert torch.equal(values, wanted)


class Fails(nn.Module):
    """Raises at a given call of one of its layers, and counts them on itself too."""

    def __init__(self) -> None:
        super().__init__()
        self.net = build("inplace")
        self.left = [10**9]
        for layer in self.net.children():
            layer.fails = True  # type: ignore[assignment]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.net.children():
            x = layer(x)
            self.left[0] -= 1
        return x


@EVERY_METHOD
@pytest.mark.parametrize("after", [0, 3, 7, 9, 14, 19])
def test_a_network_that_raises_is_left_as_it_was(method: str, after: int) -> None:
    net = Fails()
    left = net.left
    model = InstrumentedModel(net)
    model.predict(picture())
    before = state_hash(net)
    replica = model.guest._local.net
    failed = False
    try:
        with failing(after) as until:
            attribution(model, picture(), 1, method)
    except ValueError as error:
        assert str(error) == "the network fails"
        failed = True
    assert failed or until[0] >= 0 and after > 0  # every method runs the network at all
    assert state_hash(net) == before
    assert left == [10**9]
    assert _hooks(replica) == 0
    assert attribution(model, picture(), 1, method).facts["status"] == "ok"


def _hooks(net: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in net.modules())


def _raises(output: Any) -> torch.Tensor:
    raise ZeroDivisionError("the target fails")


@EVERY_METHOD
def test_a_target_or_an_option_that_fails_leaves_the_network_as_it_was(method: str) -> None:
    net = build(host(method))
    model = InstrumentedModel(net)
    model.predict(picture())
    before = state_hash(net)
    with pytest.raises(ZeroDivisionError):
        attribution(model, picture(), _raises, method)
    with pytest.raises(TypeError, match="has no option 'colour'"):
        attribution(model, picture(), 1, method, colour="red")
    with pytest.raises(nbviz.NbvizError, match="'no'"):
        attribution(model, picture(), 1, method, layer="no")
    assert state_hash(net) == before
    assert _hooks(model.guest._local.net) == 0


@EVERY_METHOD
def test_closing_a_method_anywhere_leaves_the_network_as_it_was(method: str) -> None:
    net = build(host(method, "drops"))
    model = InstrumentedModel(net)
    model.predict(picture())
    before = state_hash(net)
    for after in range(6):
        answers = explain(model, as_picture(picture()), 1, method, **_slow(method))
        for _, _ in zip(range(after), answers, strict=False):
            assert state_hash(net) == before
        answers.close()  # type: ignore[attr-defined]
        assert state_hash(net) == before
        assert _hooks(model.guest._local.net) == 0
        assert torch.is_grad_enabled()


def _slow(method: str) -> dict[str, Any]:
    return {"tolerance": 1e-9, "maximum": 60} if method == "integrated_gradients" else quick(method)


@EVERY_METHOD
def test_partials_rise_to_done_and_the_last_one_is_final(method: str) -> None:
    net = build(host(method, "functional"))
    partials = list(explain(InstrumentedModel(net), picture(), 1, method, **_slow(method)))
    done = [partial.done for partial in partials]
    assert done == sorted(done)
    assert done[-1] == 1 and all(d < 1 for d in done[:-1])
    assert torch.equal(partials[-1].values, attribution(net, picture(), 1, method, **_slow(method)).values)
    assert len({partial.values.shape for partial in partials}) == 1


@EVERY_METHOD
@pytest.mark.parametrize("name", ["inplace", "drops"])
def test_the_same_request_has_the_same_answer(method: str, name: str) -> None:
    net = build(host(method, name))
    torch.manual_seed(1)
    one = attribution(net, picture(), 1, method)
    torch.manual_seed(2)
    np.random.seed(2)
    random.seed(2)
    two = attribution(net, picture(), 1, method)
    assert torch.equal(one.values, two.values)
    assert torch.equal(one.heat(), two.heat())


@EVERY_METHOD
def test_shapes_facts_and_sign(method: str) -> None:
    net, x = build(host(method, "functional")), picture(1)
    found = attribution(net, x, 2, method)
    assert found.size == (16, 16)
    assert found.heat().shape == (16, 16) and found.heat((50, 30)).shape == (50, 30)
    assert found.signed or (found.heat() >= 0).all()
    for fact in ("score", "target", "layer", "calls", "dtype", "seconds", "status"):
        assert fact in found.facts
    assert (found.facts["layer"] is not None) == METHODS[method].uses_layer
    assert found.facts["target"] == "class 2"
    with torch.no_grad():
        score = net.eval()(x)[0, 2]
    assert found.facts["score"] == pytest.approx(float(score), abs=1e-6)
    assert found.values.device.type == "cpu" and not found.values.requires_grad


class Constant(nn.Module):
    """Scores that depend on nothing."""

    def __init__(self, detached: bool) -> None:
        super().__init__()
        self.net, self.detached = nn.Conv2d(3, 4, 3), detached
        self.register_buffer("scores", torch.arange(4.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        felt = self.net(x).mean((2, 3))
        return self.scores.expand(len(x), -1) + (0.0 if self.detached else 0.0 * felt)


@EVERY_METHOD
@pytest.mark.parametrize("detached", [True, False])
def test_a_constant_network_gives_zero_and_says_so(method: str, detached: bool) -> None:
    found = attribution(Constant(detached), picture(), 3, method)
    assert not found.values.any() and not found.heat().any()
    assert found.facts["status"] in ("no positive evidence", "no evidence")
    assert found.facts["score"] == 3


@EVERY_METHOD
def test_every_method_is_described(method: str) -> None:
    about = METHODS[method]
    assert about.title and about.source and about.sentence.endswith(".")
    for option in about.options:
        assert option.sentence and option.kind in ("float", "int", "bool", "choice", "text")
        assert option.kind != "choice" or option.default in option.choices
        assert option.low is None or option.low <= option.default
        assert option.high is None or option.default <= option.high
