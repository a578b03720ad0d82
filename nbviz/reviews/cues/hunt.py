"""Hunt for cues: windows that a network leans on and should not, found in its maps and proved by changing pictures.

Per class, pictures whose explanations look alike are grouped (as SpRAy does: Lapuschkin et al. 2019,
doi:10.1038/s41467-019-08987-4; here k-means over pooled integrated gradients). Each group's strongest window is a
suspect, and only a test of cause flags it. *Transplanted*: its pixels, put into pictures of other classes at the same
place, make the network say this class. *Removed*: blurred in the group's own pictures, they make it say another. Each
stands beside the same done with windows elsewhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nbviz.attribution.baselines import baseline_of, blurred
from nbviz.errors import NbvizError, Refused
from nbviz.lazy_sklearn import scikit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.subject import Subject
from nbviz.pictures.samples import Items
from nbviz.replica.guest import Pass

if TYPE_CHECKING:
    import pandas

CELLS, GROUPS, FEWEST = 14, 3, 10
"""Cells a side of the pooled maps; groups of a class; pictures of a group at least."""
STEPS = 8
"""Gauss–Legendre points of integrated gradients: pooled maps of groups need no more."""
SIDE = 4 / 28
"""Side of a window, as a share of the picture's: larger ones hold enough of an object to make its class by rights."""
LEAD = 0.15
"""A suspect is flagged where it leads the best of its controls by this much.

Measured on small networks for 4,000 Fashion pictures, 30 suspects each. Of three trained cleanly two are silent
(largest leads 0.06 and 0.12) and one has a suspect flagged (0.23); all three are a bag's left edge, which no other
class has; without bags no lead is above 0.05. A mark of 3 × 3 pixels in 70 % of trousers led by 0.27 (the bag
there by 0.20), in 90 % of sneakers by 0.22, in 30 % of pullovers by 0.33. A flag is a reason to look at pictures.
"""
BATCH = 64
Window = tuple[int, int, int, int]
"""(top, left, bottom, right) in pixels of the network's input."""


