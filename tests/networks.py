"""Tiny networks that do what networks in the wild do to tools that look into them, and a hash of their state."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune

from nbviz.replica.copying.memory_parts import strided_parts
from tests.task_networks import Detects, Segments

SIZE = 16
CLASSES = 5


def picture(seed: int = 0, channels: int = 3, size: int = SIZE, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A preprocessed picture (1, C, H, W)."""
    return torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def _small(*, inplace: bool = True, norm: bool = True) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6) if norm else nn.Identity(),
        nn.ReLU(inplace=inplace),
        nn.Conv2d(6, 8, 3, stride=2, padding=1),
        nn.ReLU(inplace=inplace),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, CLASSES),
    )


class Functional(nn.Module):
    """A residual network with functional activations and a shared, in-place ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.inner = nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.norm(self.stem(x)))
        x = self.relu(self.inner(x) + x)
        return self.head(functional.adaptive_avg_pool2d(functional.leaky_relu(x), 1).flatten(1))


class Dense(nn.Module):
    """Concatenates, so that one output feeds many."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(7, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(11, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.cat([x, self.relu(self.a(x))], 1)
        x = torch.cat([x, self.relu(self.b(x))], 1)
        return self.head(x.mean((2, 3)))


class Tokens(nn.Module):
    """A vision transformer of one block, with a class token."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.place = nn.Parameter(torch.randn(1, 17, width) * 0.1)
        self.block = nn.TransformerEncoderLayer(width, 2, 24, dropout=0.1, batch_first=True, activation="gelu")
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.place
        return self.head(self.block(x)[:, 0])


class Answers(nn.Module):
    """Puts out a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.net = _small()

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"features": x.mean((2, 3)), "logits": self.net(x)}


class Writes(nn.Module):
    """Counts its calls in a buffer and keeps its last features on itself, in eval mode too."""

    calls: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.net = _small()
        self.register_buffer("calls", torch.zeros(()))
        self.last: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.last = x.mean()
        return self.net(x)


class WritesWithGradients(Writes):
    """Writes only where gradients are enabled."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and x.requires_grad:
            self.calls.add_(1)
        return self.net(x)


class Renormalises(nn.Module):
    """An embedding that rescales its weights in the forward."""

    def __init__(self) -> None:
        super().__init__()
        self.net = _small()
        self.table = nn.Embedding(4, CLASSES, max_norm=0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = torch.zeros(len(x), dtype=torch.long, device=x.device)
        return self.net(x) + self.table(places)


class Drops(nn.Module):
    """Dropout that stays on in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.net = _small()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.dropout(x, 0.3, training=True)
        return self.net(x + 0.01 * torch.rand_like(x))


class Helper:
    """An object that is no module but holds one."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net


class HoldsHelper(nn.Module):
    """Runs through an object and a closure that modules don't know of."""

    def __init__(self) -> None:
        super().__init__()
        self.net = _small()
        self.helper = Helper(self.net)
        inner = [self.net]
        self.run = lambda x: inner[0](x) + self.helper.net(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.run(x)


def _closure() -> nn.Module:
    net = _small()
    head = net[7]
    net.forward = lambda x: head(net[:7](x))
    return net


def _hooked() -> nn.Module:
    net = _small()
    net[0].register_forward_hook(lambda module, inputs, output: output * 1.5)
    net[3].register_forward_pre_hook(lambda module, inputs: (inputs[0] + 0.1,))
    net[5].register_full_backward_hook(lambda module, gi, go: None)
    return net


def _weight_norm() -> nn.Module:
    net = _small()
    net[3] = parametrizations.weight_norm(net[3])
    net[0] = parametrizations.spectral_norm(net[0])
    prune.l1_unstructured(net[7], "weight", 0.3)
    return net


def _inference() -> nn.Module:
    with torch.inference_mode():
        return _small()


def _compiled() -> nn.Module:
    return torch.compile(_small(), backend="eager")


def _shared() -> nn.Module:
    block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(inplace=True))
    return nn.Sequential(block, block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, CLASSES))


def _frozen() -> nn.Module:
    return _small().requires_grad_(False)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "inplace": lambda: _small(),
    "plain": lambda: _small(inplace=False),
    "eval": lambda: _small().eval(),
    "frozen": _frozen,
    "functional": Functional,
    "shared": _shared,
    "dense": Dense,
    "tokens": Tokens,
    "dict": Answers,
    "writes": Writes,
    "writes_with_gradients": WritesWithGradients,
    "renormalises": Renormalises,
    "drops": Drops,
    "helper": HoldsHelper,
    "closure": _closure,
    "hooked": _hooked,
    "weight_norm": _weight_norm,
    "inference": _inference,
    "compiled": _compiled,
    "parallel": lambda: nn.DataParallel(_small()),
    "bfloat16": lambda: _small().bfloat16(),
    "float64": lambda: _small().double(),
    "segments": Segments,
    "detects": Detects,
}


def build(name: str, seed: int = 0) -> nn.Module:
    """A network of :data:`NETWORKS` with seeded weights; the global RNG is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[name]()


def state_hash(net: nn.Module) -> str:
    """Digest of all that a guest must leave alone: tensors, versions, modes, gradients, hooks, attributes, RNGs."""
    digest = hashlib.sha256()
    for item in _state(net):
        digest.update(repr(item).encode())
    for name in ("rng", "numpy", "python"):
        digest.update(repr(_RNG[name]()).encode())
    return digest.hexdigest()


_RNG: dict[str, Callable[[], Any]] = {
    "rng": lambda: torch.get_rng_state().numpy().tobytes(),
    "numpy": lambda: [part.tobytes() if isinstance(part, np.ndarray) else part for part in np.random.get_state()],
    "python": random.getstate,
}


def _state(net: nn.Module) -> Iterator[Any]:
    for name, module in net.named_modules(remove_duplicate=False):
        yield name, id(module), type(module), module.training
        for key, value in module.__dict__.items():
            yield key, _described(value)


def _described(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, dict):
        return [(key, _described(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [_described(item) for item in value]
    if isinstance(value, (int, float, str, bool, type(None))):
        return value
    return id(value)


def _digest(value: torch.Tensor) -> bytes:
    # by the buffer, so that a network of gigabytes needs no second copy
    return hashlib.blake2b(np.from_dlpack(value.cpu().view(torch.uint8))).digest()


def _tensor(value: torch.Tensor) -> Any:
    version = None if value.is_inference() else value._version
    grad = _tensor(value.grad) if value.is_leaf and value.grad is not None else None
    if value.layout != torch.strided:
        return id(value), version, value.requires_grad, [_tensor(part)[2:] for part in strided_parts(value)]
    content = _digest(value.detach().contiguous()) if value.dim() else value.item()
    hooks = len(value._backward_hooks or ())
    # what has once been looked at as an array can't be resized any more, as sharded training does
    resizable = value.layout == torch.strided and value.untyped_storage().resizable()
    at = value.data_ptr(), resizable
    return id(value), version, at, value.requires_grad, value.dtype, grad, hooks, content
