"""Map of what a layer tells apart in a data set: like beside like, each cell with the class it speaks for.

After Carter et al., Activation Atlas, Distill 2019. Activations at some places of every picture are compared as
directions, laid out in two dimensions and put into the squares of a grid. A cell is the mean of its activations.
It speaks for the class to which its points add most, to first order: of each point, gradient × activation of the
score of the class that the network sees in the point's picture; summed a class.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from functools import partial
from os import PathLike
from typing import Any, SupportsIndex

import numpy as np

from nbviz.arguments import at_least, whole
from nbviz.dataset.atlas.build import BuildStep, Charted, charting
from nbviz.dataset.atlas.cell import cells_at, cells_from
from nbviz.dataset.atlas.layout import units
from nbviz.dataset.atlas.options import AtlasOptions
from nbviz.dataset.atlas.plan import planned
from nbviz.dataset.atlas.store import free_or_same, read_atlas, write_atlas
from nbviz.dataset.example import Example
from nbviz.dataset.files import check_room, folder_at
from nbviz.dataset.progress import progress_bar
from nbviz.dataset.shards import Stopped
from nbviz.dataset.shards.plan import model_digest
from nbviz.errors import NbvizError
from nbviz.model.boxes import Box
from nbviz.model.brief import ModelLike
from nbviz.model.inputs.edited_items import edited_items
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.effective_field import EffectiveField
from nbviz.passes.receptive_field import ReceptiveFields
from nbviz.pictures.labels import name_or_number
from nbviz.pictures.samples import Items, Labels
from nbviz.pictures.sources import DatasetLike
from nbviz.replica.heap import kept_heap


class Atlas:
    """Map of one layer. Made by :meth:`build` or :meth:`load`."""

    def __init__(
        self,
        chart: Charted,
        classes: Sequence[str] | None,
        model: InstrumentedModel | None = None,
        items: Items | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        self.plan, self.side, self.layout = chart.plan, chart.side, chart.layout
        self.notes = chart.notes
        """Sentences about pictures and places that were left out."""
        self.problem = ""
        """Why it could not be saved, in a sentence; empty where it was, or was not asked to be."""
        self.classes = None if classes is None else tuple(classes)
        """Names of the network's scores."""
        self.label_names = None if names is None else tuple(names)
        self._chart, self._model = chart, model
        self.items = items
        """The data set, where it is known."""
        self._fields: ReceptiveFields | None = None
        self.cells = cells_from(chart, self.class_name, partial(name_or_number, self.label_names))
        """All cells, row by row."""

    def __repr__(self) -> str:
        return f"Atlas({self.layer}, {len(self.cells)} cells, {len(self):,} places, {self.layout})"

    def __len__(self) -> int:
        return len(self._chart.tensors["items"])

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors, its pictures aside."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._chart.tensors.values())

    @property
    def layer(self) -> str:
        """Name of the layer."""
        return self.plan.layer

    @property
    def has_pictures(self) -> bool:
        """True where cells can show their pictures."""
        return self.items is not None and self._model is not None

    @classmethod
    def build(
        cls,
        model: ModelLike,
        dataset: DatasetLike,
        layer: str,
        places: int | None = None,
        seed: int = 0,
        path: str | PathLike[str] | None = None,
        *,
        layout: str = "auto",
        least: int = 3,
        labels: Labels | None = None,
        batch: int = 32,
        pictures: int | None = None,
        progress: bool = True,
        cancel: Callable[[], bool] | None = None,
    ) -> Atlas:
        """Build the atlas: one pass over a data set, then a layout.

        model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. dataset: a map-style data
        set, a loader around one, a folder or a list; labels: where it has none. path: a folder to keep the atlas in;
        one that is there already is read instead. cancel: asked between steps; :class:`Stopped` when it says yes.
        layer, places, seed, layout, least, batch, pictures: see :class:`AtlasOptions`. Raises :class:`NbvizError` for
        fewer than 50 places, a layer that isn't there, and a path with something else in it. A disk that has become
        full at the end is a warning: :meth:`save` writes the atlas later.
        """
        options = AtlasOptions(layer, places, seed, layout, least, batch, pictures)
        step: BuildStep | Atlas | None = None
        steps = cls._steps(*edited_items(InstrumentedModel.ensure(model), Items.ensure(dataset, labels)), options, path)
        shown = progress_bar("mapping", 1.0, bar_format="{l_bar}{bar}| {postfix}") if progress else nullcontext()
        with kept_heap(), closing(steps), shown as bar:  # a stop would leave the pass open until it is collected
            for step in steps:
                if cancel is not None and cancel():
                    raise Stopped("Stopped: an atlas is made in one go, nothing of it is kept.")
                if bar is not None and isinstance(step, BuildStep):
                    bar.update(step.done - bar.n)
                    bar.set_postfix_str(step.progress)
        assert isinstance(step, Atlas)
        if step.problem:
            warnings.warn(step.problem, stacklevel=2)
        return step

    @classmethod
    def building(
        cls,
        model: ModelLike,
        dataset: DatasetLike,
        layer: str,
        places: int | None = None,
        seed: int = 0,
        path: str | PathLike[str] | None = None,
        *,
        labels: Labels | None = None,
        **options: Any,  # noqa: ANN401 - the rest of AtlasOptions, which checks them
    ) -> Iterator[BuildStep | Atlas]:
        """Run :meth:`build` step by step: ``done`` and ``progress``, the atlas last. options: as there."""
        chosen = AtlasOptions(layer, places, seed, **options)
        yield from cls._steps(
            *edited_items(InstrumentedModel.ensure(model), Items.ensure(dataset, labels)), chosen, path
        )

    @classmethod
    def _steps(
        cls, model: InstrumentedModel, items: Items, options: AtlasOptions, path: str | PathLike[str] | None
    ) -> Generator[BuildStep | Atlas, None, None]:
        before, plan = model.fingerprint(), planned(model, items, options)
        if path is not None and free_or_same(folder_at(path), plan):
            yield cls.load(path, model, items)
            return
        if path is not None:
            check_room(folder_at(path))  # a disk that refuses does so before the work, not after
        step = BuildStep(0.0, "")
        for step in charting(model, items, plan):
            if step.chart is None:
                yield step
        if model.fingerprint() != before:
            raise NbvizError("The network changed while it was mapped: build again when its training has ended.")
        assert step.chart is not None
        atlas = cls(step.chart, model.classes, model, items, items.classes or model.classes)
        if path is not None:
            atlas._save_or_say(path)
        yield atlas

    def _save_or_say(self, path: str | PathLike[str]) -> None:
        """Save the atlas, or set :attr:`problem`: minutes of work outlive a disk that has become full."""
        try:
            self.save(path)
        except NbvizError as error:
            self.problem = f"{error} The atlas is there, but not on disk: atlas.save(path) writes it."

    def save(self, path: str | PathLike[str]) -> None:
        """Write the atlas to a folder; see :mod:`nbviz.dataset.atlas.store` for the format."""
        folder = folder_at(path)
        free_or_same(folder, self.plan)
        charted = self._chart
        manifest = {
            "plan": self.plan.as_json(), "side": charted.side, "layout": charted.layout,
            "notes": list(charted.notes), "classes": self.classes, "labels": self.label_names,
        }  # fmt: skip
        write_atlas(folder, manifest, charted.tensors)
        self.problem = ""

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        model: ModelLike | None = None,
        dataset: DatasetLike | None = None,
        labels: Labels | None = None,
    ) -> Atlas:
        """Read an atlas from a folder. With ``model`` and ``dataset`` its cells can show their pictures.

        labels: as :meth:`build` had them. NbvizError where there is none, or one of another network or data set.
        """
        plan, manifest, tensors = read_atlas(folder_at(path))
        chart = Charted(plan, tensors, manifest["side"], manifest["layout"], tuple(manifest["notes"]))
        model = None if model is None else InstrumentedModel.ensure(model)
        items = None if dataset is None else Items.ensure(dataset, labels)
        atlas = cls(chart, manifest["classes"], model, items, manifest["labels"])
        plan.check(f"The atlas in '{path}'", model, items)
        return atlas

    def check(self, model: InstrumentedModel) -> None:
        """Raise NbvizError unless the atlas is of this network with these weights."""
        if model_digest(model) != self.plan.model:
            raise NbvizError(
                f"This atlas of '{self.layer}' is of another network, or of other weights of this one: build it anew."
            )

    def of(self, model: InstrumentedModel) -> Atlas:
        """Return the same atlas for a model that is open; NbvizError where it is of another network."""
        self.check(model)
        return Atlas(self._chart, self.classes or model.classes, model, self.items, self.label_names)

    def class_name(self, index: int) -> str:
        """Return the name of a class; "class 17" where there are no names."""
        return name_or_number(self.classes, index)

    def examples(self, cell: int, n: int = 9) -> list[Example]:
        """Return a cell's pictures, the most typical first: nearest to its mean direction, each picture once."""
        tensors, cell = self._chart.tensors, self._number(cell)
        rows_of_cell = (tensors["cells"] == cell).nonzero()[:, 0]
        order = rows_of_cell[tensors["typical"][rows_of_cell].argsort(descending=True, stable=True)].tolist()
        first = set({int(tensors["items"][row]): row for row in reversed(order)}.values())
        rows = sorted(order, key=lambda row: row not in first)  # stable: both halves stay in their order
        return [self._example(row) for row in rows[: at_least("n", n, 0)]]

    def apart(self, cell: int) -> np.ndarray:
        """Return a cell's mean direction less that of all places, float32 (C,).

        Made pictures go along this one: what all places share would look the same in every cell.
        """
        return units(self.cells[self._number(cell)].direction[None])[0] - self._chart.tensors["centre"].numpy()

    def cells_of(self, activation: np.ndarray) -> np.ndarray:
        """Find the cells of a picture's places: activation (C, h, w) → int (h, w), −1 where on no cell.

        A place belongs to the cell that most of its five nearest points are in. NbvizError for another shape.
        """
        activation = np.asarray(activation, np.float32)
        if activation.ndim != 3 or len(activation) != self.plan.channels:
            raise NbvizError(
                f"An activation of '{self.layer}' is ({self.plan.channels}, height, width), not {activation.shape}."
            )
        return cells_at(self._chart.tensors, activation)

    def _number(self, cell: SupportsIndex) -> int:
        number = whole(cell)
        if number is None or not 0 <= number < len(self.cells):
            raise NbvizError(f"The atlas has cells 0 to {len(self.cells) - 1}: there is no {cell!r}.")
        return number

    def _example(self, row: int) -> Example:
        tensors, plan = self._chart.tensors, self.plan
        item, label = int(tensors["items"][row]), int(tensors["labels"][row])
        where = divmod(int(tensors["places"][row]), plan.grid[1]) if plan.has_places else None
        name = None if label < 0 else name_or_number(self.label_names, label)
        return Example(
            item, float(tensors["typical"][row]), where, None if label < 0 else label, name,
            partial(self._seen, item), partial(self.box, where), _no_channel,
        )  # fmt: skip

    def _seen(self, item: int) -> np.ndarray:
        if self.items is None or self._model is None:
            raise NbvizError("This atlas was loaded without its pictures: Atlas.load(path, model, dataset) shows them.")
        return self._model.transform.seen(self._model.transform(self.items.read(item)))

    def box(self, place: tuple[int, int] | None) -> Box:
        """Return (top, left, bottom, right) in pixels of the network's input: what a place (row, column) can see."""
        if self._model is None:
            raise NbvizError("This atlas was loaded without its network: Atlas.load(path, model, dataset) has crops.")
        if self._fields is None:
            self._fields = ReceptiveFields(self._model, self.plan.shape)
        return self._fields.box(self.layer, place)


def _no_channel() -> EffectiveField:
    raise NbvizError("What drives a place is asked of a channel: an atlas's examples are of none, nbviz.Index's are.")
