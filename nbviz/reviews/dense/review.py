"""Review of a network whose answer is not one class per picture: what needs one says so, the rest works."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from nbviz.errors import Refused, unknown
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.sources import DatasetLike
from nbviz.reviews.channels.study import Sampling
from nbviz.reviews.cues.hunt import Hunt, Suspect
from nbviz.reviews.cues.paste import Patch
from nbviz.reviews.dense.plan import DensePlan
from nbviz.reviews.dense.samples import Truths
from nbviz.reviews.dense.slices import mean_slices
from nbviz.reviews.masks import Truth
from nbviz.reviews.records.records import Records
from nbviz.reviews.result import Order, Review
from nbviz.reviews.statistics.calibration import RiskCoverage, Temperature
from nbviz.reviews.statistics.slices import slices_of

if TYPE_CHECKING:
    import pandas


class DenseReview(Review):
    """Base of reviews of masks and of boxes; :attr:`scores` is a picture's own figure, in 0…1."""

    plan: DensePlan
    noun: ClassVar[str]
    """The answers, for sentences: "masks"."""
    orders: ClassVar[tuple[str, ...]]
    """Orders of the pictures that there are."""
    truths: Truths = Truths()
    """True masks or boxes of the items, read again where they are drawn."""

    def refuse(self, what: str) -> NoReturn:
        """Raise Refused for what needs one answer per picture."""
        raise Refused(
            f"{what} need one class per picture, and {self.name} puts out {self.noun}: review.classes, review.pictures "
            "and review.slices tell how it does."
        )

    @property
    def name(self) -> str:
        """Name of the network, for sentences."""
        return "the network" if self.model is None else self.model.name

    @property
    def labelled(self) -> bool:
        return bool(self._known_rows.any())

    @property
    def _known_rows(self) -> NDArray[np.bool_]:
        """Return which pictures have a truth, (pictures,)."""
        raise NotImplementedError

    @cached_property
    def known(self) -> NDArray[np.int64]:
        """Rows of :attr:`pictures` that have a truth. Raises Refused where none has."""
        rows = np.flatnonzero(self._known_rows)
        if not len(rows):
            raise Refused(
                f"The data set has no {self.noun}, so nothing tells right from wrong: pass labels= to nbviz.review, "
                "one per item, or a data set whose items are pairs with them."
            )
        return rows

    @property
    def figure(self) -> NDArray[np.float64]:
        """Figure of each picture that has a truth, 0…1."""
        raise NotImplementedError

    def order(self, by: Order = "worst", seed: int = 0) -> NDArray[np.int64]:
        """Rows of :attr:`pictures` in an order for looking at them.

        by: one of :attr:`orders`: "random" is drawn by ``seed``, "item" is the data set's own, others are as
        :meth:`ranked` says.
        """
        if by not in self.orders:
            raise unknown("order", by, self.orders, f"a review of {self.noun}")
        if by == "random":
            return np.random.default_rng(seed).permutation(len(self))
        return np.arange(len(self)) if by == "item" else self.ranked(by)

    def ranked(self, by: Order) -> NDArray[np.int64]:
        """Rows of :attr:`pictures` by a figure."""
        raise NotImplementedError

    def words(self, row: int) -> str:
        """Describe how well a row of :attr:`pictures` was answered."""
        raise NotImplementedError

    def drawn(self, item: int, side: int) -> NDArray[np.uint8]:
        """Draw an item's picture, uint8 (h, w, 3), its longer side ``side`` pixels, with the answer and the truth.

        Raises NbvizError where it can't be read, and without network and data set.
        """
        raise NotImplementedError

    def _twin(self, model: InstrumentedModel | None, held_out: NDArray[np.float64] | None) -> Review:
        if held_out is not None:
            self.refuse("Folds")
        twin = type(self)(self.plan, self._part, self.notes, model, self.items, self.metadata)
        twin.truths = self.truths
        return twin

    @cached_property
    def slices(self) -> pandas.DataFrame:
        """One row per slice, by the pictures' own figures, see :func:`mean_slices`."""
        return mean_slices(self.figure, {part: inside[self.known] for part, inside in self.parts.items()})

    @property
    def _sliced(self) -> dict[str, NDArray[Any]]:
        """Return columns that are cut into slices: the picture's own appearance, and those handed in."""
        return {**self.appearance(), **self.metadata_columns()}

    @cached_property
    def parts(self) -> dict[tuple[str, str], NDArray[np.bool_]]:
        cut = slices_of({name: values[self.known] for name, values in self._sliced.items()})
        return {part: self._spread(inside) for part, inside in cut.items()}

    # -- what needs one class per picture -------------------------------------------------------------

    @property
    def labels(self) -> NDArray[np.int64]:
        self.refuse("Labels")

    @property
    def right(self) -> NDArray[np.bool_]:
        self.refuse("Right and wrong answers")

    @property
    def probability(self) -> NDArray[np.float64]:
        self.refuse("Probabilities of answers")

    @property
    def confidence(self) -> NDArray[np.float64]:
        self.refuse("Probabilities of answers")

    @property
    def top5(self) -> float | None:
        return None

    @property
    def brier(self) -> float:
        self.refuse("Brier scores")

    @cached_property
    def class_calibration(self) -> pandas.DataFrame:
        self.refuse("Calibrations of each class")

    @cached_property
    def temperature(self) -> Temperature:
        self.refuse("Temperatures")

    @cached_property
    def risk_coverage(self) -> RiskCoverage:
        self.refuse("Risk and coverage")

    @property
    def suspect_labels(self) -> pandas.DataFrame:
        self.refuse("Suspect labels")

    def every_log(self) -> NDArray[np.float64]:
        self.refuse("Probabilities of all classes")

    def hunting(
        self,
        classes: Sequence[int | str] | None = None,  # noqa: ARG002 - as of all reviews
        hunt: Hunt | None = None,  # noqa: ARG002 - as of all reviews
    ) -> Iterator[list[Suspect]]:
        self.refuse("Cues")

    def shifting(self, corruptions: Sequence[str] | None = None, **options: object) -> NoReturn:  # noqa: ARG002 - as of all reviews
        self.refuse("Answers under corruptions")

    def shift(self, corruptions: Sequence[str] | None = None, **options: object) -> NoReturn:  # noqa: ARG002 - as of all reviews
        self.refuse("Answers under corruptions")

    def drifting(self, other: Records, layer: str | None = None, **options: object) -> NoReturn:  # noqa: ARG002 - so
        self.refuse("Comparisons with another data set")

    def studying(self, layer: str | None = None, sampling: Sampling | None = None, **options: object) -> NoReturn:  # noqa: ARG002 - so
        self.refuse("Channels by class")

    def evidence(self, truth: Truth | None = None, **options: object) -> NoReturn:  # noqa: ARG002 - as of all reviews
        self.refuse("Shares of a class's evidence")

    def pair_maps(self, label: int | str, prediction: int | str, **options: object) -> NoReturn:  # noqa: ARG002 - as of all reviews
        self.refuse("Maps of a confused pair")

    def paste(self, patch: Patch, place: tuple[int, int] = (0, 0), **options: object) -> NoReturn:  # noqa: ARG002 - so
        self.refuse("Pasted patches")

    def influences(self, item: int, training: DatasetLike | Records | None = None, top: int = 10) -> NoReturn:  # noqa: ARG002 - so
        self.refuse("Influences of training pictures")

    def directions(self, label: int | str, count: int = 4) -> NoReturn:  # noqa: ARG002 - as of all reviews
        self.refuse("Directions of features")
