"""Request of an attack's transfer: what another network says of the picture that was made to fool this one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbviz.edits import Attacked
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import Picture, as_picture
from nbviz.session.requests.base import Context, Request

ClassShare = tuple[str, int, float]
"""(class, its index, its share)."""


@dataclass(frozen=True)
class TransferAnswer:
    """Predictions of the other network."""

    before: ClassShare
    after: ClassShare
    """Of the attacked picture."""
    noise: ClassShare
    """The control: of the original with noise of the same size."""
    done: float = 1.0

    @property
    def flipped(self) -> bool:
        """True if the other network changes its answer too."""
        return self.before[1] != self.after[1]


@dataclass(frozen=True)
class MeasureTransfer(Request):
    """Request of another network's predictions for the original, the attacked and the noisy picture."""

    original: Picture
    attacked: Picture
    noisy: Picture

    def __call__(self, context: Context) -> Iterator[TransferAnswer]:
        before, after, noise = (
            context.model.predict(one, 1)[0][:3] for one in (self.original, self.attacked, self.noisy)
        )
        yield TransferAnswer(before, after, noise)


def transfer(attacked: Attacked, model: InstrumentedModel, other: InstrumentedModel) -> MeasureTransfer:
    """Return the request for an attack on ``model``, to be asked of ``other``.

    Where both see pictures through the same preprocessing the inputs are handed over as they are: resizing the attacked
    picture again would blur what was added. Else the 8-bit pictures are.
    """
    pictures: dict[str, Any] = {
        "original": attacked.original, "attacked": attacked.picture, "noisy": attacked.noisy
    }  # fmt: skip
    if model.transform.key == other.transform.key:
        pictures = {name: tensor.detach().float().cpu() for name, tensor in attacked.inputs.items()}
    return MeasureTransfer(**{name: as_picture(one) for name, one in pictures.items()})
