"""Resumed forwards: a layer, and what comes before it, is run once and replayed.

One forward notes every module call: where it begins, where it ends, what it puts out. The layer's own call, and the
outermost calls that end before it, are replayed in the order of their calls, each giving what it put out, once per
picture of the batch; code between modules runs on that as it is written. A module whose replayed calls are used up runs
really. Whether that is the same network is not assumed but tried: the first batch is run whole as well.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import (
    Call,
    RawOutput,
    edit_output,
    instead_of_calls,
    modules_of,
    surrounded,
    with_first_tensor,
)
from nbviz.replica.hooks import Edit as OutputEdit

TOLERANCE = 1e-5
"""Largest difference from a whole forward, relative to the largest score, that float32 allows: kernels that take
another batch may add in another order. Float64 has no such kernels: there they are equal to the bit."""


@dataclass(frozen=True)
class _Call:
    """Module call that has ended."""

    name: str
    output: RawOutput
    intact: bool
    """True if it is one tensor that nothing behind it overwrites."""

    def repeated(self, count: int, views: bool) -> RawOutput:
        """Return the output ``count`` times along the batch; nothing that is done to it reaches the record.

        views: all pictures may share one memory, where nothing is written to it. What feeds replayed modules only is
        never read, and copies of it, the largest of them before an early layer, cost more than a late layer's forward.
        """
        repeat = _expanded if views and self.intact else _copies
        return pytree.tree_map_only(Tensor, lambda tensor: repeat(tensor, count), self.output)


@dataclass
class _Frame:
    """Module call that has begun, with the calls in it that have ended."""

    name: str
    number: int
    ended: list[_Call] = field(default_factory=list)


@dataclass(frozen=True)
class _Way:
    """Way of resuming that may equal a whole forward."""

    own: bool
    """True if the layer's own call is replayed too; else it runs."""
    views: bool
    """True if replayed outputs are views where they can be; else they are copies, which any view can be taken of."""


class _Recorder:
    """Recorder of one call of a layer, and of the outermost calls that end before it."""

    def __init__(self, layer: str, call: int, overwritten: frozenset[tuple[str, int]]) -> None:
        self._layer, self._call, self._overwritten = layer, call, overwritten
        self._counts: dict[str, int] = defaultdict(int)
        self._stack: list[_Frame] = []
        self.calls: list[_Call] | None = None
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
        ended = _Call(frame.name, kept, intact)
        if at_layer:
            # calls still open hold the layer: they run again, and only what has ended in them is replayed
            self.calls = [call for outer in self._stack for call in outer.ended] + [ended]
        else:
            self._stack[-1].ended.append(ended)


Read = Callable[[Pass, Tensor], RawOutput]
"""Reads one forward of a batch: the network's own output, unless it ends earlier."""


def _output(run: Pass, batch: Tensor) -> RawOutput:
    return run(batch)


