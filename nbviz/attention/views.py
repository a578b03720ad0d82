"""Views of all attention heads from one place of the picture, as maps and figures.

A query is ``"reads"`` (what the score reads after the last block: the class token, a mean of tokens …), ``"mean"``
(all patches together) or a place (row, column) as fractions of the picture, so that it means the same patch in
blocks of every grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from nbviz.attention.heads import HeadBlock

Query = str | tuple[float, float]
UNIFORM = 0.15
"""Bits below the most at which a head is nearly uniform: as if spread evenly over 90 % of what it can see."""


@dataclass(frozen=True, eq=False)
class BlockSeen:
    """Views of the heads of one block; the last of each array is the mean over heads."""

    number: int
    layer: str
    heads: int
    windows: int
    prefix_tokens: int
    maps: np.ndarray
    """float32 (heads + 1, h, w) ≥ 0; NaN where the query can't look: outside its window."""
    prefix: np.ndarray
    """(heads + 1,) share of all that lies on the prefix tokens, 0…1."""
    entropy: np.ndarray
    """(heads + 1,) bits of the whole row, prefix included; NaN where the row is zero."""
    most: float
    """Entropy of a row that is the same everywhere, bits."""
    distance: np.ndarray
    """(heads + 1,) mean distance of what is looked at, in patches: the query's own for a place, else over all
    patches as queries."""
    rollout: np.ndarray | None = None
    """float32 (h, w): where attention leads from here back to the picture, through all blocks up to this one."""

    def uniform(self, head: int) -> bool:
        """Return whether a head's row is nearly the same everywhere."""
        return bool(self.entropy[head] >= self.most - UNIFORM)


@dataclass(frozen=True, eq=False)
class Seen:
    """Views of all heads from one query."""

    blocks: tuple[BlockSeen, ...]
    """In the order of the forward."""
    no_rollout: str = ""
    """Why there is no rollout; empty where there is."""


class AttentionView:
    """View from one query of blocks that come last first."""

    def __init__(self, query: Query, weighted: bool = False) -> None:
        self.query, self.weighted = query, weighted
        self.refusal = ""
        self._seen: list[BlockSeen] = []
        self._trails: list[_Trail] = []

    def add(self, block: HeadBlock) -> None:
        """Add the next block, the one before the last added."""
        view = _seen(block, self.query)
        self._seen.append(view)
        self.refusal = self.refusal or _no_rollout(block, self._trails)
        if not self.refusal:
            self._trails.append(_Trail(block.prefix, block.grid, *_start(block, self.query, self.weighted)))
            if block.square:
                self._follow(block)

    def seen(self, whole: bool = True) -> Seen:
        """Return the views so far; rollouts only when ``whole``, for they need every block."""
        trails: Iterable[_Trail | None] = self._trails
        if self.refusal or not whole:
            trails = [None] * len(self._seen)
        blocks = [_with(view, trail) for view, trail in zip(self._seen, trails, strict=True)]
        return Seen(tuple(blocks[::-1]), self.refusal)

    def _follow(self, block: HeadBlock) -> None:
        mixing = block.weights[0].mean(0)
        if not self.weighted:
            mixing = mixing + torch.eye(len(mixing), dtype=mixing.dtype, device=mixing.device)
            mixing = mixing / mixing.sum(-1, keepdim=True)
        # all rollouts take the step together: one product a block, not one for each block after it
        starts, grown = (torch.stack(rows) for rows in zip(*((t.start, t.grown) for t in self._trails), strict=True))
        grown = grown + (starts + grown) @ mixing if self.weighted else (starts + grown) @ mixing
        for trail, row in zip(self._trails, grown, strict=True):
            # weighted, the start stays apart: what has grown is far smaller, and its digits would be lost in the sum
            trail.grown, trail.start = row, trail.start if self.weighted else torch.zeros_like(row)


@dataclass(eq=False)
class _Trail:
    """Rollout on its way from a block back to the picture: ``start + grown``, weights over the block's tokens."""

    prefix: int
    grid: tuple[int, int]
    start: Tensor
    grown: Tensor = field(repr=False)

    def map(self) -> np.ndarray:
        return (self.grown + self.start)[self.prefix :].unflatten(0, self.grid).numpy()


def _start(block: HeadBlock, query: Query, weighted: bool) -> tuple[Tensor, Tensor]:
    row = _row(block, query)
    if block.square:
        return row, torch.zeros_like(row)
    pooled = row @ block.weights[0].mean(0)  # a pooling query is no token: nothing stays where it was
    nothing = torch.zeros_like(pooled)
    return (nothing, pooled) if weighted else (pooled, nothing)


def _no_rollout(block: HeadBlock, trails: list[_Trail]) -> str:
    tokens = block.weights.shape[-1]
    if block.windows > 1:
        return f"Rollout needs attention between all places; {_named(block)} stays within windows of {tokens}."
    if trails and (len(trails[0].start) != tokens or not block.square):
        return f"Rollout needs the same tokens in all blocks; {_named(block)} has others than those after it."
    return ""


