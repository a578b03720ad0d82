"""Trace of one forward: what every layer puts out, how often, in which order, and which outputs are overwritten."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from nbviz.errors import NbvizError
from nbviz.model.inputs.forward_errors import check_volumes, forward_error
from nbviz.model.layers import Layer
from nbviz.model.layouts.layout import probe_batch
from nbviz.model.layouts.tree import Record, Records, layer_tree, version
from nbviz.model.scoring.autograd_graph import graph
from nbviz.model.scoring.heads import PLAIN, Head, as_maps
from nbviz.model.scoring.outputs import Boxes, ClassMaps, Kind, Output, OutputReader, Unknown
from nbviz.model.scoring.place import ModuleCall
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.hooks import Address, hooked, modules_of, record_layers, split


class Trace:
    """Network as one forward of one input shape shows it; the layer tree is made when first asked for."""

    def __init__(
        self,
        records: Records,
        kind: Kind,
        scores: int | None,
        problem: NbvizError | None = None,
        head: Head = PLAIN,
        through: frozenset[Address] = frozenset(),
    ) -> None:
        self.kind, self.head, self.through = kind, head, through
        """Kind of the output, where its class scores are, and (name, call) of outputs that they are computed from;
        the last is empty where no graph shows it."""
        self.scores = scores
        """Number of class scores; None where the output can't be read, or a detector doesn't tell."""
        self.problem = problem
        """Why the output can't be read."""
        self.calls = {name: len(calls) for name, calls in records.items()}
        """How often a module puts out a tensor in one forward."""
        self.overwritten = frozenset(
            (name, i) for name, calls in records.items() for i, record in enumerate(calls, 1) if record.overwritten
        )
        """(name, call) of outputs that a later, in-place operation changes."""
        self.mixes: bool | None = None
        """True if a picture's scores depend on the rest of its batch, or none but one pass; None until tried."""
        self._lock = threading.Lock()
        self._tree: Callable[[], Layer] | None = None
        self._layers: dict[str, Layer] = {}

    def records(self, name: str) -> bool:
        """Return whether a forward has such an output, as far as can be told without the layer tree."""
        if not isinstance(name, str):  # whoever looks for the layer says so
            return False
        stem, call = split(name)
        calls = self.calls.get(stem, 0)
        return calls > 0 if call is None else 1 < calls and 1 <= call <= calls

    def grow(self, tree: Callable[[], Layer]) -> None:
        """Make the layer tree by this when it is first asked for: it takes a forward of six pictures."""
        self._tree = tree

    @property
    def layers(self) -> dict[str, Layer]:
        """Layer by name, parents first; ``""`` is the root."""
        with self._lock:
            if self._tree is not None:
                self._layers = {layer.name: layer for layer in self._tree().walk()}
                self._tree = None
            return self._layers

    @property
    def root(self) -> Layer:
        """The layer tree, in call order."""
        return self.layers[""]


def trace(guest: Guest, x: torch.Tensor, read: OutputReader) -> Trace:
    """Trace a forward of ``x`` (1, C, H, W); an error of the network's own forward becomes a sentence.

    A later forward, that of the layer tree too, raises the network's own error as it is: it took the input here.
    """
    with _sentences(guest, x):
        # before the forward, which would run without an error and mean something else
        check_volumes(guest, x)
        first = guest.trial(lambda run: _first_pass(run, x, read))
    problem = first.output.problem if isinstance(first.output, Unknown) else None
    result = Trace(first.records, first.output.kind, first.scores, problem, first.head, first.through)
    records = first.records  # alone: the output holds the graph of this pass
    result.grow(lambda: guest.steady(lambda run: layer_tree(run, x, records)))
    return result


@contextmanager
def _sentences(guest: Guest, x: torch.Tensor) -> Iterator[None]:
    try:
        yield
    except NbvizError:
        raise
    except Exception as error:  # a forward of the user's own can raise anything
        raise forward_error(guest, x, error) from error


def recording(
    run: Pass, known: Trace, names: Sequence[str], on_output: Callable[[str, torch.Tensor], object]
) -> AbstractContextManager[None]:
    """Call ``on_output(name, tensor)`` as layers put out; outputs later overwritten come as clones."""
    addresses: dict[Address, list[str]] = {}
    for name in names:
        stem, call = split(name)
        addresses.setdefault((stem, call or known.calls.get(stem, 0)), []).append(name)

    def keep(known_as: list[str], tensor: torch.Tensor) -> None:
        for name in known_as:
            on_output(name, tensor)

    return record_layers(run.net, addresses, keep, known.overwritten)


@dataclass(frozen=True)
class _FirstPass:
    """Observations of the first forward."""

    records: Records
    output: Output
    scores: int | None
    head: Head
    through: frozenset[Address]


def _first_pass(run: Pass, x: torch.Tensor, read: OutputReader) -> _FirstPass:
    records: Records = {}
    # outputs are held until the forward ends: an id or a version of a freed one would be another's
    held: list[tuple[Record, torch.Tensor, int]] = []
    calls: list[ModuleCall] = []
    modules = modules_of(run.net)

    def keep(name: str, call: int, tensor: torch.Tensor) -> None:
        record = Record(len(held), tuple(tensor.shape[1:]))
        records.setdefault(name, []).append(record)
        held.append((record, tensor, version(tensor)))
        linear = isinstance(modules[name], nn.Linear)
        calls.append(ModuleCall(name, call, linear, tensor, tensor.grad_fn, version(tensor)))

    # with gradients, as passes are later: a network may write to itself only then
    with hooked(modules, keep):
        raw = run(x.detach().requires_grad_())
    head = read.head(raw, calls, lambda head: _probed(run, x, read, head))
    before = next((call.output for call in calls if (call.name, call.number) == head.before), None)
    output = read(raw, len(x), head, before)
    if isinstance(output, ClassMaps) and not read.hints.certain:
        head = as_maps(head, output.maps, x)
    # read as passes read it: from the layer before a softmax, if that is where the scores come from
    through = frozenset[Address]() if isinstance(output, Unknown) else came_through(output.logits, calls)
    for record, tensor, before_writes in held:
        record.overwritten = version(tensor) != before_writes
    return _FirstPass(records, output, _count(output, len(x)), head, through)


def _probed(run: Pass, x: torch.Tensor, read: OutputReader, head: Head) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([read(run(row), 1, head).logits for row in probe_batch(x).split(1)])


def came_through(scores: torch.Tensor, calls: Sequence[ModuleCall]) -> frozenset[Address]:
    """Return (name, call) of the outputs that scores were computed from."""
    nodes = list(graph(scores.grad_fn))
    known = set(nodes)
    return frozenset((call.name, call.number) for call in calls if call.node in known)


def leads(layer: Layer, through: Container[Address]) -> bool:
    """Return whether a layer's output is among those that scores came through."""
    return layer.address in through


def _count(output: Output, pictures: int) -> int | None:
    if isinstance(output, Boxes):
        return output.classes or None  # those it found here need not be all
    if isinstance(output, Unknown):
        return None
    rows, classes = output.logits.shape
    if rows != pictures:
        raise ValueError(f"it puts out {rows} rows of scores for {pictures} picture")
    return int(classes)
