"""Adapters for transforms of other packages that take a picture by keyword or answer with a mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import nn

from nbviz.errors import NbvizError
from nbviz.pictures.network_hints import Weights, attribute

KEYS = ("pixel_values", "image", "images")
"""Keys under which mappings hold the picture: Hugging Face's, albumentations' and others'."""
TransformLike: TypeAlias = Callable[..., Any] | Mapping[str, Any] | Weights
"""Preprocessing as a person has it at hand: a callable picture → tensor, torchvision's weights or their transforms,
timm's data configuration, a Hugging Face image processor, an albumentations transform, or a Preprocessing."""
_RANDOM = ("Random", "AutoAugment", "RandAugment", "TrivialAugment", "AugMix", "ColorJitter")


@dataclass(frozen=True)
class Processor:
    """Hugging Face image processor as a callable picture → tensor (C, H, W)."""

    processor: Callable[..., object]

    def __call__(self, image: Image.Image) -> object:
        return picture_of(self.processor(images=image, return_tensors="pt"))


@dataclass(frozen=True)
class Keyword:
    """Albumentations transform as a callable picture → tensor (C, H, W)."""

    transform: Callable[..., object]

    def __call__(self, image: Image.Image) -> object:
        return picture_of(self.transform(image=np.asarray(image)))

    @property
    def transforms(self) -> list[object]:
        """Steps that the transform is composed of."""
        return [self.transform]


def checked(transform: object) -> Callable[..., object]:
    """Return a transform that can be called with a picture. Raises NbvizError, with the way out, for anything else."""
    kind = type(transform).__name__
    if isinstance(transform, type):
        name = transform.__name__
        made = f"{name}.DEFAULT" if hasattr(transform, "DEFAULT") else f"{name}(…)"
        raise NbvizError(f"transform= got the class {name} itself: pass {made}.")
    if isinstance(transform, (list, tuple)) and all(map(callable, transform)):
        raise NbvizError(
            f"transform= got a {kind} of {len(transform)} steps. Pass one callable: "
            "torchvision.transforms.Compose(steps)."
        )
    if not callable(transform):
        raise NbvizError(
            f"transform= got {transform!r} ({kind}). It takes a callable picture → tensor (C, H, W), or torchvision "
            "weights such as ResNet50_Weights.DEFAULT."
        )
    return transform


def adapted(transform: Callable[..., object]) -> Callable[[Image.Image], object]:
    """Return a transform that takes a picture alone: itself, unless it is one of Hugging Face's or albumentations'."""
    # By the name of the module: albumentations need not be installed.
    if any(base.__module__.partition(".")[0] == "albumentations" for base in type(transform).__mro__):
        return Keyword(transform)
    # Told by what it lists, as transformers need not be installed.
    names = attribute(transform, "model_input_names")
    if isinstance(names, (list, tuple)) and "pixel_values" in names:
        # A multimodal processor wants text too; the part for pictures does without.
        return Processor(attribute(transform, "image_processor") or transform)
    return transform


def picture_of(result: object) -> object:
    """Return the picture in the mapping a transform gave, (C, H, W) or (1, C, H, W); anything else as it is."""
    if not isinstance(result, Mapping):
        return result
    for key in KEYS:
        if key in result:
            value = result[key]
            first = value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
            # numbers of pixel_values stand channels first whichever array type they come in
            return torch.as_tensor(first) if key == KEYS[0] and isinstance(first, np.ndarray) else first
    return result


def is_random(transform: object) -> bool:
    """Return whether a transform, or a step of it, draws anew at each call."""
    return any(type(step).__name__.startswith(_RANDOM) or _at_times(step) for step in _steps(transform))


def _at_times(step: object) -> bool:
    """Return whether a step is applied with a probability, as albumentations' are."""
    chance = attribute(step, "p")
    return isinstance(chance, float) and 0 < chance < 1


def _steps(transform: object) -> list[object]:
    """Return a transform and all it is composed of."""
    parts = getattr(transform, "transforms", None)
    if not isinstance(parts, (list, tuple, nn.ModuleList)):
        # An nn.Sequential of transforms has children in place of a list.
        parts = list(transform.children()) if isinstance(transform, nn.Module) else []
    return [transform, *(step for part in parts for step in _steps(part))]
