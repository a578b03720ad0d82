"""Expected and blur-integrated gradients: closed forms, completeness, and an error that tells the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import captum.attr
import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution import explain
from nbviz.attribution.baselines import blurred
from nbviz.attribution.words import facts_lines
from nbviz.errors import NbvizError, Refused
from nbviz.evaluation import converged
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture

X = picture(dtype=torch.float64)
METHODS = ("expected_gradients", "blur_integrated_gradients")


def smooth() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.Softplus(), nn.Conv2d(6, 8, 3, stride=2), nn.Tanh(), nn.Flatten(),
        nn.Linear(8 * 49, 5),
    ).double()  # fmt: skip


class Square(nn.Module):
    """Scores Σ x²: along any path the integral is x² − x′², pixel by pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.one * x.square().flatten(1).sum(1, keepdim=True)


def test_expected_gradients_of_a_square_are_known() -> None:
    starts = torch.randn(3, 3, 16, 16, dtype=torch.float64)
    found = nbviz.attribute(Square(), X, 0, "expected_gradients", baselines=starts)
    assert torch.allclose(found.values, X**2 - (starts**2).mean(0), rtol=0, atol=1e-12)
    assert found.facts["residual"] < 1e-12 and found.facts["baselines"] == 3


def test_blur_integrated_gradients_of_a_square_are_known() -> None:
    found = nbviz.attribute(Square(), X, 0, "blur_integrated_gradients", blur=0.5)
    assert torch.allclose(found.values, X**2 - blurred(X, 8.0) ** 2, rtol=0, atol=1e-12)
    assert found.facts["residual"] < 1e-12


def test_expected_gradients_agree_with_captum_over_the_same_baselines() -> None:
    starts = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    peer = captum.attr.IntegratedGradients(smooth())
    each = [peer.attribute(X, start[None], 2, n_steps=64, method="gausslegendre") for start in starts]
    wanted = sum(each) / 2
    options: dict[str, Any] = {"baselines": starts, "tolerance": 0.01, "maximum": 2000}
    found = nbviz.attribute(smooth(), X, 2, "expected_gradients", **options)
    assert float((found.values - wanted).abs().sum() / wanted.abs().sum()) < 0.01


def test_blur_integrated_gradients_agree_with_a_fine_sum() -> None:
    net, fine = smooth(), 400
    wanted = torch.zeros_like(X)
    for i in range(fine):
        low, high = (blurred(X, 4.0 * (1 - (i + j) / fine) ** 2) for j in (0, 1))
        middle = blurred(X, 4.0 * (1 - (i + 0.5) / fine) ** 2).requires_grad_()
        wanted += torch.autograd.grad(net(middle)[0, 2], middle)[0] * (high - low)
    found = nbviz.attribute(net, X, 2, "blur_integrated_gradients", tolerance=0.01, maximum=2000)
    error = float((found.values - wanted).abs().sum() / wanted.abs().sum())
    assert error < 0.01 and found.facts["baseline_score"] == pytest.approx(net(blurred(X, 4.0))[0, 2].item())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["functional", "plain", "tokens"])
def test_the_stated_error_is_not_below_the_true_one_and_sums_are_complete(method: str, name: str) -> None:
    net = build(name).double()
    exact = nbviz.attribute(net, X, 1, method, tolerance=0.01, maximum=2000)
    found = nbviz.attribute(net, X, 1, method, tolerance=0.1, maximum=2000)
    true = float((found.values - exact.values).abs().sum() / exact.values.abs().sum())
    assert true <= 1.2 * found.facts["map_error"] and found.facts["map_error"] <= 0.1
    assert exact.facts["residual"] < 0.05
    assert found.facts["calls"] < exact.facts["calls"]


@pytest.mark.parametrize("method", METHODS)
def test_gets_better_until_the_maximum(method: str) -> None:
    model = InstrumentedModel(build("functional"))
    partials = list(explain(model, picture(), 1, method, tolerance=0.01, maximum=50))
    assert partials[-1].facts["calls"] == 50
    assert partials[-1].facts["map_error"] < partials[0].facts["map_error"] / 2
    assert "of at most 50" in partials[0].progress


