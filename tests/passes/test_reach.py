"""Scores that depend on the picture while no gradient leads there: refused with the reason, never "no evidence"."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import nbviz
from nbviz.errors import Refused
from nbviz.passes.effective_field import effective_field
from nbviz.passes.evidence import evidence
from nbviz.pictures.load import as_picture

GRADIENT_METHODS = (
    "saliency", "input_x_gradient", "smoothgrad", "integrated_gradients", "blur_integrated_gradients",
    "expected_gradients", "guided_backprop", "deconvnet", "grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam",
    "guided_grad_cam", "attention", "rollout", "gradient_rollout",
)  # fmt: skip


class Cut(nn.Module):
    """A trunk and a linear head with something between them."""

    def __init__(self, join: Callable[[nn.Module, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.ReLU())
        self.head, self.join = nn.Linear(4, 3), join

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.join(self.trunk, x).mean((2, 3)))


def no_grad(trunk: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return trunk(x)


def detach(trunk: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return trunk(x).detach()


def through_numpy(trunk: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(trunk(x).detach().numpy().copy())


def reentrant(trunk: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return checkpoint(trunk, x, use_reentrant=True)


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def frozen(net: nn.Module) -> nn.Module:
    return net.eval().requires_grad_(False)


def quantised() -> nn.Module:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return torch.ao.quantization.quantize_dynamic(body.eval(), {nn.Linear}, dtype=torch.qint8)


@pytest.mark.parametrize("method", GRADIENT_METHODS)
@pytest.mark.parametrize("join", [no_grad, detach, through_numpy])
@pytest.mark.parametrize("weights", [nn.Module.eval, frozen])
def test_a_cut_graph_is_refused_and_named(method: str, join: Callable[..., torch.Tensor], weights: Callable) -> None:
    torch.manual_seed(0)
    with pytest.raises(Refused, match="No gradient leads from the score of class 1 to .*Occlusion and RISE") as caught:
        nbviz.attribute(weights(Cut(join)), picture(), 1, method)
    assert caught.value.instead == ("occlusion", "rise")


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "grad_cam"])
def test_a_reentrant_checkpoint_is_named(method: str) -> None:
    torch.manual_seed(0)
    with pytest.raises(Refused, match="a reentrant checkpoint hides"):
        nbviz.attribute(
            Cut(reentrant).eval(), picture(), 1, method, **({"layer": "trunk.2"} if "cam" in method else {})
        )


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "grad_cam", "guided_backprop"])
def test_quantised_layers_are_named(method: str) -> None:
    with pytest.raises(Refused, match="layer '4' is quantised and passes none"):
        nbviz.attribute(quantised(), picture(), 1, method)


class Static(nn.Module):
    """A network whose convolution and linear layer are quantised."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = torch.relu(self.conv(self.enter(x)))
        return self.leave(self.head(nn.functional.adaptive_avg_pool2d(maps, 1).flatten(1)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "grad_cam", "guided_backprop"])
def test_statically_quantised_networks_are_refused(method: str) -> None:
    torch.manual_seed(0)
    net = Static().eval()
    net.qconfig = torch.ao.quantization.get_default_qconfig(torch.backends.quantized.engine)
    torch.ao.quantization.prepare(net, inplace=True)(torch.rand(4, 3, 16, 16))
    torch.ao.quantization.convert(net, inplace=True)
    with pytest.raises(Refused, match="is quantised.*Occlusion and RISE") as caught:
        nbviz.attribute(net, picture(), 1, method)
    assert caught.value.instead == ("occlusion", "rise")


@pytest.mark.parametrize("method", ["occlusion", "rise"])
def test_what_is_named_instead_works(method: str) -> None:
    torch.manual_seed(0)
    assert nbviz.attribute(Cut(no_grad).eval(), picture(), 1, method).facts["status"] == "ok"


class Inference(Cut):
    """A network that runs in inference mode."""

    @torch.inference_mode()
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("net", [lambda: Cut(no_grad), lambda: Inference(no_grad), quantised])
def test_the_evidence_of_all_layers_is_refused_too(net: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model = nbviz.InstrumentedModel(net().eval())
    with pytest.raises(Refused, match="No gradient leads"):
        evidence(model, as_picture(picture()), nbviz.Target.ensure(1, model))


def test_an_effective_field_behind_a_cut_is_refused_too() -> None:
    with pytest.raises(Refused, match="No gradient leads from layer 'head' to the picture"):
        effective_field(Cut(no_grad).eval(), picture(), "head")


class TwoBranches(nn.Module):
    """Scores of one branch, the sum of another beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 5, 3), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.head(self.one(x).mean((2, 3))), "mask": self.other(x)}


def test_a_layer_that_the_score_does_not_come_through_is_no_evidence_of_none() -> None:
    torch.manual_seed(0)
    with pytest.raises(Refused, match="to layer 'other': the score does not come through there"):
        nbviz.attribute(TwoBranches().eval(), picture(), 1, "grad_cam", layer="other")
    assert nbviz.attribute(TwoBranches().eval(), picture(), 1, "saliency").values.any()
