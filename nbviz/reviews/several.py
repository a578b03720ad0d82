"""Review of a network that says of each class by itself whether it is there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.outputs import ClassScores
from nbviz.reviews.records.presence import LabelsLike, presence
from nbviz.reviews.result import Review
from nbviz.reviews.statistics.calibration import Reliability, Temperature, reliability
from nbviz.reviews.statistics.classes import Confusion
from nbviz.reviews.statistics.multilabel import (
    HALF,
    presence_loss,
    presence_table,
    presence_temperature,
    suspect_presence,
)

if TYPE_CHECKING:
    import pandas

ONE_CLASS = (
    "Of several classes per picture none is taken for another, so there is no {}: review.classes has recall, precision "
    "and average precision of each, review.class_calibration its calibration."
)


class SeveralReview(Review):
    """Review whose pictures have any number of classes.

    Right is a picture of which every class is said as it is, from a probability of .5 on. Calibration is of every class
    of every picture. Tables and figures else are :class:`Review`'s.
    """

    def __init__(self, *recorded: Any, labels: LabelsLike) -> None:  # noqa: ANN401 - those of Records
        super().__init__(*recorded)
        # by item: pictures that were left out have labels, too
        self._presence = presence(labels, self.plan.items, self.names)[self._columns["items"]]

    def _twin(self, model: InstrumentedModel | None, held_out: NDArray[np.float64] | None) -> Review:
        if held_out is not None:
            raise Refused("Folds are for pictures that have one class each.")
        # not by __init__: the labels are read already, and may be as long as the data set
        twin = SeveralReview.__new__(SeveralReview)
        known = {name: value for name, value in vars(self).items() if name not in _cached(self)}
        twin.__dict__.update(known, model=model)
        return twin

    @property
    def labelled(self) -> bool:
        return bool((self._presence[:, 0] >= 0).any())

    def has_class(self, index: int) -> NDArray[np.bool_]:
        return self._presence[:, index] == 1

    def says_class(self, index: int) -> NDArray[np.bool_]:
        return np.exp(self.every_log()[:, index]) >= HALF  # the threshold of the loss that such networks are trained by

    def answers_of(self, output: ClassScores) -> NDArray[np.bool_]:
        return (output.probabilities >= HALF).cpu().numpy()

    @cached_property
    def known(self) -> NDArray[np.int64]:
        """Rows of :attr:`pictures` that have labels, (labelled pictures,). Raises Refused where none has."""
        rows = np.flatnonzero(self._presence[:, 0] >= 0)
        if not len(rows):
            raise Refused("labels= has none for any picture that could be read, so nothing tells right from wrong.")
        return rows

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Labels, (labelled pictures, classes)."""
        return self._presence[self.known] == 1

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Probability of each class, (labelled pictures, classes). Raises Refused where not every score was kept."""
        return np.exp(self.logs)

    @property
    def _log_absent(self) -> NDArray[np.float64]:
        """Log probability that a class is not there, (labelled pictures, classes)."""
        # clamped: a float64 probability of exactly 1 would make one confident mistake infinite
        return np.log1p(-np.minimum(self.shares, 1 - 1e-15))

    @property
    def _truth(self) -> NDArray[np.bool_]:
        return self.present

    @property
    def labels(self) -> NDArray[np.int64]:
        raise Refused(ONE_CLASS.format("label that is the one of a picture"))

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        return ((self.shares >= HALF) == self.present).all(1)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """Probability that every class is said as it is, were they independent, (labelled pictures,)."""
        return np.maximum(self.shares, 1 - self.shares).prod(1)

    @cached_property
    def loss(self) -> NDArray[np.float64]:
        """Negative log probability of the labels, in nats, summed over classes, (labelled pictures,)."""
        return presence_loss((self._log_absent, self.logs), self.present)

    @property
    def top5(self) -> float | None:
        return None

    @cached_property
    def pictures(self) -> pandas.DataFrame:
        """One row per picture: ``label`` and ``prediction`` are the names of all classes, joined by commas.

        Other columns are those of :attr:`Review.pictures`; ``probability`` is of the likeliest class.
        """
        table = super().pictures
        names = np.array(self.names, dtype=object)
        every = np.full(len(self), None, dtype=object)
        loss, right, labels = np.full(len(self), np.nan), every.copy(), every.copy()
        loss[self.known], right[self.known] = self.loss, self.right
        labels[self.known] = [", ".join(names[row]) for row in self.present]
        said = [", ".join(names[row]) for row in np.exp(self.every_log()) >= HALF]
        return table.assign(label=labels, prediction=said, right=right, loss=loss)

    @cached_property
    def classes(self) -> pandas.DataFrame:
        """One row per class, see :func:`presence_table`."""
        return presence_table(self.shares, self.present, self.names)

    @cached_property
    def confusion(self) -> Confusion:
        raise Refused(ONE_CLASS.format("confusion matrix"))

    @cached_property
    def reliability(self) -> Reliability:
        """Probability against frequency, of every class of every picture. Raises Refused below 30 of them."""
        return reliability(self.shares.ravel(), self.present.ravel())

    @cached_property
    def temperature(self) -> Temperature:
        """One temperature for all log odds, see :func:`presence_temperature`."""
        return presence_temperature(self.logs - self._log_absent, self.present)

    @property
    def brier(self) -> float:
        """Mean squared distance of probability and truth over classes and pictures, 0…1."""
        return float(((self.shares - self.present) ** 2).mean())

    def _class_figures(self) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        return self.shares, self.present, self.shares >= HALF

    @cached_property
    def suspect_labels(self) -> pandas.DataFrame:
        """Labels that are suspect, the most suspect first: item, class, label and suggestion, margin."""
        import pandas

        items, said = self._columns["items"][self.known], np.array(["absent", "present"], dtype=object)
        found = suspect_presence(self.shares, self.present)
        tables = [
            pandas.DataFrame(
                {"item": items[one.rows], "class": name, "label": said[self.present[one.rows, index].astype(int)],
                 "suggested": said[one.suggested], "margin": one.margin}
            )
            for index, (name, one) in enumerate(zip(self.names, found, strict=True))
        ]  # fmt: skip
        return pandas.concat(tables).sort_values("margin", kind="stable", ignore_index=True)

    def _suspect_rows(self) -> NDArray[np.int64]:
        items = self._columns["items"]
        # once each: several of a picture's labels may be suspect
        return np.searchsorted(items, list(dict.fromkeys(self.suspect_labels["item"]))).astype(np.int64)


def _cached(review: Review) -> set[str]:
    """Return names of what was computed when it was asked for."""
    return {name for name in vars(review) if isinstance(getattr(type(review), name, None), cached_property)}
