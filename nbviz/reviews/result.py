"""Result of a review: tables of pictures, classes, calibration and slices."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nbviz.arguments import one_of
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.pictures.sources import DatasetLike
from nbviz.reviews.folds import Folds, fold_probabilities
from nbviz.reviews.probes import Probes
from nbviz.reviews.records.records import Records
from nbviz.reviews.statistics.calibration import (
    Reliability,
    RiskCoverage,
    Temperature,
    brier,
    reliability,
    risk_coverage,
    temperature,
)
from nbviz.reviews.statistics.class_calibration import class_calibration
from nbviz.reviews.statistics.classes import Confusion, class_table, confusion
from nbviz.reviews.statistics.clusters import clusters
from nbviz.reviews.statistics.labels import SuspectLabels, suspect_labels
from nbviz.reviews.statistics.slices import slice_table, slices_of
from nbviz.reviews.summary import accuracy_figures, bins_table, calibration_figures, headline, temperature_figures

if TYPE_CHECKING:
    import pandas

Order = Literal["surest", "surely wrong", "worst", "loss", "unsure", "suspect label", "random", "item"]
ORDERS: tuple[str, ...] = tuple(name for name in get_args(Order) if name != "worst")
"""Orders of a classifier's pictures; those of masks and boxes have a worst one."""
CLUSTERS = "features"
"""Column of slices whose parts are clusters of the head's input."""


