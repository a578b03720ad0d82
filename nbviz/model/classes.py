"""Classes by name and by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, SupportsIndex

import torch
from torch import nn

from nbviz.errors import NbvizError, unknown
from nbviz.model.layers import Layer
from nbviz.pictures.labels import names_in
from nbviz.pictures.network_hints import attribute

if TYPE_CHECKING:
    from nbviz.model.trace import Trace

BACKGROUND = ("__background__", "background")


class Names(Protocol):
    """Names and number of classes, as they are found by."""

    @property
    def classes(self) -> tuple[str, ...] | None: ...

    @property
    def scores(self) -> int | None: ...


class Classes(Names, Protocol):
    """Class names and number of scores of a model, as a target asks for them."""

    @property
    def known(self) -> Trace | None: ...

    def class_name(self, index: int) -> str: ...

    def layer(self, name: str) -> Layer: ...


def order_of(shares: torch.Tensor, model: Classes) -> list[int]:
    """Order class indices by share, largest first; a class called background comes after all that have any share."""
    order = shares.argsort(descending=True, stable=True).tolist()
    names = model.classes or ()
    behind = [i for i in order if shares[i] > 0 and i < len(names) and names[i].lower() in BACKGROUND]
    others = [i for i in order if shares[i] > 0 and i not in behind]
    return [*others, *behind, *(i for i in order if not shares[i] > 0)]


def class_index(value: str | SupportsIndex, model: Names | None) -> int:
    """Return the index of a class given as index or name."""
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
        if scores == 1:
            raise NbvizError(
                f"Class {index} does not exist: the network puts out one score, of a binary question. Its negative "
                "class has a score where classes= names both, negative first; or pass target=lambda y: -y[:, 0]."
            )
        among = f"0 to {scores - 1}" if scores else "0 or more" if scores is None else "none, as it puts out no score"
        raise NbvizError(f"Class {index} does not exist: classes are {among}.")
    return int(index)


def _named(value: str, model: Names | None) -> int:
    names = model.classes if model is not None else None
    if names is None:
        raise NbvizError(
            f"Class '{value}' can't be found by name: the model has no class names. Pass classes= or an index."
        )
    # as it is written first: names may differ in capitals alone
    for same in (str.__eq__, lambda a, b: a.lower() == b.lower()):
        indices = [i for i, name in enumerate(names) if same(name, value)]
        if len(indices) == 1:
            return indices[0]
        if indices:
            raise NbvizError(f"'{value}' names classes {', '.join(map(str, indices))}: pass one of these indices.")
    raise unknown("Class", value, names)


def carried_names(transform: object, net: nn.Module) -> tuple[str, ...] | None:
    """Return the class names that a network carries itself, or None.

    They are those of torchvision's weights given as ``transform``, a Hugging Face ``config.id2label`` that holds more
    than its placeholders (``LABEL_0`` …), or the ``names`` that ultralytics leaves on a network.
    """
    meta = attribute(transform, "meta")
    labels = attribute(attribute(net, "config"), "id2label")
    candidates = [meta.get("categories") if isinstance(meta, dict) else None, labels, attribute(net, "names")]
    listed = [names_in(names) for names in candidates if isinstance(names, (Mapping, list, tuple))]
    return next((names for names in listed if names and not all(map(_placeholder, names))), None)


def checked_names(
    names: tuple[str, ...] | None, carried: bool, kind: str, scores: int | None
) -> tuple[str, ...] | None:
    """Return the names of a network that puts out so many scores; None where those it carries don't fit.

    A fine-tuned head stands beside the names of the weights it started from, which are then not its own. Raises
    NbvizError where names that were given don't fit.
    """
    # a detector shows no more classes than it found boxes of
    if names is None or len(names) == scores or (kind == "boxes" and (scores is None or not carried)):
        return names
    if kind == "unknown" and len(names) <= 2:  # one map of a binary question is no scores, and can be reviewed
        return names
    if carried:
        return None
    raise NbvizError(f"classes= has {len(names)} names, but the network puts out {scores or 0} scores.")


def _placeholder(name: str) -> bool:
    return name.removeprefix("LABEL_").isdigit()
