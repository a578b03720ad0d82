"""Requests of the channels that a class needs, on one picture, and of what channels do over labelled ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nbviz.circuits import ClassEffects, Need, needing, over_pictures
from nbviz.errors import Refused
from nbviz.model.target import Target
from nbviz.pictures.samples import Items
from nbviz.session.requests.base import Context, PictureRequest, Request, ScoresRequest


@dataclass(frozen=True)
class MeasureNeed(PictureRequest):
    """Request of the explained class's score as a layer's channels go, beside random orders."""

    layer: str
    target: Target

    def __call__(self, context: Context) -> Iterator[Need]:
        index = context.answer(ScoresRequest(self.picture)).prediction.class_of(self.target)
        if index is None or self.target.other is not None:
            raise Refused("What is needed is measured for one class: choose a class, without 'rather than'.")
        yield from needing(context.model, self.picture, self.layer, index)


@dataclass(frozen=True)
class MeasureOverPictures(Request):
    """Request of every class's change over labelled pictures with channels of a layer off; of no edits beside."""

    items: Items
    layer: str
    channels: tuple[int, ...]

    def __call__(self, context: Context) -> Iterator[ClassEffects]:
        yield from over_pictures(context.model, self.items, self.layer, self.channels)
