"""Networks that mix the pictures of a batch, or take one picture at a time, against one picture at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.model.batches import mixes_batch


class OneOnly(nn.Module):
    """A network whose forward flattens the batch away."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.head = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.trunk(x).view(1, -1))


def statistics() -> nn.Module:
    norm = nn.BatchNorm2d(6, track_running_stats=False)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), norm, nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        nn.Linear(6, 4),
    )  # fmt: skip


def made(kind: str) -> nn.Module:
    torch.manual_seed(3)
    return (OneOnly() if kind == "one only" else statistics()).double().eval()


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


KINDS = pytest.mark.parametrize("kind", ["one only", "statistics"])


@KINDS
def test_integrated_gradients_are_those_of_one_picture_at_a_time(kind: str) -> None:
    net, x = made(kind), picture()
    nodes, weights = np.polynomial.legendre.leggauss(6)
    wanted = torch.zeros_like(x)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        at = (x * node).requires_grad_()
        wanted += torch.autograd.grad(net(at)[0, 1], at)[0] * weight
    found = nbviz.attribute(
        net, x, 1, "integrated_gradients", baseline=torch.zeros_like(x), rule="gausslegendre", steps=6
    )
    assert torch.allclose(found.values, wanted * x, rtol=1e-9, atol=1e-12)
    assert found.facts["batches"].startswith("one picture at a time")


@KINDS
def test_occlusion_hides_one_place_at_a_time(kind: str) -> None:
    net, x = made(kind), picture()
    found = nbviz.attribute(net, x, 1, "occlusion", window=8, stride=8, fill="black")
    hidden = x.clone()
    hidden[..., :8, 8:] = nbviz.InstrumentedModel(net).transform.black(x)[..., :8, 8:]
    with torch.no_grad():
        wanted = float((net(x) - net(hidden))[0, 1])
    assert float(found.values[0, -1]) == pytest.approx(wanted, rel=1e-6)


@KINDS
def test_layers_have_their_maps(kind: str) -> None:
    net = made(kind)
    layers = nbviz.InstrumentedModel(net).trace(picture()).layers
    assert sum(layer.places == (14, 14) for layer in layers.values()) >= 2
    assert nbviz.attribute(net, picture(), 1, "grad_cam").values.any()


def test_plain_networks_go_on_in_batches() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nbviz.InstrumentedModel(net.eval())
    x = picture().float()
    model.trace(x)
    assert not model.guest.steady(lambda run: mixes_batch(model, run, x))
    assert "batches" not in nbviz.attribute(model, x, 1, "occlusion").facts


def batch() -> torch.Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@KINDS
def test_a_batch_gives_the_scores_and_layers_of_one_picture_at_a_time(kind: str) -> None:
    net, model = made(kind), nbviz.InstrumentedModel(made(kind))
    name = "trunk.1" if kind == "one only" else "4"
    with model.capture(name) as outputs:
        scores = model(batch())
    rows = [net(row) for row in batch().split(1)]
    assert torch.allclose(scores, torch.cat(rows), rtol=1e-9)
    module = dict(net.named_modules())[name]
    kept: list[torch.Tensor] = []
    with module.register_forward_hook(lambda _, __, output: kept.append(output)):
        for row in batch().split(1):
            net(row)
    assert torch.allclose(outputs[name], torch.cat(kept), rtol=1e-9)


@KINDS
def test_an_index_ranks_pictures_as_they_are_alone(kind: str) -> None:
    pictures = list(batch().float())
    index = nbviz.Index.build(made(kind).float(), pictures, k=3, batch=3, progress=False)
    model = nbviz.InstrumentedModel(made(kind).float())
    name = "trunk.1" if kind == "one only" else "4"
    peaks = []
    for one in pictures:
        with model.capture(name) as outputs:
            model(one[None])
        peaks.append(outputs[name][0, 2].max().item())
    found = {example.item: example.activation for example in index.top(name, 2)}
    assert found == {item: pytest.approx(peak, rel=1e-5) for item, peak in enumerate(peaks)}


@KINDS
def test_pictures_are_made_as_each_is_made_alone(kind: str) -> None:
    model = nbviz.InstrumentedModel(made(kind).float())
    name = "trunk.1" if kind == "one only" else "4"
    several = nbviz.visualize(model, name, [1, 2], steps=3, size=16)
    alone = nbviz.visualize(model, name, [2], steps=3, size=16)
    assert torch.allclose(several[1], alone[0], atol=1 / 255)


FIRST_ONLY = {
    "the first row": lambda y: y[0], "a number": lambda y: y[0, 1],
    "the batch's mean": lambda y: y.mean(0, keepdim=True),
}  # fmt: skip


@pytest.mark.parametrize("name", FIRST_ONLY)
def test_an_output_that_loses_the_batch_is_asked_one_picture_at_a_time(name: str) -> None:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)).eval()
    model, plain = nbviz.InstrumentedModel(net, output=FIRST_ONLY[name]), nbviz.InstrumentedModel(net)
    target = 0 if name == "a number" else 1
    for method, options in (("smoothgrad", {"samples": 4}), ("occlusion", {"window": 8, "stride": 8})):
        found = nbviz.attribute(model, picture().float(), target, method, **options)
        wanted = nbviz.attribute(plain, picture().float(), 1, method, **options)
        assert torch.allclose(found.values, wanted.values, atol=1e-6), method
