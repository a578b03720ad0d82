"""Head of a network: where its class scores are and what they mean, decided once, on the first forward.

A network may put out its scores beside other tensors, and may end in a softmax or a sigmoid. The graph of one forward
shows both: which layer's own output a tensor is, and which operation came last. Scores behind a softmax or sigmoid are
read before it where a layer puts them out there; else they are taken as the probabilities that they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import torch
from torch.autograd.graph import Node

from nbviz.errors import NbvizError
from nbviz.model.scoring.autograd_graph import kind, origin
from nbviz.model.scoring.place import ModuleCall, Place, ScoreHints, find_place
from nbviz.model.scoring.scores import find, scores_or_maps
from nbviz.model.scoring.squash import (
    CLOSE,
    SIGMOIDS,
    SOFTMAX,
    multiple,
    over_classes,
    slope,
    squash,
    summed,
    undivided,
)
from nbviz.replica.hooks import RawOutput

Scale = Literal["softmax", "sigmoid", "shares", "independent"]
"""How scores become probabilities: logits by softmax over the classes, logits by a sigmoid each; or the scores are
probabilities already, that share 1 between them, or each by itself."""

ELEMENTWISE = frozenset(f"{name}Backward0" for name in "Mul Add Sub Rsub Div Neg Reciprocal Pow".split())
PICKS = frozenset(
    f"{name}Backward0"
    for name in "Select Slice Index IndexSelect Gather Split Unbind Cat Stack Mean Round Amax Amin Flip Where".split()
)
"""Operations whose results lie between the least and the largest of what they are given."""
BOUNDED = frozenset(f"{name}Backward0" for name in "Sigmoid Softmax Tanh Exp Erf Hardsigmoid Hardtanh Clamp".split())
WHOLES = (1, 100)
"""Sums of the classes' probabilities: shares, or per cent."""


@dataclass(frozen=True)
class Head:
    """Reading of class scores from a network's output."""

    place: Place | None = None
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
    """True if the one score y of a network with two class names is read as (−y, y), of a probability as (1 − y, y)."""
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
        if not self.pair:
            return logits
        return torch.cat([1 - logits if self.scale == "shares" else -logits, logits], 1)


PLAIN = Head()
_OF_ONE = (
    "The network ends in a softmax over one value: over a single class, or over the pictures of a batch (dim=0). Its "
    "probability is 1 for every picture, so there is nothing to explain. A single score wants a sigmoid, scores of "
    "classes dim=1."
)


class HasHead(Protocol):
    """Protocol of a trace, as far as it is needed here."""

    head: Head


def head_of(known: HasHead | None) -> Head:
    """Return the head of a trace; that of plain scores before the first forward."""
    return PLAIN if known is None else known.head


def find_head(
    raw: RawOutput, calls: Sequence[ModuleCall], hints: ScoreHints, probe: Callable[[Head], torch.Tensor]
) -> Head:
    """Find the head of a network whose output for one picture is ``raw``. probe: scores (N, classes) of others."""
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
    if scores.shape[1] == 1 and hints.names == 2:
        return replace(head, pair=True, scale="shares" if head.scale == "independent" else head.scale)
    return head


def _placed(raw: RawOutput, calls: Sequence[ModuleCall], hints: ScoreHints) -> Head:
    place, reason = find_place(raw, calls, hints)
    return Head(place, remark=reason)


def _scaled(
    head: Head, scores: torch.Tensor, calls: Sequence[ModuleCall], probe: Callable[[Head], torch.Tensor]
) -> Head:
    """Return the head with the kind of its scores: logits, or probabilities, with the layer of their logits if any."""
    end = origin(scores.grad_fn)
    last = squash(end)
    factor = None if last is None else multiple(scores, last)
    if last is not None and factor is not None:
        if kind(last) in SOFTMAX and summed(last) == 1:
            return replace(head, problem=NbvizError(_OF_ONE))
        # a softmax over another axis gives no probabilities of classes
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
        # a container puts out the tensor of its last layer: read there, the scores are those of an edit of either
        outermost = next(c for c in reversed(calls) if c.output is maker.output and c.version == maker.version)
        where = outermost.name, outermost.number
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


def _bounded(node: Node, steps: int = 8) -> bool:
    """Return whether a node's values are picked from, or elementwise of, what is squashed, such as (tanh(x) + 1) / 2.

    steps: how far to look.
    """
    if kind(node) in BOUNDED:
        return True
    if not steps or kind(node) not in ELEMENTWISE | PICKS:
        return False
    above = [origin(below) for below, _ in node.next_functions if below is not None]
    bounded = [one is not None and _bounded(one, steps - 1) for one in above]
    return bool(bounded) and (all(bounded) if kind(node) in PICKS else any(bounded))
