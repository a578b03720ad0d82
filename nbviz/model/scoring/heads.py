"""Head of a network: where its class scores are and what they mean, decided once, on the first forward.

A network may put out its scores beside other tensors, and may end in a softmax or a sigmoid. The graph of one forward
shows both: which layer's own output a tensor is, and which operation came last. Scores behind a softmax or sigmoid are
read before it where a layer puts them out there; else they are taken as the probabilities that they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import torch
from torch.autograd.graph import Node

from nbviz.errors import NbvizError
from nbviz.model.scoring.autograd_graph import graph, kind, origin
from nbviz.model.scoring.scores import NAMES, OutputKey, find, scores_or_maps
from nbviz.model.scoring.squash import CLOSE, SIGMOIDS, SOFTMAX, multiple, over_classes, slope, squash, undivided
from nbviz.replica.hooks import RawOutput

Scale = Literal["softmax", "sigmoid", "shares", "independent"]
"""How scores become probabilities: logits by softmax over the classes, logits by a sigmoid each; or the scores are
probabilities already, that share 1 between them, or each by itself."""

ELEMENTWISE = frozenset(f"{name}Backward0" for name in "Mul Add Sub Rsub Div Neg Reciprocal Pow".split())
BOUNDED = frozenset(f"{name}Backward0" for name in "Sigmoid Softmax Tanh Exp Erf Hardsigmoid Hardtanh Clamp".split())
WHOLES = (1, 100)
"""Sums of the classes' probabilities: shares, or per cent."""


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
class Head:
    """Reading of class scores from a network's output."""

    place: str | int | None = None
    """Key, attribute or index in the output; None: the output itself, or where ``output=`` says."""
    before: tuple[str, int] | None = None
    """(layer, call) that puts out the logits, where the network goes on to make probabilities of them."""
    last: str = ""
    """That step: "softmax", "log-softmax", "sigmoid" or "log-sigmoid"."""
    scale: Scale = "softmax"
    factor: float = 1
    """Multiple of the scores that the network puts out, such as 100 for per cent."""
    slope: float | None = None
    """Factor of the layer's logits in that step, as 1 / temperature; None where they go into it as they are."""
    pair: bool = False
    """True if the one logit y of a network with two class names is read as the scores (−y, y)."""
    remark: str = ""
    """The choice as text, where there was one."""
    problem: NbvizError | None = None
    """Why the scores can't be told from other tensors."""

    def logits(self, output: torch.Tensor, before: torch.Tensor | None) -> torch.Tensor:
        """Return logits (N, classes) from the network's output and, where they are read before it, from there."""
        if self.before is None:
            logits = output.exp() if self.last == "log-sigmoid" else output
            logits = logits if self.factor == 1 else logits / self.factor
        elif before is not None:
            logits = before.reshape(output.shape)
            if self.slope is not None:  # of this pass: a temperature may be trained
                logits = logits * (slope(output / self.factor, logits, self.last) or self.slope)
        else:  # equal up to a constant per picture, which no probability depends on
            tiny = torch.finfo(output.dtype).tiny
            logits = output.clamp(min=tiny).log() if self.last == "softmax" else output
            logits = torch.logit(output, tiny) if self.last == "sigmoid" else logits
        return torch.cat([-logits, logits], 1) if self.pair else logits


PLAIN = Head()
_REGRESSION = (
    "The network's configuration says regression: it puts out quantities, not scores of classes. Pass a callable as "
    "target, such as target=lambda out: out.logits[:, 0]; or output=, if they are scores all the same."
)


class HasHead(Protocol):
    """Protocol of a trace, as far as it is needed here."""

    head: Head


def head_of(known: HasHead | None) -> Head:
    """Return the head of a trace; that of plain scores before the first forward."""
    return PLAIN if known is None else known.head


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


