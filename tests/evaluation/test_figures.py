"""Curves, stability, pointing, completeness, ROAD and infidelity against closed forms and peers."""

from __future__ import annotations

import captum.metrics
import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution.baselines import blurred
from nbviz.evaluation import (
    completeness,
    controls,
    curves,
    detail,
    imputed,
    infidelity,
    pointing,
    road,
    settle,
    stability,
)
from nbviz.evaluation.measures.stability import level
from nbviz.model.boxes import Box
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from tests.evaluation.rig import SIZE, Linear, by, hand_made, picture

X = picture()


def exact() -> torch.Tensor:
    weight = Linear().weight.detach()[1].view(1, 3, SIZE, SIZE)
    return (weight * (X - blurred(X, 15 / 224 * SIZE)))[0].sum(0)


def test_curves_of_a_linear_score_are_sums_of_its_map() -> None:
    model, values = InstrumentedModel(Linear()), exact()
    found = settle(curves(model, X, Target(1), {"map": values, "reversed": -values, **controls(X, values)}))
    whole = float(Linear()(X)[0, 1].detach())
    cells = values.view(14, 2, 14, 2).sum((1, 3)).flatten().sort(descending=True).values
    deletion = found["map"].deletion
    assert deletion.scores[0] == pytest.approx(whole)
    for share, score in zip(deletion.shares.tolist(), deletion.scores.tolist(), strict=True):
        assert score == pytest.approx(whole - float(cells[: round(share * 196)].sum()), abs=1e-9)
    assert found["map"].insertion.scores[-1] == pytest.approx(whole)
    areas = {name: (c.deletion.area, c.insertion.area) for name, c in found.items()}
    assert all(areas["map"][0] < low and high < areas["map"][1] for n, (low, high) in areas.items() if n != "map")
    assert areas["reversed"][0] == max(a for a, _ in areas.values())
    assert set(areas) == {"map", "reversed", "random 1", "random 2", "random 3", "edges", "centre"}


def test_a_linear_map_is_stable_and_a_map_of_noise_is_not() -> None:
    model = InstrumentedModel(Linear())
    judged = nbviz.attribute(model, X, 1, "saliency")
    assert settle(stability(model, X, Target(1), judged, by("saliency"))) == pytest.approx(1)

    def noise(_: object, x: torch.Tensor, target: object) -> object:
        seed = int(x.sum() * 1000) % 1000
        return iter([hand_made(torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(seed)))])

    assert abs(settle(stability(model, X, Target(1), judged, noise))) < 0.2
    assert settle(stability(model, X, Target(1), hand_made(exact() * 0), noise)) is None


def test_a_grey_level_is_that_of_the_preprocessing() -> None:
    model = nbviz.zoo.load("efficientnet_lite0")
    assert torch.allclose(level(model, torch.zeros(1, 3, 224, 224)), torch.tensor(2 / 255))


def test_pointing() -> None:
    heat = torch.zeros(SIZE, SIZE)
    heat[10, 20], heat[3, 3] = 3, 1
    judged = hand_made(heat)
    found = pointing(judged, (8.0, 18.0, 13.0, 23.0), tolerance=0)
    assert (found.hit, found.inside) == (1, 0.75) and found.covered == 25 / SIZE**2
    assert found.iou == 1 / 25
    assert pointing(judged, Box(8.0, 18.0, 13.0, 23.0), tolerance=0) == found
    away = pointing(judged, (0.0, 0.0, 6.0, 6.0), tolerance=0)
    assert (away.hit, away.inside, away.iou) == (0, 0.25, 0)
    assert pointing(judged, (0.0, 0.0, 6.0, 6.0), tolerance=15).hit == 1
    heat[3, 3] = 3
    assert pointing(hand_made(heat), (0.0, 0.0, 6.0, 6.0), tolerance=0).hit == 0.5
    assert pointing(hand_made(heat * 0), (0.0, 0.0, 6.0, 6.0)) is None
    with pytest.raises(nbviz.NbvizError, match="covers no pixel"):
        pointing(judged, (40.0, 40.0, 50.0, 50.0))
    with pytest.raises(nbviz.NbvizError, match="mask is"):
        pointing(judged, torch.ones(3, 3))


