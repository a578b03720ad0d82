"""Registry of the zoo's own networks: a decorator fills ``NETWORKS``; a new network is one new file in this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from torch import nn


@dataclass(frozen=True)
class ZooNetwork:
    """A network with its weights; its preprocessing is its attribute ``nbviz_preprocessing``."""

    net: nn.Module
    title: str
    classes: str | tuple[str, ...] | None = None
    """The names, "imagenet" for its 1000, None for a network whose outputs have none."""


Builder = Callable[..., ZooNetwork]
NETWORKS: dict[str, Builder] = {}


def network(name: str) -> Callable[[Builder], Builder]:
    """Register the builder of the network of this name."""

    def register(build: Builder) -> Builder:
        NETWORKS[name] = build
        return build

    return register


def own_networks() -> dict[str, Builder]:
    """Return name → builder, in alphabetical order, after every file of the zoo has been read."""
    # when it is asked for: importing the zoo reads no network's file
    package = __name__.rpartition(".")[0]
    for module in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
    return dict(sorted(NETWORKS.items()))
