"""Gradient-weighted rollout: attention that speaks for the class, followed through all blocks."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from nbviz.attention.blocks import NetworkAttention
from nbviz.attribution.base import Attribution, register, result
from nbviz.passes.graph.attention_nodes import Block
from nbviz.passes.subject import Subject


@register("Gradient rollout", "Chefer, Gur & Wolf 2021, arXiv:2103.15679", family="attention", limited=True)
def gradient_rollout(subject: Subject) -> Iterator[Attribution]:
    """Where attention that speaks for the class leads in the picture.

    values: the class token's row of R − I without the prefix tokens, on the patch grid (h, w), ≥ 0. R starts
    as I; block by block R += Ā·R, Ā = mean over heads of relu(∂ score/∂P ∘ P), P the attention probabilities.
    Where no class token is read: the mean over the rows of the tokens that are, said in ``facts["reads"]``; a
    pooling query's Ā has no residual. heat: values, interpolated bilinearly. Refused where attention is
    windowed or tokens change between blocks.
    """
    network = NetworkAttention(subject, "Gradient rollout")
    trunk = network.trunk
    weighted = [_weighted(b, g) for b, g in zip(network.blocks, network.gradients(*network.blocks), strict=True)]
    start, row = network.reads.to(weighted[-1]), torch.zeros_like(network.reads).to(weighted[-1])
    # a pooling query reads tokens and is none: its attention is where the walk starts
    if network.pool is not None:
        start, row = row, weighted.pop().mean(0)
    for mixing in reversed(weighted[: len(trunk)]):
        row = row + (start + row) @ mixing  # R − I, grown by itself: it may be far below 1
    values = network.on_grid(row)
    yield result(subject, values, values, **network.facts())


def _weighted(block: Block, gradient: torch.Tensor) -> torch.Tensor:
    """Return attention times its gradient, its positive part, mean over heads: (queries, keys)."""
    return (block.probabilities()[0] * gradient).clamp(min=0).mean(0)
