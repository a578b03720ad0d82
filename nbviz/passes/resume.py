"""Resumed forwards: what comes before a layer is run once and replayed.

One forward notes every module call: where it begins, where it ends, what it puts out. The outermost calls that end
before the layer's call begins are replayed in the order of their calls, each giving a copy of what it put out, once per
picture of the batch; code between modules runs on these copies as it is written. A module whose replayed calls are
used up runs really. Whether that is the same network is not assumed but tried: the first batch is run whole as well.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import edit_output, modules_of, surrounded

TOLERANCE = 1e-5
"""Largest difference from a whole forward, relative to the largest score, that float32 allows: kernels that take
another batch may add in another order. In float64 it is a ten-millionth of that."""


@dataclass
class _Frame:
    """Module call that has begun, with the calls in it that have ended."""

    name: str
    number: int
    ended: list[tuple[str, Any]] = field(default_factory=list)


class _Recorder:
    """Recorder of the outermost calls that end before one call of a layer begins."""

    def __init__(self, layer: str, call: int, overwritten: frozenset[tuple[str, int]]) -> None:
        self._layer, self._call, self._overwritten = layer, call, overwritten
        self._counts: dict[str, int] = defaultdict(int)
        self._stack: list[_Frame] = []
        self.calls: list[tuple[str, Any]] | None = None
        """(module, output) in the order of the calls; None until the layer's call begins."""

    def enter(self, name: str) -> None:
        if self.calls is not None:
            return
        self._counts[name] += 1
        if name == self._layer and self._counts[name] == self._call:
            self.calls = [call for frame in self._stack for call in frame.ended]
            self._stack.clear()
            return
        self._stack.append(_Frame(name, self._counts[name]))

    def leave(self, _: str, output: Any) -> None:
        if self.calls is not None:
            return
        frame = self._stack.pop()
        if self._stack:
            plain = isinstance(output, Tensor)
            safe = plain and (frame.name, frame.number) not in self._overwritten
            # outputs that hold several tensors are not watched for in-place operations behind them
            copy = output if safe else pytree.tree_map_only(Tensor, torch.clone, output)
            self._stack[-1].ended.append((frame.name, copy))


Read = Callable[[Pass, Tensor], Any]
"""Reads one forward of a batch: the network's own output, unless it ends earlier."""


def _output(run: Pass, batch: Tensor) -> Any:
    return run(batch)


class Resumed:
    """Network that is run from one layer on, for one picture."""

    def __init__(self, model: InstrumentedModel, run: Pass, x: Tensor, layer: str, read: Read = _output) -> None:
        """Run the picture ``x`` (1, C, H, W) once, and keep what comes before ``layer``.

        layer: a name of ``model.layers()``; ``"relu#2"`` resumes at the second call of ``relu``, a name without a
        number at the call whose output is shown, the last. read: runs a forward and reads what is wanted of it, a
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
        self._exact: dict[bool, bool] = {}

    @property
    def exact(self) -> bool:
        """True if the resumed forwards so far equalled whole ones; where one did not, whole ones are run instead."""
        return all(self._exact.values())

    def __call__(self, count: int, edit: Callable[[Tensor], Tensor]) -> Any:
        """Run ``count`` copies of the picture with the layer's output (count, …) edited; return what is read.

        The first forward of one picture, and the first of several, are compared with whole ones.
        """
        several = count > 1  # only a batch of several can show that rows of pictures are mixed up
        if several not in self._exact:
            whole, resumed = self._whole(count, edit), self._tried(count, edit)
            self._exact[several] = resumed is not None and _same(whole, resumed)
            return whole
        return self._replayed(count, edit) if self._exact[several] else self._whole(count, edit)

    def _tried(self, count: int, edit: Callable[[Tensor], Tensor]) -> Any | None:
        try:
            return self._replayed(count, edit)
        except Exception:
            return None

    def _replayed(self, count: int, edit: Callable[[Tensor], Tensor]) -> Any:
        outputs: dict[str, deque[Any]] = defaultdict(deque)
        for name, output in self.calls:
            outputs[name].append(output)
        with replaying(self.run.net, outputs, count):
            # all earlier calls of the layer are replayed or lie in calls that are, so that this is the first it sees
            return self._edited(count, edit, 1)

    def _whole(self, count: int, edit: Callable[[Tensor], Tensor]) -> Any:
        return self._edited(count, edit, self.call)

    def _edited(self, count: int, edit: Callable[[Tensor], Tensor], call: int) -> Any:
        with edit_output(self.run.net, (self.stem, call), edit):
            return self._read(self.run, self.x.expand(count, *self.x.shape[1:]))


@contextmanager
def replaying(net: nn.Module, outputs: Mapping[str, deque[Any]], count: int) -> Iterator[None]:
    """Let modules of a replica give their recorded outputs, ``count`` times, while any are left."""

    def instead(module: nn.Module, left: deque[Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not left:
                return module._call_impl(*args, **kwargs)
            return pytree.tree_map_only(Tensor, lambda tensor: _copies(tensor, count), left.popleft())

        return call

    modules = modules_of(net)
    with ExitStack() as undo:
        for name, left in outputs.items():
            module = modules[name]
            undo.callback(setattr, module, "_compiled_call_impl", module._compiled_call_impl)
            # torch's own way round a module's hooks and forward, which Module.compile() uses
            setattr(module, "_compiled_call_impl", instead(module, left))  # noqa: B010
        yield


def _copies(tensor: Tensor, count: int) -> Tensor:
    """Repeat along the batch; windows and tokens folded into it lie within a picture's own rows."""
    return tensor.repeat(count, *[1] * (tensor.ndim - 1)) if tensor.ndim else tensor.clone()


def _same(one: Any, other: Any) -> bool:
    first, second = ([t for t in pytree.tree_leaves(value) if isinstance(t, Tensor)] for value in (one, other))
    return len(first) == len(second) and all(_close(a, b) for a, b in zip(first, second, strict=True))


def _close(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not one.is_floating_point() or not one.numel():
        return torch.equal(one, other)
    room = TOLERANCE * (1e-7 if one.dtype == torch.float64 else 1.0) * float(one.detach().abs().max())
    return bool(((one - other).abs() <= room).all())