def test_baselines_by_name_and_wrong_ones() -> None:
    names = nbviz.attribute(smooth(), X, 1, "expected_gradients", baselines=["black", "blur"])
    again = nbviz.attribute(smooth(), X, 1, "expected_gradients", baselines="black, blur")
    assert torch.equal(names.values, again.values)
    for wrong, said in (("black, blu", "not 'blu'"), ("", "one baseline or more"), (torch.zeros(1, 2, 2), "shape")):
        with pytest.raises(nbviz.NbvizError, match=said):
            nbviz.attribute(smooth(), X, 1, "expected_gradients", baselines=wrong)


class Broken(nn.Module):
    """A gradient that is NaN where a pixel is below 0, or a score that is."""

    def __init__(self, score: bool) -> None:
        super().__init__()
        self.one, self.score = nn.Parameter(torch.ones(())), score

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = self.one * x.flatten(1).sum(1, keepdim=True)
        return total + torch.nan if self.score else total * x.sqrt().flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("method", ["integrated_gradients", *METHODS])
def test_a_gradient_that_is_not_a_number_ends_it_and_says_so(method: str) -> None:
    found = nbviz.attribute(Broken(False), picture(), 0, method)
    assert found.facts["status"] == found.facts["stopped"] == "non-finite"
    assert found.facts["calls"] <= 17


def test_a_score_that_is_not_a_number_is_said_though_its_gradient_is_one() -> None:
    found = nbviz.attribute(Broken(True), picture(), 0, "saliency")
    assert bool(torch.isfinite(found.values).all()) and found.facts["status"] == "non-finite"


class Opposed(nn.Module):
    """A gradient of −1, 1, −1, 1, −1 at quarters of the way from 0 to 1: trapezoids cancel to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.one * (-(4 * torch.pi * x).sin() / (4 * torch.pi)).flatten(1).sum(1, keepdim=True)


def test_a_map_that_cancels_to_nothing_has_no_error_of_many_digits() -> None:
    x = torch.ones(1, 1, 4, 4, dtype=torch.float64)
    found = nbviz.attribute(Opposed(), x, 0, baseline=torch.zeros_like(x), maximum=5)
    assert found.facts["map_error"] > 1e3 and found.facts["stopped"] == "maximum reached"
    line = "".join(run if isinstance(run, str) else run[0] for run in facts_lines(found.facts)[1])
    assert "more error than map" in line and "map within" not in line
    faint = replace(found, values=found.values + 1e-9, facts={**found.facts, "map_error": 670646533.3})
    assert converged(faint).sentence == "Not converged: what is unsure is more than the map itself."


@pytest.mark.parametrize("maximum", [6, 23, 50])
@pytest.mark.parametrize("method", ["integrated_gradients", "blur_integrated_gradients"])
def test_every_evaluation_is_spent_and_the_last_one_helps(method: str, maximum: int) -> None:
    net = build("functional").double()
    exact = nbviz.attribute(net, X, 1, method, tolerance=0.002, maximum=2000).values
    found = [nbviz.attribute(net, X, 1, method, tolerance=1e-9, maximum=n) for n in (5, maximum)]
    assert found[1].facts["calls"] == maximum
    first, last = (float((one.values - exact).abs().sum()) for one in found)
    assert last < first


@pytest.mark.parametrize("baselines", [None, 3, True, float("nan"), b"black", "", [], torch.tensor(3.0), object()])
def test_what_names_no_baselines_is_refused(baselines: Any) -> None:
    with pytest.raises(NbvizError, match="baselines needs one baseline or more"):
        nbviz.attribute(Square(), X, 0, "expected_gradients", baselines=baselines)


class Rounds(nn.Module):
    """Puts out steps of its features, so that every gradient is zero."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3).double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (200 * self.conv(x).mean((2, 3))).round()


@pytest.mark.parametrize("method", [*METHODS, "integrated_gradients"])
def test_a_gradient_of_zero_is_no_lack_of_evidence_where_the_score_changes(method: str) -> None:
    torch.manual_seed(0)
    with pytest.raises(Refused, match="is zero all along the way.*such as rounding.*Occlusion and RISE") as caught:
        nbviz.attribute(Rounds(), X, 0, method, maximum=9)
    assert caught.value.instead
    assert nbviz.attribute(Rounds(), X, 0, "occlusion").values.any()


def test_a_score_that_does_not_change_has_no_evidence_without_error() -> None:
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    net[0].weight.data.zero_()
    assert nbviz.attribute(net, X, 0, "integrated_gradients").facts["map_error"] == 0
