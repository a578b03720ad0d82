"""Plan of a pass, fixed before its first picture: which network, which data, and how the data set is cut.

All of it follows from the arguments, the network and the length of the data set, so that a pass that was
interrupted, or one on a hundred machines, does the same in the same pieces. It is also what the manifest on disk
says, and what tells a folder of another network or data set from this one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from nbviz.errors import NbvizError
from nbviz.model.batches import batch_size
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.replica.watching.identity import network_digest

PIECES = 64
PROBES = 16
LEAST, BATCHES = 256, 8
"""Items, and batches, in a piece at least: what a piece comes to is as large for one item as for many."""
BATCH, MOST = 8, 64
"""Pictures of 224 × 224 per forward on a CPU, and small ones at most: more leave its caches, and each takes longer."""
BATCH_ELSEWHERE = 32
DataDigest = Callable[[Items, InstrumentedModel], str]


@dataclass(frozen=True)
class Origin:
    """Network and data set that something is made of."""

    model: str
    """Digest of every tensor of the network and of its structure."""
    data: str
    """Digest of the length and of some items, preprocessed, with their labels."""
    items: int
    shape: tuple[int, ...]
    """(C, H, W) of the network's input."""

    def check(
        self, what: str, model: InstrumentedModel | None, items: Items | None, digest: DataDigest | None = None
    ) -> None:
        """Raise NbvizError where this is not of a network, or not of a data set; None of either is not asked about.

        what: beginning of the sentence, "The index in 'folder'". digest: of the data, where it is not the usual one.
        """
        if model is not None and model_digest(model) != self.model:
            raise NbvizError(f"{what} is of another network, or of other weights of this one.")
        if items is not None and len(items) != self.items:
            raise NbvizError(
                f"{what} is of another data set ({self.items} items, here {len(items)}), of other pictures."
            )
        # the data as the network sees it: without the network there is nothing to compare
        if model is None or items is None:
            return
        if (data_digest(items, model)[0] if digest is None else digest(items, model)) != self.data:
            raise NbvizError(
                f"{what} is of another data set: other pictures or preprocessing, or other labels (what was passed as "
                "labels= when it was made is passed here as well)."
            )

    def as_json(self) -> dict[str, Any]:
        """Return plain values, for the manifest."""
        return asdict(self)


@dataclass(frozen=True)
class ShardPlan(Origin):
    """Choices that every pass has."""

    batch: int
    piece: int
    """Items in a piece, the unit of work that is written and resumed."""

    @property
    def pieces(self) -> int:
        """Number of pieces."""
        return -(-self.items // self.piece)

    def numbers(self, piece: int) -> range:
        """Return the numbers of a piece's items."""
        return range(piece * self.piece, min(self.items, (piece + 1) * self.piece))


def cut(model: InstrumentedModel, items: Items, batch: int | None) -> tuple[ShardPlan, bool]:
    """Look at the network and the data set once, and cut the data set; also, whether its items have labels.

    batch: None for :func:`usual_batch`; a network that mixes the pictures of a batch is given one at a time.
    """
    shape = items.shape(model.transform)
    size = batch_size(model, shape, usual_batch(model, shape) if batch is None else batch)
    data, labelled = data_digest(items, model)
    # whole batches: a cut in the middle of one would change how pictures are batched, and by that their last digits
    piece = -(-max(len(items) // PIECES, LEAST, BATCHES * size) // size) * size
    return ShardPlan(model_digest(model), data, len(items), shape, size, piece), labelled


def usual_batch(model: InstrumentedModel, shape: tuple[int, ...]) -> int:
    """Return how many pictures (C, H, W) a forward takes where none are asked for."""
    if model.guest.device.type != "cpu":
        return BATCH_ELSEWHERE
    return min(max(BATCH, BATCH * 224 * 224 // (shape[-2] * shape[-1])), MOST)


def model_digest(model: InstrumentedModel) -> str:
    """Return the digest of the network, see :mod:`nbviz.replica.watching.identity`."""
    return model.guest.steady(lambda run: network_digest(run.net))


def data_digest(items: Items, model: InstrumentedModel) -> tuple[str, bool]:
    """Return the digest of the data set as the network sees it, and whether its items have labels.

    NbvizError where an item differs between two readings: what is drawn at random can't be found again.
    """
    digest, labelled = hashlib.blake2b(str(len(items)).encode(), digest_size=16), False
    # a few, evenly: reading all would take as long as the pass
    for number in sorted({i * (len(items) - 1) // max(1, PROBES - 1) for i in range(PROBES)}):
        try:
            picture = items.read(number)
            x, again = model.transform(picture), model.transform(items.read(number))
        except NbvizError:  # said when its turn comes
            digest.update(b"unreadable")
            continue
        if x.shape != again.shape or not torch.equal(x, again):
            raise NbvizError(
                f"Item {number} differs between two readings: the data set or the transform draws at random. "
                "Pass them without augmentation, so that what is found can be found again."
            )
        labelled = labelled or picture.label is not None
        digest.update(repr((number, picture.label, tuple(x.shape))).encode() + x.contiguous().numpy().tobytes())
    return digest.hexdigest(), labelled
