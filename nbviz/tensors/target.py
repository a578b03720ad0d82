"""The scalar that is explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from nbviz.tensors.errors import NbvizError, unknown


class Classes(Protocol):
    """What a target needs to know of a model: its class names and how many scores it puts out."""

    classes: tuple[str, ...] | None

    @property
    def scores(self) -> int | None: ...

    def class_name(self, index: int) -> str: ...


@dataclass(frozen=True)
class Target:
    """A scalar of the network's output: a class's logit, the predicted one's, a contrast, or a callable.

    ``Target.ensure`` makes one from whatever a person writes. Scores are raw logits, never softmax.
    """

    index: int | None = None
    """Class index; None together with no function is the predicted class."""
    other: int | None = None
    """The class it is contrasted with: logit(index) − logit(other)."""
    function: Callable[[Any], torch.Tensor] | None = None
    """The network's own output → (N,)."""

    @classmethod
    def ensure(cls, value: Any, model: Classes | None = None) -> Target:
        """A Target from an index, a class name, ``"predicted"``, a pair, a callable or a Target.

        Raises :class:`NbvizError` for an unknown class name (with the nearest), an ambiguous one, an index
        out of range, or anything else.
        """
        if isinstance(value, Target):
            return value
        if isinstance(value, str) and value == "predicted":
            return cls()
        if isinstance(value, (tuple, list)) and len(value) == 2:
            first, second = (class_index(item, model) for item in value)
            if first == second:
                raise NbvizError(f"A contrast needs two different classes, not {value[0]!r} twice.")
            return cls(first, second)
        if callable(value):
            return cls(function=value)
        return cls(class_index(value, model))

    @property
    def predicted(self) -> bool:
        """Whether the class is the one the network predicts, known only after a forward."""
        return self.index is None and self.function is None

    def resolved(self, logits: torch.Tensor) -> Target:
        """This target with the predicted class, if asked for, as an index; ``logits`` (1, classes)."""
        return Target(int(logits[0].argmax())) if self.predicted else self

    def of(self, output: Any, logits: Callable[[Any], torch.Tensor]) -> torch.Tensor:
        """The scalar for each picture of a batch, (N,), from the network's own output."""
        if self.function is not None:
            return _vector(self.function(output))
        scores = logits(output)
        if self.index is None:
            return scores.max(dim=1).values
        if not self.index < scores.shape[1]:
            raise NbvizError(f"Class {self.index} is not among the network's {scores.shape[1]} scores.")
        chosen = scores[:, self.index]
        return chosen if self.other is None else chosen - scores[:, self.other]

    def words(self, model: Classes) -> str:
        """The target in words: ``"tabby"``, ``"tabby rather than tiger cat"``, a function's name."""
        if self.function is not None:
            return getattr(self.function, "__name__", type(self.function).__name__)
        if self.index is None:
            return "the predicted class"
        name = model.class_name(self.index)
        return name if self.other is None else f"{name} rather than {model.class_name(self.other)}"


def class_index(value: Any, model: Classes | None) -> int:
    """Index of a class given as index or name."""
    if isinstance(value, str):
        return _named(value, model)
    try:
        index = None if isinstance(value, bool) else value.__index__()
    except (AttributeError, TypeError, ValueError, RuntimeError):
        index = None
    if index is None:
        raise NbvizError(
            f"A target is a class index or name, 'predicted', a pair of classes or a callable, not {value!r:.80}."
        )
    scores = model.scores if model is not None else None
    if index < 0 or (scores is not None and index >= scores):
        among = f"0 to {scores - 1}" if scores is not None else "0 or more"
        raise NbvizError(f"Class {index} does not exist: classes are {among}.")
    return int(index)


def _named(value: str, model: Classes | None) -> int:
    names = model.classes if model is not None else None
    if names is None:
        raise NbvizError(
            f"Class '{value}' can't be found by name: the model has no class names. Pass classes= or an index."
        )
    for same in (str.__eq__, lambda a, b: a.lower() == b.lower()):
        found = [i for i, name in enumerate(names) if same(name, value)]
        if len(found) == 1:
            return found[0]
        if found:
            raise NbvizError(f"'{value}' names classes {', '.join(map(str, found))}: pass one of these indices.")
    raise unknown("Class", value, names)


def _vector(scores: Any) -> torch.Tensor:
    if not isinstance(scores, torch.Tensor) or scores.dim() not in (0, 1):
        shape = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise NbvizError(f"A target function gives one score a picture, shape (N,), not {shape}.")
    return scores.reshape(-1)