def find_head(
    raw: RawOutput, calls: Sequence[ModuleCall], hints: ScoreHints, probe: Callable[[Head], torch.Tensor]
) -> Head:
    """Find the head of a network whose output for one picture is ``raw``. probe: scores (N, classes) of others."""
    if hints.regression and hints.output is None:
        return Head(problem=NbvizError(_REGRESSION))
    try:
        head = Head() if hints.output is not None else _placed(raw, calls, hints)
        part = find(raw, head.place if hints.output is None else hints.output)
        scores = scores_or_maps(part, 1)
    except NbvizError as problem:
        return Head(problem=problem)
    head = _scaled(head, scores, calls, probe)
    if scores.dim() != 2:
        return head
    if scores.shape[1] == 1 or hints.multilabel:
        # one score alone shares nothing with others, whatever the step before it says
        one_by_one: dict[Scale, Scale] = {"softmax": "sigmoid", "shares": "independent"}
        head = replace(head, scale=one_by_one.get(head.scale, head.scale))
    return replace(head, pair=scores.shape[1] == 1 and hints.names == 2 and head.scale == "sigmoid")


def candidates(raw: RawOutput) -> dict[str | int, torch.Tensor]:
    """Return place → tensor for all in an output that can be read as scores or maps of one picture."""
    items = raw.items() if isinstance(raw, Mapping) else enumerate(raw) if isinstance(raw, (tuple, list)) else ()
    return {place: item for place, item in items if _readable(item)}


def _readable(item: object) -> bool:
    if not isinstance(item, torch.Tensor) or not item.is_floating_point() or item.dim() == 0:
        return False
    try:
        scores_or_maps(item, 1)
    except NbvizError:
        return False
    return True


def _placed(raw: RawOutput, calls: Sequence[ModuleCall], hints: ScoreHints) -> Head:
    if isinstance(raw, torch.Tensor):
        return Head()
    if type(raw).__module__ == "torch.return_types":
        raise NbvizError(
            f"The network puts out what torch.{type(raw).__name__} gives, values in an order of their own, not one "
            "score per class. Explain the network without its last step, or pass a callable as target."
        )
    named = {name: raw.get(name) if isinstance(raw, Mapping) else getattr(raw, name, None) for name in NAMES}
    tensors = {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}
    readable = [name for name, value in tensors.items() if _readable(value)]
    if readable:
        return Head(readable[0])
    floats = [name for name, value in tensors.items() if value.is_floating_point()]
    if floats:  # what else can be read beside it, such as a mask, is something else
        return Head(floats[0])
    among = candidates(raw)
    if len(among) <= 1:
        return Head(next(iter(among), next(iter(tensors), None)))
    for count in (hints.names, hints.labels):
        fitting = [place for place, tensor in among.items() if count and scores_or_maps(tensor, 1).shape[1] == count]
        if len(fitting) == 1:
            return _chosen(fitting[0], among, f"the only one of {count} classes")
    linear = {place: tensor for place, tensor in among.items() if _maker(tensor, calls, linear=True) is not None}
    last = [place for place in linear if _after(place, linear)]
    if len(last) == 1:
        return _chosen(last[0], among, "the last linear layer's own output")
    listed = ", ".join(f"{place!r} {tuple(tensor.shape)}" for place, tensor in among.items())
    raise NbvizError(
        f"Which of the network's outputs are its class scores can't be told; these could be: {listed}. "
        f"Pass output={next(iter(among))!r}, or another of them, or a callable that takes the scores out."
    )


def _chosen(place: str | int, among: Mapping[str | int, torch.Tensor], why: str) -> Head:
    return Head(place, remark=f"output {place!r} of {len(among)}, {why}")


def _after(place: str | int, linear: Mapping[str | int, torch.Tensor]) -> bool:
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


def _scaled(
    head: Head, scores: torch.Tensor, calls: Sequence[ModuleCall], probe: Callable[[Head], torch.Tensor]
) -> Head:
    """Return the head with the kind of its scores: logits, or probabilities, with the layer of their logits if any."""
    end = origin(scores.grad_fn)
    last = squash(end)
    factor = None if last is None else multiple(scores, last)
    if last is not None and factor is not None:
        # a softmax over another axis, such as the pictures', gives no probabilities of classes
        if kind(last) in SOFTMAX and not over_classes(last, scores):
            return head
        return _before(replace(head, factor=factor), last, scores, calls)
    return head if scores.dim() != 2 else _by_values(head, scores.detach(), end, probe)


