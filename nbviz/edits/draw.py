"""Edit that changes the picture by one draw of a random transform of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nbviz.arguments import seed_number
from nbviz.edits.augmentation import Augmentation, as_planes
from nbviz.edits.base import edit
from nbviz.edits.rgb import SLACK, Rgb
from nbviz.edits.transform import gray
from nbviz.errors import NbvizError
from nbviz.model.edit import Editable, PictureEdit

LEVELS = 10.0
"""Values above which floats that are nowhere below zero are grey levels of 255."""


@edit("Own transform")
@dataclass(frozen=True)
class Draw(PictureEdit):
    """Change the picture by one draw of a random transform of your own."""

    transform: Any
    """A transform of torchvision's or albumentations', or a function of a PIL image; it is given the picture as the
    network sees it, and what it gives is resized to the network's input.
    """
    seed: int = 0
    """Which draw: the same seed gives the same picture."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "transform", Augmentation.ensure(self.transform))
        object.__setattr__(self, "seed", seed_number(self.seed))

    @property
    def words(self) -> str:
        return f"draw {self.seed + 1} of {self.transform.name}"

    def apply(self, x: Tensor, model: Editable) -> Tensor:
        """Return the drawn input; where the transform left the picture as it is, the input itself, to the bit.

        Raises NbvizError where the transform raises or gives no picture.
        """
        rgb, name = Rgb.of(model, x), self.transform.name
        # three planes of 8 bits, as a file has: transforms are written for those, and gray networks see their mean
        # again below
        colours = (rgb.colours(x)[0].clamp(0, 1) * 255).round().byte().expand(3, -1, -1)
        pixels: np.ndarray = colours.permute(1, 2, 0).contiguous().cpu().numpy()
        planes = as_planes(self.transform.draw(pixels, self.seed), name)
        if not bool(torch.isfinite(planes).all()):
            raise NbvizError(f"The transform {name} gives values that are not finite numbers (draw {self.seed + 1}).")
        # numbers made of grey levels; a network's input is below zero somewhere, or not so far above
        if not self.transform.normalises and float(planes.min()) >= 0 and float(planes.max()) > LEVELS:
            planes = planes / 255
        if self._is_input(planes):
            return _fitted(self._checked(planes, x), x)
        same = planes.shape[2:] == x.shape[2:] and planes.shape[1] == 3
        # a draw that happens to do nothing must not come back rounded: that alone could change an answer
        if same and np.array_equal((planes[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy(), pixels):
            return x
        drawn = planes.expand(-1, 3, -1, -1).clamp(0, 1)
        drawn = gray(drawn) if rgb.matrix.shape[1] == 1 else drawn
        return rgb.input(_fitted(drawn, rgb.colours(x)).clamp(0, 1)).to(x)

    def _is_input(self, planes: Tensor) -> bool:
        """Return whether what it gave is a network's input: normalised, so no longer colours in 0…1."""
        outside = float(planes.min()) < -SLACK or float(planes.max()) > 1 + SLACK
        return planes.is_floating_point() and (self.transform.normalises or outside)

    def _checked(self, planes: Tensor, x: Tensor) -> Tensor:
        if planes.shape[1] != x.shape[1]:
            raise NbvizError(
                f"The transform {self.transform.name} gives a normalised picture of {planes.shape[1]} channels; the "
                f"network takes {x.shape[1]}."
            )
        return planes


def _fitted(planes: Tensor, like: Tensor) -> Tensor:
    """Return planes resized to the size of ``like``, in its type and on its device."""
    planes = planes.to(like)
    if planes.shape[2:] == like.shape[2:]:
        return planes
    return functional.interpolate(planes, size=like.shape[2:], mode="bilinear", antialias=True, align_corners=False)
