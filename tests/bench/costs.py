"""Calls over the bare passes they can't do without: ``python -m tests.bench costs``.

CPU time of this thread; call and passes alternate, medians. ``NBVIZ_BENCH`` names the networks. A first call is on a
network of its own each time. The Explorer's figures are wall time: Lite0, everything shown, then clicks.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
from torch import nn

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.torchvision_import import torchvision
from tests.bench.measure import Row, cpu, paired

NETWORKS = ("resnet18", "resnet50", "efficientnet_b0")
ROUNDS = int(os.environ.get("NBVIZ_ROUNDS", "15"))
CLASS = 281
BOTH = "forward + input backward"


def rows() -> Iterator[Row | str]:
    """The table's lines, network by network, then the Explorer's."""
    for name in os.environ.get("NBVIZ_BENCH", " ".join(NETWORKS)).split():
        torch.manual_seed(0)
        yield from _rows(name, torchvision().models.get_model(name, weights=None).eval())
    yield from _explorer()


def _rows(name: str, net: nn.Module) -> Iterator[Row | str]:
    x = torch.rand(1, 3, 224, 224)
    model = InstrumentedModel(net)
    model.layers()
    explain = _attribute(model, x, "saliency")
    yield paired(f"{name}: saliency", explain, BOTH, _both(net, x), limit=1.05, rounds=ROUNDS)
    explain = _attribute(model, x, "grad_cam")
    floor = _to_layer(net, x, explain().facts["layer"])
    yield paired(f"{name}: grad_cam", explain, "forward + backward to the layer", floor, limit=1.10, rounds=ROUNDS)
    explain = _attribute(net, x, "saliency")
    yield paired(f"{name}: saliency, plain network", explain, BOTH, _both(net, x), limit=1.10, rounds=ROUNDS)
    yield _first(name, net, x)
    convolutions = [key for key, module in net.named_modules() if isinstance(module, nn.Conv2d)]

    def capture() -> None:
        with model.capture(*convolutions), torch.no_grad():
            model(x)

    def bare() -> None:
        with torch.no_grad():
            net(x)

    yield paired(f"{name}: capture of {len(convolutions)} convolutions", capture, "forward", bare, limit=1.08)
    look = model.guest._watch._structure.still
    look()
    milliseconds = 1000 * median(cpu(look) for _ in range(ROUNDS))
    yield f"{name}: a look at {len(list(net.modules()))} modules {milliseconds:.2f} ms (≤ 0.3 for 300)"


def _first(name: str, net: nn.Module, x: torch.Tensor) -> Row:
    """Copies are made outside what is measured."""
    times = []
    for _ in range(5):
        fresh = copy.deepcopy(net)
        times.append((cpu(_both(fresh, x)), cpu(_attribute(fresh, x, "saliency"))))
    times = times[1:]
    ratio, spent = median(b / a for a, b in times), median(b for _, b in times)
    return Row(f"{name}: saliency, plain network, first call", BOTH, 1000 * spent, ratio, 2.0)


def _attribute(net_or_model: Any, x: torch.Tensor, method: str) -> Callable[[], Any]:
    return lambda: nbviz.attribute(net_or_model, x, CLASS, method)


def _both(net: nn.Module, x: torch.Tensor) -> Callable[[], Any]:
    def run() -> Any:
        leaf = x.clone().requires_grad_()
        return torch.autograd.grad(net(leaf)[0, CLASS], leaf)

    return run


def _to_layer(net: nn.Module, x: torch.Tensor, layer: str) -> Callable[[], Any]:
    twin = copy.deepcopy(net)
    kept: list[torch.Tensor] = []
    twin.get_submodule(layer).register_forward_hook(lambda module, inputs, output: kept.append(output))

    def run() -> Any:
        kept.clear()
        score = twin(x.clone().requires_grad_())[0, CLASS]
        return torch.autograd.grad(score, kept[0])

    return run


def _explorer() -> Iterator[str]:
    nbviz.Explorer().close()
    begun = time.perf_counter()
    explorer = nbviz.Explorer()
    explorer.wait()
    yield f"Explorer(), imports warm, everything shown: {time.perf_counter() - begun:.2f} s (≤ 3.5)"
    chosen = explorer.selection
    layers = ["blocks.4.body.0", "blocks.5.body.0"]
    spent = []
    for number in range(12):
        begun = time.thread_time()
        chosen.layer = layers[number % 2]
        spent.append(time.thread_time() - begun)
        explorer.wait()
        time.sleep(0.05)
    yield f"a seen click on a layer, in the kernel: {1000 * median(spent[4:]):.1f} ms (≤ 12)"
    explorer.close()
