"""Library of real pictures: an index, where there is one, and the pictures one could be made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableMapping

from nbviz.dataset import Atlas, Index, fitting
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import Picture
from nbviz.pictures.samples import Items
from nbviz.pictures.sources import DatasetLike, Source
from nbviz.reviews.making import fitting as fitting_review
from nbviz.reviews.result import Review


class Library:
    """Index of the network as it is, and the Explorer's own pictures. One per Explorer.

    images: what the Explorer was given; of a data set or folder it shows the first few, and here all are meant.
    version: the network's fingerprint; a context's is looked up once an act.
    """

    def __init__(
        self,
        model: InstrumentedModel,
        pictures: MutableMapping[str, Picture],
        index: Index | None = None,
        images: DatasetLike | None = None,
        atlas: Atlas | None = None,
        review: Review | None = None,
        version: Callable[[], Hashable] | None = None,
    ) -> None:
        self._model, self._pictures = model, pictures
        source = None if images is None else Source.ensure(images)
        # a few pictures are looked through as they are; only a data set is more than what is shown of it
        self._whole = Items.ensure(source) if source is not None and source.is_data_set else None
        self._index = None if index is None else fitting(index, model)
        self.ahead = images is None and index is None and review is None
        """True if the pictures are nbviz's own photographs, few enough to be looked through before anybody asks."""
        self._now: Callable[[], Hashable] = version or model.fingerprint
        self._version = self._now()
        self._own: Items | None = None
        self._own_pictures: list[Picture] = []
        """Pictures that those items are of."""
        self.atlas = None if atlas is None else atlas.of(model)
        """An atlas made before, of this network."""
        self.review = None if review is None else fitting_review(review, model)
        """The review: one made before, of this network, or the one that was made here last."""

    @property
    def index(self) -> Index | None:
        """Index; None where there is none, or the network has changed since."""
        # dropped by nobody: the weights may come back to what it is of, as after an epoch that is taken back
        return self._index if self._index is not None and self._version == self._now() else None

    def put(self, index: Index) -> None:
        """Take over an index that was made just now."""
        self._index, self._version = index, self._now()

    def knowing(self, layer: str) -> Index | None:
        """Return the index, where it has this layer."""
        index = self.index
        return index if index is not None and layer in index.layers else None

    @property
    def whole(self) -> Items | None:
        """Data set of the index, else the one the Explorer was given; None where it was given pictures."""
        known = None if self._index is None else self._index.items
        return self._whole if known is None else known

    def items(self) -> Items:
        """Items that an index would be made of: the data set, else the Explorer's pictures."""
        if self.whole is not None:
            return self.whole
        if not self._pictures:
            raise NbvizError("There are no pictures to look through.")
        # by identity: one that is taken away and one that is added leave the number as it was
        now = list(self._pictures.values())
        if self._own is None or list(map(id, self._own_pictures)) != list(map(id, now)):
            self._own, self._own_pictures = Items.ensure(now), now
        return self._own

    @property
    def count(self) -> int:
        """Number of those pictures."""
        return len(self._pictures) if self.whole is None else len(self.whole)

    def open(self, number: int) -> str:
        """Put an item among the Explorer's pictures, where it isn't yet, and return its name there.

        number: its place in what an index is made of. Raises NbvizError for a number that isn't there, or an item that
        can't be read.
        """
        if not 0 <= number < self.count:
            raise NbvizError(f"There is no picture {number}: there are {self.count:,}, numbered from 0.")
        if self.whole is None:
            return list(self._pictures)[number]
        return self.take(self.whole.read(number))

    def take(self, picture: Picture) -> str:
        """Put a picture among the Explorer's, where it isn't yet, and return its name; NbvizError for a damaged one."""
        if picture.name not in self._pictures:
            picture.open()  # a damaged one must not be chosen
            self._pictures[picture.name] = picture
        return picture.name

    def names(self, name: str) -> dict[int, str]:
        """Return the id of each object of it → its Python expression. name: the library's own."""
        parts: dict[str, object] = {"index": self.index, "atlas": self.atlas, "review": self.review}
        parts |= {"whole": self.whole, "items()": self._own}
        return {id(value): f"{name}.{part}" for part, value in parts.items() if value is not None}

    def forget(self) -> None:
        """Let go of everything."""
        self._index = self._own = self._whole = self.atlas = self.review = None
        self._own_pictures = []
