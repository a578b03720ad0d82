"""Fashion-MNIST: labelled pictures that come with nbviz, their class names and what both of the zoo's
networks for them share.

The 5,000 pictures are the first half of the *test* split, in its own order: neither of the zoo's Fashion
networks has learnt from any of them, so what a channel fires for is no memory of what it was trained on.
Xiao, Rasul and Vollgraf, Fashion-MNIST, https://arxiv.org/abs/1708.07747; MIT licence, see `data/LICENSE`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from nbviz.tensors.errors import NbvizError
from nbviz.tensors.preprocessing import Preprocessing, Recipe

CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
DATA = Path(__file__).parent / "data"
SIZE, MEAN, STD = (28, 28), 0.286, 0.353
"""Of the pictures; mean and spread of the training split's pixels in 0…1."""


class FashionPictures(Dataset[tuple[Image.Image, int]]):
    """Map-style: index → (gray picture 28 × 28, index of its class)."""

    classes = CLASSES

    def __init__(self, images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> None:
        self.images = images
        """uint8 (n, 28, 28); bright clothes on black."""
        self.targets: list[int] = labels.tolist()
        """The class of each picture."""

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.images[index]), self.targets[index]

    def __repr__(self) -> str:
        return f"FashionPictures({len(self):,} pictures of {len(self.classes)} classes, from the test split)"


def fashion() -> FashionPictures:
    """5,000 labelled pictures of Fashion-MNIST's test split, about 500 a class: no download."""
    return FashionPictures(*_arrays())


def data_file(name: str) -> Path:
    """A file that is shipped in `data/`; NbvizError where it is missing."""
    path = DATA / name
    if not path.is_file():
        raise NbvizError(f"'{name}' is missing from this installation of nbviz ({DATA}). Install it again.")
    return path


def preprocessing() -> Preprocessing:
    """Gray, 28 × 28, normalised by the training split: what both Fashion networks take."""
    recipe = Recipe(crop=SIZE, resize=SIZE, mean=(MEAN,), std=(STD,))
    return Preprocessing.from_recipe(recipe, "the network")


def with_weights(build: Callable[[], nn.Module], file: str) -> nn.Module:
    """The network that `build` makes with the weights of `data/file`, in eval mode on the CPU."""
    from safetensors.torch import load_file

    # Built without storage: the weights bring their own.
    with torch.device("meta"):
        net = build()
    weights = load_file(data_file(file))
    net.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in weights.items()},
        assign=True,
    )
    return net.eval()


def card(file: str) -> dict[str, str]:
    """What the weights in `data/file` say of themselves: data, recipe, torch, held-out accuracy."""
    from safetensors import safe_open

    with safe_open(data_file(file), framework="pt") as weights:
        return dict(weights.metadata() or {})


@cache
def _arrays() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    with np.load(data_file("fashion_pictures.npz"), allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    # Shared by every data set that is made: nobody may write to them.
    images.flags.writeable = labels.flags.writeable = False
    return images, labels
