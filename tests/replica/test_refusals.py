"""What can't be run is refused by its name, with the way to what can."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from nbviz import InstrumentedModel
from nbviz.errors import NbvizError
from tests.networks import build, picture


def _net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()


class Shell(nn.Module):
    """The shape of ``ultralytics.YOLO``: no forward, a call of its own, the network in ``model``."""

    def __init__(self) -> None:
        super().__init__()
        self.model = _net()

    def __call__(self, source: Any = None) -> list[Any]:
        return [self.model(source)]


class DTensor(torch.Tensor):
    """Named as torch names its sharded tensors; a process group is more than a test should start."""


def _sharded() -> nn.Module:
    net = _net()
    net[0]._parameters["weight"] = torch.rand(4, 3, 3, 3).as_subclass(DTensor)
    return net


def _scripted_part() -> nn.Module:
    return nn.Sequential(torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3))), nn.AdaptiveAvgPool2d(1))


def _meta() -> nn.Module:
    net = _net()
    net[4] = nn.Linear(4, 2, device="meta")
    return net


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: _net().state_dict(), "is a state_dict.*load_state_dict"),
        (
            lambda: {"epoch": 3, "state_dict": _net().state_dict()},
            r"checkpoint.*load_state_dict\(…\['state_dict'\]",
        ),
        (lambda: {"epoch": 3, "net": _net()}, r"holds one: pass \[…\]\['net'\]"),
        (lambda: SimpleNamespace(model=_net()), "not SimpleNamespace. It holds one: pass its .model"),
        (lambda: nn.Conv2d, r"not the class Conv2d itself: pass Conv2d\(…\)"),
        (lambda: build, "not function.*wrap it"),
        (lambda: "resnet18", "not str: 'resnet18'"),
        (Shell, "Shell has no forward of its own; it holds the network: pass its .model"),
        (lambda: [_net(), _net()], r"not list: it holds 2. Pass one; Explorer.beside"),
        (lambda: Path("weights.pt"), r"weights.pt.*nbviz.zoo.load\(name\).*load_state_dict"),
        (lambda: nn.ModuleList([_net()]), "ModuleList has no forward: it lists layers"),
        (nn.Module, "Module has no forward, so it can't be run"),
        (_scripted_part, "Part '0' of the network is a TorchScript module"),
        (_meta, "'4.weight' is on the meta device.*load_state_dict"),
        (_sharded, r"weights of '0.weight' are sharded over processes"),
        (lambda: torch.export.export(_net(), (picture(),)).module(), "was exported by torch.export.*Python module"),
        (lambda: torch.export.export(_net(), (picture(),)), "not ExportedProgram.*Python module it was exported from"),
    ],
)
def test_what_is_no_network_to_look_into_is_refused_with_the_way_out(make: Any, words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        InstrumentedModel(make())


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "xla", 3.5])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(device: Any) -> None:
    with pytest.raises(NbvizError, match=f"device='{device}' is not there. There (is only|are) 'cpu'"):
        InstrumentedModel(_net(), device=device)


def test_a_property_that_raises_is_an_attribute_that_is_not_there() -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = _net()

        @property
        def config(self) -> Any:
            raise RuntimeError("not attached")

        weights = transforms = pretrained_cfg = names = config

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x)

    assert len(InstrumentedModel(Detached()).predict(picture())) == 2
