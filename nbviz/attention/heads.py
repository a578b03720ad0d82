"""Attention heads of a network for one picture, all of them: their weights, and where their tokens lie.

Blocks come last first: one backward reaches them in that order, and attention is followed back to the picture in
that order. A block is read alone, so a network whose heads are too many to keep is looked at without keeping them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbviz.attention.blocks import NetworkAttention
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.graph.attention_nodes import Block, gradients
from nbviz.passes.subject import Subject
from nbviz.pictures.picture import PictureLike
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import surrounded

MOST_BYTES = 64 * 2**20
"""Bytes of heads kept of one picture: ViT-L/16 has 57 MiB, ViT-B/16 21 MiB."""

ALL_PLACES = "the mean of all places"
"""Who looks where attention stays within windows: no token sees all others."""


@dataclass(frozen=True, eq=False)
class HeadBlock:
    """One attention block: how much each token attends to each other, head by head."""

    number: int
    """Place among the network's attentions, from 0."""
    layer: str
    """The innermost layer in which it happens; empty for the network itself."""
    weights: Tensor
    """(windows, heads, queries, keys) float32, ≥ 0, on the CPU; probabilities, or these × their gradient."""
    rows: Tensor
    """(queries,) how much of each query the score reads, sum 1."""
    grid: tuple[int, int]
    """(h, w) of the places looked at."""
    prefix: int
    """Keys before the first place: class tokens and registers."""
    places: Tensor | None
    """(windows, keys): number of each key's place where it is not simply in order; −1 is padding."""

    @property
    def windows(self) -> int:
        """Number of windows, whose places don't see each other; 1 where every place sees every other."""
        return len(self.weights)

    @property
    def square(self) -> bool:
        """True if queries and keys are the same tokens."""
        return self.weights.shape[-1] == self.weights.shape[-2]


@dataclass(frozen=True, eq=False)
class AttentionHeads:
    """Attention blocks of one forward of one picture."""

    counts: tuple[int, ...]
    """Heads of each attention of the network, in the order of the forward."""
    reads: str
    """Which tokens the score reads, as text."""
    target: str
    """The class whose gradient weighs the attention, as text; empty where none does."""
    nbytes: int
    """Bytes of all weights."""
    blocks: tuple[HeadBlock, ...] = ()
    """In the order of the forward; while ``done`` < 1 the last ones only. None are kept beyond :data:`MOST_BYTES`."""
    left_out: tuple[str, ...] = ()
    """Why further attentions can't be shown, a sentence each."""
    done: float = 1.0

    @property
    def total(self) -> int:
        """Number of attention blocks in the network."""
        return len(self.counts)

    @property
    def fits(self) -> bool:
        """True if the weights are few enough to be held in memory."""
        return self.nbytes <= MOST_BYTES


@contextmanager
def gathering(
    model: InstrumentedModel, run: Pass, picture: PictureLike, target: Target | None
) -> Iterator[tuple[AttentionHeads, Iterator[HeadBlock | str]]]:
    """Run one forward and yield its attention: first the facts known of all blocks, then each block, the last first.

    target: None for the probabilities; else these × the gradient of the target's score, positive part (Chefer, Gur
    and Wolf 2021, arXiv:2103.15679). A block that can't be shown comes as a sentence. Raises :class:`Refused` where
    the network has no attention that can be read.
    """
    subject, network, ran = _looked_at(model, run, model.input(picture), Target() if target is None else target)
    counts, size = tuple(block.heads for block in network.blocks), 4 * sum(math.prod(b.shape) for b in network.blocks)
    words = "" if target is None else subject.target_words
    yield AttentionHeads(counts, _reads(network), words, size), _blocks(network, ran, target is not None)


def head_counts(model: InstrumentedModel, run: Pass, x: Tensor) -> dict[str, int]:
    """Return the layers in which attention happens → their heads, in the order of the forward; no weights are read.

    Raises :class:`Refused` where the network has no attention that can be read.
    """
    _, network, ran = _looked_at(model, run, x, Target())
    named = [(_layer(block, ran), block.heads) for block in network.blocks]
    return {layer: heads for layer, heads in named if layer}


def _looked_at(
    model: InstrumentedModel, run: Pass, x: Tensor, target: Target
) -> tuple[Subject, NetworkAttention, list[tuple[int, int, str]]]:
    """Run one forward; return its subject, its attention, and when each module ran."""
    subject = Subject(model, run, x, target)
    # the graph must be of this very forward: numbers of two forwards do not compare
    with spans(run.net) as ran:
        network = NetworkAttention(subject)
    # before anything is shown: heads that are changed on their way are not what the network uses
    network.check_unchanged()
    return subject, network, ran


def _blocks(network: NetworkAttention, ran: list[tuple[int, int, str]], weighted: bool) -> Iterator[HeadBlock | str]:
    order = network.blocks[::-1]
    slopes: Iterator[Tensor | None] = iter([None] * len(order))
    if weighted:
        slopes = gradients(network.score, order)
    for block, slope in zip(order, slopes, strict=True):
        try:
            yield _block(network, block, slope, _layer(block, ran))
        except Refused as refused:
            yield str(refused)


def _block(network: NetworkAttention, block: Block, slope: Tensor | None, layer: str) -> HeadBlock:
    known = network.known(block)
    weights = block.probabilities()
    if slope is not None:
        weights = (weights * slope).clamp(min=0)
    number, weights = network.blocks.index(block), weights.float().cpu()
    if known is not None:
        rows = network.rows(block).float().cpu()
        return HeadBlock(number, layer, weights, rows, (known.height, known.width), known.prefix, None)
    # windowed, or of tokens that no layer of the network shows: found by disturbing places
    windows = network.windows(block)
    equal = torch.full((block.queries,), 1 / block.queries, dtype=torch.float32, device="cpu")
    return HeadBlock(number, layer, weights, equal, windows.grid, 0, windows.places.cpu())


def _reads(network: NetworkAttention) -> str:
    if any(block.windows > 1 for block in network.blocks):
        return ALL_PLACES
    try:
        return network.readers
    except Refused:  # it can't be told where tokens lie, only that they are read
        return "what is read"


@contextmanager
def spans(net: nn.Module) -> Iterator[list[tuple[int, int, str]]]:
    """Return when each module of a network ran: (first, end, name) in autograd's sequence numbers."""
    ran: list[tuple[int, int, str]] = []
    begun: list[int] = []

    def leave(name: str, _: object) -> None:
        ran.append((begun.pop(), torch.autograd._get_sequence_nr(), name))

    with surrounded(net, lambda _: begun.append(torch.autograd._get_sequence_nr()), leave):
        yield ran


def _layer(block: Block, ran: list[tuple[int, int, str]]) -> str:
    """Return the innermost module that ran when the block did."""
    when = block.node._sequence_nr()
    # a block's number is drawn while the modules around it run; of those, the last begun, and of these the first ended,
    # is innermost
    inside = [(first, -end, name) for first, end, name in ran if first <= when < end]
    return max(inside, key=lambda span: span[:2])[2] if inside else ""
