"""The class-activation family: closed forms, torch-cam and captum in float64, refusals in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import captum.attr
import pytest
import torch
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.attribution import explain
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import CLASSES, build, picture

X = picture(dtype=torch.float64)


def network(pool: bool = True, stride: int = 2) -> nn.Sequential:
    """Two convolutions, then global average pooling, or a head that keeps places apart."""
    torch.manual_seed(0)
    places = 1 if pool else (16 // stride) ** 2
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, stride, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1) if pool else nn.Identity(), nn.Flatten(), nn.Linear(8 * places, CLASSES),
    ).double().eval()  # fmt: skip


def at(net: nn.Sequential, layer: int, target: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Activation and gradient of a layer, each (C, h, w), by hand."""
    activation = net[: layer + 1](X).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(net[layer + 1 :](activation)[0, target], activation)
    return activation.detach()[0], gradient[0]


def plus_plus(a: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    total = torch.zeros_like(a[0])
    for channel, slope in zip(a, g, strict=True):
        weight = 0.0
        for value in slope.flatten().tolist():
            below = 2 * value**2 + float(channel.sum()) * value**3
            weight += value**2 / below * max(value, 0.0) if below else 0.0
        total += weight * channel
    return total


FORMULAS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "grad_cam_plus_plus": plus_plus,
    "hires_cam": lambda a, g: (g * a).sum(0),
    "layer_cam": lambda a, g: (g.clamp(min=0) * a).sum(0),
}


@pytest.mark.parametrize("method", FORMULAS)
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_formula_at_any_layer(method: str, layer: int) -> None:
    net = network(pool=False)
    found = nbviz.attribute(net, X, 2, method, layer=str(layer))
    wanted = FORMULAS[method](*at(net, layer, 2))
    assert torch.allclose(found.values, wanted, rtol=1e-10, atol=1e-12)
    heat = functional.interpolate(wanted.clamp(min=0)[None, None], (16, 16), mode="bilinear")[0, 0]
    assert torch.allclose(found.heat(), heat, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("method", FORMULAS)
def test_tokens_are_read_on_their_grid(method: str) -> None:
    model = InstrumentedModel(build("tokens"))
    found = nbviz.attribute(model, picture(), 1, method, layer="block.norm1")
    assert found.values.shape == (4, 4) and found.facts["places"] == (4, 4)


@pytest.mark.parametrize(("method", "name"), [("layer_cam", "LayerCAM"), ("cam", "CAM")])
def test_agrees_with_torch_cam(method: str, name: str) -> None:
    peer = getattr(pytest.importorskip("torchcam.methods"), name)
    net, about = network(), {"fc_layer": "6"} if method == "cam" else {}
    with peer(net, "3", input_shape=(3, 16, 16), **about) as extractor:
        scores = net(X.clone().requires_grad_())
        wanted = extractor(2, scores, normalized=False)[0][0].detach()
    options: dict[str, Any] = {} if method == "cam" else {"layer": "3"}
    found = nbviz.attribute(network(), X, 2, method, **options)
    assert torch.allclose(found.values.clamp(min=0), wanted.clamp(min=0), rtol=1e-8, atol=1e-12)
    assert wanted.clamp(min=0).any()


def test_score_cam_agrees_with_torch_cam_where_nothing_is_enlarged() -> None:
    # torch-cam stretches maps before it enlarges them, the paper after
    net, torchcam = network(stride=1), pytest.importorskip("torchcam.methods")
    with torchcam.ScoreCAM(net, "3", input_shape=(3, 16, 16)) as extractor, torch.no_grad():
        net(X)
        wanted = extractor(2, normalized=False)[0][0]
    found = nbviz.attribute(net, X, 2, "score_cam", layer="3", fill=torch.zeros_like(X))
    assert torch.allclose(found.values, wanted, rtol=1e-6, atol=1e-12)


def test_score_cam_formula_on_a_coarser_layer() -> None:
    net = network()
    a = net[:4](X).detach()
    wide = functional.interpolate(a, (16, 16), mode="bilinear")[0]
    low, high = wide.amin((1, 2), keepdim=True), wide.amax((1, 2), keepdim=True)
    live = (high > low).flatten()
    with torch.no_grad():
        scores = net((((wide - low) / (high - low))[live])[:, None] * X)[:, 1]
    wanted = (scores.softmax(0)[:, None, None] * a[0][live]).sum(0)
    found = nbviz.attribute(net, X, 1, "score_cam", layer="3", fill=torch.zeros_like(X))
    assert torch.allclose(found.values, wanted, rtol=1e-10, atol=1e-12)
    assert found.facts["channels"] == f"{int(live.sum())} of 8"


def test_score_cam_comes_channel_by_channel_and_keeps_its_maximum() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 40, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(40, 4))
    partials = list(explain(InstrumentedModel(net), picture(), 1, "score_cam", layer="1", maximum=20))
    assert [partial.progress for partial in partials] == [*(f"{count} of 20 channels" for count in (8, 16)), ""]
    assert partials[-1].facts["channels"] == "20 of 40" and partials[-1].facts["calls"] == 21


