"""Records of every picture of a data set, as tables and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbviz.dataset.shards import Part
from nbviz.errors import NbvizError, Refused, unknown
from nbviz.model.classes import class_index
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.outputs import ClassScores
from nbviz.pictures.samples import Items
from nbviz.reviews.records.metadata import Metadata, frame_of
from nbviz.reviews.records.plan import ReviewPlan
from nbviz.reviews.records.scores import log_probabilities, predictions

if TYPE_CHECKING:
    import pandas

SLICED = ("brightness", "contrast", "saturation", "width", "height")
"""Columns of a picture's own appearance, which are cut into slices."""
DIGITS = 6
"""Of appearance that tell pictures apart: colours are of 8 bits, and what differs less is rounding."""


class _Names(NamedTuple):
    classes: tuple[str, ...]
    scores: int


class Records:
    """Answers of a network to each picture of a data set."""

    def __init__(
        self,
        plan: ReviewPlan,
        part: Part,
        notes: Sequence[str] = (),
        model: InstrumentedModel | None = None,
        items: Items | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        self.plan, self._part, self.notes = plan, part, tuple(notes)
        """The last: sentences on how the classes of data set and network were matched."""
        self.model, self.items = model, items
        self._columns = {name: tensor.numpy() for name, tensor in part.tensors.items()}
        self.metadata = None if metadata is None else frame_of(metadata, plan.items)
        if not len(self):
            raise NbvizError(f"None of the {plan.items} pictures could be reviewed. {' '.join(self.problems)}")

    def __len__(self) -> int:
        return len(self._columns["items"])

    def __repr__(self) -> str:
        words = f"{len(self):,} pictures, {len(self.names)} classes"
        figure = f"accuracy {self.right.mean():.3f}" if self.labelled else "no labels"
        return f"{type(self).__name__}({words}, {figure})"

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        return sum(values.nbytes for values in self._columns.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.plan.names

    def class_index(self, label: int | str) -> int:
        """Return the index of a class given as index or name; UnknownName, and NbvizError for another index."""
        # of the review's classes, not the network's: one score alone has two answers, and boxes more than are named
        return class_index(label, _Names(self.names, len(self.names)))

    @property
    def problems(self) -> list[str]:
        """Sentences about items that were left out; empty where every item was read and scored."""
        return self._part.sentences(self.plan.items)

    @property
    def labelled(self) -> bool:
        """True if any picture has a label."""
        return bool((self._columns["labels"] >= 0).any())

    def column(self, name: str) -> NDArray[Any]:
        """Return one of the tensors that :mod:`nbviz.reviews.records.job` lists, (pictures, …)."""
        if name not in self._columns:
            raise unknown("column", name, self._columns, "this review")
        return self._columns[name]

    @cached_property
    def pictures(self) -> pandas.DataFrame:
        """One row per picture, in the data set's order.

        Columns: ``item`` (its number), ``label``, ``prediction`` (names; None without label), ``right`` (None without),
        ``probability`` of the prediction, ``label_probability``, ``loss`` (nats), ``margin`` (to the second class),
        ``entropy`` (nats), ``brightness``, ``contrast``, ``saturation`` (of the network's input, 0…1), ``width``,
        ``height`` (pixels), and those of ``metadata=``.
        """
        import pandas

        # None last, where label −1 finds it
        c, names = self._columns, np.array([*self.names, None], dtype=object)
        known = c["labels"] >= 0
        right = np.where(known, c["labels"] == c["prediction"], None)
        table = {
            "item": c["items"], "label": names[c["labels"]], "prediction": names[c["prediction"]], "right": right,
            "probability": c["probability"], "label_probability": c["label_probability"], "loss": c["loss"],
            "margin": c["probability"] - c["second"], "entropy": c["entropy"],
            **{name: c[name] for name in SLICED},
        }  # fmt: skip
        more = {name: values for name, values in self.metadata_columns().items() if name not in table}
        return pandas.DataFrame({**table, **more})

    def appearance(self) -> dict[str, NDArray[Any]]:
        """Columns of :data:`SLICED`: name → (pictures,)."""
        columns = {name: self._columns[name] for name in SLICED}
        return {name: values.round(DIGITS) if values.dtype.kind == "f" else values for name, values in columns.items()}

    def metadata_columns(self) -> dict[str, NDArray[Any]]:
        """Columns of ``metadata=``: name → (pictures,)."""
        if self.metadata is None:
            return {}
        # by item: pictures that were left out have a row in the frame and none here
        frame = self.metadata.iloc[self._columns["items"]]
        return {str(name): frame[name].to_numpy() for name in frame.columns}

    @cached_property
    def known(self) -> NDArray[np.int64]:
        """Rows of :attr:`pictures` that have a label, (labelled pictures,). Raises Refused where none has."""
        rows = np.flatnonzero(self._columns["labels"] >= 0)
        if not len(rows):
            raise Refused(
                "The data set has no labels, so nothing tells right from wrong: pass labels= to nbviz.review, or a "
                "data set whose items are (picture, label). What needs no labels (pictures, predictions, doubt) works."
            )
        return rows

    @property
    def probability(self) -> NDArray[np.float64]:
        """Probability of each picture's answer, (pictures,)."""
        return self._columns["probability"]

    def has_class(self, index: int) -> NDArray[np.bool_]:
        """Return which pictures are labelled as a class, (pictures,)."""
        return self._columns["labels"] == index

    def says_class(self, index: int) -> NDArray[np.bool_]:
        """Return of which pictures the network says a class, (pictures,)."""
        return self._columns["prediction"] == index

    def answers_of(self, output: ClassScores) -> NDArray[np.bool_]:
        """Return which classes are said of each picture of an output, (N, classes), as :meth:`says_class` tells."""
        return predictions(output).numpy()[:, None] == np.arange(len(self.names))

    @cached_property
    def explained(self) -> NDArray[np.int64]:
        """Numbers of the scores that the answers are explained by, (pictures,)."""
        return self.plan.score_of(self._columns["prediction"])

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each labelled picture, (labelled pictures,). Raises Refused without labels, as all below do."""
        return self._columns["labels"][self.known]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Booleans (labelled pictures,): the answer was the label."""
        return self._columns["prediction"][self.known] == self.labels

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the answer, (labelled pictures,)."""
        return self._columns["probability"][self.known]

    @property
    def loss(self) -> NDArray[np.float64]:
        """Negative log probability of the label, in nats, (labelled pictures,)."""
        return self._columns["loss"][self.known]

    @property
    def left_out(self) -> int:
        """Number of items that could not be read or scored."""
        return self._part.left_out

    @property
    def top5(self) -> float | None:
        """Share of labelled pictures whose label is among the five largest scores; None below six classes."""
        if self.plan.scores < 6:
            return None
        scores = self._columns["scores"][self.known]
        # of the scores kept, the label's own is the last where not all are
        own = scores[np.arange(len(scores)), self.labels] if self.plan.every else scores[:, -1]
        others = scores if self.plan.every else scores[:, :-1]
        return float(((others > own[:, None]).sum(1) < 5).mean())

    @cached_property
    def logs(self) -> NDArray[np.float64]:
        """Log probabilities (labelled pictures, classes). Raises Refused where not every score was kept."""
        return self.every_log()[self.known]

    def every_log(self) -> NDArray[np.float64]:
        """Log probabilities of all pictures, (pictures, classes). Raises Refused where not every score was kept."""
        return log_probabilities(self._columns["scores"], self.plan)