def _by_values(head: Head, values: torch.Tensor, end: Node | None, probe: Callable[[Head], torch.Tensor]) -> Head:
    """Return the head of scores whose graph names no step that makes probabilities, as their values tell it."""
    among = bool(((values >= 0) & (values <= 1)).all())
    whole = next((total for total in WHOLES if values.shape[1] > 1 and _share(values, total)), None)
    if whole is None and not (among and (end is None or _bounded(end))):
        return head
    others = probe(head)  # one picture's scores may add up to 1 by chance, as 0 and 1 of a hard sigmoid do
    if whole is not None and _share(others, whole):
        return replace(
            head, scale="shares", factor=whole, remark=_joined(head, f"probabilities: they add up to {whole}")
        )
    if among and (end is None or _bounded(end)) and bool(((others >= 0) & (others <= 1)).all()):
        return replace(head, scale="independent", remark=_joined(head, "probabilities: all lie in 0…1"))
    return head


def _before(head: Head, squashed: Node, scores: torch.Tensor, calls: Sequence[ModuleCall]) -> Head:
    """Return the head that reads logits before a step, from the layer that puts them out, if one does."""
    name = kind(squashed)
    step = "sigmoid" if name in SIGMOIDS else "softmax"
    last = f"log-{step}" if name.startswith("Log") else step
    for number, node in enumerate(undivided(squashed.next_functions[0][0])):
        maker = next((c for c in calls if c.output.numel() == scores.numel() and origin(c.node) is node), None)
        if maker is None:
            continue
        factor = slope(scores / head.factor, maker.output.reshape(scores.shape), last) if number else None
        # overwritten since: what is read there in a pass is something else
        if number and (factor is None or maker.output._version != maker.version):
            break
        times = f", times {factor:.4g}," if factor is not None else ","
        remark = _joined(head, f"logits of layer '{maker.name}'{times} before the network's {last}")
        scale: Scale = "sigmoid" if step == "sigmoid" else "softmax"
        where = maker.name, maker.number
        return replace(head, before=where, slope=factor, last=last, scale=scale, remark=remark)
    if last == "log-softmax":
        return replace(head, remark=_joined(head, "log-probabilities: no layer puts out what the log-softmax is of"))
    remark = _joined(head, f"probabilities, not logits: no layer puts out what the network's {last} is of")
    return replace(head, last=last, scale="independent" if step == "sigmoid" else "shares", remark=remark)


def as_maps(head: Head, maps: torch.Tensor, x: torch.Tensor) -> Head:
    """Return the head of one map per class; where they could as well be a picture, its remark says so."""
    if maps.shape[1:] != x.shape[1:]:
        return head
    doubt = (
        f"read as maps of {maps.shape[1]} classes, though they have the shape of the picture: of a network that puts "
        "out pictures, pass a callable as target"
    )
    return replace(head, remark=_joined(head, doubt))


def _joined(head: Head, words: str) -> str:
    return f"{head.remark}; {words}" if head.remark else words


def _share(values: torch.Tensor, whole: int) -> bool:
    """Return whether each row of scores shares a whole among its classes."""
    return bool((values >= 0).all() and ((values.float().sum(1) / whole - 1).abs() < CLOSE).all())


def _bounded(node: Node) -> bool:
    """Return whether the last operations are elementwise on something that is squashed, such as (tanh(x) + 1) / 2."""
    left, steps = [node], 0
    while left and steps < 16:
        node, steps = left.pop(), steps + 1
        if kind(node) in BOUNDED:
            return True
        if kind(node) in ELEMENTWISE:
            above = (origin(below) for below, _ in node.next_functions if below is not None)
            left += [one for one in above if one is not None]
    return False
