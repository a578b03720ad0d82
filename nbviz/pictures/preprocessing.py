"""Preprocessing: from a picture to the network's tensor, and back to the picture as the network saw it.

One object knows both ways, so that overlays lie on the pixels that were really used. ``Preprocessing.ensure``
takes what the user gave, else reads it from what the network carries, else guesses, and says which it was.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from os import PathLike
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from nbviz.errors import NbvizError
from nbviz.pictures.adapters import TransformLike, adapted, checked, is_random, picture_of
from nbviz.pictures.colours import Colours, Probed, drawn_by_range, normalised, probe
from nbviz.pictures.decode import MOST_CHANNELS, checked_tensor, is_finite
from nbviz.pictures.eval_transform import EvalTransform, recipe_from_timm
from nbviz.pictures.load import load_pictures
from nbviz.pictures.network_hints import (
    GUESSED_SIZES,
    FirstLayer,
    attribute,
    defined_first,
    is_preset,
    is_weights,
    shown_size,
    timm_config,
)
from nbviz.pictures.picture import Picture, PictureLike
from nbviz.wrappers import unwrap

__all__ = ["GUESSED_SIZES", "EvalTransform", "Preprocessing", "TransformLike"]

_SENTENCES = {
    "torchvision weights": "preprocessing from torchvision's weights",
    "timm": "preprocessing from timm's configuration",
    "the network": "preprocessing from the network",
    "transform=": "preprocessing from transform=",
}
READY = "no preprocessing: the tensor as it was given"
# How far outside 0…1 an inverted tensor may lie and still be a picture: resizing overshoots a little.
_SLACK = 0.1
_numbers = count()


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Callable: picture → float tensor (1, C, H, W). Made by ``Preprocessing.ensure``."""

    forward: Callable[[Image.Image], object] | None
    """RGB picture (gray for a 1-channel network) → tensor; None where only tensors can be given."""

    source: str
    """"torchvision weights", "timm", "the network", "transform=", "tensor" or "guess"."""

    channels: int = 3
    """How many the network takes."""

    key: Hashable = field(default_factory=lambda: ("transform", next(_numbers)))
    """Equal for preprocessings that are known to do the same."""

    tried: Callable[[], Preprocessing] | None = None
    """Of a guess whose network hasn't been asked yet: gives the guess for the size the network takes."""

    @classmethod
    def ensure(cls, transform: TransformLike | None, net: nn.Module, first: FirstLayer | None = None) -> Preprocessing:
        """Return the preprocessing of pictures for ``net``.

        transform: a callable PIL → tensor, torchvision weights or their transforms, timm's data
        configuration, a Hugging Face image processor, an albumentations transform, a Preprocessing, or None to
        read it from the network or guess. first: the first layer called, where that is known; else the first defined.
        Raises NbvizError for others.
        """
        # What a network carries hangs on itself, not on DataParallel or what torch.compile wraps around it.
        net = unwrap(net)
        first = first or defined_first(net)
        if transform is not None:
            return cls._given(transform, "transform=", first.channels)
        for name in ("nbviz_preprocessing", "weights", "transforms"):
            carried = attribute(net, name)
            if isinstance(carried, Preprocessing) or is_weights(carried) or is_preset(carried):
                return cls._given(carried, "the network", first.channels)
        return cls._read(net, first)

    @classmethod
    def from_recipe(cls, recipe: EvalTransform, source: str) -> Preprocessing:
        """Make a preprocessing of our own resizing, cropping and normalising, said to come from ``source``."""
        return cls(recipe, source, len(recipe.mean), (source, recipe))

    @classmethod
    def _given(cls, transform: object, source: str, channels: int) -> Preprocessing:
        if isinstance(transform, Preprocessing):
            return transform
        if is_weights(transform):
            return cls(transform.transforms(), "torchvision weights", channels)
        if is_preset(transform):
            return cls(transform, "torchvision weights", channels)
        if isinstance(transform, Mapping) and "input_size" in transform:
            return cls.from_recipe(recipe_from_timm(transform, channels), "timm")
        return cls(adapted(checked(transform)), source, channels)

    @classmethod
    def _read(cls, net: nn.Module, first: FirstLayer) -> Preprocessing:
        channels, config = first.channels, timm_config(net)
        if channels not in (1, 3):
            return cls(None, "tensor", channels, ("tensor", channels))
        if config is not None:
            return cls.from_recipe(recipe_from_timm(config, channels), "timm")
        size = shown_size(net, first) or (GUESSED_SIZES[0], GUESSED_SIZES[0])
        plain = EvalTransform(crop=size, resize=size, mean=(0.0,) * channels, std=(1.0,) * channels)
        return cls.from_recipe(plain, "guess")

    def __call__(self, image: PictureLike) -> torch.Tensor:
        """Turn a picture in any form ``load_pictures`` takes into a float32 tensor (1, C, H, W) on the CPU.

        Float tensors are already preprocessed and pass through, float64 ones as they are. NbvizError for
        what can't be opened, and for a transform that fails or gives something else than such a tensor.
        """
        picture = _picture(image)
        if picture.tensor is not None:
            return picture.tensor
        if self.tried is not None:
            return self.tried()(picture)
        if self.forward is None:
            raise NbvizError(
                f"This network takes {self.channels} channels, which a picture doesn't have. "
                f"Pass float tensors ({self.channels}, H, W), or transform= that makes them from a picture."
            )
        rgb = picture.open()
        try:
            result = self.forward(rgb.convert(self._mode) if self._mode != "RGB" else rgb)
        except Exception as error:
            raise NbvizError(
                f"transform= failed on '{picture.name}', which it was given as {self._mode} of "
                f"{rgb.width} × {rgb.height}: {type(error).__name__}: {error}"
            ) from error
        return _checked_result(result)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the network out, which travels to other processes by itself."""
        return {**self.__dict__, "tried": None}

    @property
    def guessed(self) -> bool:
        """True if nothing said how this network wants its pictures."""
        return self.source == "guess"

    @property
    def sentence(self) -> str:
        """Source of this preprocessing in a sentence, for the header."""
        if self.guessed:
            gray = "gray, " if self.channels == 1 else ""
            return f"preprocessing guessed: {gray}0…1 range. Pass transform= to be sure."
        if self.source == "tensor":
            return f"takes tensors of {self.channels} channels as they are"
        return f"{_SENTENCES[self.source]}{', random at each reading' if self.random else ''}"

    def sentence_for(self, picture: Picture) -> str:
        """Describe the preprocessing of one picture; a tensor that is given ready passes as it is."""
        if picture.tensor is not None:
            return READY
        return self.sentence

    def size_for(self, picture: Picture) -> tuple[int, int] | None:
        """Return (height, width) of one picture's tensor, or None where it follows the picture's."""
        return None if picture.tensor is not None else self.size

    def knows_black(self, tensor: torch.Tensor) -> bool:
        """Return whether ``black`` is a black picture for this tensor (1, C, H, W), rather than just zeros.

        A guess reads a picture's values as 0…1: a tensor that goes beyond was normalised in a way nobody told.
        """
        if self.forward is None:
            return False
        return not self.guessed or bool(tensor.amin() >= -_SLACK and tensor.amax() <= 1 + _SLACK)

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of every picture's tensor, or None where it follows the picture's."""
        return self.forward.crop if isinstance(self.forward, EvalTransform) else self._probed.size

    @cached_property
    def random(self) -> bool:
        """True if the transform draws anew at each call, as those for training do."""
        return is_random(self.forward)

    def with_size(self, height: int, width: int) -> Preprocessing:
        """Return a guess for another size; what isn't guessed stays as it is."""
        if not (self.guessed and isinstance(self.forward, EvalTransform)):
            return self
        return Preprocessing.from_recipe(self.forward.with_size(height, width), self.source)

    def seen(self, tensor: torch.Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return the picture as the network saw it: (1, C, H, W) or (C, H, W) → uint8 (H, W, 3).

        Exact to the pixel where the colours can be inverted; else drawn by range, and ``seen_note`` says so.
        """
        rgb = self._seen(tensor)[0]
        tensor = rgb.clamp(0, 1).mul_(255).round_().to(torch.uint8)
        pixels: np.ndarray[Any, np.dtype[np.uint8]] = tensor.permute(1, 2, 0).contiguous().numpy()
        return pixels

    def seen_note(self, tensor: torch.Tensor) -> str:
        """Return how far the colours of ``seen`` can be trusted, in a sentence; empty where they are exact."""
        return self._seen(tensor)[1]

    def constant(self, like: torch.Tensor, rgb: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> torch.Tensor:
        """Return a picture of one colour, preprocessed: shape, dtype and device of ``like`` (1, C, H, W).

        rgb: in 0…1. A network of other than 1 or 3 channels has no colours: black is all zeros.
        """
        if self.forward is None or (like.shape[1] not in (1, 3) and self.colours is None):
            return torch.zeros_like(like)
        if self.colours is not None and len(self.colours.offset) == like.shape[1]:
            values = self.colours.colour(torch.tensor(rgb, dtype=torch.float64, device="cpu"))
            return values.to(like).view(1, -1, 1, 1).expand_as(like).clone()
        flat = Image.new("RGB", (like.shape[-1], like.shape[-2]), tuple(round(255 * part) for part in rgb))
        tensor = self(flat)
        if tensor.shape[1:] != like.shape[1:]:
            raise NbvizError(
                f"transform= makes {tuple(tensor.shape)} of a picture of one colour, where "
                f"{tuple(like.shape)} is needed. Pass the baseline as a tensor."
            )
        return tensor.to(like).expand_as(like).clone()

    def black(self, like: torch.Tensor) -> torch.Tensor:
        """Return a black picture, preprocessed, in the shape, dtype and device of ``like`` (1, C, H, W)."""
        return self.constant(like)

    @property
    def _mode(self) -> str:
        return "L" if self.channels == 1 and not isinstance(self.forward, EvalTransform) else "RGB"

    @cached_property
    def _probed(self) -> Probed:
        forward = self.forward
        return Probed(None, None) if forward is None else probe(lambda image: picture_of(forward(image)), self._mode)

    @cached_property
    def colours(self) -> Colours | None:
        """Matrix and offset from colours to channels; None where the transform is not affine in the colour."""
        if isinstance(self.forward, EvalTransform):
            return normalised(self.forward.mean, self.forward.std)
        return self._probed.colours

    def _seen(self, tensor: torch.Tensor) -> tuple[torch.Tensor, str]:
        channels = (tensor[0] if tensor.ndim == 4 else tensor).detach().double().cpu()
        if self.colours is not None and len(self.colours.offset) == len(channels):
            rgb = self.colours.rgb(channels)
            low, high = torch.aminmax(rgb)
            if float(low) >= -_SLACK and float(high) <= 1 + _SLACK:
                return rgb, ""
        return drawn_by_range(channels)


def _picture(image: PictureLike) -> Picture:
    if isinstance(image, Picture):
        return image
    if isinstance(image, torch.Tensor) and image.dtype != torch.uint8:
        return Picture("tensor", checked_tensor(image, "tensor"))
    if isinstance(image, (str, PathLike, bytes, bytearray, Image.Image, np.ndarray, torch.Tensor)):
        pictures = load_pictures([image])
        return next(iter(pictures.values()))
    raise NbvizError(f"A picture is a path, a PIL image, a uint8 array or a float tensor, not {image!r}.")


def _checked_result(output: object) -> torch.Tensor:
    result = picture_of(output)
    demand = "It has to give a float tensor (C, H, W)"
    if not isinstance(result, torch.Tensor):
        what = "a picture" if isinstance(result, Image.Image) else f"a {type(result).__name__}"
        turn = "torch.from_numpy(array) is one, with .permute(2, 0, 1) where channels come last"
        way = turn if isinstance(result, np.ndarray) else "torchvision's ToTensor() as its last step does"
        raise NbvizError(f"transform= gave {what}. {demand}; {way}.")
    if not result.is_floating_point():
        kind = str(result.dtype).removeprefix("torch.")
        raise NbvizError(
            f"transform= gave a tensor of {kind}. {demand}: divide by 255, or ToDtype(float32, scale=True)."
        )
    if result.ndim not in (3, 4) or (result.ndim == 4 and len(result) != 1):
        raise NbvizError(f"transform= gave a tensor of shape {tuple(result.shape)}. {demand}.")
    if result.shape[-1] in (1, 3, 4) and min(result.shape[-3:-1]) > MOST_CHANNELS:
        raise NbvizError(
            f"transform= gave a tensor of shape {tuple(result.shape)}, whose channels come last. {demand}: "
            "tensor.permute(2, 0, 1)."
        )
    if not is_finite(result):
        raise NbvizError("transform= gave a tensor with NaN or infinite values for this picture.")
    # torchvision's tv_tensors would make each later operation look for its own dispatch.
    result = result.detach().as_subclass(torch.Tensor).float()
    return result if result.ndim == 4 else result[None]
