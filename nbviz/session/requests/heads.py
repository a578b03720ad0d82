"""Requests of attention heads: those of a picture, cached where they are few enough, and one query's view of them.

Looking from another patch is read off what is kept. Where the heads are too many to keep, it takes another forward.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbviz.attention.heads import AttentionHeads, HeadBlock, gathering
from nbviz.attention.views import AttentionView, Query, Seen
from nbviz.errors import NbvizError, Refused
from nbviz.model.by_model import ByModel
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.replica.guest import Pass
from nbviz.session.requests.base import Context, PictureRequest, stepped

PAUSE = 0.2
"""Seconds between two partial answers."""
_COUNTS: ByModel[InstrumentedModel, tuple[int, ...]] = ByModel()


def head_counts(model: InstrumentedModel) -> tuple[int, ...]:
    """Return the number of heads of each attention; empty until a picture's attentions were looked at."""
    return _COUNTS.get(model, ())


@dataclass(frozen=True)
class AskHeads(PictureRequest):
    """Request of the attention of a picture; ``target``: weighted by its effect on the target's score."""

    target: Target | None = None

    def __call__(self, context: Context) -> Iterator[AttentionHeads]:
        yield from context.model.guest.steadily(lambda run: self._collected(context.model, run))

    def _collected(self, model: InstrumentedModel, run: Pass) -> Iterator[AttentionHeads]:
        with gathering(model, run, self.picture, self.target) as (heads, blocks):
            if not heads.fits:
                yield heads
                return
            collected: list[HeadBlock | str] = []
            for block in _paced(blocks):
                if block is not None:
                    collected.append(block)
                else:
                    yield _gathered(heads, collected)
            yield _gathered(heads, collected)


@dataclass(frozen=True, eq=False)
class HeadsAnswer:
    """Attention of every head from one query, over the picture as the network saw it."""

    heads: AttentionHeads
    """Without the weights."""
    seen: Seen
    query: Query
    picture: np.ndarray
    """(H, W, 3) uint8."""
    done: float = 1.0


@dataclass(frozen=True)
class LookFrom(PictureRequest):
    """Request of every head's attention from one query (see :mod:`nbviz.attention.views`)."""

    query: Query
    target: Target | None = None

    def __call__(self, context: Context) -> Iterator[HeadsAnswer]:
        heads: AttentionHeads | None = None
        for heads in stepped(context, AskHeads(self.picture, self.target)):
            if heads.done < 1:
                yield self._answer(context, heads, self._look(heads).seen(whole=False), heads.done)
        assert heads is not None
        # from what is kept where it fits; else a forward that keeps only what one query sees
        if heads.fits:
            yield self._answer(context, heads, self._look(heads).seen())
        else:
            yield from context.model.guest.steadily(lambda run: self._live(context, run))

    def _look(self, heads: AttentionHeads) -> AttentionView:
        looking = AttentionView(self.query, self.target is not None)
        for block in reversed(heads.blocks):
            looking.add(block)
        return looking

    def _live(self, context: Context, run: Pass) -> Iterator[HeadsAnswer]:
        looking, left_out, count = AttentionView(self.query, self.target is not None), list[str](), 0
        with gathering(context.model, run, self.picture, self.target) as (heads, blocks):
            for block in _paced(blocks):
                if isinstance(block, HeadBlock):
                    looking.add(block)
                elif block is not None:
                    left_out.append(block)
                else:
                    yield self._answer(context, heads, looking.seen(whole=False), count / heads.total)
                count += block is not None
            yield self._answer(context, replace(heads, left_out=tuple(left_out)), looking.seen())

    def _answer(self, context: Context, heads: AttentionHeads, seen: Seen, done: float = 1.0) -> HeadsAnswer:
        if done == 1 and not seen.blocks:
            raise Refused(heads.left_out[0])
        _COUNTS[context.model] = heads.counts
        return HeadsAnswer(replace(heads, blocks=()), seen, self.query, context.model.seen(self.picture), done)


def _paced(blocks: Iterator[HeadBlock | str]) -> Iterator[HeadBlock | str | None]:
    """Yield the blocks, and now and then None: time for a partial answer."""
    last = time.monotonic()
    for number, block in enumerate(blocks):
        # not before the first: an answer without a block says nothing
        if number and time.monotonic() - last > PAUSE:
            yield None
            last = time.monotonic()
        yield block


def _gathered(heads: AttentionHeads, collected: list[HeadBlock | str]) -> AttentionHeads:
    blocks = tuple(block for block in reversed(collected) if isinstance(block, HeadBlock))
    left_out = tuple(block for block in reversed(collected) if isinstance(block, str))
    done = len(collected) / heads.total
    return replace(heads, blocks=blocks, left_out=left_out, done=done)


def check_head(value: Sequence[Any], heads: Sequence[int]) -> None:
    """Raise :class:`NbvizError` unless value is (attention, head or None); heads: how many each attention has."""
    whole = all(isinstance(part, int) and part >= 0 for part in value if part is not None)
    if len(value) != 2 or value[0] is None or not whole:
        raise NbvizError(f"A head is (attention, head), both from 0, or (attention, None) for the mean, not {value!r}.")
    number, head = value
    if heads and number >= len(heads):
        raise NbvizError(f"Attention {number} is not in this network: it has 0 to {len(heads) - 1}.")
    if heads and head is not None and head >= heads[number]:
        raise NbvizError(f"Head {head} is not in attention {number}: it has 0 to {heads[number] - 1}.")
