"""Review of a network whose answer is not one class per picture: what needs one says so, the rest works."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from nbviz.errors import Refused, unknown
from nbviz.model.instrumented import InstrumentedModel
from nbviz.reviews.dense.plan import DensePlan
from nbviz.reviews.dense.samples import Truths
from nbviz.reviews.dense.slices import mean_slices
from nbviz.reviews.result import Order, Review
from nbviz.reviews.statistics.slices import slices_of

if TYPE_CHECKING:
    import pandas


class _Refusal:
    """Property of a review that needs one class per picture: asking for it raises Refused."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __get__(self, review: DenseReview | None, _: object = None) -> NoReturn:
        if review is None:
            raise AttributeError(f"{self._what} belong to a review.")
        review.refuse(self._what)


def _refusing(what: str) -> Callable[..., NoReturn]:
    """Return a method of a review that needs one class per picture: calling it raises Refused."""

    def refuse(review: DenseReview, *_: object, **__: object) -> NoReturn:
        review.refuse(what)

    return refuse


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

    labels = _Refusal("Labels")
    right = _Refusal("Right and wrong answers")
    probability = confidence = _Refusal("Probabilities of answers")
    every_log = _refusing("Probabilities of all classes")
    top5 = None
    brier = _Refusal("Brier scores")
    class_calibration = _Refusal("Calibrations of each class")
    temperature = _Refusal("Temperatures")
    risk_coverage = _Refusal("Risk and coverage")
    suspect_labels = _Refusal("Suspect labels")
    hunting = _refusing("Cues")
    shifting = shift = _refusing("Answers under corruptions")
    drifting = _refusing("Comparisons with another data set")
    studying = _refusing("Channels by class")
    evidence = _refusing("Shares of a class's evidence")
    pair_maps = _refusing("Maps of a confused pair")
    paste = _refusing("Pasted patches")
    influences = _refusing("Influences of training pictures")
    directions = _refusing("Directions of features")
