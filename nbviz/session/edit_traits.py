"""Edits of a selection: those that are on, their history, and a draft."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import traitlets

from nbviz.errors import NbvizError
from nbviz.model.edit import Edit, PictureEdit, checked
from nbviz.model.instrumented import InstrumentedModel

EDIT_TRAITS = frozenset(("edits", "original"))
"""Traits on which every request that takes edits depends."""
STEPS_KEPT = 100
TOOLS = ("", "paint", "transform", "attack")


class EditTraits(traitlets.HasTraits):
    """Edits that are on, with undo and redo."""

    edits = traitlets.Tuple()
    """Edits of the picture and the network, in order: values of ``nbviz.edits``."""

    original = traitlets.Bool(False)
    """True if everything is shown as it is without the edits, which stay on."""

    draft = traitlets.Tuple(default_value=None, allow_none=True)
    """Edits of a stroke that is still being drawn: only the scores and the painted picture follow; None for none."""

    tool = traitlets.Enum(TOOLS, "")
    """Whose desk is open in the right column: ``"paint"``, ``"transform"``, ``"attack"``; empty for none."""

    _model: InstrumentedModel
    pictures: Iterable[str]
    image: Any

    def __init__(self) -> None:
        self._past: list[tuple[Edit, ...]] = []
        self._future: list[tuple[Edit, ...]] = []
        self._stepping = False
        super().__init__()

    @property
    def edits_on(self) -> tuple[Edit, ...]:
        """Edits of what is on show: none while the original is."""
        return () if self.original else self.edits

    @property
    def can_undo(self) -> bool:
        """True if edits were other ones before."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """True if an undo can be taken back."""
        return bool(self._future)

    def undo(self) -> None:
        """Go back to the edits before the last change of them; nothing where there are none."""
        self._step(self._past, self._future)

    def redo(self) -> None:
        """Take the last undo back; nothing where there is none."""
        self._step(self._future, self._past)

    def _step(self, source: list[tuple[Edit, ...]], other: list[tuple[Edit, ...]]) -> None:
        if not source:
            return
        edits, now, self._stepping = source.pop(), self.edits, True
        other.append(now)  # before the write: observers look whether there is more to undo
        try:
            self.edits = edits
        except BaseException:
            source.append(edits)
            other.pop()
            raise
        finally:
            self._stepping = False

    def _record(self, before: tuple[Edit, ...]) -> None:
        """Note the edits before an act that changed them."""
        if not self._stepping:
            self._past = [*self._past, before][-STEPS_KEPT:]
            self._future.clear()

    def _edits_after_reset(self) -> tuple[Edit, ...]:
        """Return the edits that another picture takes over: all but those made for one picture alone."""
        edits = tuple(edit for edit in self.edits if not getattr(edit, "one_picture", False))
        return self.edits if len(edits) == len(self.edits) else edits

    @traitlets.validate("edits", "draft")
    def _check_edits(self, proposal: dict[str, Any]) -> tuple[Edit, ...] | None:
        value = proposal["value"]
        if value is None:
            return None
        edits = checked(value, self._model)
        for edit in edits:
            try:
                hash(edit)
            except TypeError:
                raise NbvizError(
                    f"{type(edit).__name__} can't be hashed, so that its answers can't be kept: an edit is a frozen "
                    "dataclass of numbers, words and tuples."
                ) from None
        placed = [edit for edit in edits if isinstance(edit, PictureEdit) and edit.one_picture]
        if placed and isinstance(self.pictures, Mapping) and self.image in self.pictures:
            x = self._model.input(self.pictures[self.image])
            for edit in placed:
                edit.check_input(x)
        return edits
