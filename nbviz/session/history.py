"""History of a selection: back and forward, as a browser goes through pages, and its state as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import traitlets

from nbviz.drawing.overlay import png
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.session.state import State, changes_of, state_of, target_data

STEPS = frozenset((
    "image", "layer", "at", "channel", "target", "method", "options", "canvas", "stage", "head", "query", "attention",
))  # fmt: skip
"""Traits whose change is a step. Edits have an undo of their own; pins and places are not left by going back."""
THUMBNAIL = 116
"""Pixels a side of the picture that a notebook shows with a selection."""
SPOKEN = ("image", "layer", "channel", "target", "method", "options", "canvas", "stage")
"""Traits that the ``repr`` of a selection says."""
MOST = 100
"""Steps that are remembered."""
Values = dict[str, Any]
T = TypeVar("T")


class Timeline(Generic[T]):
    """Past and future of a value, as undo and redo, or back and forward, go through them.

    keeps: whether a value that can't be written any more stays, to be tried again; else it is lost.
    """

    def __init__(self, keeps: bool) -> None:
        self.past: list[T] = []
        self.future: list[T] = []
        """Values before and after the present one, the nearest last."""
        self._keeps, self._going = keeps, False

    def note(self, before: T) -> None:
        """Note the value before an act, unless the act goes back or forward; what was ahead is forgotten."""
        if not self._going:
            self.past.append(before)
            # each step holds its options' tensors
            del self.past[:-MOST]
            self.future.clear()

    def back(self, now: T, write: Callable[[T], None]) -> None:
        """Write the value before; nothing where there is none. now: the present one."""
        self._go(self.past, self.future, now, write)

    def forward(self, now: T, write: Callable[[T], None]) -> None:
        """Write the value that was left by going back; nothing where there is none. now: the present one."""
        self._go(self.future, self.past, now, write)

    def clear(self) -> None:
        """Forget past and future."""
        self.past.clear()
        self.future.clear()

    def _go(self, source: list[T], other: list[T], now: T, write: Callable[[T], None]) -> None:
        if not source:
            return
        value, self._going = source.pop(), True
        other.append(now)  # before the write: observers look whether there is more
        try:
            write(value)
        except BaseException:
            # the write was refused: present, past and future are what they were
            other.pop()
            source.extend([value] if self._keeps else [])
            raise
        finally:
            self._going = False


class Choice(traitlets.Enum[str]):
    """Trait of one of a few names; anything that is no name is refused, an array too, which ``in`` would fail on."""

    def validate(self, obj: Any, value: Any) -> str:  # noqa: ANN401 - as traitlets has it
        """Return the name. Raises TraitError for any other value."""
        if not isinstance(value, str):
            self.error(obj, value)
        name: str = super().validate(obj, value)
        return name


class HistoryTraits(traitlets.HasTraits):
    """History of a selection's acts, and the selection as plain data."""

    _model: InstrumentedModel
    pictures: Iterable[str]
    image: Any
    target: Any

    def __init__(self) -> None:
        self._steps = Timeline[Values](keeps=False)  # where a picture or layer is gone, the others stay
        super().__init__()

    def change(self, **values: object) -> None:
        """Write several traits as one act."""
        raise NotImplementedError

    def __repr__(self) -> str:
        # what a person would say of it: pins and edits can be long, and stand in state()
        named = {name: getattr(self, name) for name in SPOKEN}
        try:
            named["target"] = target_data(self.target, self._model)
        except NbvizError:  # a function of the reader's own is called by its name
            named["target"] = Target.ensure(self.target).words(self._model)
        return f"Selection({', '.join(f'{name}={value!r}' for name, value in named.items())})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """Return the chosen picture, for a notebook, and all that is chosen as text."""
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        shown = self.pictures.get(self.image) if isinstance(self.pictures, Mapping) else None
        return bundle if shown is None else bundle | {"image/png": png(np.asarray(shown.thumbnail(THUMBNAIL)))}

    # -- as plain data, and through time --------------------------------------------------------------

    def state(self) -> State:
        """Return all that is chosen as a dict that JSON holds, for ``Explorer(..., state=)`` and :meth:`restore`.

        Classes stand in it by name. Raises NbvizError where a function of your own, as target or option, can't be
        written down.
        """
        return state_of({name: getattr(self, name) for name in self.trait_names()}, self._model)

    def restore(self, state: State | str) -> None:
        """Choose what a state says, given as the dict or its JSON, as one act; what it doesn't name stays.

        Raises NbvizError, and changes nothing, where it names what this network or Explorer has not.
        """
        try:
            self.change(**changes_of(state, self.trait_names(), self._model))
        except (traitlets.TraitError, TypeError) as error:
            raise NbvizError(f"This state can't be: {error}") from error

    @property
    def can_back(self) -> bool:
        """True if something else was on show before."""
        return bool(self._steps.past)

    @property
    def can_forward(self) -> bool:
        """True if a step back can be taken again."""
        return bool(self._steps.future)

    def back(self) -> None:
        """Show again what was on show before; nothing where nothing was. Edits, pins and places stay."""
        self._steps.back(self._step_values(), self._write_step)

    def forward(self) -> None:
        """Take the last step back again; nothing where there was none."""
        self._steps.forward(self._step_values(), self._write_step)

    def clear_history(self) -> None:
        """Forget what was on show before: what is now is the first."""
        self._steps.clear()

    def _note_step(self, before: Mapping[str, Any]) -> None:
        """Note what was on show before an act. before: the values of the traits that it changed."""
        if STEPS & before.keys():
            # with the values before: by now the selection has the new ones
            self._steps.note({**self._step_values(), **{name: old for name, old in before.items() if name in STEPS}})

    def _step_values(self) -> Values:
        return {name: getattr(self, name) for name in STEPS}

    def _write_step(self, values: Values) -> None:
        self.change(**values)
