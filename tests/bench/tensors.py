"""Floors 0 and 1: attribution and all-layer passes over their floors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

import nbviz
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.passes.evidence import evidence
from nbviz.passes.feature_maps import feature_maps
from nbviz.replica.replica import replicate
from nbviz.replica.torchvision_import import torchvision
from tests.bench.measure import Row, paired

NETWORKS = ("efficientnet_lite0", "resnet50", "densenet121", "vit_b_16")

FIVE = (281, 282, 285, 287, 478)


def rows() -> Iterator[Row]:
    """The table's lines, network by network."""
    for name in os.environ.get("NBVIZ_BENCH", " ".join(NETWORKS)).split():
        yield from _rows(name, _model(name))


def _model(name: str) -> InstrumentedModel:
    if name == "efficientnet_lite0":
        return nbviz.zoo.load(name)
    torch.manual_seed(0)
    return InstrumentedModel(torchvision().models.get_model(name, weights=None).eval(), name=name)


def _single(model: InstrumentedModel, image: Any) -> Any:
    return lambda: [nbviz.attribute(model, image, target, "saliency") for target in FIVE]


def _rows(name: str, model: InstrumentedModel) -> Iterator[Row]:
    image = as_picture(nbviz.zoo.photographs()["cat"])
    x = model.input(image)
    model.trace(x)
    net = replicate(model.net)

    def forward() -> Any:
        with torch.no_grad():
            return net(x)

    def both() -> Any:
        inner = x.detach().requires_grad_()
        return torch.autograd.grad(net(inner)[0, 281], inner)

    floor = "one forward + input backward"
    for method in ("saliency", "grad_cam"):
        explain = partial(nbviz.attribute, model, image, 281, method)
        yield paired(f"{name}: {method}", explain, floor, both, limit=1.1)
    together = partial(nbviz.attribute, model, image, list(FIVE), "saliency")
    yield paired(f"{name}: saliency of five classes", together, "five single ones", _single(model, image), limit=0.7)
    every, limit = partial(evidence, model, image, Target(281)), 1.15 if name == "resnet50" else 1.25
    yield paired(f"{name}: evidence of all layers", every, floor, both, limit=limit)
    last = [layer.name for layer in model.layers().walk() if layer.channels][-1]
    yield paired(f"{name}: maps of the last layer", lambda: feature_maps(model, image, last), "one forward", forward)
    called = [layer.name for layer in model.layers().walk() if layer.calls]

    def capture() -> None:
        with model.capture(*called), torch.no_grad():
            model(x)

    def first() -> None:
        InstrumentedModel(model.net, model.transform).trace(x)

    yield paired(f"{name}: maps of all layers", capture, "one forward", forward)
    yield paired(f"{name}: fingerprint", model.fingerprint, "one forward", forward)
    yield paired(f"{name}: first layers()", first, "one forward", forward, rounds=3)
