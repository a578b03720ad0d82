"""Crops of scikit-image's photographs and textures: real pictures to compare made ones with."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image

_FILES = (
    "chelsea.png", "coffee.png", "camera.png", "astronaut.png", "rocket.jpg", "brick.png", "grass.png", "gravel.png",
    "ihc.png", "hubble_deep_field.jpg", "motorcycle_left.png", "page.png", "text.png", "coins.png", "moon.png",
)  # fmt: skip


def crops(count: int, size: int, seed: int = 0) -> torch.Tensor:
    """Square crops of all scales: (count, 3, size, size), float32 in 0…1."""
    spec = find_spec("skimage")
    assert spec is not None and spec.origin is not None
    folder, random = Path(spec.origin).parent / "data", np.random.default_rng(seed)
    images = [Image.open(folder / name).convert("RGB") for name in _FILES if (folder / name).exists()]
    made = []
    for index in range(count):
        image = images[index % len(images)]
        side = int(random.uniform(0.3, 1) * min(image.size))
        left, top = (int(random.integers(0, length - side + 1)) for length in image.size)
        box = (left, top, left + side, top + side)
        made.append(np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box)))
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).float() / 255