def _named(block: HeadBlock) -> str:
    return f"'{block.layer}'" if block.layer else f"attention {block.number} of this network"


def _with(seen: BlockSeen, trail: _Trail | None) -> BlockSeen:
    return seen if trail is None else BlockSeen(**{**vars(seen), "rollout": trail.map()})


def _seen(block: HeadBlock, query: Query) -> BlockSeen:
    weights = torch.cat([block.weights, block.weights.mean(1, keepdim=True)], 1)
    if block.places is None:
        rows = torch.einsum("q,hqk->hk", _row(block, query), weights[0])
        maps = rows[:, block.prefix :].unflatten(1, block.grid)
        distance = _distances(weights, _apart(block), block, query)
    else:
        rows, maps = _windowed(block, block.places, weights, query)
        distance = _distances(weights, _apart(block), block, query)
    total = rows.flatten(1).sum(1)
    prefix = rows[..., : block.prefix].flatten(1).sum(1) / total
    return BlockSeen(
        block.number, block.layer, block.weights.shape[1], block.windows, block.prefix, maps.numpy(),
        prefix.numpy(), _entropy(rows).numpy(), math.log2(block.weights.shape[-1]), distance.numpy(),
    )  # fmt: skip


def _row(block: HeadBlock, query: Query) -> Tensor:
    """Return the weight of each query of a block with one window, (queries,), sum 1."""
    if query == "reads" or not block.square:
        return block.rows
    row = torch.zeros_like(block.rows)
    if query == "mean":
        row[block.prefix :] = 1 / (len(row) - block.prefix)
    else:
        row[block.prefix + _place(block, query)] = 1
    return row


def _place(block: HeadBlock, query: Query) -> int:
    assert not isinstance(query, str)
    (height, width), (row, column) = block.grid, query
    return min(int(row * height), height - 1) * width + min(int(column * width), width - 1)


def _windowed(block: HeadBlock, places: Tensor, weights: Tensor, query: Query) -> tuple[Tensor, Tensor]:
    """Return rows (heads, windows with queries, keys) and maps (heads, h, w); of all places: each window's mean row."""
    real = places >= 0
    if isinstance(query, str):
        looking = real / real.sum(1, keepdim=True).clamp(min=1)
        rows = torch.einsum("wq,whqk->hwk", looking, weights)
        inside = real
    else:
        window, number = (places == _place(block, query)).nonzero()[0].tolist()
        rows, places, inside = weights[window, :, number][:, None], places[window][None], real[window][None]
    # NaN, not 0: outside its window a query can't look at all
    maps = rows.new_full((len(rows), block.grid[0] * block.grid[1]), math.nan)
    maps[:, places[inside]] = rows[:, inside]
    return rows, maps.unflatten(1, block.grid)


def _entropy(rows: Tensor) -> Tensor:
    """Return the entropy in bits of rows (heads, keys), or its mean over windows (heads, windows, keys)."""
    shares = rows / rows.sum(-1, keepdim=True)
    # xlogy: 0 · log 0 is 0 for a key that nobody attends to
    bits = -torch.special.xlogy(shares, shares).sum(-1) / math.log(2)
    return bits if bits.dim() == 1 else bits.nanmean(-1)


def _places(block: HeadBlock, end: int) -> Tensor:
    """Return the place on the grid of each token of each window, (windows, tokens); negative where it has none."""
    return torch.arange(-block.prefix, end, device="cpu")[None] if block.places is None else block.places


def _apart(block: HeadBlock) -> Tensor:
    """Return distances in patches of tokens in each window, (windows, tokens, tokens); NaN where one has no place."""
    height, width = block.grid
    places = _places(block, height * width)
    spots = torch.stack([places // width, places % width], -1).float()
    spots[places < 0] = math.nan
    return torch.linalg.vector_norm(spots[:, :, None] - spots[:, None], dim=-1)


def _distances(weights: Tensor, apart: Tensor, block: HeadBlock, query: Query) -> Tensor:
    """Return the mean attention distance of each head, (heads,), in patches; NaN where the queries have no place."""
    if not block.square:
        return torch.full_like(weights[0, :, 0, 0], math.nan)
    known = apart.isfinite()
    if not isinstance(query, str):
        place = _place(block, query)
        known = known & (_places(block, apart.shape[-1] - block.prefix) == place)[:, :, None]
    # a NaN times a weight of 0 is NaN: tokens without a place are masked, not only left out of the divisor
    far = torch.einsum("whqk,wqk->whq", weights, torch.where(known, apart, 0.0))
    near = torch.einsum("whqk,wqk->whq", weights, known.float())
    return (far / near).movedim(1, 0).flatten(1).nanmean(1)
