"""Data set as an edited model sees it: each picture with the model's edits of pictures made."""

from __future__ import annotations

from torch import Tensor, float16

from nbviz.errors import Refused
from nbviz.model.edit import picture_edits, without_picture_edits
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.picture import Picture
from nbviz.pictures.samples import Items


def edited_items(model: InstrumentedModel, items: Items) -> tuple[InstrumentedModel, Items]:
    """Return what a pass over a data set runs: the network with its edits of layers, and the edited pictures.

    Raises Refused for an attack, which would run the network within the pass.
    """
    edits = picture_edits(model)
    for edit in edits:
        if edit.asks_network:
            raise Refused(
                f"'{edit.words}' asks the network about one picture at a time, and can't be made while a data set is "
                "passed through it: make the pictures first, as nbviz.attack(model, picture).picture, and pass these."
            )
    return (without_picture_edits(model), EditedItems(items, model)) if edits else (model, items)


class EditedItems(Items):
    """Data set whose pictures are edited as they are read; what else is known of an item stays."""

    def __init__(self, items: Items, model: InstrumentedModel) -> None:
        self._items, self._model, self.classes = items, model, items.classes

    def __len__(self) -> int:
        return len(self._items)

    def sample(self, number: int) -> tuple[Picture, object]:
        """Read one item once, as ``Items`` do: its picture is the network's input, edited."""
        picture, beside = self._items.sample(number)
        return Picture(picture.name, _single(self._model.input(picture)), picture.label), beside


def _single(x: Tensor) -> Tensor:
    """Return an input in a type that arrays have, as preprocessing gives it."""
    return x.float() if x.itemsize <= float16.itemsize else x
