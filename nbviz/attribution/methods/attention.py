"""Raw attention of one block: what the class token, the tokens that are pooled, or a window's places look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import torch

from nbviz.attention.blocks import NetworkAttention
from nbviz.attribution.base import About, Attribution, register, result
from nbviz.errors import NbvizError
from nbviz.passes.graph.attention_nodes import Block
from nbviz.passes.subject import Subject

_HEAD = "Which head: its number from 0, or the mean or max over all."
_BLOCK = "Which attention, in the order of the forward, from 0; -1 is the last."


@register(
    "Attention",
    "Vaswani et al. 2017, arXiv:1706.03762; Dosovitskiy et al. 2021, arXiv:2010.11929",
    family="attention",
    uses_target=False,
    limited=True,
)
def attention(
    subject: Subject,
    *,
    head: Annotated[str, About(_HEAD)] = "mean",
    block: Annotated[int, About(_BLOCK, -999)] = -1,
) -> Iterator[Attribution]:
    """Where the class token looks in one block; the same for any class.

    values: the class token's row of the attention probabilities without the prefix tokens, on the patch grid
    (h, w), in 0…1. head: "mean", "max" or a number. Where no class token is read: the mean over the rows of
    the tokens that are, said in ``facts["reads"]``. Windowed attention: how much each place is looked at by
    the places of its window, the mean over them, so that a window's sum is 1; refused where it can't be told
    which places are in which. heat: values, interpolated bilinearly. It says nothing of what the tokens carry:
    see rollout, gradient rollout.
    """
    network = NetworkAttention(subject, "Attention")
    chosen = _chosen(network, block)
    values, facts = (_global if network.known(chosen) else _windowed)(network, chosen, head)
    yield result(subject, values, values, **facts, block=network.blocks.index(chosen), head=str(head))


def _global(network: NetworkAttention, block: Block, head: str | int) -> tuple[torch.Tensor, dict[str, Any]]:
    rows = network.rows(block)
    # heads apart until the end: "max" of a mean would be another question
    heads = torch.einsum("q,hqk->hk", rows, block.probabilities()[0].to(rows))
    return network.on_grid(_merged(heads, head), block), network.facts(block)


def _windowed(network: NetworkAttention, block: Block, head: str | int) -> tuple[torch.Tensor, dict[str, Any]]:
    windows, probabilities = network.windows(block), block.probabilities()
    looking = (windows.places >= 0).to(probabilities)
    # a window that is all padding has no place: 0 instead of 0 / 0
    looking = looking / looking.sum(1, keepdim=True).clamp(min=1)
    heads = torch.einsum("wq,whqk->hwk", looking, probabilities)
    return windows.on_grid(_merged(heads, head)), network.window_facts(block)


def _chosen(network: NetworkAttention, block: int) -> Block:
    count = len(network.blocks)
    if not -count <= block < count:
        raise NbvizError(f"block={block} is not in this network: it has 0 to {count - 1}; -1 is the last.")
    return network.blocks[block]


def _merged(heads: torch.Tensor, head: str | int) -> torch.Tensor:
    """Reduce heads to one of them, or to all together: (heads, …) → (…)."""
    if head == "mean":
        return heads.mean(0)
    if head == "max":
        return heads.amax(0)
    number = str(head).strip()
    if not number.isdecimal() or int(number) >= len(heads):
        raise NbvizError(f'head={head!r} is not in this block: "mean", "max" or 0 to {len(heads) - 1}.')
    return heads[int(number)]
