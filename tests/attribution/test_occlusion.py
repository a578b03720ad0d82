"""Occlusion: captum's at equal windows, closed forms, coarse first, no gradients needed."""

from __future__ import annotations

from typing import Any

import captum.attr
import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution import explain
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture


@pytest.mark.parametrize(("window", "stride"), [(4, 2), (5, 3), (4, 4), (3, 1)])
@pytest.mark.parametrize("name", ["functional", "tokens"])
def test_agrees_with_captum_at_equal_windows(name: str, window: int, stride: int) -> None:
    x = picture(dtype=torch.float64)
    wanted = captum.attr.Occlusion(build(name).double().eval()).attribute(
        x, (3, window, window), (3, stride, stride), baselines=0, target=2
    )
    options: dict[str, Any] = {"window": window, "stride": stride, "fill": torch.zeros_like(x)}
    found = nbviz.attribute(build(name).double(), x, 2, "occlusion", **options)
    # captum answers in float32, whatever the network's type
    assert torch.allclose(found.values, wanted[0, 0].double(), rtol=0, atol=1e-8)
    assert found.signed and torch.equal(found.heat(), found.values)
    assert found.facts["calls"] == 1 + found.facts["windows"]


class NoGradients(nn.Module):
    """A score autograd knows nothing of: the upper left quarter's sum less the lower right's."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixels = x.detach().cpu().numpy()
        found = pixels[:, :, :8, :8].sum((1, 2, 3)) - pixels[:, :, 8:, 8:].sum((1, 2, 3))
        return torch.from_numpy(found)[:, None].to(x)


def test_works_without_gradients_and_has_the_score_s_sign() -> None:
    found = nbviz.attribute(NoGradients(), torch.ones(1, 3, 16, 16), 0, "occlusion", window=4, stride=4, fill="black")
    wanted = torch.zeros(16, 16)
    wanted[:8, :8], wanted[8:, 8:] = 48, -48
    assert torch.equal(found.values, wanted)


def test_comes_coarse_first_and_says_what_is_still_changing() -> None:
    model = InstrumentedModel(NoGradients())
    partials = list(explain(model, torch.ones(1, 3, 16, 16), 0, "occlusion", window=4, stride=1))
    shown = [partial.values for partial in partials]
    # 16 windows of 4 pixels tile the picture: four batches
    assert not shown[0].all() and shown[3][:8, :8].all() and shown[3][8:, 8:].all()
    assert partials[-1].facts["windows"] == 13 * 13 and partials[-1].facts["calls"] == 170
    assert partials[-2].facts["last_change"] < 0.5
    assert partials[-1].facts["last_change"] < partials[-2].facts["last_change"]


def test_the_default_window_follows_the_picture() -> None:
    facts = nbviz.attribute(build("plain"), picture(size=28), 1, "occlusion").facts
    assert (facts["window"], facts["stride"], facts["fill"]) == (4, 2, "gray")


@pytest.mark.parametrize("fill", ["grey", torch.zeros(2, 2)])
def test_a_fill_that_is_none_is_said(fill: Any) -> None:
    with pytest.raises(nbviz.NbvizError, match=r"not 'grey'|shape \(2, 2\)"):
        nbviz.attribute(build("plain"), picture(), 1, "occlusion", fill=fill)
