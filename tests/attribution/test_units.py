"""Methods that name the same unit measure the same: on a linear score they agree to the value."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution.base import GRADIENT, SCORE


class Linear(nn.Module):
    """Each place adds what its pixel says: score k is Σ w_k·x."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Identity()
        generator = torch.Generator().manual_seed(0)
        self.weights = nn.Parameter(torch.rand(2, 1, 8, 8, generator=generator, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nchw,kchw->nk", self.places(x), self.weights)


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    return torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("method", ["input_x_gradient", "integrated_gradients", "hires_cam", "layer_cam"])
def test_scores_per_place_add_up_to_the_same_score(method: str, picture: torch.Tensor) -> None:
    layer = "places" if nbviz.METHODS[method].uses_layer else None
    options = {"baseline": torch.zeros_like(picture)} if method == "integrated_gradients" else {}
    net = Linear()
    found = nbviz.attribute(net, picture, 1, method, layer, **options)
    assert found.facts["unit"] == SCORE
    expected = (picture * net.weights[1].detach())[0, 0]
    assert torch.allclose(found.evidence, expected)


def test_smoothgrads_unit_is_that_of_what_it_averages(picture: torch.Tensor) -> None:
    units = {
        what: nbviz.attribute(Linear(), picture, 1, "smoothgrad", samples=2, **options).facts["unit"]
        for what, options in {
            "saliency": {}, "product": {"of": "input_x_gradient"}, "squares": {"squared": True},
        }.items()
    }  # fmt: skip
    assert units == {"saliency": GRADIENT, "product": SCORE, "squares": ""}
    assert nbviz.attribute(Linear(), picture, 1, "saliency").facts["unit"] == GRADIENT
