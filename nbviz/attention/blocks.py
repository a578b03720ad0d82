"""Attention blocks of a network as one picture passes: where their tokens lie, and which the score reads.

``NetworkAttention`` is one forward of a ``Subject`` with its graph, from which probabilities and gradients are taken
block by block, so that only one block's are held at a time. Where the tokens lie is what the layout probe
says of layers with as many tokens, else of the attention's own values. Which tokens the score reads after the
last block is where its gradient there is not zero: the class token, all patches, or a pooling query's choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from nbviz.attention.windows import Windows, windows_of
from nbviz.errors import Refused
from nbviz.model.by_model import ByModel
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layouts.layout import Layout, evidence, infer_layouts, probe_batch
from nbviz.passes.graph.attention_nodes import Block, attentions, gradients, hidden
from nbviz.passes.reach import reaches
from nbviz.passes.subject import Subject
from nbviz.replica.guest import Pass

_probed: ByModel[InstrumentedModel, dict[Any, dict[str, Layout]]] = ByModel()


class NetworkAttention:
    """Attention blocks of one forward of a subject's picture.

    title: the method, for refusals. Raises :class:`Refused` where the network has no self-attention that can
    be seen.
    """

    def __init__(self, subject: Subject, title: str = "Attention") -> None:
        self.subject, self.title = subject, title
        leaf = subject.x.detach().requires_grad_()
        self.score = subject.scores(leaf)[0]
        self.blocks, self.changed = attentions(self.score)
        # a graph that is cut hides attention: that is told first, not that there is none
        if not self.blocks and not reaches(self.score, leaf):
            subject.check_constant(self.score, "the picture")
        if not self.blocks and not self.changed:
            where = " outside code that is compiled or checkpointed" if hidden(self.score) else ""
            raise Refused(f"{title} needs self-attention; this network has none{where}.")
        if not self.blocks:
            self.check_unchanged()

    @cached_property
    def trunk(self) -> tuple[Block, ...]:
        """Return the blocks that mix the same tokens, first to last; raises :class:`Refused` for different ones."""
        self.check_unchanged()
        blocks = self.blocks if self.pool is None else self.blocks[:-1]
        for block in blocks:
            self.check_global(block)
        odd = next((b for b in blocks if (b.queries, b.keys) != (self.tokens, self.tokens)), None)
        if odd is not None:
            raise Refused(
                f"{self.title} needs the same tokens in all blocks; block {self.blocks.index(odd)} of this "
                f"network has {odd.queries} that look at {odd.keys}, the last {self.tokens}."
            )
        return blocks

    @property
    def pool(self) -> Block | None:
        """Last block, where its few queries pool the tokens of the block before; else None."""
        last = self.blocks[-1]
        if last.windows > 1 or len(self.blocks) < 2:
            return None
        return last if last.queries < last.keys == self.blocks[-2].keys else None

    @property
    def tokens(self) -> int:
        """Number of tokens after the last block of the trunk."""
        return self.blocks[-1].keys

    @cached_property
    def reads(self) -> Tensor:
        """Share of each token in what the score reads after the trunk, (tokens,), sum 1."""
        if self.pool is not None:
            weights = self.pool.probabilities().mean((0, 1, 2))
            return weights / weights.sum()
        last = self.blocks[-1]
        (gradient,) = gradients(self.score, [last])
        # by what the gradient reaches, not by its size: a token counts as much as another that is read
        read = gradient.abs().sum((0, 1, 3)) > 0
        if not read.any():  # a score that reads nothing: as class tokens would, else all
            read[: self.layout(last).prefix or None] = True
        weights = read.to(gradient.dtype)
        return weights / weights.sum()

    @property
    def readers(self) -> str:
        """Tokens that the score reads, as a phrase for the facts."""
        if self.pool is not None:
            return "a pooling query"
        prefix, count = self.layout(self.blocks[-1]).prefix, int((self.reads > 0).sum())
        in_prefix = int((self.reads[:prefix] > 0).sum())
        if count == in_prefix:
            return "the class token" if count == 1 else f"the mean of {count} class tokens"
        return f"the mean of {count} tokens"

    def layout(self, block: Block) -> Layout:
        """Return where the tokens that a block attends to lie; raises :class:`Refused` where that is unknown."""
        self.check_global(block)
        layout = self.known(block)
        if layout is None:
            raise Refused(f"{self.title} can't tell where this network's {block.keys} tokens lie in the picture.")
        return layout

    def known(self, block: Block) -> Layout | None:
        """Return the layout of a block's keys; None where it is windowed or unknown."""
        if block.windows > 1:
            return None
        # what the layers' probe found costs nothing; the attention's own values cost six forwards
        for layer in self.subject.model.trace().layers.values():
            layout = layer.layout
            if layout is not None and layout.kind in ("tokens", "tokens_first") and layout.tokens == block.keys:
                return layout
        probed = _probe(self.subject.model, self.subject.run, self.subject.x)
        layout = probed.get(str(self.blocks.index(block)))
        return layout if layout is not None and layout.kind == "tokens" and layout.tokens == block.keys else None

    def check_global(self, block: Block) -> None:
        """Raise :class:`Refused` where a block's places see only those of their own window."""
        if block.windows > 1:
            raise Refused(
                f"{self.title} needs attention between all places; block {self.blocks.index(block)} of this "
                f"network attends within windows of {block.keys} places. The method Attention shows one block's."
            )

    def windows(self, block: Block) -> Windows:
        """Return where the windows of a block lie; raises :class:`Refused` where that is unknown."""
        number = self.blocks.index(block)
        windows = windows_of(self.subject, number) if block.queries == block.keys else None
        if windows is None:
            what = f"{block.keys} tokens" if block.windows == 1 else f"windows of {block.keys} tokens"
            raise Refused(f"{self.title} can't tell where the {what} of block {number} lie in the picture.")
        return windows

    def window_facts(self, block: Block) -> dict[str, Any]:
        """Return the facts of a windowed block."""
        height, width = self.windows(block).grid
        grid = {"grid": f"{height} × {width}", "windows": block.windows}
        return {**grid, "blocks": len(self.blocks), "heads": block.heads, "reads": "all places, window by window"}

    def check_unchanged(self) -> None:
        """Raise :class:`Refused` where a softmax between tokens is changed before it is used."""
        if self.changed:
            raise Refused(
                f"{self.title} needs attention that is used as its softmax gives it; {self.changed} of this "
                "network's are changed first (mixed between heads or with positions, dropped at random)."
            )

    def gradients(self, *blocks: Block) -> Iterator[Tensor]:
        """Return ∂ score/∂P of blocks, each (heads, queries, keys); one backward."""
        for gradient in gradients(self.score, blocks):
            yield gradient[0]

    def rows(self, block: Block) -> Tensor:
        """Return the weight of each query of a block, (queries,), sum 1: as read after the trunk, else equal."""
        self.check_global(block)
        if block is not self.pool and block.queries == self.tokens:
            return self.reads
        return self.reads.new_full((block.queries,), 1 / block.queries)

    def on_grid(self, weights: Tensor, block: Block | None = None) -> Tensor:
        """Lay weights (keys,) of a block's tokens, else the trunk's, on their grid (h, w), prefix left out."""
        layout = self.layout(block or self.blocks[-1])
        return weights[layout.prefix :].unflatten(0, (layout.height, layout.width))

    def facts(self, block: Block | None = None) -> dict[str, Any]:
        """Return the facts of the blocks and tokens."""
        block = block or self.blocks[-1]
        layout = self.layout(block)
        return {
            "grid": f"{layout.height} × {layout.width}",
            "prefix": layout.prefix,
            "blocks": len(self.blocks),
            "heads": block.heads,
            "reads": self.readers,
        }


def _probe(model: InstrumentedModel, run: Pass, x: Tensor) -> dict[str, Layout]:
    """Return the layout of the values of each attention block, by its number; kept until the structure changes."""
    # by number of the block: surgery, another size or precision may give other blocks
    key, layouts = (model.guest.revision, x.shape, x.dtype), _probed.setdefault(model, {})
    if key not in layouts:
        values: list[list[Tensor | None]] = []
        for probe in probe_batch(x).split(1):  # one by one: six graphs at once could fill the memory
            output = model.evaluate(run, probe.requires_grad_()).logits
            values.append([block.value() for block in attentions(output)[0]])
        evidences = {
            str(number): evidence(_tokens(same), (x.shape[-2], x.shape[-1]))
            for number, same in enumerate(zip(*values, strict=True))
            if all(value is not None for value in same)
        }
        layouts[key] = infer_layouts(evidences, (x.shape[-2], x.shape[-1]))
    return layouts[key]


def _tokens(values: tuple[Tensor, ...]) -> Tensor:
    """Return the values of the probing pictures, each (heads, tokens, channels), as (pictures, tokens, channels)."""
    return torch.stack(values).movedim(1, 2).flatten(2)
