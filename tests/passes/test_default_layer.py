"""The layer that is chosen where nobody did: the last whose places the score depends on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.evaluation import redrawn
from nbviz.evaluation.redrawn import stages
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.default_layer import default_layer
from nbviz.replica.torchvision_import import torchvision
from nbviz.session.start import first_layer
from tests.networks import build, picture, state_hash


class Blocks(nn.Module):
    """Three pre-norm blocks behind a class token; the head reads that token, or the mean of the others."""

    def __init__(self, pooled: bool) -> None:
        super().__init__()
        self.pooled = pooled
        self.patch = nn.Conv2d(3, 12, 4, 4)
        self.token, self.place = nn.Parameter(torch.randn(1, 1, 12)), nn.Parameter(torch.randn(1, 17, 12))
        self.blocks = nn.Sequential(
            *(nn.TransformerEncoderLayer(12, 2, 24, 0.0, batch_first=True, norm_first=True) for _ in range(3))
        )
        self.norm, self.head = nn.LayerNorm(12), nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = self.norm(self.blocks(torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.place))
        return self.head(x[:, 1:].mean(1) if self.pooled else x[:, 0])


def network(pooled: bool) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Blocks(pooled)


def chosen(net: nn.Module, target: Any = "predicted") -> str:
    model = InstrumentedModel(net)
    model.trace(picture())
    return default_layer(model, picture(), Target.ensure(target)).name


def test_a_class_token_has_read_its_last_before_the_last_attention() -> None:
    net = network(pooled=False)
    before = state_hash(net)
    assert chosen(net) == chosen(net, 2) == chosen(net, lambda output: output[:, 1]) == "blocks.2.norm1"
    assert state_hash(net) == before


def test_tokens_that_are_pooled_are_read_to_the_end() -> None:
    assert chosen(network(pooled=True)) == "norm"


def test_a_convolutional_network_is_read_at_its_last_maps() -> None:
    assert chosen(build("inplace")) == "4"


def test_a_score_that_depends_on_nothing_has_the_last_layer() -> None:
    net = network(pooled=False)
    with torch.no_grad():
        net.head.weight.zero_()
    assert chosen(net) == "norm"


@pytest.mark.parametrize("method", [name for name, method in nbviz.METHODS.items() if method.uses_layer])
def test_methods_find_evidence_there(method: str) -> None:
    try:
        found = nbviz.attribute(network(pooled=False), picture(), 1, method)
    except nbviz.NbvizError as refused:
        assert "ReLU" in str(refused)
    else:
        assert found.values.any() and found.facts["layer"] == "blocks.2.norm1"


def test_torchvisions_vision_transformer() -> None:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        net = torchvision().models.vit_b_16(weights=None, image_size=64)
        net.heads[0].weight.normal_()
    found = nbviz.attribute(net, picture(size=64), method="grad_cam")
    assert found.facts["layer"] == "encoder.layers.encoder_layer_11.ln_1" and found.values.any()


class Heads(nn.Module):
    """A trunk with the scores, and a head with maps beside it that is run last."""

    def __init__(self, order: str = "aux last") -> None:
        super().__init__()
        self.trunk, self.aux = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU()), nn.Conv2d(6, 4, 3)
        self.tower, self.fc, self.order = nn.Conv2d(3, 5, 3), nn.Linear(6, 3), order

    def forward(self, x: torch.Tensor) -> Any:
        maps = self.trunk(x)
        scores = self.fc(maps.mean((2, 3)))
        aux = self.aux(maps)
        tower = self.tower(x)
        return {"mask": (aux, scores), "dict": {"aux": aux, "logits": scores, "tower": tower}}[self.order]


@pytest.mark.parametrize("order", ["mask", "dict"])
@pytest.mark.parametrize("method", ["grad_cam", "hires_cam", "eigen_cam", "score_cam"])
def test_the_default_layer_is_one_that_the_scores_come_through(order: str, method: str) -> None:
    torch.manual_seed(0)
    found = nbviz.attribute(Heads(order).eval(), torch.rand(1, 3, 16, 16), 1, method)
    assert found.facts["layer"] == "trunk.1" and found.values.any()


class Twice(nn.Module):
    """A trunk that is run for the scores, and once more for maps beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.act, self.fc = nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.fc(self.act(self.trunk(x)).mean((2, 3))), self.act(self.trunk(x))


def test_of_a_layer_that_is_called_twice_it_is_the_call_that_the_scores_come_through() -> None:
    torch.manual_seed(0)
    net, x = Twice().eval(), torch.rand(1, 3, 16, 16)
    found = nbviz.attribute(net, x, 1, "grad_cam")
    assert found.facts["layer"] == "act#1"
    maps = net.act(net.trunk(x))
    slope = (net.fc.weight[1] / maps[0, 0].numel()).view(1, -1, 1, 1)  # of the mean over places
    assert torch.allclose(found.values, (slope * maps).sum(1), atol=1e-7)


def test_a_call_has_a_place_in_call_order() -> None:
    model = InstrumentedModel(Twice().eval())
    order = {layer.name: layer.order for layer in model.layers().walk() if layer.places}
    assert order["trunk#1"] < order["act#1"] < order["trunk#2"] < order["act#2"] == order["act"]
    assert stages(redrawn(model, 0, layer="act#1")) == ["trunk", "fc"]
    assert not torch.equal(redrawn(model, 0, layer="act#1").net.trunk.weight, model.net.trunk.weight)
    steps = nbviz.circuit(model, torch.rand(1, 3, 16, 16), 1, layers=["act#1", "trunk#1"], top=2)
    assert set(steps.nodes["layer"]) >= {"act#1", "trunk#1"}


def test_a_function_of_another_head_has_that_head_s_layer() -> None:
    torch.manual_seed(0)
    net, x = Heads("dict").eval(), torch.rand(1, 3, 16, 16)
    for key, layer in (("aux", "aux"), ("tower", "tower")):
        found = nbviz.attribute(net, x, lambda raw, key=key: raw[key].mean((1, 2, 3)), "grad_cam")
        assert found.facts["layer"] == layer


def test_the_explorer_opens_on_a_layer_of_the_same_branch() -> None:
    torch.manual_seed(0)
    model = nbviz.InstrumentedModel(Heads("dict").eval())
    model.trace(torch.rand(1, 3, 64, 64))
    assert first_layer(model).startswith("trunk")