class Resumed:
    """Network that is run from one layer's output on, for one picture."""

    def __init__(self, model: InstrumentedModel, run: Pass, x: Tensor, layer: str, read: Read = _output) -> None:
        """Run the picture ``x`` (1, C, H, W) once, and keep what ``layer`` and all before it put out.

        layer: a name of ``model.layers()``; ``"relu#2"`` resumes behind the second call of ``relu``, a name without a
        number behind the call whose output is shown, the last. read: runs a forward and reads what is wanted of it, a
        tensor (N, …) or anything that holds some.
        """
        trace = model.trace(x)
        at = model.layer(layer)
        self.model, self.run, self.x, self.layer, self._read = model, run, x.detach(), at.name, read
        self.stem, self.call = at.address
        recorder = _Recorder(self.stem, self.call, trace.overwritten)
        with torch.no_grad(), surrounded(run.net, recorder.enter, recorder.leave):
            self.output = read(run, self.x)
        """Reading for the picture itself."""
        self.calls = recorder.calls or []
        self._ways: dict[bool, _Way | None] = {}
        """Several pictures or one → the way that was tried and equal; None where whole forwards are run."""

    @property
    def exact(self) -> bool:
        """True if the resumed forwards so far equalled whole ones; where one did not, whole ones are run instead."""
        return None not in self._ways.values()

    def __call__(self, count: int, edit: OutputEdit) -> RawOutput:
        """Run ``count`` copies of the picture with the layer's output (count, …) edited; return what is read.

        The first forward of one picture, and the first of several, are compared with whole ones: only a batch of
        several can show that rows of pictures are mixed up.
        """
        # first without running the layer at all; where that differs it does more than put out, and runs
        ways = [_Way(own, views) for own in (True, False) for views in (True, False)]

        def resumed(way: _Way) -> RawOutput:
            return self._from_output(count, edit, way) if way.own else self._from_input(count, edit, way)

        return self._checked(count, lambda: self._whole(count, edit), ways, resumed)

    def within(self, count: int, change: Callable[[], AbstractContextManager[object]]) -> RawOutput:
        """Run ``count`` copies of the picture with every call of the layer changed from inside; return what is read.

        change: changes the layer's module for the length of a ``with`` block. All that ends before its last call is
        replayed where it is its only one.
        """
        ways = [_Way(False, views) for views in (True, False)] if self.call == 1 else []
        return self._checked(
            count,
            lambda: self._changed(count, change()),
            ways,
            lambda way: self._replayed(count, way, (), change()),
        )

    def _checked(
        self, count: int, whole: Callable[[], RawOutput], ways: Iterable[_Way], resumed: Callable[[_Way], RawOutput]
    ) -> RawOutput:
        """Run the first way that equals a whole forward; where none does, a whole one."""
        # one and several are tried apart: kernels may take another way for a batch of one
        several = count > 1
        if several in self._ways:
            way = self._ways[several]
            return whole() if way is None else resumed(way)
        result = whole()
        # tried on the very edit that is asked for: nothing is assumed of code between the modules
        tried = ways if self.calls else ()
        self._ways[several] = next((way for way in tried if self._equal(result, partial(resumed, way))), None)
        return result

    def _equal(self, whole: RawOutput, resumed: Callable[[], RawOutput]) -> bool:
        try:
            return _same(whole, resumed(), 0.0 if self.x.dtype == torch.float64 else TOLERANCE)
        except Exception:  # code between modules that neither views nor copies can be put into
            return False

    def _from_output(self, count: int, edit: OutputEdit, way: _Way) -> RawOutput:
        """Replay the layer's own call too.

        A layer may do more than put out: a block may overwrite what it was given, which a shortcut around it reads.
        """

        def own() -> RawOutput:
            return with_first_tensor(self.calls[-1].repeated(count, way.views), edit)

        return self._replayed(count, way, [(self.stem, own)], nullcontext())

    def _from_input(self, count: int, edit: OutputEdit, way: _Way) -> RawOutput:
        """Run the layer's own call; its earlier ones are replayed or lie in calls that are, so it is the first seen."""
        return self._replayed(count, way, (), edit_output(self.run.net, (self.stem, 1), edit))

    def _replayed(
        self,
        count: int,
        way: _Way,
        own: Iterable[tuple[str, Callable[[], RawOutput]]],
        change: AbstractContextManager[object],
    ) -> RawOutput:
        outputs: dict[str, deque[Callable[[], RawOutput]]] = defaultdict(deque)
        for call in self.calls[:-1]:
            outputs[call.name].append(partial(call.repeated, count, way.views))
        for name, again in own:
            outputs[name].append(again)
        with change, replaying(self.run.net, outputs):
            return self._forward(count)

    def _whole(self, count: int, edit: OutputEdit) -> RawOutput:
        return self._changed(count, edit_output(self.run.net, (self.stem, self.call), edit))

    def _changed(self, count: int, change: AbstractContextManager[object]) -> RawOutput:
        with change:
            return self._forward(count)

    def _forward(self, count: int) -> RawOutput:
        return self._read(self.run, self.x.expand(count, *self.x.shape[1:]))


@contextmanager
def replaying(net: nn.Module, outputs: Mapping[str, deque[Callable[[], RawOutput]]]) -> Iterator[None]:
    """Let modules of a replica, instead of running, give what the next of ``outputs`` returns, while any are left."""

    def replayed(left: deque[Callable[[], RawOutput]], call: Call) -> Call:
        # in the order of the calls: one ReLU module serves several calls of a ResNet, each with another output
        return lambda *args, **kwargs: left.popleft()() if left else call(*args, **kwargs)

    modules = modules_of(net)
    with ExitStack() as undo:
        for name, left in outputs.items():
            undo.enter_context(instead_of_calls(modules[name], partial(replayed, left)))
        yield


def _expanded(tensor: Tensor, count: int) -> Tensor:
    """Repeat along the batch without copying, where the batch is one picture's row."""
    one_row = tensor.ndim and len(tensor) == 1
    return tensor.expand(count, *tensor.shape[1:]) if one_row else _copies(tensor, count)


def _copies(tensor: Tensor, count: int) -> Tensor:
    """Repeat along the batch; windows and tokens folded into it lie within a picture's own rows."""
    return tensor.repeat(count, *[1] * (tensor.ndim - 1)) if tensor.ndim else tensor.clone()


def _same(one: RawOutput, other: RawOutput, room: float) -> bool:
    first, second = ([t for t in pytree.tree_leaves(value) if isinstance(t, Tensor)] for value in (one, other))
    return 0 < len(first) == len(second) and all(_close(a, b, room) for a, b in zip(first, second, strict=True))


def _close(one: Tensor, other: Tensor, room: float) -> bool:
    """Return whether two tensors differ by no more than ``room`` times the largest value."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not room or not one.is_floating_point() or not one.numel():
        return torch.equal(one, other)
    return bool(((one - other).abs() <= room * float(one.detach().abs().max())).all())
