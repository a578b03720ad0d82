"""A network in half precision has the map of its twin in single: products and squares never vanish or overflow."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution import METHODS
from nbviz.errors import Refused
from nbviz.evaluation import infidelity, settle
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.passes.evidence import evidence
from tests.networks import build, picture

FIXED = {"samples": 8, "masks": 16, "stride": 16, "window": 16, "maximum": 9, "rule": "gausslegendre", "steps": 6}
HALVES = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])


def _wide() -> nn.Module:
    """A mean over 56 × 56 places: gradients are some 1e-5, whose squares float16 does not know."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip


def _twins(net: nn.Module, dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    """The network in half precision, and the very same numbers in single."""
    half = net.eval().to(dtype)
    return half, copy.deepcopy(half).float()


def _map(net: nn.Module, x: torch.Tensor, method: str) -> nbviz.Attribution:
    # the adaptive paths of twins would be halved at other places: a fixed rule, or the fewest points
    known = {option.name: option for option in METHODS[method].options}
    options: dict[str, Any] = {name: value for name, value in FIXED.items() if name in known}
    if method == "score_cam":
        options["maximum"] = 8
    return nbviz.attribute(net, x.to(next(net.parameters()).dtype), 1, method, **options)


@pytest.mark.parametrize("method", METHODS)
@HALVES
def test_a_map_is_that_of_the_twin_in_single_precision(method: str, dtype: torch.dtype) -> None:
    x = picture(5, size=56).to(dtype)
    half, single = _twins(_wide(), dtype)
    try:
        found, wanted = _map(half, x, method), _map(single, x.float(), method)
    except Refused:
        (half, single), x = _twins(build("tokens"), dtype), picture(5).to(dtype)
        found, wanted = _map(half, x, method), _map(single, x.float(), method)
    assert wanted.facts["status"] == found.facts["status"] == "ok"
    shown, right = found.heat().float(), wanted.heat()
    assert torch.isfinite(shown).all()
    # bfloat16 has eight bits: scores of pictures with parts hidden differ by less than it can tell
    if dtype is torch.float16 or METHODS[method].family != "hiding parts":
        error = float((shown - right).abs().sum() / right.abs().sum())
        assert error < (0.05 if dtype is torch.float16 else 0.25), error


def test_products_of_large_maps_do_not_overflow() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2, bias=False)).half()
    with torch.no_grad():
        net[0].weight.fill_(300.0), net[3].weight.fill_(0.5)
    x = torch.full((1, 1, 8, 8), 3.0).half()  # activations of 900, whose squares sum to 5e7
    for method in ("grad_cam", "hires_cam", "layer_cam", "grad_cam_plus_plus", "eigen_cam", "input_x_gradient"):
        found = nbviz.attribute(net, x, 0, method)
        assert found.facts["status"] == "ok", method
    assert torch.allclose(nbviz.attribute(net, x, 0, "grad_cam").values, torch.full((8, 8), 450.0), rtol=1e-3)


@HALVES
def test_the_evidence_of_every_layer_and_a_figure_are_those_of_the_twin(dtype: torch.dtype) -> None:
    half, single = _twins(_wide(), dtype)
    x = picture(5, size=56).to(dtype)
    seen = [evidence(InstrumentedModel(net), as_picture(y), Target(1)) for net, y in ((half, x), (single, x.float()))]
    wanted = {name: values for name, values in seen[1].maps.items() if values is not None}
    assert len(wanted) >= 3 and wanted.keys() == {name for name, values in seen[0].maps.items() if values is not None}
    for name, values in wanted.items():
        found = seen[0].maps[name]
        assert found is not None and abs(found - values).sum() < 0.2 * abs(values).sum(), name
    model, target = InstrumentedModel(half), Target(1)
    judged = nbviz.attribute(model, x, target, "input_x_gradient")
    assert settle(infidelity(model, x, target, judged, samples=8)).value >= 0