def test_completeness() -> None:
    model = InstrumentedModel(Linear())
    product = nbviz.attribute(model, X, 1, "input_x_gradient")
    assert settle(completeness(model, X, Target(1), product)) == pytest.approx(0, abs=1e-9)
    half = hand_made(product.values / 2)
    assert settle(completeness(model, X, Target(1), half)) == pytest.approx(0.5)
    assert settle(completeness(model, X, Target(1), half, X)) is None


def test_imputed_pixels_are_the_mean_of_their_neighbours() -> None:
    plane = torch.arange(9.0)[:, None] + 2 * torch.arange(9.0)
    x = plane.expand(1, 2, 9, 9).clone()
    removed = torch.zeros(9, 9, dtype=torch.bool)
    removed[3:6, 2:7] = True
    torn = x.clone()
    torn[..., removed] = 77
    # a plane is its own weighted mean, so it comes back but for the noise
    error = (imputed(torn, removed) - x).abs()
    assert 0 < float(error[..., removed].max()) < 0.05 * float(x.std()) and not error[..., ~removed].any()
    assert torch.equal(imputed(x, torch.zeros_like(removed)), x)
    assert torch.isfinite(imputed(x, ~torch.zeros_like(removed))).all()


def test_road_falls_faster_for_the_right_map() -> None:
    model = InstrumentedModel(Linear())
    right, wrong = hand_made(exact()), hand_made(-exact())
    asked = {"shares": (0.1, 0.3, 0.5)}
    fast, slow = (settle(road(model, X, Target(1), judged, **asked)) for judged in (right, wrong))
    assert fast.area < slow.area
    assert fast.scores[0] == pytest.approx(float(Linear()(X)[0, 1].detach()))
    least = settle(road(model, X, Target(1), right, least=True, **asked))
    assert least.area > fast.area


def test_infidelity_is_zero_for_a_linear_score_and_captums_for_another() -> None:
    model = InstrumentedModel(Linear())
    gradient = nbviz.attribute(model, X, 1, "saliency")
    found = settle(infidelity(model, X, Target(1), gradient))
    assert found.value == pytest.approx(0, abs=1e-9) and found.scaled == pytest.approx(0, abs=1e-9)
    nothing = settle(infidelity(model, X, Target(1), hand_made(gradient.values * 0)))
    assert nothing.scaled == pytest.approx(1)
    with pytest.raises(nbviz.NbvizError, match="one value per pixel"):
        settle(infidelity(model, X, Target(1), hand_made(exact())))


def test_infidelity_is_captums_over_the_same_noise() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 5)).double()
    judged = nbviz.attribute(net, X, 2, "saliency")
    found = settle(infidelity(InstrumentedModel(net), X, Target(2), judged, noise=0.2, samples=8))
    sigma = 0.2 * float(X.max() - X.min())
    noise = sigma * torch.randn(8, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    peer = captum.metrics.infidelity(net, lambda x: (noise, x - noise), X, judged.values, target=2, n_perturb_samples=8)
    assert found.value == pytest.approx(float(peer), rel=1e-9)


def test_detail_tells_what_it_knows_so_far() -> None:
    model = InstrumentedModel(Linear())
    judged = nbviz.attribute(model, X, 1, "integrated_gradients")
    answers = list(detail(model, X, Target(1), judged, by("integrated_gradients"), (0.0, 0.0, 9.0, 9.0)))
    assert all(answer.done < 1 and answer.progress for answer in answers[:-1])
    last = answers[-1]
    assert last.done == 1 and last.stability is not None and last.pointing is not None
    assert last.residual == judged.facts["residual"] and "centre" in last.curves
    (nothing,) = detail(model, X, Target(1), hand_made(exact() * 0), by("saliency"))
    assert "zero everywhere" in nothing.note and not nothing.curves