COLUMNS = [
    "class", "window", "transplanted", "control", "removed", "removed_control", "lead", "flagged", "pictures",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Suspect:
    """Window of a class's pictures that its explanations point at, and the effect of changing it."""

    index: int
    """The class."""
    window: Window
    pictures: tuple[int, ...]
    """Item numbers of the group, the most typical first."""
    transplanted: float
    """Share of pictures of other classes that become this class with the window's pixels put in."""
    transplanted_elsewhere: tuple[float, ...]
    """The same with each control window."""
    removed: float
    """Share of the group's pictures that are no longer this class with the window blurred."""
    removed_elsewhere: tuple[float, ...]
    """The same with each control window."""

    @property
    def lead(self) -> float:
        """Lead of the transplanted window over the best of its controls."""
        return self.transplanted - max(self.transplanted_elsewhere)

    @property
    def flagged(self) -> bool:
        """True if the lead is above :data:`LEAD`."""
        return self.lead >= LEAD


@dataclass(frozen=True)
class Hunt:
    """Settings of a hunt for cues."""

    per_class: int = 200
    """Pictures of each class whose maps are looked at, at most."""
    transplants: int = 200
    """Pictures of other classes that a window is put into, at most."""
    controls: int = 10
    """Windows elsewhere: half of them the next strongest of the group's maps, half at random places."""
    seed: int = 0


def suspects(
    model: InstrumentedModel,
    items: Items,
    labels: NDArray[np.int64],
    predictions: NDArray[np.int64],
    hunt: Hunt | None = None,
    classes: Sequence[int] | None = None,
) -> Iterator[list[Suspect]]:
    """Yield each class's suspects, the largest lead first.

    labels: (N,) the items' classes, −1 where there is none. predictions: (N,) the network's answers, −1 for items that
    can't be read. classes: which classes; None for all that have pictures. Raises Refused for data without labels.
    """
    hunt = hunt or Hunt()
    if not (labels >= 0).any():
        raise Refused("Cues are hunted per class: the data set has no labels. Pass labels=.")
    rng = np.random.default_rng(hunt.seed)
    for index in range(int(labels.max()) + 1) if classes is None else classes:
        own = np.flatnonzero((labels == index) & (predictions == index))
        others = np.flatnonzero((labels != index) & (labels >= 0) & (predictions != index) & (predictions >= 0))
        if len(own) < FEWEST or not len(others):
            yield []
            continue
        own = np.sort(rng.choice(own, min(len(own), hunt.per_class), replace=False))
        others = np.sort(rng.choice(others, min(len(others), hunt.transplants), replace=False))
        found = _of_class(model, _read(model, items, own), _read(model, items, others), index, own, hunt, rng)
        yield sorted(found, key=lambda suspect: -suspect.lead)


def cue_table(found: Sequence[Suspect], names: Sequence[str]) -> pandas.DataFrame:
    """Return one row per suspect, the largest lead first; ``control``, ``removed_control``: the best control's."""
    import pandas

    ordered = sorted(found, key=lambda suspect: -suspect.lead)
    rows = [
        {
            "class": names[s.index], "window": s.window, "transplanted": s.transplanted,
            "control": max(s.transplanted_elsewhere), "removed": s.removed, "removed_control": max(s.removed_elsewhere),
            "lead": s.lead, "flagged": s.flagged, "pictures": len(s.pictures),
        }
        for s in ordered
    ]  # fmt: skip
    table = pandas.DataFrame(rows, columns=COLUMNS)
    table.attrs["suspects"] = ordered
    return table


def _of_class(
    model: InstrumentedModel, own: Tensor, others: Tensor, index: int, numbers: NDArray[np.int64], hunt: Hunt, rng: Any
) -> list[Suspect]:
    height, width = own.shape[2:]
    side = (max(2, round(SIDE * height)), max(2, round(SIDE * width)))
    maps = model.guest.steady(lambda run: _maps(model, run, own, index))
    groups = _groups(functional.adaptive_avg_pool2d(maps[:, None], CELLS).flatten(1).numpy(), hunt.seed)
    found = []
    for members in groups:
        # the mean of shares, so that one picture with large values is not the group
        shares = maps[members] / maps[members].sum((1, 2), keepdim=True).clamp(min=1e-12)
        typical = members[_typical(shares)]
        window, *rivals = _strongest(shares.mean(0), side, 1 + hunt.controls // 2)
        drawn = _elsewhere(window, (height, width), side, hunt.controls - len(rivals), rng)
        elsewhere = (*rivals, *drawn)
        donors = own[rng.choice(members, len(others))]
        put = [_answers(model, _put(others, donors, place), index) for place in (window, *elsewhere)]
        lost = [1 - _answers(model, _blurred(own[members], place), index) for place in (window, *elsewhere)]
        pictures = tuple(int(number) for number in numbers[typical])
        found.append(Suspect(index, window, pictures, put[0], tuple(put[1:]), lost[0], tuple(lost[1:])))
    return found


def _maps(model: InstrumentedModel, run: Pass, pictures: Tensor, index: int) -> Tensor:
    """Return (N, H, W): integrated gradients from black, absolute, summed over channels, on the CPU."""
    points, weights = np.polynomial.legendre.leggauss(STEPS)
    done = []
    for batch in pictures.split(BATCH):
        black = baseline_of(batch[:1], "black", model.transform)
        subject, total = Subject(model, run, batch[:1], Target(index=index)), torch.zeros_like(batch)
        for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
            total += float(weight) * subject.gradient(black + float(point) * (batch - black))[1]
        done.append((total * (batch - black)).abs().sum(1).float().cpu())
    return torch.cat(done)


def _groups(maps: NDArray[np.float32], seed: int) -> list[NDArray[np.int64]]:
    """Group the rows of pooled maps (N, cells) that look alike, no group of fewer than ten."""
    shares = maps / np.maximum(maps.sum(1, keepdims=True), 1e-12)
    if len(maps) < GROUPS * FEWEST:
        return [np.arange(len(maps))]
    with warnings.catch_warnings():
        # maps that are all the same make fewer groups, which is no mistake of anybody's
        warnings.filterwarnings("ignore", category=scikit("exceptions").ConvergenceWarning)
        places = scikit("cluster").KMeans(GROUPS, n_init=4, random_state=seed).fit_predict(shares)
    found = [np.flatnonzero(places == group) for group in range(GROUPS)]
    return [members for members in found if len(members) >= FEWEST]


def _typical(shares: Tensor) -> NDArray[np.int64]:
    mean = shares.mean(0)
    return (shares - mean).abs().sum((1, 2)).argsort(stable=True).numpy()


def _strongest(mean: Tensor, side: tuple[int, int], count: int) -> list[Window]:
    """Return the windows with the largest share of a map (H, W) that don't overlap, in order."""
    sums = functional.avg_pool2d(mean[None, None], side, stride=1)[0, 0].clone()
    found: list[Window] = []
    while len(found) < count and bool((sums > 0).any() or not found):
        top, left = divmod(int(sums.flatten().argmax()), sums.shape[1])
        found.append((top, left, top + side[0], left + side[1]))
        sums[max(0, top - side[0] + 1) : top + side[0], max(0, left - side[1] + 1) : left + side[1]] = 0
    return found


def _elsewhere(window: Window, size: tuple[int, int], side: tuple[int, int], count: int, rng: Any) -> list[Window]:
    """Return windows of the same size at random places that don't overlap the one."""
    tops, lefts = np.meshgrid(np.arange(size[0] - side[0] + 1), np.arange(size[1] - side[1] + 1), indexing="ij")
    apart = (np.abs(tops - window[0]) >= side[0]) | (np.abs(lefts - window[1]) >= side[1])
    places = np.argwhere(apart)
    if not len(places):
        raise NbvizError(f"A picture of {size[0]} × {size[1]} pixels has no room for control windows beside a cue's.")
    chosen = places[rng.choice(len(places), min(count, len(places)), replace=False)]
    return [(int(top), int(left), int(top) + side[0], int(left) + side[1]) for top, left in chosen]


def _put(pictures: Tensor, donors: Tensor, window: Window) -> Tensor:
    top, left, bottom, right = window
    changed = pictures.clone()
    changed[:, :, top:bottom, left:right] = donors[:, :, top:bottom, left:right]
    return changed


def _blurred(pictures: Tensor, window: Window) -> Tensor:
    return _put(pictures, blurred(pictures, max(1.0, min(pictures.shape[2:]) * 15 / 224 * 2)), window)


def _answers(model: InstrumentedModel, pictures: Tensor, index: int) -> float:
    """Return the share of pictures that the network puts in the class."""
    with torch.no_grad():
        said = [model(batch).argmax(1) == index for batch in pictures.split(BATCH)]
    return float(torch.cat(said).double().mean())


def _read(model: InstrumentedModel, items: Items, numbers: NDArray[np.int64]) -> Tensor:
    read: Callable[[int], Tensor] = lambda number: model.input(items.read(int(number)))  # noqa: E731
    return torch.cat([read(number) for number in numbers])
