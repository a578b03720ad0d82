"""Loading of networks by name: the zoo's own, else torchvision's, else timm's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import nn

from nbviz.errors import NbvizError, unknown
from nbviz.pictures.network_hints import Weights
from nbviz.replica.torchvision_import import torchvision
from nbviz.zoo.class_names import imagenet
from nbviz.zoo.registry import own_networks

if TYPE_CHECKING:
    from nbviz.model.instrumented import InstrumentedModel

WeightsLike: TypeAlias = Weights | str | bool | None
"""Weights as a person asks for them: a member of torchvision's enum, its name, whether to have any, or none."""


def load(
    name: str = "efficientnet_lite0",
    weights: WeightsLike = None,
    device: str = "auto",
    **options: object,
) -> InstrumentedModel:
    """Load a network by its name, ready to be explored.

    name: one of ``names()``. weights: for torchvision a member of a weights enum or its name ("DEFAULT"), for
    timm anything true; None gives random weights, and the title says so. The zoo's own come with theirs.
    device: "auto" puts the zoo's own on the accelerator, if there is one. options: passed to the builder.
    NbvizError where weights can't be had; UnknownName, with the nearest, for another name.
    """
    own = own_networks()
    if name in own:
        return _own(name, weights, device, options)
    if "torchvision" in _installed() and name in _torchvision_names():
        return _from_torchvision(name, weights, device, options)
    if "timm" in _installed() and _timm().is_model(name):
        return _from_timm(name, weights, device, options)
    raise unknown("network", name, names(), where=f"the zoo, {' or '.join(_installed())}")


def names() -> list[str]:
    """Return the zoo's own networks, then torchvision's classifiers, then timm's, of what is installed."""
    result = list(own_networks())
    if "torchvision" in _installed():
        result += _torchvision_names()
    if "timm" in _installed():
        result += _timm().list_models()
    # once: timm has networks of torchvision's names, and load() takes torchvision's
    return list(dict.fromkeys(result))


def _own(name: str, weights: WeightsLike, device: str, options: dict[str, object]) -> InstrumentedModel:
    if weights is not None:
        raise NbvizError(f"'{name}' comes with its weights; weights={weights!r} can't be chosen.")
    built = own_networks()[name](**options)
    if device == "auto":
        built.net.to(_accelerator())
    classes = imagenet() if built.classes == "imagenet" else built.classes
    return _model()(built.net, classes=classes, name=built.title, device=device)


def _from_torchvision(name: str, weights: WeightsLike, device: str, options: dict[str, object]) -> InstrumentedModel:
    models = torchvision().models
    if isinstance(weights, bool):  # as timm has it: those that come with the network, or none
        weights = "DEFAULT" if weights else None
    if isinstance(weights, str):
        weights = _weights_named(models.get_model_weights(name).__members__, weights, name)
    net = _downloaded(name, lambda: models.get_model(name, weights=weights, **options))
    if weights is None:
        return _model()(net, name=f"{name} (random weights)", device=device)
    classes = weights.meta.get("categories")
    return _model()(net, transform=weights, classes=classes, name=name, device=device)


def _weights_named(members: Mapping[str, Weights], given: str, name: str) -> Weights:
    member = given.rpartition(".")[2]  # "ResNet18_Weights.DEFAULT" is how torchvision writes it
    if member not in members:
        raise unknown("weights", member, members, where=f"torchvision's for {name}")
    return members[member]


def _from_timm(name: str, weights: WeightsLike, device: str, options: dict[str, object]) -> InstrumentedModel:
    net = _downloaded(name, lambda: _timm().create_model(name, pretrained=bool(weights), **options))
    if not weights:
        return _model()(net, name=f"{name} (random weights)", device=device)
    # timm's networks carry no names: those of 1,000 classes are ImageNet's, in torchvision's order
    classes = imagenet() if getattr(net, "num_classes", None) == 1000 else None
    return _model()(net, classes=classes, name=name, device=device)


def _downloaded(name: str, build: Callable[[], nn.Module]) -> nn.Module:
    try:
        return build().eval()
    except (OSError, RuntimeError) as error:
        raise NbvizError(
            f"The weights of '{name}' could not be read or downloaded: {error} "
            "weights=None gives the network with random ones."
        ) from error


def _model() -> type[InstrumentedModel]:
    from nbviz.model.instrumented import InstrumentedModel

    return InstrumentedModel


def _accelerator() -> torch.device:
    if torch.accelerator.is_available():
        return torch.accelerator.current_accelerator() or torch.device("cpu")
    return torch.device("cpu")


def _installed() -> list[str]:
    # not by importing them, which takes seconds
    return [package for package in ("torchvision", "timm") if find_spec(package) is not None]


def _torchvision_names() -> list[str]:
    models = torchvision().models
    # its own module alone: without it networks for segmentation, detection and video are listed, too
    return list(models.list_models(module=models))


def _timm() -> ModuleType:
    # timm imports torchvision, whose own failure is the one to tell.
    torchvision()
    return import_module("timm")
