"""Cues: windows that a network leans on and should not, looked for in its maps and proved by changing pictures.

Per class, pictures whose explanations look alike are grouped (as SpRAy does: Lapuschkin et al. 2019,
doi:10.1038/s41467-019-08987-4: spectral clustering of pooled maps, as many groups as the eigenvalues' gap says; here of
integrated gradients). Strong windows of each group are candidates, and only a test of cause flags one.
*Transplanted*: its pixels, put into pictures of other classes at the same place, make the network say this class.
*Removed*: blurred in the group's own pictures, they make it say another. Each stands beside the same done with windows
elsewhere.

A part of an object moves answers as a mark does (the gap between a trouser's legs makes trousers), so a third thing is
asked: the window shows the *same pixels* in many pictures of the class and in few others, as a watermark, a tag or a
frame does. Such patterns are looked for in all of the picture, whether maps point at them or not, and their windows
grow as far as they go. What is chosen by looking is not judged by the same look: patterns come from one half of the
pictures, have to be patterns of the other half, too, and are tested on it, on donors and recipients that had no part in
the choice, against every other window that tiles the picture. The p-value is McNemar's, of the window against the best
of the others on the same recipients, corrected by Holm for all patterns. Windows of maps that are no pattern are listed
beside ten controls and never flagged: cues that look otherwise in every picture (a background, a pose) are among them,
and are for a person to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.reviews.cues.candidates import FEWEST, ROUGH_STEPS, Group, gradient_maps, groups, strongest
from nbviz.reviews.cues.patterns import SIDES, Pattern, patterns
from nbviz.reviews.cues.transplant import elsewhere, lattice, lost, moved
from nbviz.reviews.cues.window import Window
from nbviz.reviews.records.records import Records
from nbviz.reviews.statistics.intervals import holm

if TYPE_CHECKING:
    import pandas

LEAD, LEVEL = 0.05, 0.05
"""A pattern is flagged where it leads the best of its controls by this much, at this corrected p.

Measured on small networks of two kinds, each trained on 4,000 Fashion pictures of its own draw
(``tests.bench.cues``). Marks near a corner, of 3 × 3, 7 × 7 and 10 × 10 pixels, were flagged, each the only flag of
its class, in eleven of the twelve networks where the mark alone moves .05 or more of other pictures: 3 × 3 in 100,
90, 70, 50 % of a class (leads .09, .64, .35, .51), 7 × 7 in 100, 90, 50, 30 % (.24, .59, .79, .16), 10 × 10 in 100,
50, 30 % (.21, .81, .18). Missed: 7 × 7 in 70 % of trousers, which moves .05, and 3 × 3 in 30 % of sandals, which
moves .01. Ten of these thirteen were measured again with windows of background left out, with the same leads. Of six
networks trained cleanly one was flagged while such a window could be a pattern (the gap between a sandal's straps, lead
.053); since then none of nine, each of its own draw and seed, over 889 candidates: two moved enough to be tested, and
neither leads its controls. That leaves a rate of up to .30 for a network possible (95 %, Wilson). All are draws from
the same 5,000 pictures. Windows that are no pattern lead by up to .10 on clean networks.
"""
CONTROLS = 10
"""Windows elsewhere that are removed for comparison."""
COLUMNS = [
    "class", "window", "repeated", "transplanted", "control", "removed", "removed_control", "lead", "p", "corrected",
    "flagged", "pictures",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Suspect:
    """Window of a class's pictures that its explanations point at, and the effect of changing it."""

    index: int
    """The class."""
    window: Window
    pictures: tuple[int, ...]
    """Item numbers of those that have it: of a pattern all of the half that it is tested on, of a window of maps the
    group, the most typical first.
    """
    transplanted: float
    """Share of pictures of other classes that become this class with the window's pixels put in."""
    transplanted_elsewhere: tuple[float, ...]
    """The same with each control window: of a pattern every other, of a window of maps ten; empty for a window that
    makes none become the class, which leads no other.
    """
    removed: float
    """Share of those pictures that are no longer this class with the window blurred."""
    removed_elsewhere: tuple[float, ...]
    """The same with each control window."""
    repeated: float = 0.0
    """Share of the class's pictures of that half that show the same pixels there; 0 for a window of maps that is no
    pattern.
    """
    p: float = np.nan
    """One-sided p on the half of the pictures that it was not found in; NaN for a window of maps."""

    @property
    def lead(self) -> float:
        """Lead of the transplanted window over the best of its controls; at most that, 0, where they weren't asked."""
        return self.transplanted - max(self.transplanted_elsewhere, default=0.0)


