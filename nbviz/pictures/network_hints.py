"""Hints on a network about the pictures it takes: channels, size, a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any, Protocol, TypeGuard

from torch import nn

# Tried in turn where a guessed size fails in the network's forward: the usual ones, then those of lessons and tests.
GUESSED_SIZES = (
    *(224, 32, 28, 64, 96, 128, 160, 192, 256, 299, 384, 512),
    *(16, 8, 48, 24, 20, 40, 12, 10, 14, 18, 36, 50, 56, 60, 72, 80, 84, 100, 112, 120, 144, 150, 176, 200, 208, 227),
    *(240, 260, 288, 300, 320, 336, 448),
)


def attribute(owner: object, name: str) -> Any:  # noqa: ANN401 - an attribute of somebody else's class
    """Return an attribute of the user's own object; None where it isn't there or its property raises."""
    try:
        return getattr(owner, name, None)
    except Exception:  # a property runs the user's own code, which may ask for what isn't attached
        return None


def timm_config(net: nn.Module) -> Mapping[str, Any] | None:
    """Return the data configuration that timm leaves on its models, or None."""
    for name in ("pretrained_cfg", "default_cfg"):
        config = attribute(net, name)
        config = config.to_dict() if config is not None and hasattr(config, "to_dict") else config
        if isinstance(config, Mapping) and "input_size" in config and "mean" in config:
            size = shown_size(net)
            # A model made with img_size= keeps its family's configuration, of another size.
            return {**config, "input_size": (config["input_size"][0], *size)} if size else config
    return None


@dataclass(frozen=True)
class FirstLayer:
    """Pictures that a network's first layer takes."""

    channels: int = 3
    size: tuple[int, int] | None = None
    """(height, width) where it takes them flattened, and so no other."""


def defined_first(net: nn.Module) -> FirstLayer:
    """Read the first layer in order of definition, which need not be the first that is called.

    A linear layer takes a flattened picture: n² numbers are read as gray, 3·n² as RGB.
    """
    first = next((module for module in net.modules() if isinstance(module, (nn.Conv2d, nn.Linear))), None)
    if isinstance(first, nn.Conv2d):
        return FirstLayer(first.in_channels or 3)
    if isinstance(first, nn.Linear) and first.in_features:
        return flattened(first.in_features) or FirstLayer()
    return FirstLayer()


def shown_size(net: nn.Module, first: FirstLayer | None = None) -> tuple[int, int] | None:
    """Return (height, width) where the network can take no other, or says which it was built for."""
    for owner in (net, attribute(net, "patch_embed"), attribute(net, "config")):
        for name in ("image_size", "img_size"):
            size = _pair(attribute(owner, name))
            if size:
                return size
    return (first or defined_first(net)).size


def flattened(numbers: int) -> FirstLayer | None:
    """Return the square gray or RGB picture that flattens to so many numbers, or None."""
    for channels in (1, 3):
        side = isqrt(numbers // channels)
        if side and channels * side * side == numbers:
            return FirstLayer(channels, (side, side))
    return None


def _pair(size: object) -> tuple[int, int] | None:
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size, size
    if isinstance(size, (tuple, list)) and len(size) == 2 and all(isinstance(side, int) for side in size):
        return size[0], size[1]
    return None


class Weights(Protocol):
    """Member of one of torchvision's enums of weights, as far as it is needed here."""

    meta: Mapping[str, Any]
    url: str

    def transforms(self) -> Callable[..., Any]:
        """Make the preprocessing that the weights were trained with."""
        ...


def is_weights(value: object) -> TypeGuard[Weights]:
    """Return whether a value is a torchvision weights enum's, by its shape: torchvision needn't be imported."""
    return hasattr(value, "meta") and hasattr(value, "url") and callable(getattr(value, "transforms", None))


def is_preset(value: object) -> TypeGuard[Callable[..., Any]]:
    """Return whether a value is a preprocessing that torchvision's weights carry."""
    return type(value).__module__ == "torchvision.transforms._presets"
