"""Index of a data set: for every channel of every layer the pictures that drive it most, one forward per batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from nbviz.arguments import at_least
from nbviz.dataset.example import Example
from nbviz.dataset.facets import Facets, facets
from nbviz.dataset.files import folder_at, intact
from nbviz.dataset.index.lookup import Lookup, RankingRow
from nbviz.dataset.index.means import ChannelMeans, averaging
from nbviz.dataset.index.options import IndexOptions
from nbviz.dataset.index.partial import PartialIndex
from nbviz.dataset.index.plan import Plan, Watched, planned
from nbviz.dataset.index.ranking_job import RankingJob
from nbviz.dataset.index.store import INDEX, resumed
from nbviz.dataset.shards import Execution, one_pass
from nbviz.dataset.shards.plan import model_digest
from nbviz.errors import NbvizError
from nbviz.model.boxes import Box
from nbviz.model.brief import ModelLike
from nbviz.model.inputs.edited_items import edited_items
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.effective_field import EffectiveField, effective_field
from nbviz.passes.receptive_field import ReceptiveFields
from nbviz.pictures.samples import Items, Labels
from nbviz.pictures.sources import DatasetLike

if TYPE_CHECKING:
    from distributed import Client


class Index:
    """Strongest pictures of every channel. Made by :meth:`build` or :meth:`load`."""

    def __init__(
        self,
        plan: Plan,
        rankings: PartialIndex,
        classes: Sequence[str] | None,
        model: InstrumentedModel | None = None,
        items: Items | None = None,
    ) -> None:
        self.plan, self._rankings = plan, rankings
        self._model, self._items = model, items
        self._fields: ReceptiveFields | None = None
        self._lookup = Lookup(plan, rankings, classes)

    def __repr__(self) -> str:
        channels = sum(layer.channels for layer in self.plan.layers)
        size = f"{len(self.layers)} layers, {channels:,} channels, {self._rankings.seen:,} pictures"
        return f"Index({size}, k={self.plan.k})"

    @classmethod
    def build(
        cls,
        model: ModelLike,
        dataset: DatasetLike,
        layers: Sequence[str] | None = None,
        k: int = 9,
        path: str | PathLike[str] | None = None,
        client: Client | None = None,
        *,
        labels: Labels | None = None,
        bottom: int = 0,
        sample: int = 0,
        profile: int = 100,
        batch: int | None = None,
        progress: bool = True,
        cancel: Callable[[], bool] | None = None,
    ) -> Index:
        """Build the index in one pass over a data set.

        model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. dataset: a map-style data
        set, a loader around one, a folder (sub-folders are classes) or a list; items may be (picture, label).
        layers: names; None for all. k: pictures per channel, at most one place in each. path: a folder to write to;
        a build that was interrupted goes on there and ends with the same index. client: a
        ``distributed.Client``; its workers share the pieces, and the index is the same. labels: where the data
        set has none; an index, a name or None an item. bottom: how many of the *least* pictures to keep. sample:
        how many items, drawn once, to keep every channel's peak of, for quantiles. profile: how many of the
        strongest pictures make the class profile, with labels. batch: pictures per forward; None: 8 large or 64 small
        ones on a CPU, 32 elsewhere, or what a build that is gone on with had. cancel: asked between batches;
        :class:`Stopped` when it says yes.

        Raises :class:`NbvizError` for an empty data set, labels of another length, layers that aren't there, and
        a path with an index of something else. Items that can't be read are left out and counted
        (:attr:`problems`).
        """
        options = IndexOptions(layers, k, bottom, sample, profile, batch)
        execution = Execution(client, progress, cancel)
        return cls._built(InstrumentedModel.ensure(model), Items.ensure(dataset, labels), options, path, execution)

    @classmethod
    def _built(
        cls,
        model: InstrumentedModel,
        items: Items,
        options: IndexOptions,
        path: str | PathLike[str] | None,
        execution: Execution,
    ) -> Index:
        model, items = edited_items(model, items)
        # before the plan, whose first forward takes a while: weights that move meanwhile are noticed at the end
        before = model.fingerprint()
        folder = None if path is None else folder_at(path)
        if folder is not None:
            options = resumed(options, folder)
        plan, classes = planned(model, items, options), items.classes or model.classes
        job = RankingJob(model.guest, model.transform, items, plan)
        part = one_pass(model, job, INDEX, folder, before, execution, {"classes": classes})
        return cls(plan, part, classes, model, items)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        model: ModelLike | None = None,
        dataset: DatasetLike | None = None,
        labels: Labels | None = None,
    ) -> Index:
        """Read an index from a folder. With ``model`` and ``dataset`` examples can show their pictures.

        labels: as :meth:`build` had them.
        NbvizError where there is none, where it isn't finished, or where it is of another network or data set.
        """
        folder = folder_at(path)
        plan, manifest = INDEX.read_manifest(folder)
        if not (folder / INDEX.whole).exists():
            raise NbvizError(f"The index in '{path}' is not finished: call Index.build with this path, and it goes on.")
        model = None if model is None else InstrumentedModel.ensure(model)
        items = None if dataset is None else Items.ensure(dataset, labels)
        if model is not None and items is not None:
            model, items = edited_items(model, items)
        # before the tensors are read: another network's index is intact, and must not be called damaged
        plan.check(f"The index in '{path}'", model, items)
        with intact(folder, "index"):
            return cls(plan, INDEX.read(folder / INDEX.whole), manifest["classes"], model, items)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the labels, where known."""
        return self._lookup.classes

    @property
    def layers(self) -> list[str]:
        """Names of its layers."""
        return self._lookup.layers

    @property
    def seen(self) -> int:
        """Number of pictures that were read."""
        return self._rankings.seen

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors, its pictures aside."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._rankings.tensors.values())

    @property
    def items(self) -> Items | None:
        """Data set it was made of, where it is at hand."""
        return self._items

    @property
    def problems(self) -> list[str]:
        """Sentences about items that were left out; empty where every item was read."""
        return self._rankings.sentences(self.plan.items)

    def top(self, layer: str, channel: int, n: int | None = None) -> list[Example]:
        """Return the pictures that drive a channel most, best first: ``k``, or the first ``n`` of them."""
        most = self.plan.k
        return self._examples(layer, channel, "top", most if n is None else min(at_least("n", n, 0), most))

    def bottom(self, layer: str, channel: int) -> list[Example]:
        """Return the pictures that drive a channel least, the least first; needs ``bottom=`` at building."""
        if not self.plan.bottom:
            raise NbvizError("This index has no least pictures: build it with bottom=9.")
        return self._examples(layer, channel, "bottom", self.plan.bottom)

    def quantiles(self, layer: str, channel: int, n: int = 9) -> list[Example]:
        """Return pictures from the strongest to the weakest at even steps of their rank, out of the sample."""
        if not self.plan.sample:
            raise NbvizError("This index has no sample of the data set: build it with sample=200.")
        watched, channel = self._lookup.watched(layer, channel)
        rows = self._lookup.quantiles(layer, channel, at_least("n", n, 0))
        return [self._example(watched, channel, row) for row in rows]

    def profile(self, layer: str, channel: int) -> list[tuple[str, float]]:
        """Return the classes of a channel's strongest pictures: [(class, share), …], greatest first.

        Of the ``profile`` strongest (100), those whose activation is above 0. NbvizError without labels.
        """
        return self._lookup.profile(layer, channel)

    def selectivity(self, layer: str, channel: int) -> float | None:
        """Return 1 if a channel's strongest pictures are all of one class, 0 if they spread evenly; None if none.

        1 − entropy of :meth:`profile` / log(number of classes).
        """
        return self._lookup.selectivity(layer, channel)

    def means(self, layer: str) -> tuple[float, ...]:
        """Return the mean of each channel of a layer over the data set's pictures, and over all places of each.

        ``nbviz.edits.Channels(layer, off=[17], fill=index.means(layer))`` puts a channel to it. One forward per batch,
        computed when it is asked for: needs the data set, as crops do. Raises NbvizError for a layer without channels,
        and for a network that has changed since.
        """
        *_, means = self.averaging(layer)
        assert means.values is not None
        return means.values

    def averaging(self, layer: str) -> Iterator[ChannelMeans]:
        """Yield the means of :meth:`means` as they are computed; the last has the values."""
        model, items = self._with_pictures()
        if model_digest(model) != self.plan.model:
            raise NbvizError("The network has changed since this index was made: build it again for its means.")
        yield from averaging(model, items, self.plan, layer)

    def facets(self, layer: str, channel: int, n: int | None = None) -> Facets:
        """Group the strongest pictures by all that the layer says at their places: [[Example, …], …].

        Up to ``k`` pictures, best first in each group, the group with the best first. n: how many groups; None
        takes the number that parts them best, and one where they can't be told apart (:class:`Facets` says how
        sure that is). Build with k=50 or so for it. Needs the data set, as crops do.
        """
        watched, channel = self._lookup.watched(layer, channel)
        return facets(*self._with_pictures(), watched, channel, self.top(layer, channel), n)

    def _examples(self, layer: str, channel: int, which: str, n: int) -> list[Example]:
        watched, channel = self._lookup.watched(layer, channel)
        return [self._example(watched, channel, row) for row in self._lookup.rows(layer, channel, which)[:n]]

    def _example(self, layer: Watched, channel: int, row: RankingRow) -> Example:
        where = divmod(row.place, layer.layout.width) if layer.layout.has_places else None
        # computed when it is looked at: a page asks for hundreds of examples and draws a few
        picture, box = partial(self._seen, row.item), partial(self._box, layer.name, where)
        effective = partial(self._effective, layer.name, channel, row.item, where)
        label = None if row.label < 0 else row.label
        return Example(row.item, row.value, where, label, self._lookup.name(row.label), picture, box, effective)

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
