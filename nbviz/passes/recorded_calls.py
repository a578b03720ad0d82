"""Recorded module calls: what a layer, and the outermost calls that end before it, put out, for replaying."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from nbviz.replica.hooks import RawOutput

Form = Literal["channels last", "views", "copies"]
"""Form in which recorded outputs are replayed: all pictures share one memory where nothing is written to it, with its
maps laid out channels last or as they were; or copies, which any view can be taken of. What feeds replayed modules only
is never read, and copies of it, the largest of them before an early layer, cost more than a late layer's forward."""


@dataclass(frozen=True)
class RecordedCall:
    """Module call that has ended."""

    name: str
    output: RawOutput
    intact: bool
    """True if it is one tensor that nothing behind it overwrites."""

    def repeated(self, count: int, form: Form) -> RawOutput:
        """Return the output ``count`` times along the batch; nothing that is done to it reaches the record."""
        repeat = _copies if form == "copies" or not self.intact else _expanded
        return pytree.tree_map_only(Tensor, lambda tensor: repeat(tensor, count), self.output)

    def channels_last(self) -> RecordedCall:
        """Return the same call with its output laid out channels last."""
        return replace(self, output=pytree.tree_map_only(Tensor, channels_last_maps, self.output))


@dataclass
class _Frame:
    """Module call that has begun, with the calls in it that have ended."""

    name: str
    number: int
    ended: list[RecordedCall] = field(default_factory=list)


class Recorder:
    """Recorder of one call of a layer, and of the outermost calls that end before it."""

    def __init__(self, layer: str, call: int, overwritten: frozenset[tuple[str, int]]) -> None:
        self._layer, self._call, self._overwritten = layer, call, overwritten
        self._counts: dict[str, int] = defaultdict(int)
        self._stack: list[_Frame] = []
        self.calls: list[RecordedCall] | None = None
        """In the order of the calls, the layer's last; None until its call ends."""

    def enter(self, name: str) -> None:
        if self.calls is None:
            self._counts[name] += 1
            self._stack.append(_Frame(name, self._counts[name]))

    def leave(self, _: str, output: RawOutput) -> None:
        if self.calls is not None:
            return
        frame = self._stack.pop()
        at_layer = frame.name == self._layer and frame.number == self._call
        # the outermost call is the network's own: it ends behind the layer, and is never replayed
        if not at_layer and not self._stack:
            return
        # outputs that hold several tensors are not watched for in-place operations behind them
        intact = isinstance(output, Tensor) and (frame.name, frame.number) not in self._overwritten
        kept = output if intact else pytree.tree_map_only(Tensor, torch.clone, output)
        ended = RecordedCall(frame.name, kept, intact)
        if at_layer:
            # calls still open hold the layer: they run again, and only what has ended in them is replayed
            self.calls = [call for outer in self._stack for call in outer.ended] + [ended]
        else:
            self._stack[-1].ended.append(ended)


def channels_last_maps(tensor: Tensor) -> Tensor:
    """Lay maps (N, C, H, W) out channels last; any other tensor is returned as it is."""
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _expanded(tensor: Tensor, count: int) -> Tensor:
    """Repeat along the batch without copying, where the batch is one picture's row."""
    one_row = tensor.ndim and len(tensor) == 1
    return tensor.expand(count, *tensor.shape[1:]) if one_row else _copies(tensor, count)


def _copies(tensor: Tensor, count: int) -> Tensor:
    """Repeat along the batch; windows and tokens folded into it lie within a picture's own rows."""
    return tensor.repeat(count, *[1] * (tensor.ndim - 1)) if tensor.ndim else tensor.clone()
