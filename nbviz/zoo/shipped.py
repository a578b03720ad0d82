"""Files in ``data/`` that come with nbviz: weights, in half precision on disk and single in the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from nbviz.errors import NbvizError

DATA = Path(__file__).parent / "data"


def data_file(name: str) -> Path:
    """Return the path of a file in ``data/``; NbvizError where it is missing."""
    path = DATA / name
    if not path.is_file():
        raise NbvizError(f"'{name}' is missing from this installation of nbviz ({DATA}). Install it again.")
    return path


def with_weights(build: Callable[[], nn.Module], file: str) -> nn.Module:
    """Return the network that ``build`` makes with the weights of ``data/file``, in eval mode on the CPU."""
    from safetensors.torch import load_file

    # The random weights drawn here are thrown away, and the user's generator must not know. Without storage, on
    # the meta device, nothing would be drawn, but torch's first draw there takes a second.
    with torch.random.fork_rng(devices=[]):
        net = build()
    weights = load_file(data_file(file))
    net.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in weights.items()},
        assign=True,
    )
    return net.eval()


def card(file: str) -> dict[str, str]:
    """Return the facts that the weights in ``data/file`` carry: data, recipe, torch, held-out accuracy."""
    from safetensors import safe_open

    with safe_open(data_file(file), framework="pt") as weights:
        return dict(weights.metadata() or {})
