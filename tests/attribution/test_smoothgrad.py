"""SmoothGrad: closed forms, captum's gradients over the same noise, and an error that tells the truth."""

from __future__ import annotations

from typing import Any

import captum.attr
import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution import explain
from nbviz.attribution.convergence import cells, pattern_error, relative_error, reliability
from nbviz.attribution.methods.smoothgrad import _noisy
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import picture


class Square(nn.Module):
    """Scores Σ x² and 3 Σ x: gradients 2x and 3."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.one * x
        return torch.stack([x.square().flatten(1).sum(1), 3 * x.flatten(1).sum(1)], 1)


def smooth(net: nn.Module | None = None, target: int = 0, **options: Any) -> Any:
    return nbviz.attribute(net or Square(), picture(dtype=torch.float64), target, "smoothgrad", **options)


def copies(count: int, noise: float = 0.15) -> torch.Tensor:
    return torch.cat(list(_noisy(picture(dtype=torch.float64), noise, 0, count)))


def test_a_linear_score_has_the_same_gradient_everywhere() -> None:
    found = smooth(target=1)
    assert torch.equal(found.values, torch.full_like(found.values, 3))
    assert found.facts["map_error"] == 0 and found.facts["samples"] == 16
    assert not smooth(target=1, variance=True).values.any()


def test_mean_square_and_variance_of_a_known_gradient() -> None:
    gradients = 2 * copies(25)
    for options, wanted in (
        ({}, gradients.mean(0)),
        ({"squared": True}, gradients.square().mean(0)),
        ({"variance": True}, gradients.var(0, correction=0)),
    ):
        found = smooth(samples=25, **options)
        assert torch.allclose(found.values[0], wanted, rtol=0, atol=1e-12)
        assert found.facts["samples"] == 25 and found.facts["calls"] == 26


def test_noise_is_a_share_of_the_range() -> None:
    x = picture(dtype=torch.float64)
    sigma = float((copies(2000) - x).std())
    assert sigma == pytest.approx(0.15 * float(x.max() - x.min()), rel=0.01)


@pytest.mark.parametrize("of", ["saliency", "input_x_gradient"])
def test_agrees_with_captum_over_the_same_noise(of: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 5)).double()
    noisy = copies(25).requires_grad_()
    peer = captum.attr.Saliency(net) if of == "saliency" else captum.attr.InputXGradient(net)
    wanted = peer.attribute(noisy, target=2, **({"abs": False} if of == "saliency" else {})).mean(0)
    found = smooth(net, 2, samples=25, of=of)
    assert torch.allclose(found.values[0], wanted, rtol=0, atol=1e-10)
    heat = wanted.sum(0).abs() if of == "input_x_gradient" else wanted.abs().amax(0)
    assert torch.allclose(found.heat(), heat, rtol=0, atol=1e-10)


def test_guided_backprop_is_smoothed_too() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 5)).double()
    found = smooth(net, 2, samples=1, noise=0.0, of="guided_backprop")
    guided = nbviz.attribute(net, picture(dtype=torch.float64), 2, "guided_backprop")
    assert torch.allclose(found.values, guided.values, rtol=0, atol=1e-12)
    assert found.facts["relus"] == 1


def test_the_stated_error_is_the_true_one_and_falls() -> None:
    x = picture(dtype=torch.float64) * torch.linspace(0, 3, 16)
    truth = cells((2 * x)[0].square().sum(0)).sqrt()
    shown: list[tuple[float, float]] = []
    options: dict[str, Any] = {"noise": 1.0, "tolerance": 0.1, "maximum": 8000}
    for partial in explain(InstrumentedModel(Square()), x, 0, "smoothgrad", **options):
        heat = cells(partial.values[0].square().sum(0)).sqrt()
        shown.append((partial.facts["map_error"], float((heat / heat.sum() - truth / truth.sum()).abs().sum()) / 2))
    assert shown[-1][0] <= 0.1 < shown[-2][0]
    assert 0.5 < shown[-1][1] / shown[-1][0] < 1.5
    assert shown[-1][0] < shown[0][0] / 3


def test_noise_that_is_alike_everywhere_is_not_taken_for_a_map() -> None:
    """The halves' heats agree on it; what they share is nothing."""
    torch.manual_seed(0)
    one, other = torch.randn(2, 3, 224, 224, dtype=torch.float64)
    assert relative_error(cells(one.abs().amax(0)), cells(other.abs().amax(0))) < 0.1
    assert pattern_error(one, other) > 0.3
    assert pattern_error(one, one) == 0 == pattern_error(one * 0, one * 0)
    assert pattern_error(one, -0.5 * one) == 1


def test_the_maximum_is_kept() -> None:
    assert smooth(tolerance=1e-6, maximum=20, noise=1.0).facts["samples"] == 20


def test_wrong_options_are_said() -> None:
    with pytest.raises(nbviz.NbvizError, match="choose one"):
        smooth(squared=True, variance=True)


def test_halves() -> None:
    torch.manual_seed(0)
    truth, a, b = torch.randn(3, 5000, dtype=torch.float64)
    one, other = truth + a, truth + b
    assert relative_error(truth, truth) == 0 == relative_error(truth * 0, truth * 0)
    assert relative_error(one, other) == pytest.approx(0.5 * 2**0.5 / (1.5**0.5), rel=0.05)
    # each half correlates 1/2 with the other, the whole 2/3 with a repetition of the whole
    assert reliability(one, other) == pytest.approx(2 / 3, abs=0.03)
    assert reliability(one, one * 0) == 0 == reliability(one, -one)
