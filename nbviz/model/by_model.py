"""Values that a room keeps for a model until the model is freed, or told to forget."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar
from weakref import WeakKeyDictionary, WeakSet

K = TypeVar("K")
V = TypeVar("V")


class ByModel(WeakKeyDictionary[K, V]):
    """Dictionary with models as keys, which it does not keep alive.

    A closed Explorer keeps its model; whatever is kept for it here, networks with weights redrawn among it, would stay.
    """

    _all: ClassVar[WeakSet[ByModel[Any, Any]]] = WeakSet()

    def __init__(self) -> None:
        super().__init__()
        ByModel._all.add(self)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    @classmethod
    def forget(cls, model: object) -> None:
        """Drop what every room keeps for a model."""
        for values in list(cls._all):
            values.pop(model, None)
