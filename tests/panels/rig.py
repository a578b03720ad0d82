"""A small network, pictures and a selection for testing panels without a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from nbviz.dataset import Index
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.base.links import Links
from nbviz.pictures.load import Picture, load_pictures
from nbviz.session.context import LiveContext
from nbviz.session.library import Library
from nbviz.session.selection import Selection

NASTY = "<img src=x onerror=alert(1)>"
NAMES = ["tabby", "tiger cat", NASTY, "espresso", "cup", "crane", "lynx"]


@dataclass
class Rig:
    """What every panel is made of, and a context that answers its requests."""

    model: InstrumentedModel
    pictures: dict[str, Picture]
    selection: Selection

    index: Index | None = None

    def __post_init__(self) -> None:
        self.links = self.linked()

    def linked(self, **links: Any) -> Links:
        """Links as an Explorer makes them, but to nothing that isn't given."""
        library = Library(self.model, self.pictures, self.index)
        return Links(self.model, self.pictures, self.selection, LiveContext(self.model), library, **links)

    def answer(self, panel: Any) -> Any:
        """The final answer of the panel's request."""
        return LiveContext(self.model).answer(panel.request(self.selection))

    def show(self, panel: Any) -> Any:
        """What the Explorer does with an event: sync, answer, show."""
        panel.sync(self.selection)
        answer = self.answer(panel)
        panel.show(answer)
        return answer


def photo(width: int = 40, height: int = 32, seed: int = 0) -> Image.Image:
    """A smooth picture with some structure."""
    grid = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)


def rig(names: list[str] | None = NAMES, **selection: Any) -> Rig:
    """A convolutional network of seven classes that sees pictures whole, 32 × 40."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 7),
    )  # fmt: skip
    model = InstrumentedModel(net, transform=_tensor, classes=names, name="Tiny net")
    pictures = dict(load_pictures({"cat": photo(), "coffee": photo(seed=1)}))
    model.trace(model.input(pictures["cat"]))
    start = {"image": "cat", "layer": "1", "target": 0, "method": "saliency", **selection}
    return Rig(model, pictures, Selection(model, pictures, **start))


def _tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def say(front: Any, *buffers: bytes, **content: Any) -> None:
    """What the front end sends."""
    front._handle_custom_msg(content, [memoryview(data) for data in buffers])


def sent(front: Any) -> list[tuple[dict[str, Any], list[bytes]]]:
    """Collect from now on what Python sends to the front end."""
    heard: list[tuple[dict[str, Any], list[bytes]]] = []
    front.send = lambda content, buffers=None: heard.append((content, list(buffers or [])))
    return heard
