"""A finished review: tables of pictures, classes, calibration and slices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nbviz.arguments import at_least
from nbviz.errors import NbvizError, Refused, unknown
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.reviews.calibration import Reliability, RiskCoverage, Temperature, reliability, risk_coverage, temperature
from nbviz.reviews.classes import Confusion, class_table, confusion
from nbviz.reviews.cues import Hunt, cue_table, suspects
from nbviz.reviews.figures import bins_table, headline
from nbviz.reviews.labels import SuspectLabels, suspect_labels
from nbviz.reviews.metadata import frame_of
from nbviz.reviews.plan import ReviewPlan
from nbviz.reviews.records import ReviewPart
from nbviz.reviews.scores import log_probabilities
from nbviz.reviews.shift import against_table, answers_under, chosen, pictures_for, shift_table
from nbviz.reviews.slices import slice_table

if TYPE_CHECKING:
    import pandas

Order = Literal["surely wrong", "loss", "unsure", "suspect label", "random", "item"]
ORDERS: tuple[str, ...] = get_args(Order)
SLICED = ("brightness", "contrast", "saturation", "width", "height")


class Review:
    """How a network does over a data set. Made by ``nbviz.review``; tables are pandas frames, made when asked for."""

    def __init__(
        self,
        plan: ReviewPlan,
        part: ReviewPart,
        notes: Sequence[str] = (),
        model: InstrumentedModel | None = None,
        items: Items | None = None,
        metadata: Any = None,
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
        return f"Review({words}, accuracy {self.right.mean():.3f})" if self.labelled else f"Review({words}, no labels)"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.plan.names

    @property
    def problems(self) -> list[str]:
        """Sentences about items that were left out; empty where every item was read and scored."""
        return self._part.sentences(self.plan.items)

    @property
    def labelled(self) -> bool:
        """True if any picture has a label."""
        return bool((self._columns["labels"] >= 0).any())

    def column(self, name: str) -> NDArray[Any]:
        """One of the tensors that :mod:`nbviz.reviews.records` lists, (pictures, …)."""
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

        c, names = self._columns, np.array([*self.names, None], dtype=object)
        known = c["labels"] >= 0
        right = np.where(known, c["labels"] == c["prediction"], None)
        table = {
            "item": c["items"], "label": names[c["labels"]], "prediction": names[c["prediction"]], "right": right,
            "probability": c["probability"], "label_probability": c["label_probability"], "loss": c["loss"],
            "margin": c["probability"] - c["second"], "entropy": c["entropy"],
            **{name: c[name] for name in SLICED},
        }  # fmt: skip
        more = {name: values for name, values in self._metadata().items() if name not in table}
        return pandas.DataFrame({**table, **more})

    def _metadata(self) -> dict[str, Any]:
        if self.metadata is None:
            return {}
        frame = self.metadata.iloc[self._columns["items"]]
        return {str(name): frame[name].to_numpy() for name in frame.columns}

    @cached_property
    def _known(self) -> NDArray[np.int64]:
        rows = np.flatnonzero(self._columns["labels"] >= 0)
        if not len(rows):
            raise Refused(
                "The data set has no labels, so nothing tells right from wrong: pass labels= to nbviz.review, or a "
                "data set whose items are (picture, label). What needs no labels (pictures, predictions, doubt) works."
            )
        return rows

    @property
    def labels(self) -> NDArray[np.int64]:
        """(labelled pictures,): class of each. Raises Refused without labels, as all below do."""
        return self._columns["labels"][self._known]

    @property
    def right(self) -> NDArray[np.bool_]:
        """(labelled pictures,): whether the answer was the label."""
        return self._columns["prediction"][self._known] == self.labels

    @property
    def confidence(self) -> NDArray[np.float64]:
        """(labelled pictures,): probability of the answer."""
        return self._columns["probability"][self._known]

    @property
    def loss(self) -> NDArray[np.float64]:
        """(labelled pictures,): negative log probability of the label, in nats."""
        return self._columns["loss"][self._known]

    @property
    def left_out(self) -> int:
        """Number of items that could not be read or scored."""
        return self._part.left_out

    @property
    def top5(self) -> float | None:
        """Share of labelled pictures whose label is among the five largest scores; None below six classes."""
        if self.plan.scores < 6:
            return None
        scores = self._columns["scores"][self._known]
        # of the scores kept, the label's own is the last where not all are
        own = scores[np.arange(len(scores)), self.labels] if self.plan.every else scores[:, -1]
        others = scores if self.plan.every else scores[:, :-1]
        return float(((others > own[:, None]).sum(1) < 5).mean())

    @cached_property
    def logs(self) -> NDArray[np.float64]:
        """(labelled pictures, classes): log probabilities. Raises Refused where not every score was kept."""
        return log_probabilities(self._columns["scores"][self._known], self.plan)

    @cached_property
    def classes(self) -> pandas.DataFrame:
        """One row per class: support, precision, recall, F1 with 95 % Wilson intervals, see :func:`class_table`."""
        return class_table(self.labels, self._columns["prediction"][self._known], self.names)

    @cached_property
    def confusion(self) -> Confusion:
        """Which class is taken for which."""
        return confusion(self.labels, self._columns["prediction"][self._known], self.names)

    @cached_property
    def reliability(self) -> Reliability:
        """Confidence against frequency, beside what chance would show. Raises Refused below 30 pictures."""
        return reliability(self.confidence, self.right)

    @property
    def calibration(self) -> pandas.DataFrame:
        """One row per bin of :attr:`reliability`; ``attrs`` has the error and its chance level."""
        return bins_table(self.reliability)

    @cached_property
    def temperature(self) -> Temperature:
        """One temperature for all scores, fitted on a half, judged on the other. Raises Refused below 60 pictures."""
        return temperature(self.logs, self.labels)

    @cached_property
    def risk_coverage(self) -> RiskCoverage:
        """Share of wrong answers if the least sure ones are declined."""
        return risk_coverage(self.confidence, self.right)

    @cached_property
    def slices(self) -> pandas.DataFrame:
        """One row per slice, the worst first, corrected for having looked at all, see :func:`slice_table`."""
        columns = {name: self._columns[name] for name in SLICED}
        columns |= self._metadata()
        return slice_table(self.right, {name: values[self._known] for name, values in columns.items()})

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Figures of the whole: pictures, accuracy with its interval, calibration, Brier, log loss, …"""
        return headline(self)

    @cached_property
    def _suspects(self) -> SuspectLabels:
        return suspect_labels(np.exp(self.logs), self.labels)

    @property
    def suspect_labels(self) -> pandas.DataFrame:
        """Pictures whose label is suspect, the most suspect first: item, label, suggested, margin.

        By confident learning, see :func:`nbviz.reviews.labels.suspect_labels`. Of pictures that the network was
        trained on it finds less: it may have learnt their labels by heart.
        """
        import pandas

        found, names = self._suspects, np.array(self.names, dtype=object)
        items, labels = self._columns["items"][self._known][found.rows], self.labels[found.rows]
        return pandas.DataFrame(
            {"item": items, "label": names[labels], "suggested": names[found.suggested], "margin": found.margin}
        )

    def order(self, by: Order = "loss", seed: int = 0) -> NDArray[np.int64]:
        """Rows of :attr:`pictures` in an order for looking at them.

        by: "surely wrong" (wrong answers, the surest first), "loss" (largest first), "unsure" (smallest margin first),
        "suspect label" (the suspect ones only), "random" (by ``seed``), "item".
        """
        c = self._columns
        if by == "surely wrong":
            wrong = self._known[~self.right]
            return wrong[np.argsort(-c["probability"][wrong], kind="stable")]
        if by == "loss":
            return self._known[np.argsort(-c["loss"][self._known], kind="stable")]
        if by == "unsure":
            return np.argsort(c["probability"] - c["second"], kind="stable")
        if by == "suspect label":
            return self._known[self._suspects.rows]
        if by == "random":
            return np.random.default_rng(seed).permutation(len(self))
        if by == "item":
            return np.arange(len(self))
        raise unknown("order", by, ORDERS, "a review")

    def cues(self, classes: Sequence[int | str] | None = None, hunt: Hunt | None = None) -> pandas.DataFrame:
        """One row per suspect, the largest lead first: windows that make the network say a class, see :func:`suspects`.

        classes: indices or names; None for all. ``table.attrs["suspects"]`` has their pictures. Raises Refused without
        labels, and for a review loaded without its network and data set.
        """
        model, items = pictures_for(self.items, self.model)
        labels, predictions = np.full(self.plan.items, -1), np.full(self.plan.items, -1)
        labels[self._columns["items"][self._known]] = self.labels
        predictions[self._columns["items"]] = self._columns["prediction"]
        chosen = None if classes is None else [model.class_index(c) if isinstance(c, str) else c for c in classes]
        found = [one for each in suspects(model, items, labels, predictions, hunt, chosen) for one in each]
        return cue_table(found, self.names)

    def shift(
        self,
        corruptions: Sequence[str] | None = None,
        *,
        against: Any = None,
        sample: int | None = 300,
        seed: int = 0,
    ) -> pandas.DataFrame:
        """Accuracy and calibration along five severities of each corruption, or beside another data set.

        corruptions: names in ``nbviz.reviews.CORRUPTIONS``; None for all. sample: pictures, drawn once by ``seed``;
        None for all. against: a data set, or a review of one by the same network; then the table is that of
        :func:`against_table`, and else of :func:`shift_table`.
        """
        model, items = pictures_for(self.items, self.model)
        if against is not None:
            return against_table(self, self._other(against))
        names = chosen(corruptions)
        count = len(self) if sample is None else min(at_least("sample", sample, 1), len(self))
        rows = np.sort(np.random.default_rng(seed).permutation(len(self))[:count])
        numbers, labels = self._columns["items"][rows].tolist(), self._columns["labels"][rows]
        return shift_table(answers_under(model, items, self.plan, numbers, names, seed, labels))

    def _other(self, against: Any) -> Review:
        from nbviz.reviews.making import review

        other = against if isinstance(against, Review) else review(self.model, against, progress=False)
        if other.plan.model != self.plan.model:
            raise NbvizError("against= is a review of another network, or of other weights of this one.")
        return other
