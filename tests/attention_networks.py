"""Tiny transformers of known formula: one set of weights, attention computed in every way there is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH, HEADS, GRID, CLASSES = 8, 2, 4, 3


def picture(seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """A preprocessed picture (1, 3, 16, 16) of 4 × 4 patches."""
    return torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class Written(nn.Module):
    """Self-attention written out; ``kept`` holds P of the last call, with its gradient after a backward."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.kept: Tensor | None = None

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key, value: each (N, heads, tokens, channels)."""
        q, k, v = self.into(x).unflatten(-1, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """softmax(q·kᵀ/√d)·v."""
        self.kept = (q @ k.transpose(-1, -2) / (WIDTH // HEADS) ** 0.5).softmax(-1)
        if self.kept.requires_grad:
            self.kept.retain_grad()
        return self.kept @ v

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.mix(*self.heads(x)).transpose(1, 2).flatten(2))


class Fused(Written):
    """The same by torch's fused attention."""

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(q, k, v)


class Einsum(Written):
    """The same by einsum."""

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        probabilities = functional.softmax(torch.einsum("nhid,nhjd->nhij", q, k) / (WIDTH // HEADS) ** 0.5, dim=3)
        return torch.einsum("nhij,nhjd->nhid", probabilities, v)


class Module(Written):
    """The same by ``nn.MultiheadAttention``."""

    weights, first = False, True

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.MultiheadAttention(WIDTH, HEADS, batch_first=self.first)
        self.module.in_proj_weight, self.module.in_proj_bias = self.into.weight, self.into.bias
        self.module.out_proj.weight, self.module.out_proj.bias = self.out.weight, self.out.bias

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.first else x.transpose(0, 1)
        mixed = self.module(x, x, x, need_weights=self.weights)[0]
        return mixed if self.first else mixed.transpose(0, 1)


class ModuleWithWeights(Module):
    """The same, its weights asked for."""

    weights = True


class ModuleTokensFirst(Module):
    """The same, tokens before pictures, as ``nn.MultiheadAttention`` has it by default."""

    first = False


class Transformer(nn.Module):
    """Patches, a class token or ``prefix`` of them, blocks of residual attention, a linear head.

    The head reads the mean of ``read`` tokens from the first on, or of all patches.
    """

    def __init__(self, attention: Callable[[], nn.Module], blocks: int = 3, prefix: int = 1, read: int = 1) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, 4, 4)
        self.prefix, self.read = nn.Parameter(torch.randn(1, prefix, WIDTH)), read
        self.blocks = nn.ModuleList([attention() for _ in range(blocks)])
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.prefix.expand(len(x), -1, -1), x], 1)
        for block in self.blocks:
            x = x + block(x)
        return self.head((x[:, : self.read] if self.read else x[:, self.prefix.shape[1] :]).mean(1))


KINDS: dict[str, Callable[[], nn.Module]] = {
    kind.__name__: kind for kind in (Written, Fused, Einsum, Module, ModuleWithWeights, ModuleTokensFirst)
}


def build(kind: str, blocks: int = 3, prefix: int = 1, read: int = 1, seed: int = 0) -> Transformer:
    """A float64 transformer in eval mode; the kinds have the same weights and so the same formula."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Transformer(KINDS[kind], blocks, prefix, read)
    generator = torch.Generator().manual_seed(seed)
    for parameter in dict(sorted(net.named_parameters())).values():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.4
    return net.double().eval()


def reference(net: Transformer, x: Tensor, target: int) -> tuple[list[Tensor], list[Tensor]]:
    """P and ∂ score/∂P of a :class:`Written` network's blocks by autograd, each (heads, tokens, tokens)."""
    net(x.clone().requires_grad_())[0, target].backward()
    net.zero_grad()
    kept = [block.kept for block in net.blocks]
    return [p.detach()[0] for p in kept], [p.grad[0] for p in kept]