@dataclass(frozen=True)
class Hunt:
    """Settings of a hunt for cues."""

    per_class: int = 300
    """Pictures of each class that are looked at, at most: half to choose windows, half to test them."""
    transplants: int = 300
    """Pictures of other classes that windows are put into, at most, in the same halves."""
    controls: int = 10
    """Windows beside one of maps: half of them the next strongest of the group's maps, half at random places."""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Half:
    """Half of the pictures that a class is judged by."""

    numbers: NDArray[np.int64]
    """Items of the class."""
    own: Tensor
    """(N, C, H, W): their inputs."""
    others: Tensor
    """(M, C, H, W): inputs of other classes."""


def suspects(
    model: InstrumentedModel,
    items: Items,
    records: Records,
    hunt: Hunt | None = None,
    classes: Sequence[int] | None = None,
) -> Iterator[list[Suspect]]:
    """Yield each class's suspects, the largest lead first.

    classes: which classes; None for all that have pictures. Raises Refused for data without labels.
    """
    hunt, labels, predictions = hunt or Hunt(), records.labels, records.column("prediction")[records.known]
    numbers = records.column("items")[records.known]
    for index in range(int(labels.max()) + 1) if classes is None else classes:
        rng = np.random.default_rng([hunt.seed, index])  # a class asked for alone comes out as it does among all
        # right answers only: of a wrong one it isn't known what the network leaned on for this class
        own = numbers[(labels == index) & (predictions == index)]
        # neither labelled nor answered as the class: a picture that is it already can't become it
        others = numbers[(labels != index) & (predictions != index)]
        if len(own) < 2 * FEWEST or len(others) < 2:
            # empty, not left out: who follows a hunt counts its classes
            yield []
            continue
        mine, theirs = _halves(own, hunt.per_class, rng), _halves(others, hunt.transplants, rng)
        first, second = (
            Half(some, _read(model, items, some), _read(model, items, rest))
            for some, rest in zip(mine, theirs, strict=True)
        )
        found = _of_patterns(model, first, second, index, rng)
        maps = gradient_maps(model, first.own, int(records.plan.score_of(np.array(index))), ROUGH_STEPS)
        # measured where they were found: windows of maps are listed for a person, and never flagged
        found += [_of_group(model, first, group, index, hunt, rng) for group in groups(maps, hunt.seed)]
        yield sorted(found, key=lambda suspect: -suspect.lead)


