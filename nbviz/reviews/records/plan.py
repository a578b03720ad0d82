"""Plan of a review, fixed before its first picture: the network, the data, and what is kept of each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nbviz.dataset.shards.plan import ShardPlan, cut
from nbviz.errors import Refused
from nbviz.model.inputs.input_size import noise
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.matching import matched
from nbviz.model.scoring.outputs import ClassScores
from nbviz.pictures.samples import Items
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import hooked_calls, modules_of

FORMAT = 1
"""Of a review's folder; folders of another are refused."""
EVERY, TOP = 1000, 50
"""Classes up to which every score is kept; above, the scores kept besides the label's."""


@dataclass(frozen=True)
class ReviewPlan(ShardPlan):
    """Choices that decide a review."""

    scores: int
    """Scores that the network puts out."""
    kept: int
    """Scores kept per picture: all, or the largest and the label's."""
    scale: str
    """How scores become probabilities: "softmax", "sigmoid", "shares" or "independent"."""
    head: str
    """Name of the linear layer that puts out the scores; empty where there is none."""
    labels: tuple[int, ...] | None
    """Data set's class → network's class, −1 where it has none; None where they are the same."""
    names: tuple[str, ...]
    """Names of the classes; of a network with one score, of its two answers."""
    features: int = 0
    """Length of the head's input; 0 where there is no head."""

    @property
    def every(self) -> bool:
        """True if all scores are kept."""
        return self.kept == self.scores

    @property
    def multilabel(self) -> bool:
        """True if each class is present or not by itself."""
        return self.scores > 1 and self.scale in ("sigmoid", "independent")

    def score_of(self, classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of the scores that classes are explained by; a network with one score has only that."""
        return classes if self.scores > 1 else np.zeros_like(classes)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read the plan that a manifest has."""
        known = {field.name: values[field.name] for field in fields(cls)}
        # JSON has no tuples, and plans are compared as they are
        known.update(shape=tuple(values["shape"]), names=tuple(values["names"]))
        known["labels"] = None if values["labels"] is None else tuple(values["labels"])
        return cls(**known)


def planned(model: InstrumentedModel, items: Items, batch: int | None) -> tuple[ReviewPlan, list[str]]:
    """Look at network and data set once and fix everything; also, notes on how their classes were matched.

    Raises Refused for a network without class scores, and for labels that are none of its classes.
    """
    base, _ = cut(model, items, batch)
    x = noise(model.guest, base.shape)
    model.trace(x)
    scores, scale, head, features = model.guest.steady(lambda run: _first(model, run, x))
    names = class_names(model, scores)
    labels, notes = matched(items.classes, names, model.classes is not None)
    count = scores if scores <= EVERY else TOP
    plan = ReviewPlan(
        **vars(base), scores=scores, kept=count, scale=scale, head=head, labels=labels, names=names, features=features
    )
    return plan, notes


def class_names(model: InstrumentedModel, scores: int) -> tuple[str, ...]:
    """Return the names of as many classes; of one score those of its two answers."""
    if scores > 1:
        return tuple(model.class_name(index) for index in range(scores))
    name = model.class_name(0)
    return f"not {name}", name


def _first(model: InstrumentedModel, run: Pass, x: torch.Tensor) -> tuple[int, str, str, int]:
    """Return number and scale of the scores, and name and width of the linear layer whose own output they are."""
    modules = {name: module for name, module in modules_of(run.net).items() if isinstance(module, nn.Linear)}
    outputs: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def keep(name: str, _: int, inputs: Sequence[Any], tensor: torch.Tensor) -> None:
        outputs[name] = inputs[0].detach().clone(), tensor.detach().clone()

    with torch.no_grad(), hooked_calls(modules, keep):
        output = model.evaluate(run, x)
    if not isinstance(output, ClassScores):
        output.logits  # noqa: B018  # says why where it can't be read
        kind = {"maps": "a map per class (segmentation)", "boxes": "boxes (detection)"}.get(output.kind, output.kind)
        raise Refused(
            f"A review counts right and wrong answers of a classifier, and {model.name} puts out {kind}. Pass output= "
            "to InstrumentedModel with a callable that gives one score per class (N, classes), or review a classifier."
        )
    logits = output.logits
    # by value: scores may be a layer's output under another name, and only a linear layer's own output is ⟨w, a⟩ + b
    for name, (given, tensor) in reversed(outputs.items()):
        if tensor.shape == logits.shape and given.dim() == 2 and torch.equal(tensor, logits):
            return logits.shape[1], output.scale, name, given.shape[1]
    return logits.shape[1], output.scale, "", 0
