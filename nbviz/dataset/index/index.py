"""For every channel of every layer: the pictures of a data set that drive it most, from one forward a batch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from typing import Any

import numpy as np
import torch

from nbviz.arguments import at_least, channel_number
from nbviz.dataset.example import Example
from nbviz.dataset.facets import Facets, facets
from nbviz.dataset.files import folder_at, intact
from nbviz.dataset.index.build import Build
from nbviz.dataset.index.partial import PartialIndex
from nbviz.dataset.index.plan import Plan, Watched, data_digest, model_digest, plan
from nbviz.dataset.index.ranking import FIELDS
from nbviz.dataset.index.shards import ShardJob
from nbviz.dataset.index.store import MANIFEST, WHOLE, Folder, Memory, read_found, read_manifest
from nbviz.errors import NbvizError, unknown
from nbviz.model.boxes import Box
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.effective_field import EffectiveField, effective_field
from nbviz.passes.receptive_field import ReceptiveFields
from nbviz.pictures.samples import Items, Labels


class Index:
    """The strongest pictures of every channel. Made by :meth:`build` or :meth:`load`."""

    def __init__(
        self,
        plan: Plan,
        found: PartialIndex,
        classes: Sequence[str] | None,
        model: InstrumentedModel | None = None,
        items: Items | None = None,
    ) -> None:
        self.plan, self._found = plan, found
        self.classes = None if classes is None else tuple(classes)
        """Names of the labels, where known."""
        self._model, self._items = model, items
        self._fields: ReceptiveFields | None = None
        self._layers = {layer.name: layer for layer in plan.layers}

    def __repr__(self) -> str:
        channels = sum(layer.channels for layer in self.plan.layers)
        size = f"{len(self.layers)} layers, {channels:,} channels, {self._found.seen:,} pictures"
        return f"Index({size}, k={self.plan.k})"

    @classmethod
    def build(
        cls,
        model: Any,
        dataset: Any,
        layers: Sequence[str] | None = None,
        k: int = 9,
        path: str | PathLike[str] | None = None,
        client: Any = None,
        *,
        labels: Labels | None = None,
        bottom: int = 0,
        sample: int = 0,
        profile: int = 100,
        batch: int | None = None,
        progress: bool = True,
        cancel: Callable[[], bool] | None = None,
    ) -> Index:
        """One pass over a data set.

        model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. dataset: a map-style data
        set, a loader around one, a folder (sub-folders are classes) or a list; items may be (picture, label).
        layers: names; None for all. k: pictures a channel, at most one place in each. path: a folder to write to;
        a build that was interrupted goes on there and ends with the same index. client: a
        ``distributed.Client``; its workers share the pieces, and the index is the same. labels: where the data
        set has none; an index, a name or None an item. bottom: how many of the *least* pictures to keep. sample:
        how many items, drawn once, to keep every channel's peak of, for quantiles. profile: how many of the
        strongest pictures make the class profile, with labels. batch: pictures a forward; None: 8 large or 64 small
        ones on a CPU, 32 elsewhere, or what a build that is gone on with had. cancel: asked between batches;
        :class:`Stopped` when it says yes.

        Raises :class:`NbvizError` for an empty data set, labels of another length, layers that aren't there, and
        a path with an index of something else. Items that can't be read are left out and counted
        (:attr:`problems`).
        """
        _check_client(client)
        model = InstrumentedModel.ensure(model)
        items = Items.ensure(dataset, labels)
        before = model.fingerprint()
        k, bottom, sample = at_least("k", k, 1), at_least("bottom", bottom, 0), at_least("sample", sample, 0)
        made = plan(model, items, layers, k, bottom, sample, at_least("profile", profile, 0), _batch(batch, path))
        classes = items.classes or model.classes
        store: Folder | Memory = Memory() if path is None else Folder(folder_at(path), made, classes)
        build = Build(model, store, made, before, progress, cancel)
        with store.alone(build.stop):
            found = store.whole
            if found is None:
                build.run(ShardJob(model.guest, model.transform, items, made), client)
                found = store.finish()
        return cls(made, found, classes, model, items)

    @classmethod
    def load(
        cls, path: str | PathLike[str], model: Any = None, dataset: Any = None, labels: Labels | None = None
    ) -> Index:
        """An index from a folder. With ``model`` and ``dataset`` examples can show their pictures.

        labels: as :meth:`build` had them.
        NbvizError where there is none, where it isn't finished, or where it is of another network or data set.
        """
        folder = folder_at(path)
        made, manifest = read_manifest(folder)
        if not (folder / WHOLE).exists():
            raise NbvizError(f"The index in '{path}' is not finished: call Index.build with this path, and it goes on.")
        model = None if model is None else InstrumentedModel.ensure(model)
        items = None if dataset is None else Items.ensure(dataset, labels)
        if model is not None and model_digest(model) != made.model:
            raise NbvizError(f"The index in '{path}' is of another network, or of other weights of this one.")
        if items is not None and len(items) != made.items:
            raise NbvizError(f"The index in '{path}' is of another data set ({made.items} items, here {len(items)}).")
        if model is not None and items is not None and data_digest(items, model)[0] != made.data:
            raise NbvizError(
                f"The index in '{path}' is of another data set: other pictures or preprocessing, or other labels (what "
                "was passed as labels= to Index.build is passed here as well)."
            )
        with intact(folder, "index"):
            return cls(made, read_found(folder / WHOLE), manifest["classes"], model, items)

    # -- what was found -------------------------------------------------------------------------------

    @property
    def layers(self) -> list[str]:
        """Names of the layers it knows."""
        return [*self._layers, *self.plan.same]

    @property
    def seen(self) -> int:
        """How many pictures were looked at."""
        return self._found.seen

    @property
    def nbytes(self) -> int:
        """Bytes of what it knows, its pictures aside."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._found.tensors.values())

    @property
    def items(self) -> Items | None:
        """The data set it was made of, where it is at hand."""
        return self._items

    @property
    def problems(self) -> list[str]:
        """What was left out, in sentences; empty where every item was read."""
        found = self._found
        if not found.problems:
            return []
        shown = [f"item {number} ({sentence.rstrip('.')})" for number, sentence in list(found.problems.items())[:5]]
        shown += ["…"] if found.left_out > 5 else []
        return [f"{found.left_out} of {self.plan.items} items could not be used: {', '.join(shown)}"]

    def top(self, layer: str, channel: int, n: int | None = None) -> list[Example]:
        """The pictures that drive a channel most, best first: ``k``, or the first ``n`` of them."""
        most = self.plan.k
        return self._examples(layer, channel, "top", most if n is None else min(at_least("n", n, 0), most))

    def bottom(self, layer: str, channel: int) -> list[Example]:
        """The pictures that drive a channel least, the least first; needs ``bottom=`` at building."""
        if not self.plan.bottom:
            raise NbvizError("This index has no least pictures: build it with bottom=9.")
        return self._examples(layer, channel, "bottom", self.plan.bottom)

    def quantiles(self, layer: str, channel: int, n: int = 9) -> list[Example]:
        """Pictures from the strongest to the weakest at even steps of their rank, out of the sample."""
        if not self.plan.sample:
            raise NbvizError("This index has no sample of the data set: build it with sample=200.")
        watched, channel = self._watched(layer, channel)
        stem = f"{watched.name}/sample/"
        values, places = (self._found.tensors[stem + part][channel] for part in ("values", "places"))
        order = values.argsort(descending=True, stable=True)
        order = order[values[order] > -torch.inf]
        n = min(at_least("n", n, 0), len(order))
        steps = np.unique(np.linspace(0, len(order) - 1, n).round().astype(int)).tolist()
        chosen = [int(order[step]) for step in steps]
        return [
            self._example(watched, channel, self.plan.sample[i], float(values[i]), int(places[i]), -1) for i in chosen
        ]

    def profile(self, layer: str, channel: int) -> list[tuple[str, float]]:
        """What a channel fires for: [(class, share), …], greatest first, of its strongest pictures.

        Of the ``profile`` strongest (100), those whose activation is above 0. NbvizError without labels.
        """
        counts = self._label_counts(layer, channel)
        total = sum(counts.values())
        return [(self._name(label) or "no class", count / total) for label, count in counts.most_common()]

    def selectivity(self, layer: str, channel: int) -> float | None:
        """1: its strongest pictures are all of one class; 0: they spread evenly; None: nothing drives it.

        1 − entropy of :meth:`profile` / log(number of classes).
        """
        counts = self._label_counts(layer, channel)
        total = sum(counts.values())
        if not total:
            return None
        classes = max(2, len(self.classes) if self.classes else len(counts))
        entropy = -sum(c / total * math.log(c / total) for c in counts.values())
        return max(0.0, 1 - entropy / math.log(classes))

    def facets(self, layer: str, channel: int, n: int | None = None) -> Facets:
        """The strongest pictures in groups, by all that the layer says at their places: [[Example, …], …].

        Up to ``k`` pictures, best first in each group, the group with the best first. n: how many groups; None
        takes the number that parts them best, and one where they can't be told apart (:class:`Facets` says how
        sure that is). Build with k=50 or so for it. Needs the data set, as crops do.
        """
        watched, channel = self._watched(layer, channel)
        return facets(*self._with_pictures(), watched, channel, self.top(layer, channel), n)

    # -- inside ---------------------------------------------------------------------------------------

    def _watched(self, layer: str, channel: int) -> tuple[Watched, int]:
        name = self.plan.same.get(layer, layer)
        if name not in self._layers:
            raise unknown("layer", layer, [key for key in self.layers if key], where="this index")
        return self._layers[name], channel_number(layer, channel, self._layers[name].channels)

    def _rows(self, watched: Watched, channel: int, which: str) -> list[tuple[float, int, int, int]]:
        stem = f"{watched.name}/{which}/"
        values, items, places, labels = (self._found.tensors[stem + part][channel].tolist() for part in FIELDS)
        places += [0] * (len(values) - len(places))  # deeper than k only the class counts
        return [row for row in zip(values, items, places, labels, strict=True) if row[1] >= 0]

    def _examples(self, layer: str, channel: int, which: str, n: int) -> list[Example]:
        watched, channel = self._watched(layer, channel)
        sign = 1 if which == "top" else -1
        return [
            self._example(watched, channel, item, sign * value, place, label)
            for value, item, place, label in self._rows(watched, channel, which)[:n]
        ]

    def _example(self, layer: Watched, channel: int, item: int, value: float, place: int, label: int) -> Example:
        where = divmod(place, layer.layout.width) if layer.layout.has_places else None
        seen, box = partial(self._seen, item), partial(self._box, layer.name, where)
        effective = partial(self._effective, layer.name, channel, item, where)
        return Example(item, value, where, None if label < 0 else label, self._name(label), seen, box, effective)

    def _name(self, label: int) -> str | None:
        if label < 0:
            return None
        return self.classes[label] if self.classes and label < len(self.classes) else f"class {label}"

    def _label_counts(self, layer: str, channel: int) -> Counter[int]:
        rows = self._rows(*self._watched(layer, channel), "top")
        if rows and all(label < 0 for *_, label in rows):
            raise NbvizError("The data set has no labels: pass labels= to Index.build for class profiles.")
        return Counter(label for value, _, _, label in rows if value > 0 and label >= 0)

    def _seen(self, item: int) -> np.ndarray:
        model, items = self._with_pictures()
        return model.transform.seen(model.transform(items.read(item)))

    def _effective(self, layer: str, channel: int, item: int, place: tuple[int, int] | None) -> EffectiveField:
        model, items = self._with_pictures()
        return effective_field(model, model.transform(items.read(item)), layer, channel, place)

    def _with_pictures(self) -> tuple[InstrumentedModel, Items]:
        if self._items is None or self._model is None:
            raise NbvizError("This index was loaded without its data set: Index.load(path, model, dataset) shows it.")
        return self._model, self._items

    def _box(self, layer: str, place: tuple[int, int] | None) -> Box:
        if self._model is None:
            raise NbvizError("This index was loaded without its network: Index.load(path, model, dataset) has crops.")
        self._fields = self._fields or ReceptiveFields(self._model, self.plan.shape)
        return self._fields.box(layer, place)


def _check_client(client: Any) -> None:
    if client is None:
        return
    if not (hasattr(client, "submit") and hasattr(client, "cancel")):
        way = "; distributed.Client(cluster) makes one" if hasattr(client, "scheduler_address") else ""
        raise NbvizError(f"client= takes a distributed.Client, not {client!r:.80} ({type(client).__name__}){way}.")
    if getattr(client, "status", "running") != "running":
        raise NbvizError(f"client= is {client.status}: connect a new distributed.Client.")


def _batch(asked: int | None, path: str | PathLike[str] | None) -> int | None:
    """The number asked for, or that of a build which is gone on with."""
    if asked is not None:
        return at_least("batch", asked, 1)
    if path is None or not (folder_at(path) / MANIFEST).exists():
        return None
    return read_manifest(folder_at(path))[0].batch
