"""Receptive fields of fifteen architectures, against the gradient of a twin made positive module by module."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.passes.receptive_field import Box, ReceptiveFields
from nbviz.replica.hooks import hooked, modules_of
from nbviz.replica.torchvision_import import torchvision

SIDE = 72
PLAIN: dict[str, object] = {"weights": None}
NETWORKS = {
    "alexnet": PLAIN,
    "vgg11": PLAIN,
    "vgg13_bn": PLAIN,
    "resnet18": PLAIN,
    "resnet50": PLAIN,
    "resnext50_32x4d": PLAIN,
    "densenet121": PLAIN,
    "googlenet": {**PLAIN, "init_weights": False, "aux_logits": False},
    "squeezenet1_0": PLAIN,
    "squeezenet1_1": PLAIN,
    "mobilenet_v2": PLAIN,
    "shufflenet_v2_x0_5": PLAIN,
    "mnasnet0_5": PLAIN,
    "regnet_x_400mf": PLAIN,
    "convnext_tiny": PLAIN,
}
PASSING = (nn.ReLU, nn.ReLU6, nn.GELU, nn.BatchNorm2d, nn.LayerNorm, nn.Dropout)


def positive(net: nn.Module) -> nn.Module:
    """Every weight above zero, no bias; norms and activations pass on what they get, pooling averages."""
    twin = copy.deepcopy(net).double()
    for module in list(twin.modules()):
        for name, child in module.named_children():
            if isinstance(child, PASSING):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.MaxPool2d):
                size, step, pad = child.kernel_size, child.stride, child.padding
                setattr(module, name, nn.AvgPool2d(size, step, pad, child.ceil_mode))
        for parameter in module.parameters(recurse=False):
            fan_in = max(1, parameter[0].numel())
            nn.init.uniform_(parameter, 0.5 / fan_in, 1.5 / fan_in)
        if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return twin


def by_gradient(twin: nn.Module, name: str, places: list[tuple[int, int]]) -> list[Box]:
    x = torch.ones(1, 3, SIDE, SIDE, dtype=torch.float64, requires_grad=True)
    kept: list[torch.Tensor] = []
    with hooked({name: modules_of(twin)[name]}, lambda _, number, out: kept.append(out)):
        twin(x)
    found = []
    for row, column in places:
        (gradient,) = torch.autograd.grad(kept[0][0, :, row, column].sum(), x, retain_graph=True)
        seen = gradient[0].abs().sum(0) > 0
        rows, columns = seen.any(1).nonzero()[:, 0].tolist(), seen.any(0).nonzero()[:, 0].tolist()
        found.append((rows[0], columns[0], rows[-1] + 1, columns[-1] + 1))
    return found


def chosen(model: InstrumentedModel) -> list[Layer]:
    """A convolution early, one in the middle, and one late."""
    known = sorted(model.trace().layers.values(), key=lambda layer: layer.first_call or 0)
    found = [layer for layer in known if layer.kind == "Conv2d" and layer.calls == 1 and min(layer.places or (0,)) > 1]
    return [found[len(found) // 5], found[len(found) // 2], found[-1]]


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_the_gradient_of_a_positive_twin(name: str) -> None:
    torch.manual_seed(0)
    net = torchvision().models.get_model(name, **NETWORKS[name]).eval()  # type: ignore[arg-type]
    model = InstrumentedModel(net)
    model.trace(torch.rand(1, 3, SIDE, SIDE))
    fields, twin = ReceptiveFields(model, (3, SIDE, SIDE)), positive(net)
    for layer in chosen(model):
        height, width = layer.places or (1, 1)
        places = [(0, 0), (height // 2, width // 2), (height // 3, width - 1), (height - 1, width - 1)]
        assert [fields.box(layer.name, place) for place in places] == by_gradient(twin, layer.name, places), layer.name
