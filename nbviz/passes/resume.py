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
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.recorded_calls import Form, RecordedCall, Recorder, channels_last_maps
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import (
    Call,
    RawOutput,
    edit_output,
    first_tensor,
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
class _Way:
    """Way of resuming that may equal a whole forward."""

    own: bool
    """True if the layer's own call is replayed too; else it runs."""
    form: Form
    """Form of the replayed outputs."""


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
        recorder = Recorder(self.stem, self.call, trace.overwritten)
        with torch.no_grad(), surrounded(run.net, recorder.enter, recorder.leave):
            self.output = read(run, self.x)
        """Reading for the picture itself."""
        self.calls = recorder.calls or []
        self._records: dict[Form, list[RecordedCall]] = {"views": self.calls, "copies": self.calls}
        """Form → the calls, with their outputs laid out for it."""
        if _gains_channels_last(run.net, self.x):
            self._records = {"channels last": [call.channels_last() for call in self.calls], **self._records}
        self._ways: dict[bool, _Way | None] = {}
        """Several pictures or one → the way that was tried and equal; None where whole forwards are run."""

    @property
    def exact(self) -> bool:
        """True if the resumed forwards so far equalled whole ones; where one did not, whole ones are run instead."""
        return None not in self._ways.values()

    @property
    def layer_output(self) -> Tensor | None:
        """The layer's output for the picture; None where it could not be recorded."""
        return first_tensor(self.calls[-1].output) if self.calls else None

    def __call__(self, count: int, edit: OutputEdit) -> RawOutput:
        """Run ``count`` copies of the picture with the layer's output (count, …) edited; return what is read.

        The first forward of one picture, and the first of several, are compared with whole ones: only a batch of
        several can show that rows of pictures are mixed up.
        """
        # first without running the layer at all; where that differs it does more than put out, and runs
        ways = [_Way(own, form) for own in (True, False) for form in self._records]

        def resumed(way: _Way) -> RawOutput:
            return self._from_output(count, edit, way) if way.own else self._from_input(count, edit, way)

        return self._checked(count, lambda: self._whole(count, edit), ways, resumed)

    def within(self, count: int, change: Callable[[], AbstractContextManager[object]]) -> RawOutput:
        """Run ``count`` copies of the picture with every call of the layer changed from inside; return what is read.

        change: changes the layer's module for the length of a ``with`` block. All that ends before its last call is
        replayed where it is its only one.
        """
        ways = [_Way(False, form) for form in self._records] if self.call == 1 else []
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
            edited = with_first_tensor(self._records[way.form][-1].repeated(count, way.form), edit)
            return pytree.tree_map_only(Tensor, channels_last_maps, edited) if way.form == "channels last" else edited

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
        for call in self._records[way.form][:-1]:
            outputs[call.name].append(partial(call.repeated, count, way.form))
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


def _gains_channels_last(net: nn.Module, x: Tensor) -> bool:
    """Return whether a network runs faster channels last, to within float32's rounding.

    oneDNN lays maps out anew before and behind each convolution; channels last it need not. Where most kernels are
    1 × 1 or depthwise that was .57–.98 of the time for eight networks; where they are 3 × 3, up to 1.09 of it.
    """
    if x.device.type != "cpu" or x.dtype != torch.float32 or not torch.backends.mkldnn.is_available():
        return False
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    light = sum(module.groups > 1 or set(module.kernel_size) == {1} for module in convolutions)
    return 2 * light >= len(convolutions) > 0


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
