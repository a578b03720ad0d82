"""Probes of a review: what changing pictures, or looking at other ones, tells of the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nbviz.arguments import at_least, seed_number
from nbviz.edits.channels import Fill
from nbviz.errors import NbvizError
from nbviz.pictures.samples import Items
from nbviz.pictures.sources import DatasetLike
from nbviz.reviews.channels.study import ChannelStudy, Sampling, studying
from nbviz.reviews.cues.directions import Directions, directions_of
from nbviz.reviews.cues.hunt import Hunt, Suspect, cue_table, suspects
from nbviz.reviews.cues.paste import Patch, paste_table
from nbviz.reviews.cues.places import evidence_table
from nbviz.reviews.influence import check_influence, influence_table
from nbviz.reviews.masks import Truth
from nbviz.reviews.pair_maps import PairMaps, comparing
from nbviz.reviews.records.making import record
from nbviz.reviews.records.records import Records
from nbviz.reviews.shift.against import against_table, drift
from nbviz.reviews.shift.answers import Answers, Changes, Key, answers_under, chosen, pictures_for, shift_table

if TYPE_CHECKING:
    import pandas


class Probes(Records):
    """Records whose network and pictures can be asked again."""

    training: Records | Items | None = None
    """Pictures that the network was trained on, as far as they were given, and the answers to them once recorded."""
    against: Records | Items | None = None
    """Pictures of another kind that :meth:`shift` may be asked against, and the answers to them once recorded."""

    def cues(self, classes: Sequence[int | str] | None = None, hunt: Hunt | None = None) -> pandas.DataFrame:
        """One row per suspect, the largest lead first: windows that make the network say a class, see :func:`suspects`.

        classes: indices or names; None for all. ``table.attrs["suspects"]`` has their pictures. Raises Refused without
        labels, and for a review loaded without its network and data set.
        """
        return cue_table([one for each in self.hunting(classes, hunt) for one in each], self.names)

    def hunting(self, classes: Sequence[int | str] | None = None, hunt: Hunt | None = None) -> Iterator[list[Suspect]]:
        """Hunt class by class, as :meth:`cues` does; yield each class's suspects."""
        model, items = pictures_for(self.items, self.model)
        numbers = None if classes is None else [self.class_index(one) for one in classes]
        return suspects(model, items, self, hunt, numbers)

    def shift(
        self,
        corruptions: Sequence[str] | None = None,
        *,
        own: Mapping[str, Any] | None = None,
        against: DatasetLike | Records | None = None,
        layer: str | None = None,
        sample: int | None = 300,
        maps: int = 0,
        seed: int = 0,
    ) -> pandas.DataFrame:
        """Accuracy and calibration along five severities of each corruption, or beside another data set.

        corruptions: names in ``nbviz.reviews.CORRUPTIONS``; None for all, unless ``own`` has some: name → a function
        of a PIL picture, as the network sees it, that returns another. maps: pictures whose maps are compared, where
        the answer holds. sample: pictures, drawn once by ``seed``; None for all. against: a data set, or a review of
        one by the same network; then the table is that of :func:`against_table`, and else of :func:`shift_table`.
        layer: whose channels are compared, over ``sample`` pictures of both; None for the inputs of a linear head over
        all pictures, and for a network without one for the last layer with places.
        """
        if against is not None:
            return self._against(self._other(against, "against"), layer, sample, seed)
        if layer is not None:
            raise NbvizError("layer= is of two data sets: pass against= as well.")
        *_, answers = self.shifting(corruptions, own=own, sample=sample, maps=maps, seed=seed)
        assert isinstance(answers, dict)
        return shift_table(answers)

    def shifting(
        self,
        corruptions: Sequence[str] | None = None,
        *,
        own: Mapping[str, Any] | None = None,
        sample: int | None = 300,
        maps: int = 0,
        seed: int = 0,
    ) -> Iterator[int | dict[Key, Answers]]:
        """Measure step by step, as :meth:`shift` does: yield the pictures asked so far, and last all answers."""
        model, items = pictures_for(self.items, self.model)
        names = () if corruptions is None and own else chosen(corruptions)
        changes = Changes(names, own or {}, seed, at_least("maps", maps, 0))
        rows = self.sampled(sample, seed)
        numbers, labels = self._columns["items"][rows].tolist(), self._columns["labels"][rows]
        return answers_under(model, items, self.plan, numbers, changes, labels)

    def _against(self, other: Records, layer: str | None, sample: int | None, seed: int) -> pandas.DataFrame:
        if layer is None and self.plan.features:
            # recorded for every picture of both: no forward is needed
            return against_table(self, other)
        *_, table = self.drifting(other, layer, sample=sample, seed=seed)
        assert not isinstance(table, int)
        return table

    def drifting(
        self, other: Records, layer: str | None = None, *, sample: int | None = 300, seed: int = 0
    ) -> Iterator[int | pandas.DataFrame]:
        """Compare with a review of other pictures step by step: yield the pictures so far, and last the table."""
        model, _ = pictures_for(self.items, self.model)
        other = self._other(other, "other")
        here, there = (drawn(len(one), sample, seed) for one in (self, other))
        return drift(self, other, model, layer, (here, there))

    def _other(self, data: DatasetLike | Records, name: str) -> Records:
        return self.checked(
            data if isinstance(data, Records) else Records(*record(self.model, data, progress=False)), name
        )

    def checked(self, other: Records, name: str) -> Records:
        """Return a review of other pictures; NbvizError for one by another network. name: of the argument."""
        if other.plan.model != self.plan.model:
            raise NbvizError(f"{name}= is a review of another network, or of other weights of this one.")
        return other

    def influences(self, item: int, training: DatasetLike | Records | None = None, top: int = 10) -> pandas.DataFrame:
        """One row per training picture, the loudest for the answer to an item first, see :func:`influence_table`.

        training: the training data, or a review of them by the same network; None for those that the review was given.
        """
        # before the training pictures are looked at, not after
        check_influence(self.plan)
        given = self.training if training is None else training
        if given is None:
            raise NbvizError(
                "Which pictures was the network trained on? Pass training= here or to nbviz.review: a data set, or a "
                "review of one by the same network."
            )
        other = self._other(given, "training")
        if training is None:
            self.training = other  # looked at once
        return influence_table(self, other, item, at_least("top", top, 1))

    def evidence(self, truth: Truth | None = None, *, sample: int = 100, seed: int = 0) -> pandas.DataFrame:
        """One row per place (border, corners, background): the share of the evidence there, see :func:`evidence_table`.

        truth: item → mask or box of the object, in the picture's own pixels. sample: pictures, drawn once by ``seed``.
        """
        model, items = pictures_for(self.items, self.model)
        return evidence_table(model, items, self, self.sampled(sample, seed), truth)

    def pair_maps(self, label: int | str, prediction: int | str, *, sample: int = 100, seed: int = 0) -> PairMaps:
        """Compare the maps of answer and label over the pictures of a confused pair, see :func:`comparing`.

        label, prediction: indices or names of classes. sample: pictures, at most, drawn once by ``seed``.
        """
        *_, found = self.pairing(label, prediction, sample=sample, seed=seed)
        assert isinstance(found, PairMaps)
        return found

    def pairing(
        self, label: int | str, prediction: int | str, *, sample: int = 100, seed: int = 0
    ) -> Iterator[tuple[int, int] | PairMaps]:
        """Compare step by step, as :meth:`pair_maps` does: yield (pictures so far, of how many), and last the maps."""
        model, items = pictures_for(self.items, self.model)
        first, second = (self.class_index(one) for one in (label, prediction))
        return comparing(model, items, self, (first, second), at_least("sample", sample, 1), seed)

    def channels(
        self, layer: str | None = None, sampling: Sampling | None = None, *, fill: Fill = "zero"
    ) -> pandas.DataFrame:
        """One row per channel of a layer, the largest effect first: which class it matters for, and how clear it is.

        layer: a name of ``model.layers()``; None for the last one with places. fill: what a channel that is off puts
        out, as in ``nbviz.edits.Channels``. Columns:

        - ``channel``; ``class``, ``index``: the class whose score it changes most, as it is switched off, on that
          class's own ``pictures``;
        - ``effect``: mean change of that score, without − with, in its own units, with its 95 % interval ``low`` …
          ``high`` (Student's t; NaN of one picture); ``control``: the mean that the layer's other channels do there;
          ``others``: mean change on pictures of other classes; ``corrected``: p of effect against control (paired t),
          by Holm over all channels and classes;
        - ``right``, ``right_without``: share of the class's pictures on which its score is the largest;
        - ``prefers``: class that drives it most, in the mean;
        - ``clarity``, ``polysemanticity``, ``redundancy``, ``nearest``: see
          :func:`nbviz.reviews.channels.concepts.concepts`; NaN for networks without a linear last layer.

        ``attrs``: ``layer``; ``pictures`` that channels were switched off on; ``chance``, measure → range of pictures
        drawn at random; ``study``, the :class:`ChannelStudy` with class profiles and the pictures. Raises NbvizError
        for a layer without channels, Refused for a review loaded without its network and data set.
        """
        *_, study = self.studying(layer, sampling, fill=fill)
        assert isinstance(study, ChannelStudy)
        return study.table()

    def studying(
        self, layer: str | None = None, sampling: Sampling | None = None, *, fill: Fill = "zero"
    ) -> Iterator[tuple[bool, int, int] | ChannelStudy]:
        """Study channels step by step, as :meth:`channels` does; see :func:`nbviz.reviews.channels.study.studying`."""
        model, _ = pictures_for(self.items, self.model)
        return studying(model, self, layer, Sampling() if sampling is None else sampling, fill)

    def paste(
        self, patch: Patch, place: tuple[int, int] = (0, 0), *, sample: int = 300, seed: int = 0
    ) -> pandas.DataFrame:
        """One row per class: how often it is said with a patch put over every picture, see :func:`paste_table`.

        patch: a PIL picture, pixels (H, W) or (H, W, 3), or a text, at its own size in pixels of the network's input.
        place: (top, left). sample: pictures, drawn once by ``seed``.
        """
        model, items = pictures_for(self.items, self.model)
        return paste_table(model, items, self, self.sampled(sample, seed), patch, place)

    def directions(self, label: int | str, count: int = 4) -> Directions:
        """Principal directions of what each feature adds to a class's score, see :func:`directions_of`."""
        model, _ = pictures_for(self.items, self.model)
        return directions_of(model, self, self.class_index(label), at_least("count", count, 1))

    def sampled(self, sample: int | None, seed: int) -> np.ndarray:
        """Return rows of a seeded draw of pictures, ascending; all for None."""
        return drawn(len(self), sample, seed)


def drawn(pictures: int, sample: int | None, seed: int) -> np.ndarray:
    """Return rows of a seeded draw of as many pictures, ascending; all for None."""
    count = pictures if sample is None else min(at_least("sample", sample, 1), pictures)
    # ascending: data sets read fastest in order, and items.batches asks for it
    return np.sort(np.random.default_rng(seed_number(seed)).permutation(pictures)[:count])
