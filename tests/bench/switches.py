"""Channels switched off one by one over whole forwards, and a step of a circuit: ``python -m tests.bench switches``.

CPU time of this thread; the resumed and the whole forwards alternate. ``NBVIZ_ROUNDS`` is another number of rounds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from statistics import median

import torch

import nbviz
from nbviz.circuits.circuit import block_before
from nbviz.circuits.effects import measuring
from nbviz.circuits.node import strongest
from nbviz.circuits.step import step
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.replica import replicate
from nbviz.replica.torchvision_import import torchvision
from tests.bench.measure import Row, cpu, paired

ROUNDS = int(os.environ.get("NBVIZ_ROUNDS", "3"))
BATCH = 8
"""Pictures of a whole batch."""
LAYERS = {
    "efficientnet_lite0": ("blocks.5.body.2", "blocks.7", "blocks.10", "blocks.15"),
    "resnet18": ("layer2.1.conv2", "layer4.0.conv1"),
}
NODES = "blocks.13", "blocks.10", "blocks.7", "blocks.5"


def rows() -> Iterator[Row | str]:
    """Yield a line per layer, then one per step of a circuit."""
    lite = nbviz.zoo.load("efficientnet_lite0")
    torch.manual_seed(0)
    resnet = InstrumentedModel(torchvision().models.get_model("resnet18", weights=None).eval(), name="resnet18")
    x = lite.input(nbviz.zoo.photographs()["cat"])
    for model, names in ((lite, LAYERS["efficientnet_lite0"]), (resnet, LAYERS["resnet18"])):
        for name in names:
            yield _effects(model, x, name)
    for name in NODES:
        yield _step(lite, x, name)


def _effects(model: InstrumentedModel, x: torch.Tensor, name: str) -> Row:
    model.trace(x)
    count = model.layer(name).channels or 0

    def resumed() -> None:
        for effects in measuring(model, x, name, (281,)):
            assert effects.exact

    what = f"{model.name}: all {count} channels of {name}"
    return paired(what, resumed, "whole forwards", _whole(model, x, count), limit=0.35, rounds=ROUNDS)


def _whole(model: InstrumentedModel, x: torch.Tensor, count: int) -> Callable[[], None]:
    net = replicate(model.net)

    def run() -> None:
        with torch.no_grad():
            for first in range(0, count, BATCH):
                net(x.expand(min(BATCH, count - first), -1, -1, -1))

    return run


def _step(model: InstrumentedModel, x: torch.Tensor, name: str) -> str:
    source = block_before(model, name)
    assert source is not None
    node = strongest(model, x, name, 0)
    step(model, x, node, source)
    seconds = median(cpu(lambda: step(model, x, node, source)) for _ in range(ROUNDS))
    count = model.layer(source).channels
    return f"a step of a circuit, {name} ← {count} channels of {source}: {seconds:.2f} s of CPU time (≤ 1)"
