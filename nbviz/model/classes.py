"""Classes by name and by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch

from nbviz.errors import NbvizError, unknown
from nbviz.model.layers import Layer
from nbviz.pictures.labels import class_list

if TYPE_CHECKING:
    from nbviz.model.trace import Trace

BACKGROUND = ("__background__", "background")


class Classes(Protocol):
    """What a target needs to know of a model: its class names and how many scores it puts out."""

    classes: tuple[str, ...] | None

    @property
    def scores(self) -> int | None: ...

    @property
    def known(self) -> Trace | None: ...

    def class_name(self, index: int) -> str: ...

    def layer(self, name: str) -> Layer: ...


def order_of(shares: torch.Tensor, model: Classes) -> list[int]:
    """Class indices by share, largest first; a class called background comes after all that have any share."""
    order = shares.argsort(descending=True, stable=True).tolist()
    names = model.classes or ()
    behind = [i for i in order if shares[i] > 0 and i < len(names) and names[i].lower() in BACKGROUND]
    there = [i for i in order if shares[i] > 0 and i not in behind]
    return [*there, *behind, *(i for i in order if not shares[i] > 0)]


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


def given_names(classes: Sequence[str] | None, transform: Any) -> tuple[str, ...] | None:
    """The class names a person gave, or that torchvision's weights given as ``transform`` carry."""
    if classes is None:
        meta = getattr(transform, "meta", None)  # a torchvision weights enum carries its class names
        classes = meta.get("categories") if isinstance(meta, dict) else None
    return None if classes is None else class_list(classes)
