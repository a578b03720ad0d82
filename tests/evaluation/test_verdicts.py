"""Converged, this class, these weights: what passes, what does not, and what can't be told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbviz.attribution import attribute
from nbviz.evaluation import converged, redrawn, settle, these_weights, this_class
from nbviz.evaluation.measures.this_class import unrelated
from nbviz.evaluation.redrawn import stages
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from tests.aliases import check_aliases
from tests.evaluation.rig import SIZE, Constant, Linear, by, hand_made, picture
from tests.networks import NETWORKS, build, state_hash
from tests.networks import picture as small

VALUES = torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "passed"),
        ({"map_error": 0.1}, "passed"),
        ({"map_error": 0.11}, "not passed"),
        ({"map_error": float("nan")}, "can't tell"),
        ({"reliability": 0.9}, "passed"),
        ({"reliability": 0.89}, "not passed"),
        ({"residual": 0.01}, "can't tell"),
        ({"samples": 1}, "can't tell"),
        ({"residual": 0.9, "map_error": 0.04}, "passed"),
    ],
)
def test_converged_by_what_the_method_states(facts: dict[str, float], state: str) -> None:
    assert converged(hand_made(VALUES, **facts)).state == state


def test_an_empty_map_can_not_be_judged() -> None:
    empty, model, x = hand_made(VALUES * 0), InstrumentedModel(Linear()), picture()
    asked = (model, x, Target(1), empty, by("saliency"))
    for verdict in (converged(empty), settle(this_class(*asked)), settle(these_weights(*asked))):
        assert verdict.state == "can't tell" and "zero everywhere" in verdict.sentence


def judge(net: nn.Module, method: str, x: torch.Tensor, test: Any, target: int = 1) -> Any:
    model = InstrumentedModel(net)
    judged = attribute(model, x, target, method)
    return settle(test(model, x, Target(target), judged, by(method)))


def test_a_linear_network_has_another_map_for_another_class_and_other_weights() -> None:
    for test in (this_class, these_weights):
        verdict = judge(Linear(), "saliency", picture(), test)
        assert verdict.state == "passed" and abs(verdict.figures["similarity"]) < 0.2


class Same(nn.Module):
    """Classes that differ by a factor only: every gradient map shows the same."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Linear(1)
        self.head = nn.Linear(1, 6, dtype=torch.float64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


def test_a_map_that_is_the_same_for_every_class_does_not_pass() -> None:
    verdict = judge(Same(), "saliency", picture(), this_class)
    assert verdict.state == "not passed" and verdict.figures["similarity"] == pytest.approx(1)
    assert "almost the same map" in verdict.sentence


def test_a_map_of_the_picture_alone_passes_neither() -> None:
    model, x = InstrumentedModel(Linear()), picture()
    drawn = hand_made(x[0].sum(0))
    for test in (this_class, these_weights):
        verdict = settle(test(model, x, Target(1), drawn, lambda *_: iter([drawn])))
        assert verdict.state == "not passed" and verdict.figures["similarity"] == pytest.approx(1)


def test_guided_backprop_of_a_deep_network_does_not_see_the_class() -> None:
    torch.manual_seed(0)
    layers = [m for _ in range(5) for m in (nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())]
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = nn.Sequential(net, nn.Linear(8, 6)).double()
    guided, plain = (judge(net, method, picture(), this_class) for method in ("guided_backprop", "saliency"))
    assert guided.figures["similarity"] > plain.figures["similarity"]


def test_a_constant_network_can_not_be_judged() -> None:
    for test in (this_class, these_weights):
        assert judge(Constant(), "saliency", picture(), test).state == "can't tell"


def test_where_there_is_no_other_class() -> None:
    logits = torch.arange(10.0).flip(0).numpy()
    assert unrelated(logits, Target(0)) == 5
    assert unrelated(logits, Target(5)) == 6
    assert unrelated(logits, Target(5, 6)) == 7
    assert unrelated(logits[:3], Target(0)) is None
    model, x = InstrumentedModel(Linear(3)), picture()
    of_function = Target(function=lambda output: output[:, 0])
    for target in (Target(1), of_function):
        verdict = settle(this_class(model, x, target, hand_made(VALUES), by("saliency")))
        assert verdict.state == "can't tell" and "no unrelated class" in verdict.sentence


def test_stages_are_blocks_and_large_ones_are_taken_apart() -> None:
    def block(width: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())

    body = nn.Sequential(*[nn.Sequential(block(4), block(4)) for _ in range(6)])
    net = nn.ModuleDict({"stem": nn.Conv2d(3, 4, 3), "body": body, "head": nn.Linear(4, 5)})
    net.forward = lambda x: net["head"](net["body"](net["stem"](x)).mean((2, 3)))  # type: ignore[method-assign]
    model = InstrumentedModel(net)
    model.trace(small())
    assert stages(model) == ["stem", *(f"body.{i}" for i in range(6)), "head"]


@pytest.mark.parametrize("name", NETWORKS)
def test_redrawing_touches_a_copy_of_the_last_weights_only(name: str) -> None:
    net = build(name)
    x = small(dtype=torch.float64 if name == "float64" else torch.float32)
    model = InstrumentedModel(net)
    before, scores = model.logits(x), None
    state = state_hash(net)
    for seed in (0, 0, 1):
        last, scores = scores, redrawn(model, seed).logits(x)
        assert state_hash(net) == state
        assert name == "drops" or not (scores == before).all()
        assert last is None or (last == scores).all() == (seed == 0) or name == "drops"
    assert (model.logits(x) == before).all()


def test_a_redrawn_network_is_kept_until_the_weights_change() -> None:
    net = build("plain")
    model = InstrumentedModel(net)
    model.trace(small())
    one = redrawn(model, 0)
    assert redrawn(model, 0) is one and redrawn(model, 1) is not one
    with torch.no_grad():
        net[0].weight.mul_(2)
    other = redrawn(model, 0)
    assert other is not one
    check_aliases({"0.weight": other.net.get_parameter("0.weight")}, {"0.weight": net.get_parameter("0.weight")})


def test_norms_and_early_weights_are_shared_and_the_spread_is_kept() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3),
        nn.Conv2d(32, 32, 3), nn.Conv2d(32, 64, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 6),
    )  # fmt: skip
    model = InstrumentedModel(net)
    model.trace(torch.randn(1, 3, 16, 16))
    other = redrawn(model, 0).net
    shared = "0.weight", "1.weight", "9.bias"
    check_aliases(*({name: one.get_parameter(name) for name in shared} for one in (other, net)))
    for i in (5, 6, 9):
        assert not torch.equal(other[i].weight, net[i].weight)
        mine, theirs = (float(found[i].weight.detach().std()) for found in (net, other))
        assert theirs == pytest.approx(mine, rel=0.15)