def test_score_cam_needs_no_gradient() -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x.detach()).detach()

    found = nbviz.attribute(Detached(), X, 1, "score_cam", layer="net.3")
    assert found.facts["status"] == "ok"


def test_eigen_cam_is_the_first_singular_vector() -> None:
    for layer, wide in (("1", False), ("3", False), ("3", True)):
        x = X[:, :, :4, :4] if wide else X
        net = network()
        maps = net[: int(layer) + 1](x).detach()[0]
        u, s, v = torch.linalg.svd(maps.flatten(1), full_matrices=False)
        wanted = (s[0] * v[0]).view(maps.shape[1:])
        wanted = wanted * wanted.sum().sign()
        found = nbviz.attribute(net, x, 1, "eigen_cam", layer=layer)
        assert torch.allclose(found.values, wanted, rtol=1e-8, atol=1e-10)
        assert found.facts["energy"] == pytest.approx(float(s[0] ** 2 / (s**2).sum()))
        assert torch.equal(found.values, nbviz.attribute(net, x, 2, "eigen_cam", layer=layer).values)


def test_cam_is_the_score_place_by_place() -> None:
    net = network()
    found = nbviz.attribute(net, X, 3, "cam")
    assert float(found.values.mean() + net[6].bias[3].detach()) == pytest.approx(found.facts["score"], rel=1e-12)
    assert (found.facts["maps"], found.facts["linear"]) == ("3", "6")
    grad_cam = nbviz.attribute(net, X, 3, "grad_cam", layer="3")
    assert torch.allclose(found.values, grad_cam.values * found.values.numel(), rtol=1e-10, atol=1e-12)


def test_cam_of_a_contrast_is_the_difference_of_cams() -> None:
    one, other, both = (nbviz.attribute(network(), X, target, "cam").values for target in (3, 1, (3, 1)))
    assert torch.allclose(both, one - other, rtol=1e-10, atol=1e-12)


class FunctionalRelu(nn.Module):
    """As DenseNet: a functional ReLU between the last maps and their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.maps, self.head = nn.Conv2d(3, 6, 3), nn.Conv2d(6, CLASSES, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(functional.relu(self.maps(x)).mean((2, 3), keepdim=True)).flatten(1)


def test_cam_sees_through_a_functional_relu_and_a_convolution_as_head() -> None:
    torch.manual_seed(0)
    net = FunctionalRelu().double()
    found = nbviz.attribute(net, X, 2, "cam")
    wanted = torch.einsum("k,khw->hw", net.head.weight[2, :, 0, 0], net.maps(X)[0].clamp(min=0)).detach()
    assert torch.allclose(found.values, wanted, rtol=1e-10, atol=1e-12)
    assert found.facts["maps"] == "maps, rectified"


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (lambda: network(pool=False), "what '6' reads here is no layer's mean"),
        (lambda: build("dense"), "what 'head' reads here is no layer's mean"),
        (lambda: nn.Sequential(network(), nn.Softmax(1)), "no linear layer puts out the scores"),
    ],
)
def test_cam_refuses_other_heads_in_words(net: Callable[[], nn.Module], said: str) -> None:
    with pytest.raises(nbviz.NbvizError, match=said):
        nbviz.attribute(net(), X, 1, "cam")


@pytest.mark.filterwarnings("ignore:Setting:UserWarning")
def test_guided_grad_cam_agrees_with_captum() -> None:
    net = network(pool=False)
    peer = captum.attr.GuidedGradCam(net, net[2])
    wanted = peer.attribute(X.clone().requires_grad_(), target=2, interpolate_mode="bilinear")
    found = nbviz.attribute(network(pool=False), X, 2, "guided_grad_cam", layer="2")
    assert torch.allclose(found.values, wanted, rtol=0, atol=1e-10) and wanted.any()
    assert found.facts["calls"] == 1 and found.facts["relus"] == 2


def test_guided_grad_cam_needs_relus() -> None:
    with pytest.raises(nbviz.NbvizError, match="Guided Grad-CAM needs ReLUs; this network has 1 GELU"):
        nbviz.attribute(build("tokens"), picture(), 1, "guided_grad_cam", layer="block.norm1")


def test_cam_never_tells_a_callable_to_be_a_callable() -> None:
    class Queries(nn.Module):
        """Puts out a score per query and class, as detection transformers do."""

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.conv(x).flatten(2).transpose(1, 2))

    with pytest.raises(Refused, match="not a function of it. Grad-CAM explains functions"):
        nbviz.attribute(Queries(), torch.rand(1, 3, 16, 16), lambda out: out[:, 2, 3], "cam")
    assert nbviz.attribute(Queries(), torch.rand(1, 3, 16, 16), lambda out: out[:, 2, 3], "grad_cam").values.any()
