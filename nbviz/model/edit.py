"""Edits: what is changed about a picture, or about a network, before it is looked at.

An edit is a frozen value: equal where it changes the same, hashable, so that a request can hold it. Edits are made in
order; one that asks the network, as an attack does, asks it as the network edits before it left it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import fields, is_dataclass
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn

from nbviz.errors import NbvizError
from nbviz.model.layers import Layer
from nbviz.pictures.preprocessing import Preprocessing


class Editable(Protocol):
    """Model that an edit is made on, as the edit sees it."""

    name: str

    @property
    def transform(self) -> Preprocessing: ...

    def layer(self, name: str) -> Layer: ...

    def edited(self, *edits: Edit) -> Editable: ...


class HasEdits(Protocol):
    """Model with edits on."""

    edits: tuple[Edit, ...]


M = TypeVar("M", bound=HasEdits)


class Edit:
    """Base of all edits; a subclass is a frozen dataclass."""

    @property
    def words(self) -> str:
        """Edit in a phrase, as its chip shows it: ``"painted 8 % with blur"``."""
        raise NotImplementedError

    @property
    def details(self) -> str:
        """Edit in full, for its chip's tip: its fields, so that two unequal ones of a kind can be told apart."""
        if not is_dataclass(self):
            return ""
        return ", ".join(f"{field.name.replace('_', ' ')}: {getattr(self, field.name)}" for field in fields(self))


class PictureEdit(Edit):
    """Base of edits that change the picture, as the network's input."""

    asks_network = False
    """True if the edited picture depends on the network's weights, as an attacked one does."""
    one_picture = False
    """True if it is made for one picture alone, as what is painted is: another picture doesn't take it over."""

    def check_input(self, x: Tensor, model: Editable) -> None:
        """Raise NbvizError where the edit can't be made on an input (1, C, H, W); cheap."""

    def apply(self, x: Tensor, model: Editable) -> Tensor:
        """Return the edited input, of the shape of ``x`` (1, C, H, W), which is left as it is.

        Raises NbvizError where the edit can't be made on this input.
        """
        raise NotImplementedError


class NetworkEdit(Edit):
    """Base of edits that change what layers put out; they act on a replica, never on the user's modules."""

    def check(self, model: Editable) -> None:
        """Raise NbvizError where the network has not what the edit names."""
        raise NotImplementedError

    def attach(self, net: nn.Module, model: Editable) -> None:
        """Hook the edit on a replica, for as long as the replica lives."""
        raise NotImplementedError


def checked(edits: Sequence[Any], model: Editable) -> tuple[Edit, ...]:
    """Return the edits as a tuple. Raises NbvizError for anything else, or what this network can't have."""
    for edit in edits:
        if not isinstance(edit, Edit):
            raise NbvizError(f"An edit is a value of nbviz.edits, such as Channels('layer4', off=[17]), not {edit!r}.")
        # it is part of every key under which an answer or an input is kept
        try:
            hash(edit)
        except TypeError:
            raise NbvizError(
                f"{type(edit).__name__} can't be hashed, so that its answers can't be kept: an edit is a frozen "
                "dataclass of numbers, words and tuples."
            ) from None
        if isinstance(edit, NetworkEdit):
            edit.check(model)
    return tuple(edits)


def attach(net: nn.Module, edits: Sequence[Edit], model: Editable) -> None:
    """Hook the network edits among ``edits`` on a replica, in order."""
    for edit in edits:
        if isinstance(edit, NetworkEdit):
            edit.attach(net, model)


def edited_input(x: Tensor, edit: Edit, before: Sequence[Edit], model: Editable) -> Tensor:
    """Apply an edit to the input that the edits before it left; model: the network without any."""
    if not isinstance(edit, PictureEdit):
        return x
    # what stands behind it in the stack is made of its answer and can't be asked
    below = [other for other in before if isinstance(other, NetworkEdit)] if edit.asks_network else []
    # a copy: an edit of the reader's own that writes to it would spoil what other edits start from
    return edit.apply(x.clone(), model.edited(*below))


def picture_edits(model: HasEdits) -> list[PictureEdit]:
    """Return a model's edits of the picture, in order."""
    return [edit for edit in model.edits if isinstance(edit, PictureEdit)]


def without_picture_edits(model: M) -> M:
    """Return a model with its edits of layers alone: for inputs on which those of the picture are made already."""
    twin = copy(model)
    twin.edits = tuple(edit for edit in model.edits if isinstance(edit, NetworkEdit))
    return twin
