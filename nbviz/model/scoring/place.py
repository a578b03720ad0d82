"""Place of the class scores in a network's output: they may stand beside other tensors, or within a list or a mapping.

It is never guessed: a known name tells it, or the one that is readable, the number of names, the last linear layer's
own output; else the candidates are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import torch
from torch.autograd.graph import Node

from nbviz.errors import NbvizError
from nbviz.model.scoring.autograd_graph import graph, origin
from nbviz.model.scoring.scores import NAMES, OutputKey, scores_or_maps
from nbviz.replica.hooks import RawOutput

Place: TypeAlias = str | int
_REGRESSION = (
    "The network's configuration says regression: it puts out quantities, not scores of classes. Pass a callable as "
    "target, such as target=lambda out: out.logits[:, 0]; or output=, if they are scores all the same."
)


@dataclass(frozen=True)
class ModuleCall:
    """Call of a module in the first forward, and its output."""

    name: str
    number: int
    linear: bool
    output: torch.Tensor
    node: Node | None
    """Of the output as it was put out."""
    version: int
    """Of the output as it was put out: another one where a later operation wrote to it."""


@dataclass(frozen=True)
class ScoreHints:
    """Statements of a person, or of the network's own configuration, about its scores."""

    output: OutputKey | None = None
    multilabel: bool = False
    names: int = 0
    """Class names given."""
    labels: int = 0
    """``config.num_labels``."""
    regression: bool = False
    """Whether the network's configuration says that its outputs are quantities."""

    @property
    def certain(self) -> bool:
        """Return whether a person, or a configuration, says what is put out."""
        return self.output is not None or bool(self.names or self.labels)


def candidates(raw: RawOutput) -> dict[Place, torch.Tensor]:
    """Return place → tensor for all in an output that can be read as scores or maps of one picture."""
    return {place: item for place, item in _items(raw) if _readable(item)}


def _items(raw: RawOutput) -> list[tuple[Place, object]]:
    """Return (key, index or attribute, value) of all that an output holds."""
    if isinstance(raw, Mapping):
        return list(raw.items())
    if isinstance(raw, (tuple, list)):
        return list(enumerate(raw))
    attributes = getattr(raw, "__dict__", {})
    return [(name, item) for name, item in attributes.items() if isinstance(item, (torch.Tensor, Mapping, tuple, list))]


def _within(raw: RawOutput, path: str = "out", depth: int = 3) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield (expression, tensor) for all that can be read as scores, in what an output holds too."""
    for place, item in _items(raw):
        where = f"{path}[{place!r}]" if isinstance(raw, (Mapping, tuple, list)) else f"{path}.{place}"
        if _readable(item):
            yield where, cast(torch.Tensor, item)
        elif depth and not isinstance(item, torch.Tensor):
            yield from _within(item, where, depth - 1)


def _readable(item: object) -> bool:
    if not isinstance(item, torch.Tensor) or not item.is_floating_point() or item.dim() == 0:
        return False
    try:
        scores_or_maps(item, 1)
    except NbvizError:
        return False
    return True


def find_place(raw: RawOutput, calls: Sequence[ModuleCall], hints: ScoreHints) -> tuple[Place | None, str]:
    """Find the key, attribute or index of the class scores in an output, and the reason where there was a choice.

    The place is None where the output is the scores. Raises NbvizError, with the candidates, where it can't be told.
    """
    if hints.regression:
        raise NbvizError(_REGRESSION)
    if isinstance(raw, torch.Tensor):
        return None, ""
    if type(raw).__module__ == "torch.return_types":
        raise NbvizError(
            f"The network puts out what torch.{type(raw).__name__} gives, values in an order of their own, not one "
            "score per class. Explain the network without its last step, or pass a callable as target."
        )
    named = {name: raw.get(name) if isinstance(raw, Mapping) else getattr(raw, name, None) for name in NAMES}
    tensors = {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}
    readable = [name for name, value in tensors.items() if _readable(value)]
    # what else can be read beside a named one, such as a mask, is something else
    known = readable or [name for name, value in tensors.items() if value.is_floating_point()]
    if known:
        return known[0], ""
    among = candidates(raw)
    if len(among) <= 1:
        _check_within(raw, next(iter(among.values()), None), calls)
        return next(iter(among), next(iter(tensors), None)), ""
    return _chosen(among, calls, hints)


def _chosen(among: Mapping[Place, torch.Tensor], calls: Sequence[ModuleCall], hints: ScoreHints) -> tuple[Place, str]:
    """Return the one of several that is surely the scores, and why. Raises NbvizError, with all, where none is."""
    # a person's names before a configuration's: that may be left over from the training before a fine-tuning
    for count in (hints.names, hints.labels):
        fitting = [place for place, tensor in among.items() if count and scores_or_maps(tensor, 1).shape[1] == count]
        if len(fitting) == 1:
            return fitting[0], f"output {fitting[0]!r} of {len(among)}, the only one of {count} classes"
    linear = {place: tensor for place, tensor in among.items() if _maker(tensor, calls, linear=True) is not None}
    last = [place for place in linear if _after(place, linear)]
    if len(last) == 1:
        return last[0], f"output {last[0]!r} of {len(among)}, the last linear layer's own output"
    listed = ", ".join(f"{place!r} {tuple(tensor.shape)}" for place, tensor in among.items())
    raise NbvizError(
        f"Which of the network's outputs are its class scores can't be told; these could be: {listed}. "
        f"Pass output={next(iter(among))!r}, or another of them, or a callable that takes the scores out."
    )


def _check_within(raw: RawOutput, only: torch.Tensor | None, calls: Sequence[ModuleCall]) -> None:
    """Raise NbvizError where what an output holds has better candidates for its scores than it has itself."""
    inner = {where: tensor for where, tensor in _within(raw) if tensor is not only}
    linear = any(_maker(tensor, calls, linear=True) is not None for tensor in inner.values())
    if not inner or only is not None and (not linear or _maker(only, calls, linear=True) is not None):
        return
    listed = ", ".join(f"{where} {tuple(tensor.shape)}" for where, tensor in [*inner.items()][:5])
    raise NbvizError(
        f"The network's scores lie within what it puts out; these could be: {listed}. "
        f"Pass output=lambda out: {next(iter(inner))}, or another of them."
    )


def _after(place: Place, linear: Mapping[Place, torch.Tensor]) -> bool:
    """Return whether a tensor is computed from all the others."""
    held = list(graph(linear[place].grad_fn))
    below = set(held)
    return all(other == place or origin(tensor.grad_fn) in below for other, tensor in linear.items())


def _maker(tensor: torch.Tensor, calls: Sequence[ModuleCall], linear: bool = False) -> ModuleCall | None:
    """Return the call that put out a tensor's values, shapes aside; the first: a Sequential's is its last child's."""
    node = origin(tensor.grad_fn)
    for call in calls:
        same = call.output is tensor if node is None else origin(call.node) is node
        if same and (call.linear or not linear) and call.output.numel() == tensor.numel():
            return call
    return None
