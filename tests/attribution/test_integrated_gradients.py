"""Integrated gradients in closed form, their stopping rule, and the estimate of their error."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution import explain
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture


class Cubic(nn.Module):
    """Score Σ w x³: from baseline b the attribution is w (x³ − b³), pixel by pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 2, 3 * 64, dtype=torch.float64).view(3, 8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.weight * x**3).sum((1, 2, 3))[:, None].repeat(1, 2)


def _exact(net: Cubic, x: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    # along b + t(x − b) the integral of 3 w (b + t(x − b))² (x − b) is w (x³ − b³)
    return (net.weight * (x**3 - b**3)).detach()


@pytest.mark.parametrize("baseline", ["black", "given"])
def test_gauss_legendre_is_exact_on_a_polynomial(baseline: str) -> None:
    net, x = Cubic(), picture(size=8, dtype=torch.float64)
    start = picture(3, size=8, dtype=torch.float64) if baseline == "given" else torch.zeros_like(x)
    options = {"baseline": start} if baseline == "given" else {}
    found = nbviz.attribute(net, x, 0, rule="gausslegendre", steps=4, **options)
    torch.testing.assert_close(found.values, _exact(net, x, start), rtol=0, atol=1e-13)
    torch.testing.assert_close(found.heat(), _exact(net, x, start)[0].sum(0).abs(), rtol=0, atol=1e-13)
    assert found.facts["residual"] < 1e-12 and found.facts["baseline"] == baseline
    assert found.facts["calls"] == 6  # four steps, and both ends for the residual


def test_the_adaptive_rule_converges_to_the_exact_map() -> None:
    net, x = Cubic(), picture(size=8, dtype=torch.float64)
    exact = _exact(net, x, torch.zeros_like(x))
    errors = []
    for tolerance in (0.2, 0.02, 0.002):
        found = nbviz.attribute(net, x, 0, tolerance=tolerance, maximum=2000)
        errors.append(float((found.values - exact).abs().sum() / exact.abs().sum()))
        assert found.facts["map_error"] <= tolerance and found.facts["stopped"] == "tolerance reached"
        assert errors[-1] <= tolerance
    assert errors == sorted(errors, reverse=True)


def test_it_stops_at_the_maximum_and_says_how_far_it_came() -> None:
    net, x = Cubic(), picture(size=8, dtype=torch.float64)
    partials = list(explain(InstrumentedModel(net), x, 0, "integrated_gradients", tolerance=1e-9, maximum=23))
    assert partials[-1].facts["calls"] == 23
    assert partials[-1].facts["map_error"] > 1e-9
    assert partials[-1].facts["stopped"] == "maximum reached"
    assert partials[0].progress == "5 evaluations, of at most 23"


@pytest.mark.parametrize("name", ["inplace", "functional", "dense", "shared"])
def test_the_estimate_is_not_far_below_the_true_error(name: str) -> None:
    net = build(name).double()
    for seed in range(3):
        x = picture(seed, dtype=torch.float64)
        exact = nbviz.attribute(net, x, 1, rule="gausslegendre", steps=500).values
        found = nbviz.attribute(net, x, 1)
        error = float((found.values - exact).abs().sum() / exact.abs().sum())
        assert error <= 0.05
        assert found.facts["map_error"] >= error / 1.2


@pytest.mark.parametrize("name", ["functional", "tokens"])
def test_completeness(name: str) -> None:
    net, x = build(name).double(), picture(dtype=torch.float64)
    found = nbviz.attribute(net, x, 1, tolerance=0.001, maximum=2000)
    with torch.no_grad():
        difference = (net.eval()(x) - net(torch.zeros_like(x)))[0, 1]
    assert float(found.values.sum()) == pytest.approx(float(difference), rel=0.01)
    stated = abs(float(found.values.sum()) - float(difference)) / abs(float(difference))
    assert found.facts["residual"] == pytest.approx(stated, abs=1e-9)
    assert found.facts["baseline_score"] + float(difference) == pytest.approx(found.facts["score"], abs=1e-9)


def test_a_picture_that_is_its_own_baseline_has_nothing_to_explain() -> None:
    x = picture()
    found = nbviz.attribute(build("functional"), x, 1, baseline=x)
    assert not found.values.any() and found.facts["residual"] is None
    assert found.facts["status"] == "no evidence"


@pytest.mark.parametrize("baseline", ["black", "blur", "mean", "noise"])
def test_every_baseline_has_the_pictures_shape(baseline: str) -> None:
    found = nbviz.attribute(build("functional"), picture(size=9), 1, baseline=baseline, maximum=20)
    assert found.facts["baseline"] == baseline and torch.isfinite(found.values).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"baseline": "white"}, "'white'"),
        ({"baseline": torch.zeros(1, 3, 4, 4)}, r"\(1, 3, 4, 4\)"),
        ({"tolerance": 0}, "tolerance"),
        ({"steps": 0, "rule": "gausslegendre"}, "steps"),
        ({"maximum": 2}, "maximum"),
        ({"rule": "simpson"}, "'simpson'"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_words(options: dict[str, Any], words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        nbviz.attribute(build("functional"), picture(), 1, **options)


class Pieces(nn.Module):
    """Scores Σ f(x) with f'(x) even in the first row, bent in the second and jumping at .3 in the third."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = x[:, :, 0].square() + x[:, :, 1] ** 3 + (x[:, :, 2] - 0.3).clamp(min=0)
        return self.one * score.flatten(1).sum(1, keepdim=True)


def test_panels_are_simpsons_where_gradients_change_evenly_and_trapezoids_where_they_jump() -> None:
    x = torch.ones(1, 3, 3, 3, dtype=torch.float64)
    # five evaluations: with an error of .05 asked for, none of the cases below needs more
    found = nbviz.attribute(Pieces(), x, 0, baseline=torch.zeros_like(x), maximum=5)
    even, bent, jump = found.values[0, 0]
    assert torch.allclose(even, torch.ones_like(even), rtol=0, atol=1e-12)
    # ∫ 3 t² = 1; trapezoids of a quarter give 1.03125, Simpson's rule 1
    assert ((bent - 1).abs() < 0.016).all()
    # gradients 0, 0, 1, 1, 1: the trapezoids' .625 for .7
    assert torch.allclose(jump, torch.full_like(jump, 0.625), rtol=0, atol=1e-12)
    true = float((found.values[0, 0].sum(1) - torch.tensor([3.0, 3.0, 2.1])).abs().sum() / found.values[0, 0].sum())
    assert true <= found.facts["map_error"] * 1.2


def test_a_smooth_network_needs_no_more_than_a_gauss_legendre_rule_for_the_same_error() -> None:
    model, image = nbviz.zoo.load("fashion_vit"), nbviz.zoo.fashion()[111][0]
    exact, found = (nbviz.attribute(model, image, **o) for o in ({"rule": "gausslegendre", "steps": 200}, {}))
    steps = found.facts["calls"] - 3  # one fewer, and the two ends that both evaluate
    rule = nbviz.attribute(model, image, rule="gausslegendre", steps=steps)
    mine, theirs = (float((one.values - exact.values).abs().sum()) for one in (found, rule))
    assert mine < theirs and mine < 0.05 * float(exact.values.abs().sum())
