"""Places of a selection, and the attention that is read from them."""

from __future__ import annotations

from typing import Any

import traitlets

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.session.requests.heads import check_head, head_counts


class PlaceTraits(traitlets.HasTraits):
    """Place pointed at, the pinned one, and which head's attention is shown from where."""

    place = traitlets.Tuple(default_value=None, allow_none=True)
    """(row, column) pointed at, as fractions of the picture in 0…1; None when nowhere."""

    pinned_place = traitlets.Tuple(default_value=None, allow_none=True)
    """(row, column) of the pinned place, as fractions of the picture in 0…1: heads show what it looks at; or None."""

    query = traitlets.Enum(["reads", "mean"], "reads")
    """Queries while no place is pinned: the tokens that the score reads (the class token …), or all patches equally."""

    head = traitlets.Tuple(default_value=None, allow_none=True)
    """(attention, head) shown large, both from 0; (attention, None) is the mean over its heads; None is the last's."""

    attention = traitlets.Enum(["raw", "gradient"], "raw")
    """Attention as it is, or times its gradient for the target, what is above zero."""

    _model: InstrumentedModel

    @traitlets.validate("pinned_place")
    def _check_pinned(self, proposal: dict[str, Any]) -> tuple[float, float] | None:
        value = proposal["value"]
        if value is None:
            return None
        if len(value) != 2 or not all(isinstance(part, (int, float)) and 0 <= part <= 1 for part in value):
            raise NbvizError(f"A pinned place is (row, column) as fractions of the picture in 0…1, not {value!r}.")
        return float(value[0]), float(value[1])

    @traitlets.validate("head")
    def _check_head(self, proposal: dict[str, Any]) -> tuple[int, int | None] | None:
        value: tuple[int, int | None] | None = proposal["value"]
        if value is not None:
            check_head(value, head_counts(self._model))
        return value
