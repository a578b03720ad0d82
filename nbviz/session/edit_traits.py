"""Traits of a selection: edits that are on, their history, and a draft."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import traitlets

from nbviz.errors import NbvizError
from nbviz.model.edit import Edit, PictureEdit, checked
from nbviz.session.history import Choice, HistoryTraits, Timeline

EDIT_TRAITS = frozenset(("edits", "original"))
"""Traits on which every request that takes edits depends."""
TOOLS = ("", "paint", "transform", "attack")


class _Edits(traitlets.Tuple):
    """Trait of several edits, which says so of anything else."""

    def validate(self, obj: traitlets.HasTraits, value: object) -> Any:  # noqa: ANN401 - as the base has it
        if not isinstance(value, (tuple, list)) and not (value is None and self.allow_none):
            raise NbvizError(f"{self.name} is a tuple of edits, such as (Transform('rotate', 15),), not {value!r:.80}.")
        return super().validate(obj, value)


class EditTraits(HistoryTraits):
    """Edits that are on, with undo and redo."""

    edits = _Edits()
    """Edits of the picture and the network, in order: values of ``nbviz.edits``."""

    original = traitlets.Bool(False)
    """True if everything is shown as it is without the edits, which stay on."""

    dropped = traitlets.Tuple()
    """Sentences on edits that were taken away because this network lacks what they name; empty once edits change."""

    draft = _Edits(default_value=None, allow_none=True)
    """Edits of a stroke that is still being drawn: only the scores and the painted picture follow; None for none."""

    tool = Choice(TOOLS, "")
    """Whose desk is open in the right column: ``"paint"``, ``"transform"``, ``"attack"``; empty for none."""

    def __init__(self) -> None:
        self._edit_steps = Timeline[tuple[Edit, ...]](keeps=True)
        self._lost: tuple[str, ...] = ()
        """Sentences on edits that a change of picture under way takes away."""
        super().__init__()

    @property
    def edits_on(self) -> tuple[Edit, ...]:
        """Edits of what is on show: none while the original is."""
        return () if self.original else self.edits

    @property
    def can_undo(self) -> bool:
        """True if edits were other ones before."""
        return bool(self._edit_steps.past)

    @property
    def can_redo(self) -> bool:
        """True if an undo can be taken back."""
        return bool(self._edit_steps.future)

    def undo(self) -> None:
        """Go back to the edits before the last change of them; nothing where there are none."""
        self._edit_steps.back(self.edits, self._write_edits)

    def redo(self) -> None:
        """Take the last undo back; nothing where there is none."""
        self._edit_steps.forward(self.edits, self._write_edits)

    def drop_unfit(self) -> None:
        """Take away the edits that the network, as it is now, lacks; ``dropped`` says which and why."""
        fitting, sentences = self.fitting(self.edits)
        if sentences:
            self.change(edits=fitting, dropped=sentences)

    def fitting(self, edits: Iterable[Edit]) -> tuple[tuple[Edit, ...], tuple[str, ...]]:
        """Return those of the edits that this network and picture can have, and a sentence on each of the others."""
        fit, sentences = list[Edit](), list[str]()
        for edit in edits:
            # one by one: of three edits the two that fit stay
            try:
                self._checked([edit])
                fit.append(edit)
            except NbvizError as error:
                words = edit.words if isinstance(edit, Edit) else repr(edit)
                sentences.append(f"Taken away: {words}. {error}")
        return tuple(fit), tuple(sentences)

    def _write_edits(self, edits: tuple[Edit, ...]) -> None:
        fitting, sentences = self.fitting(edits)  # the network may have changed since they were on
        if sentences:
            self.change(edits=fitting, draft=None, dropped=sentences)
        else:
            self.change(edits=edits, draft=None)  # a stroke under way began on other edits

    def _edits_after_reset(self) -> tuple[Edit, ...]:
        """Return the edits that another picture takes over: all but those made for one picture alone."""
        edits = tuple(edit for edit in self.edits if not getattr(edit, "one_picture", False))
        # the very same tuple where nothing goes, so that it counts as no change
        if len(edits) == len(self.edits):
            return self.edits
        # the network may have lost what another of them names: the picture must be choosable all the same
        edits, self._lost = self.fitting(edits)
        return edits

    @traitlets.validate("edits", "draft")
    def _check_edits(self, proposal: dict[str, Any]) -> tuple[Edit, ...] | None:
        value = proposal["value"]
        return None if value is None else self._checked(value)

    def _checked(self, value: Iterable[Any]) -> tuple[Edit, ...]:
        """Return edits as a tuple. Raises NbvizError for what this network or picture can't have."""
        edits = checked(tuple(value), self._model)
        placed = [edit for edit in edits if isinstance(edit, PictureEdit) and edit.one_picture]
        # a mask or a picture to paint with that has another size must be refused at the door, not in the worker
        if placed and isinstance(self.pictures, Mapping) and self.image in self.pictures:
            x = self._model.input(self.pictures[self.image])
            for edit in placed:
                edit.check_input(x, self._model)
        return edits
