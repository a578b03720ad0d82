"""The plan of a build, fixed before its first picture: layers, depth, and how the data set is cut.

All of it follows from the arguments, the network and the length of the data set, so that a build that was
interrupted, or one on a hundred machines, does the same in the same pieces. It is also what the manifest on disk
says, and what tells an index of another network or data set from this one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch

from nbviz.dataset.index.options import IndexOptions
from nbviz.errors import NbvizError
from nbviz.model.input_size import noise
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import with_channels
from nbviz.model.layout import Layout
from nbviz.pictures.samples import Items
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import hooked, modules_of, split
from nbviz.replica.identity import network_digest

FORMAT = 2
"""2: the digest of a network also tells its plain attributes and its code."""
PIECES = 64
PROBES = 16
LEAST, BATCHES = 256, 8
"""Items, and batches, in a piece at least: what a piece comes to is as large for one item as for many."""
BATCH, MOST = 8, 64
"""Pictures of 224 × 224 a forward on a CPU, and small ones at most: more leave its caches, and each takes longer."""
BATCH_ELSEWHERE = 32


@dataclass(frozen=True)
class Watched:
    """A layer whose channels are ranked."""

    name: str
    call: int
    channels: int
    layout: Layout


@dataclass(frozen=True)
class Plan:
    """Every choice that decides the index, bit for bit."""

    model: str
    """Digest of every tensor of the network and of its structure."""
    data: str
    """Digest of the length and of some items, preprocessed, with their labels."""
    items: int
    shape: tuple[int, ...]
    """(C, H, W) of the network's input."""
    k: int
    depth: int
    """Entries kept a channel: ``k``, or more where labels make a class profile."""
    bottom: int
    sample: tuple[int, ...]
    """Items of which every channel's peak is kept."""
    batch: int
    piece: int
    """Items in a piece, the unit of work that is written and resumed."""
    layers: tuple[Watched, ...]
    same: dict[str, str]
    """Layer → the watched layer that puts out the same tensor."""
    format: int = FORMAT

    @property
    def pieces(self) -> int:
        """Number of pieces."""
        return -(-self.items // self.piece)

    def numbers(self, piece: int) -> range:
        """The items of a piece."""
        return range(piece * self.piece, min(self.items, (piece + 1) * self.piece))

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Plan:
        """The plan a manifest tells."""
        known = {field.name: values[field.name] for field in fields(cls)}
        layers = tuple(Watched(**{**item, "layout": Layout(**item["layout"])}) for item in values["layers"])
        known.update(layers=layers, shape=tuple(values["shape"]), sample=tuple(values["sample"]))
        return cls(**known)


def planned(model: InstrumentedModel, items: Items, options: IndexOptions) -> Plan:
    """Look at the network and the data set once and fix everything."""
    shape = items.shape(model.transform)
    batch = usual_batch(model, shape) if options.batch is None else options.batch
    data, labelled = data_digest(items, model)
    watched, same = _watched(model, shape, options.layers)
    piece = -(-max(len(items) // PIECES, LEAST, BATCHES * batch) // batch) * batch
    return Plan(
        model=model_digest(model),
        data=data,
        items=len(items),
        shape=shape,
        k=options.k,
        depth=max(options.k, options.profile if labelled else 0),
        bottom=options.bottom,
        sample=_sample(len(items), options.sample),
        batch=batch,
        piece=piece,
        layers=watched,
        same=same,
    )


def usual_batch(model: InstrumentedModel, shape: tuple[int, ...]) -> int:
    """Pictures (C, H, W) a forward where none are asked for."""
    if model.guest.device.type != "cpu":
        return BATCH_ELSEWHERE
    return min(max(BATCH, BATCH * 224 * 224 // (shape[-2] * shape[-1])), MOST)


def model_digest(model: InstrumentedModel) -> str:
    """Return what tells the network from others, see :mod:`nbviz.replica.identity`."""
    return model.guest.steady(lambda run: network_digest(run.net))


def data_digest(items: Items, model: InstrumentedModel) -> tuple[str, bool]:
    """Digest of the data set as the network sees it, and whether its items have labels.

    NbvizError where an item differs between two readings: what is drawn at random can't be found again.
    """
    digest, labelled = hashlib.blake2b(str(len(items)).encode(), digest_size=16), False
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


def _sample(items: int, wanted: int) -> tuple[int, ...]:
    order = torch.randperm(items, generator=torch.Generator().manual_seed(0), device="cpu")
    return tuple(sorted(order[:wanted].tolist()))


def _watched(
    model: InstrumentedModel, shape: tuple[int, ...], names: Sequence[str] | None
) -> tuple[tuple[Watched, ...], dict[str, str]]:
    x = noise(model.guest, shape)
    known = model.trace(x).layers
    chosen = [layer for layer in known.values() if layer.channels] if names is None else with_channels(known, names)
    outputs = model.guest.steady(lambda run: _outputs(run, x, {split(layer.name)[0] for layer in chosen}))
    seen: dict[Any, str] = {}
    watched: list[Watched] = []
    same: dict[str, str] = {}
    for layer in reversed(chosen):  # of one tensor's names the innermost: its module made it, and says how
        stem, call = split(layer.name)
        call = call or layer.calls
        assert layer.layout is not None and layer.channels is not None
        first = seen.setdefault((outputs[stem, call], layer.layout.kind), layer.name)
        if first != layer.name:
            same[layer.name] = first
        else:
            watched.append(Watched(layer.name, call, layer.channels, layer.layout))
    return tuple(reversed(watched)), same


def _outputs(run: Pass, x: torch.Tensor, stems: set[str]) -> dict[tuple[str, int], tuple[int, int]]:
    """(module, call) → which tensor it put out, and how often that had been written to."""
    held: list[torch.Tensor] = []  # an id of something freed could be another's
    found: dict[tuple[str, int], tuple[int, int]] = {}

    def keep(name: str, call: int, tensor: torch.Tensor) -> None:
        held.append(tensor)
        found[name, call] = (id(tensor), 0 if tensor.is_inference() else tensor._version)

    modules = modules_of(run.net)
    with torch.no_grad(), hooked({stem: modules[stem] for stem in stems}, keep):
        run(x)
    return found
