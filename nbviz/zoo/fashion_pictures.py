"""Fashion-MNIST: labelled pictures that come with nbviz, and what both networks for them share.

The 5,000 pictures are the first half of the *test* split, in its own order: neither of the zoo's Fashion
networks has learnt from any of them, so what a channel fires for is no memory of what it was trained on.
Xiao, Rasul and Vollgraf, Fashion-MNIST, https://arxiv.org/abs/1708.07747; MIT licence, see ``data/LICENSE``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from nbviz.pictures.eval_transform import EvalTransform
from nbviz.pictures.preprocessing import Preprocessing
from nbviz.zoo.shipped import data_file

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
SIZE, MEAN, STD = (28, 28), 0.286, 0.353
"""Of the pictures; mean and spread of the training split's pixels in 0…1."""


class FashionPictures(Dataset[tuple[Image.Image, int]]):
    """Map-style data set: index → (gray picture 28 × 28, index of its class)."""

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
    """Return 5,000 labelled pictures of Fashion-MNIST's test split, about 500 per class: no download."""
    return FashionPictures(*_arrays())


def preprocessing() -> Preprocessing:
    """Return the preprocessing of both Fashion networks: gray, 28 × 28, normalised by the training split."""
    recipe = EvalTransform(crop=SIZE, resize=SIZE, mean=(MEAN,), std=(STD,))
    return Preprocessing.from_recipe(recipe, "the network")


@cache
def _arrays() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    with np.load(data_file("fashion_pictures.npz"), allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    # Shared by every data set that is made: nobody may write to them.
    images.flags.writeable = labels.flags.writeable = False
    return images, labels
