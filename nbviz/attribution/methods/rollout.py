"""Attention rollout: attention followed through all blocks, residual connections included."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from nbviz.attention.blocks import NetworkAttention
from nbviz.attribution.base import Attribution, register, result
from nbviz.passes.subject import Subject


@register(
    "Attention rollout", "Abnar & Zuidema 2020, arXiv:2005.00928", family="attention", uses_target=False, limited=True
)
def rollout(subject: Subject) -> Iterator[Attribution]:
    """Where attention leads through all blocks; the same for any class.

    values: the class token's row of Â_L ⋯ Â_1 without the prefix tokens, on the patch grid (h, w), in 0…1.
    Â = (A + I) with rows normalised, A the mean over heads. Where no class token is read: the mean over the
    rows of those that are, said in ``facts["reads"]``, weighted as a pooling query attends to them. heat:
    values, interpolated bilinearly. Refused where attention is windowed or tokens change between blocks.
    """
    network = NetworkAttention(subject, "Attention rollout")
    trunk, row = network.trunk, network.reads
    for block in reversed(trunk):
        mixing = block.probabilities()[0].mean(0) + torch.eye(block.keys, dtype=row.dtype, device=row.device)
        row = row.to(mixing) @ (mixing / mixing.sum(-1, keepdim=True))
    values = network.on_grid(row)
    yield result(subject, values, values, **network.facts())