def _halves(numbers: NDArray[np.int64], most: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    drawn = rng.choice(numbers, min(len(numbers), most), replace=False)
    # ascending: data sets read fastest in order
    return [np.sort(half) for half in np.array_split(drawn, 2)]


def _of_patterns(
    model: InstrumentedModel, first: Half, second: Half, index: int, rng: np.random.Generator
) -> list[Suspect]:
    # pixels are compared first: a pattern that the other half has not costs no forward
    return [
        _tested(model, second, pattern, index, rng)
        for pattern in patterns(first.own, first.others)
        if pattern.repeats(second.own, second.others) and _moves(model, first, pattern, index, rng)
    ]


def _moves(model: InstrumentedModel, half: Half, pattern: Pattern, index: int, rng: np.random.Generator) -> bool:
    """Return whether a pattern moves enough answers to lead by as much, in the half that it was found in."""
    donors = half.own[rng.choice(pattern.rows(half.own), len(half.others))]
    return bool(moved(model, half.others, donors, [pattern.window], index).mean() >= LEAD)


def _of_group(
    model: InstrumentedModel, half: Half, group: Group, index: int, hunt: Hunt, rng: np.random.Generator
) -> Suspect:
    """The window that a group's maps point at most, beside the next strongest and some at random places."""
    height, width = half.own.shape[2:]
    # the smaller side: a larger window holds enough of an object to make its class by rights
    side = (max(2, round(SIDES[0] * height)), max(2, round(SIDES[0] * width)))
    window, *rivals = strongest(group.mean, side, 1 + hunt.controls // 2)
    places = [window, *rivals, *elsewhere(window, (height, width), hunt.controls - len(rivals), rng)]
    return _measured(model, half, group.members, places, places, index, rng)[0]


def _tested(model: InstrumentedModel, half: Half, pattern: Pattern, index: int, rng: np.random.Generator) -> Suspect:
    """A pattern in the half of the pictures that it was not found in, against every other window."""
    from scipy.stats import binomtest

    places = [pattern.window, *lattice(pattern.window, (half.own.shape[2], half.own.shape[3]))]
    # blurred are ten of them, transplanted all: what flags is the transplant
    some = [places[0], *(places[1 + at] for at in rng.permutation(len(places) - 1)[:CONTROLS])]
    members = pattern.rows(half.own)
    suspect, became = _measured(model, half, members, places, some, index, rng)
    mine, *others = became
    # the best of all others on these very pictures: what is chosen by looking is chosen against the window
    rival = max(others, key=np.mean, default=mine)
    won, beaten = int((mine & ~rival).sum()), int((rival & ~mine).sum())
    # one-sided: a window that moves fewer than its rival is no cue, however clearly it does
    p = float(binomtest(won, won + beaten, alternative="greater").pvalue) if won + beaten else 1.0
    return replace(suspect, repeated=len(members) / len(half.own), p=p)


def _measured(
    model: InstrumentedModel,
    half: Half,
    members: NDArray[np.int64],
    places: Sequence[Window],
    blurred: Sequence[Window],
    index: int,
    rng: np.random.Generator,
) -> tuple[Suspect, NDArray[np.bool_]]:
    """The first of some windows beside the others; and (windows, M), which recipients each of them moved."""
    # one for each recipient, drawn with repetition: ten pictures may have a pattern and 150 are changed
    donors = half.own[rng.choice(members, len(half.others))]
    became = moved(model, half.others, donors, places[:1], index)
    if became.any():  # what moves none leads no other window, whatever those move: most suspects of a clean network
        became = np.concatenate([became, moved(model, half.others, donors, places[1:], index)])
    rates, gone = became.mean(1).tolist(), lost(model, half.own[members], blurred, index).mean(1).tolist()
    pictures = tuple(half.numbers[members].tolist())
    return Suspect(index, places[0], pictures, rates[0], tuple(rates[1:]), gone[0], tuple(gone[1:])), became


def cue_table(found: Sequence[Suspect], names: Sequence[str]) -> pandas.DataFrame:
    """Return one row per suspect, the flagged ones and the largest lead first.

    ``control``, ``removed_control``: the best control's; the first is NaN where the window itself moves none.
    ``repeated``: share of the class's pictures with the same pixels there. ``p`` and ``corrected`` (by Holm): of
    patterns; NaN for windows of maps.
    """
    import pandas

    corrected = holm([suspect.p for suspect in found])
    rows = [
        {
            "class": names[s.index], "window": s.window, "repeated": s.repeated, "transplanted": s.transplanted,
            "control": max(s.transplanted_elsewhere, default=np.nan), "removed": s.removed,
            "removed_control": max(s.removed_elsewhere), "lead": s.lead, "p": s.p, "corrected": p,
            "flagged": bool(p < LEVEL and s.lead >= LEAD),
            "pictures": len(s.pictures),
        }
        for s, p in zip(found, corrected, strict=True)
    ]  # fmt: skip
    table = pandas.DataFrame(rows, columns=COLUMNS)
    order = table.sort_values(["flagged", "lead", "transplanted"], ascending=False, kind="stable").index
    table = table.loc[order].reset_index(drop=True)
    table.attrs["suspects"] = [found[row] for row in order]
    return table


def _read(model: InstrumentedModel, items: Items, numbers: NDArray[np.int64]) -> Tensor:
    return torch.cat([model.input(items.read(int(number))) for number in numbers])
