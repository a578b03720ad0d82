"""Places of a selection, and the attention that is read from them."""

from __future__ import annotations

from typing import Any

import traitlets

from nbviz.arguments import real
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.session.history import Choice
from nbviz.session.requests.heads import check_head, head_counts


class PlaceTraits(traitlets.HasTraits):
    """Place pointed at, the pinned one, and which head's attention is shown from where."""

    place = traitlets.Tuple(default_value=None, allow_none=True)
    """(row, column) pointed at, as fractions of the picture in 0…1; None when nowhere."""

    pinned_place = traitlets.Tuple(default_value=None, allow_none=True)
    """(row, column) of the pinned place, as fractions of the picture in 0…1: heads show what it looks at; or None."""

    query = Choice(["reads", "mean"], "reads")
    """Queries while no place is pinned: the tokens that the score reads (the class token …), or all patches equally."""

    head = traitlets.Tuple(default_value=None, allow_none=True)
    """(attention, head) shown large, both from 0; (attention, None) is the mean over its heads; None is the last's."""

    attention = Choice(["raw", "gradient"], "raw")
    """Attention as it is, or times its gradient for the target, what is above zero."""

    _model: InstrumentedModel

    @traitlets.validate("pinned_place", "place")
    def _check_place(self, proposal: dict[str, Any]) -> tuple[float, float] | None:
        value, what = proposal["value"], proposal["trait"].name.replace("_", " ")
        if value is None:
            return None
        row, column = (real(part) for part in value) if len(value) == 2 else (None, None)
        if row is None or column is None or not (0 <= row <= 1 and 0 <= column <= 1):
            raise NbvizError(f"A {what} is (row, column) as fractions of the picture in 0…1, not {value!r}.")
        return row, column

    @traitlets.validate("head")
    def _check_head(self, proposal: dict[str, Any]) -> tuple[int, int | None] | None:
        value: tuple[int, int | None] | None = proposal["value"]
        if value is not None:
            check_head(value, head_counts(self._model))
        return value