class Review(Probes):
    """Records of a network's answers to a data set, and the tables over them.

    Made by ``nbviz.review``; tables are pandas frames, made when asked for.
    """

    held_out: NDArray[np.float64] | None = None
    """Probabilities (labelled pictures, classes) by networks that were not trained on the pictures; None without."""

    def bound(self, model: InstrumentedModel) -> Review:
        """Return the same review of the same network in another wrapping."""
        return self._twin(model, self.held_out)

    def _twin(self, model: InstrumentedModel | None, held_out: NDArray[np.float64] | None) -> Review:
        twin = Review(self.plan, self._part, self.notes, model, self.items, self.metadata)
        twin.held_out, twin.training, twin.against = held_out, self.training, self.against
        return twin

    @cached_property
    def classes(self) -> pandas.DataFrame:
        """One row per class: support, precision, recall, F1 with 95 % Wilson intervals, see :func:`class_table`."""
        return class_table(self.labels, self._columns["prediction"][self.known], self.names)

    @cached_property
    def confusion(self) -> Confusion:
        """Confusion matrix: which class is taken for which."""
        return confusion(self.labels, self._columns["prediction"][self.known], self.names)

    @cached_property
    def reliability(self) -> Reliability:
        """Confidence against frequency, beside what chance would show. Raises Refused below 30 pictures.

        Of a network with one score it is that of its second answer over 0…1, which is all that it says.
        """
        # folded to the surer answer, a yes that is too sure and a no that is too unsure would cancel
        if self.plan.scores == 1:
            return reliability(np.exp(self.logs[:, 1]), self.labels == 1)
        return reliability(self.confidence, self.right)

    @cached_property
    def class_calibration(self) -> pandas.DataFrame:
        """One row per class: whether its probability can be believed, see :func:`class_calibration`."""
        return class_calibration(*self._class_figures(), self.names)

    def _class_figures(self) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return probabilities, truth and answers, each (labelled pictures, classes)."""
        every = np.arange(len(self.names))
        prediction = self._columns["prediction"][self.known]
        return np.exp(self.logs), self.labels[:, None] == every, prediction[:, None] == every

    @property
    def brier(self) -> float:
        """Brier score: mean squared distance to the truth, 0…2 summed over classes; of one score 0…1."""
        whole = brier(np.exp(self.logs), self.labels)
        # both answers are as far from the truth: summed, that is twice the Brier score of a forecast of yes or no
        return whole / 2 if self.plan.scores == 1 else whole

    @property
    def calibration(self) -> pandas.DataFrame:
        """One row per bin of :attr:`reliability`; ``attrs`` has the error and its chance level."""
        return bins_table(self.reliability)

    @cached_property
    def temperature(self) -> Temperature:
        """One temperature for all scores, fitted on a half, judged on the other.

        Raises Refused below 60 pictures, and for scores that are independent, with one label per picture.
        """
        if self.plan.multilabel:
            raise Refused(
                "The network says of each class by itself whether it is there, and each picture has one label: pass "
                "labels= with all classes of each picture, (items, classes) of zeros and ones."
            )
        return temperature(self.logs, self.labels)

    @cached_property
    def risk_coverage(self) -> RiskCoverage:
        """Share of wrong answers if the least sure ones are declined."""
        return risk_coverage(self.confidence, self.right)

    @cached_property
    def slices(self) -> pandas.DataFrame:
        """One row per slice, the worst first, corrected for having looked at all, see :func:`slice_table`."""
        return slice_table(self.right, {part: inside[self.known] for part, inside in self.parts.items()})

    @cached_property
    def parts(self) -> dict[tuple[str, str], NDArray[np.bool_]]:
        """Slices: (column, name of its part) → (pictures,), which pictures are in it; cut among the labelled ones."""
        columns = self.appearance()
        # failing pictures that no column names, such as one way of standing, are still alike to the network
        if self.plan.features:
            columns[CLUSTERS] = clusters(self._columns["features"], self._columns["prediction"], self.names)
        columns |= self.metadata_columns()
        # quartiles of the labelled ones: those are compared
        cut = slices_of({name: values[self.known] for name, values in columns.items()})
        return {part: self._spread(inside) for part, inside in cut.items()}

    def _spread(self, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        every = np.zeros(len(self), bool)
        every[self.known] = inside
        return every

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Figures of the whole: pictures, accuracy with its interval, calibration, Brier, log loss, …"""
        return headline(
            self,
            {
                "accuracy": lambda: accuracy_figures(self, self.classes, self._truth),
                "calibration": lambda: calibration_figures(self.reliability, self.brier if self.plan.every else None),
                "temperature": lambda: temperature_figures(self.temperature),
                "risk": lambda: {"area": self.risk_coverage.area, "chance": self.risk_coverage.chance},
            },
        )

    @property
    def _truth(self) -> NDArray[Any]:
        """The label of each labelled picture, (labelled, …)."""
        return self.labels

    @cached_property
    def _suspects(self) -> SuspectLabels:
        shares = np.exp(self.logs) if self.held_out is None else self.held_out
        return suspect_labels(shares, self.labels)

    def with_folds(self, folds: Folds, progress: bool = True) -> Review:
        """Return the same review with :attr:`suspect_labels` judged by networks that were not trained on the pictures.

        folds: (network, numbers of the items that it was not trained on), each item in one; see
        :func:`fold_probabilities`.
        """
        return self._twin(self.model, fold_probabilities(self, folds, progress))

    def with_training(self, training: DatasetLike | Records) -> Review:
        """Return the same review with the pictures that the network was trained on, which :meth:`influences` asks.

        training: a data set, looked at when it is first asked, or a review of one by the same network.
        """
        twin = self._twin(self.model, self.held_out)
        twin.training = self.checked(training, "training") if isinstance(training, Records) else Items.ensure(training)
        return twin

    def with_against(self, against: DatasetLike | Records) -> Review:
        """Return the same review with pictures of another kind beside it, which the stage *Review* compares.

        against: a data set, looked at when it is first asked, or a review of one by the same network.
        """
        twin = self._twin(self.model, self.held_out)
        twin.against = self.checked(against, "against") if isinstance(against, Records) else Items.ensure(against)
        return twin

    @property
    def suspect_labels(self) -> pandas.DataFrame:
        """Pictures whose label is suspect, the most suspect first: item, label, suggested, margin.

        By confident learning, see :func:`nbviz.reviews.statistics.labels.suspect_labels`. Of pictures that the network
        was trained on it finds less: it may have learnt their labels by heart. ``attrs["out_of_sample"]`` is True where
        folds were given, see :meth:`with_folds`.
        """
        import pandas

        found, names = self._suspects, np.array(self.names, dtype=object)
        items, labels = self._columns["items"][self.known][found.rows], self.labels[found.rows]
        table = pandas.DataFrame(
            {"item": items, "label": names[labels], "suggested": names[found.suggested], "margin": found.margin}
        )
        table.attrs["out_of_sample"] = self.held_out is not None
        return table

    def _suspect_rows(self) -> NDArray[np.int64]:
        return self.known[self._suspects.rows]

    def confuses(self, label: int, prediction: int) -> NDArray[np.bool_]:
        """Return which pictures of a class are said to be another, (pictures,)."""
        return self.has_class(label) & self.says_class(prediction)

    def order(self, by: Order = "loss", seed: int = 0) -> NDArray[np.int64]:
        """Rows of :attr:`pictures` in an order for looking at them.

        by: "surest" (largest probability first), "surely wrong" (wrong answers, the surest first), "loss" (largest
        first), "unsure" (smallest margin first), "suspect label" (the suspect ones only), "random" (by ``seed``),
        "item".
        """
        one_of("order", by, ORDERS, "a review")
        c = self._columns
        # stable throughout: of equal ones the data set's order, the same at every call and on every machine
        if by == "surest":
            return np.argsort(-c["probability"], kind="stable")
        if by == "surely wrong":
            wrong = self.known[~self.right]
            return wrong[np.argsort(-c["probability"][wrong], kind="stable")]
        if by == "loss":
            return self.known[np.argsort(-self.loss, kind="stable")]
        if by == "unsure":
            return np.argsort(c["probability"] - c["second"], kind="stable")
        if by == "suspect label":
            return self._suspect_rows()
        if by == "random":
            return np.random.default_rng(seed).permutation(len(self))
        return np.arange(len(self))
