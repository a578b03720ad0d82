"""The usual evaluation preprocessing: resize, crop, scale to 0…1, normalise.

Equal to the bit to torchvision's and timm's on PIL images, without importing either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import floor
from typing import Any

import numpy as np
import torch
from PIL import Image

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}


@dataclass(frozen=True)
class EvalTransform:
    """Callable: RGB picture → float32 tensor (C, H, W); C is the number of means, and 1 means gray."""

    crop: tuple[int, int]
    """(height, width) of what the network sees."""

    resize: tuple[int, int]
    """(height, width) that ``fit`` resizes to, before the crop."""

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    interpolation: str = "bilinear"

    fit: str = "cover"
    """"cover": by the shorter side, in proportion; "border": by the longer one; "squash": both sides."""

    def __call__(self, image: Image.Image) -> torch.Tensor:
        # Before resizing, as timm reads gray pictures: the conversion rounds to 8 bits, so the order shows.
        image = image.convert("L" if len(self.mean) == 1 else "RGB")
        image = image.resize(self._resized(image), _FILTERS.get(self.interpolation, Image.Resampling.BICUBIC))
        values = np.asarray(self._cropped(image), dtype=np.float32).reshape(*self.crop, len(self.mean))
        # Laid out anew: a transposed view would pass for channels_last, whose kernels round otherwise.
        tensor = torch.from_numpy(values.transpose(2, 0, 1).copy()).div_(255)
        mean, std = (
            torch.tensor(numbers, dtype=torch.float32, device="cpu").view(-1, 1, 1) for numbers in (self.mean, self.std)
        )
        return tensor.sub_(mean).div_(std)

    def with_size(self, height: int, width: int) -> EvalTransform:
        """Return the same transform for a network that sees height × width."""
        return replace(self, crop=(height, width), resize=(height, width))

    def _resized(self, image: Image.Image) -> tuple[int, int]:
        """Return (width, height) after resizing, rounded as torchvision and timm round."""
        height, width = self.resize
        if self.fit == "squash":
            return width, height
        if self.fit == "cover" and height == width:
            short, long = sorted(image.size)
            # torchvision's Resize cuts off; timm's own, below, rounds.
            stretched = int(height * long / short)
            return (stretched, height) if image.width >= image.height else (height, stretched)
        ratios = image.height / height, image.width / width
        ratio = max(ratios) if self.fit == "border" else min(ratios)
        return max(round(image.width / ratio), 1), max(round(image.height / ratio), 1)

    def _cropped(self, image: Image.Image) -> Image.Image:
        height, width = self.crop
        if image.width < width or image.height < height:
            image = self._on_mean(image, max(width, image.width), max(height, image.height))
        left, top = round((image.width - width) / 2), round((image.height - height) / 2)
        return image.crop((left, top, left + width, top + height))

    def _on_mean(self, image: Image.Image, width: int, height: int) -> Image.Image:
        fill = tuple(round(255 * min(max(mean, 0.0), 1.0)) for mean in self.mean)
        canvas = Image.new(image.mode, (width, height), fill if len(fill) > 1 else fill[0])
        canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
        return canvas


def recipe_from_timm(config: Mapping[str, Any], channels: int) -> EvalTransform:
    """Read timm's ``pretrained_cfg`` as timm itself would, for a network of 1 or 3 channels."""
    height, width = config.get("input_size", (3, 224, 224))[-2:]
    # timm's own default, for a configuration without one.
    share = config.get("crop_pct") or 0.875
    fits = {"squash": "squash", "border": "border"}
    return EvalTransform(
        crop=(height, width),
        resize=(floor(height / share), floor(width / share)),
        mean=_per_channel(config.get("mean", (0.485, 0.456, 0.406)), channels),
        std=_per_channel(config.get("std", (0.229, 0.224, 0.225)), channels),
        interpolation=config.get("interpolation", "bicubic"),
        fit=fits.get(config.get("crop_mode", "center"), "cover"),
    )


def _per_channel(numbers: Iterable[float], channels: int) -> tuple[float, ...]:
    known = tuple(float(number) for number in numbers)
    return known if len(known) == channels else (sum(known) / len(known),) * channels
