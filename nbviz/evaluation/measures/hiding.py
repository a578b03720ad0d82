"""Hiding parts of the picture at random: whether the score follows as the map predicts.

192 fixed masks of 7 × 7 cells, each cell kept with probability .8, the rest blurred. One set of forwards a
picture and class serves every map of it. A map predicts each score by the sum of its signed values over what is
kept; how many cells are kept is partialled out, for that alone moves scores. It passes when it predicts better
than its own shifted and flipped copies, and is ahead of an edge map and a blob in the centre.

A miss is common and proves nothing: scores are no sums over cells, and even the best sum correlates .5 to .8 with
them. Where the best sum can't predict them either, no map can be tested.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

from nbviz.evaluation.base import Map, Verdict, scored, unable
from nbviz.evaluation.controls import centre, edges
from nbviz.evaluation.maps import cell_sums, empty, partly_hidden, spoken
from nbviz.evaluation.registry import Case, Measured, measure
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.picture import PictureLike

NAME = "hiding"
MASKS, CELLS, PROBABILITY = 192, 7, 0.8
"""Masks; cells a side; probability that a cell is kept."""
ALPHA = 0.05
"""Share of its own copies that may predict as well as a map that passes."""
SURE = 0.8
"""Share of resamples in which a map must be ahead of a control. Chosen among five levels on the study's own
photographs: against .95 a third more true maps pass, and slightly more wrong and random ones."""
RESAMPLES = 1000
"""Draws of the masks for an interval."""
EQUAL = 1e-6
"""Correlations closer than this are equal: rounding must not let a map beat itself."""
REACH = 0.3
"""Correlation that the best sum over cells must reach on masks it has not seen, else no map can be tested."""
FOLDS, RIDGE = 8, 3.0
"""Parts of the masks that the best sum is tested on in turn; its penalty."""
_LOST = {"edges": "plain edges", "centre": "a blob in the centre"}


@dataclass(frozen=True, eq=False)
class Hidings:
    """Target's scores of one picture with parts hidden; shared by all maps of it."""

    masks: torch.Tensor
    """(masks, rows, columns) float64, 1 where a cell is kept."""
    scores: torch.Tensor
    """(masks,) float64; fewer while it is being computed."""
    controls: dict[str, torch.Tensor]
    """Cell sums of maps that know nothing of the network."""
    size: tuple[int, int]
    done: float = 1.0

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.masks.shape[1], self.masks.shape[2]

    @cached_property
    def reach(self) -> float:
        """Partial correlation of the scores with the best sum over cells, cross-validated; NaN where they are flat."""
        cells, predicted = self.masks.flatten(1), torch.zeros_like(self.scores)
        for fold in range(FOLDS):
            out = torch.arange(len(cells), device="cpu") % FOLDS == fold
            predicted[out] = _fitted(cells[~out], self.scores[~out], cells[out])
        return float(_partial(self.scores, predicted[:, None], cells.sum(1))[0])


def hidings(model: InstrumentedModel, picture: PictureLike, target: Target) -> Iterator[Hidings]:
    """Compute the scores of the picture under the fixed masks; the last answer has all 192."""
    x = model.input(picture)
    size = (x.shape[2], x.shape[3])
    cells = (min(CELLS, size[0]), min(CELLS, size[1]))
    fixed = masks(cells)
    known = {"edges": cell_sums(edges(x), size, cells), "centre": cell_sums(centre(size), size, cells)}
    for scores in scored(model, target, lambda: partly_hidden(x, fixed)):
        yield Hidings(fixed, scores, known, size, len(scores) / MASKS)


def masks(cells: tuple[int, int]) -> torch.Tensor:
    """Return the fixed masks, (192, rows, columns) float64, 1 where a cell is kept."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(MASKS, *cells, generator=generator, dtype=torch.float64, device="cpu")
    return (drawn < PROBABILITY).double()


def hiding(trials: Hidings, judged: Map) -> Verdict:
    """Judge whether hiding parts moves the score as the map predicts; takes milliseconds."""
    reason = empty(judged) or _flat(trials.scores)
    if reason:
        return unable(NAME, f"Hiding parts can't tell: {reason}.")
    # so, and not <, for NaN is no reach either
    if not trials.reach >= REACH:
        return unable(NAME, "Hiding parts can't tell: no sum over parts predicts this score.", reach=trials.reach)
    cells = cell_sums(spoken(judged), trials.size, trials.cells)
    return compared(trials, cells)


def compared(trials: Hidings, cells: torch.Tensor) -> Verdict:
    """Return the verdict for a map given by its cell sums."""
    shown = trials.masks.flatten(1)
    copies = _copies(cells)
    r = _partial(trials.scores, shown @ copies.flatten(1).T, shown.sum(1))
    own = float(r[0])
    if own != own:
        return unable(NAME, "Hiding parts can't tell: the map is the same everywhere.")
    p = float((r >= own - EQUAL).sum()) / len(r)  # the map itself is among them: the 1 + of the rule
    ahead, interval = _bootstrap(trials, cells)
    figures = {"r": own, "p": p, "low": interval[0], "high": interval[1], "reach": trials.reach}
    figures |= {f"ahead of {name}": share for name, share in ahead.items()}
    if p >= ALPHA:
        return Verdict(NAME, "not passed", _not_shown(p), figures)
    lost = [_LOST[name] for name, share in ahead.items() if share < SURE]
    if lost:
        words = f"Hiding parts: {' and '.join(lost)} predict{'s' if lost == [_LOST['centre']] else ''} the score"
        return Verdict(NAME, "not passed", f"{words} as well as this map.", figures)
    return Verdict(NAME, "passed", f"Hiding parts moves the score as the map says (p = {p:.3f}).", figures)


def _not_shown(p: float) -> str:
    return f"Hiding parts does not show that this map is right (p = {p:.2f}), nor that it is wrong."


def _flat(scores: torch.Tensor) -> str:
    if not bool(torch.isfinite(scores).all()):
        return "the scores are not finite numbers"
    spread = float(scores.max() - scores.min())
    return "the score stays the same" if spread <= 1e-6 * float(scores.abs().max()) else ""


def _copies(cells: torch.Tensor) -> torch.Tensor:
    """Return the map's cells shifted (around the edges) and flipped in every way, itself first."""
    turned = [cells, cells.flip(0), cells.flip(1), cells.flip(0, 1)]
    # turned by a quarter it is a grid of the same shape only if that is square
    if cells.shape[0] == cells.shape[1]:
        turned += [one.T for one in turned]
    shifts = [(i, j) for i in range(cells.shape[0]) for j in range(cells.shape[1])]
    return torch.stack([one.roll(shift, (0, 1)) for one in turned for shift in shifts])


def _fitted(shown: torch.Tensor, scores: torch.Tensor, unseen: torch.Tensor) -> torch.Tensor:
    """Predict scores of unseen masks by ridge regression on the others."""
    x, y = shown - shown.mean(0), scores - scores.mean()
    weights = torch.linalg.solve(x.T @ x + RIDGE * torch.eye(x.shape[1], dtype=x.dtype, device=x.device), x.T @ y)
    return (unseen - shown.mean(0)) @ weights + scores.mean()


def _partial(scores: torch.Tensor, predicted: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Correlate scores (m,) with predictions (m, k), ``count`` (m,) partialled out of both: (k,)."""
    count = count - count.mean()
    scale = (count @ count).clamp(min=1e-30)
    y = scores - scores.mean()
    y = y - count * (count @ y) / scale
    p = predicted - predicted.mean(0)
    spread = p.norm(dim=0)
    p = p - count[:, None] * (count @ p) / scale
    # a flat map's prediction is the count itself: what is left of it is rounding
    left = torch.where(p.norm(dim=0) > 1e-9 * spread, p.norm(dim=0), torch.nan)
    return (y @ p) / (left * y.norm())


def _bootstrap(trials: Hidings, cells: torch.Tensor) -> tuple[dict[str, float], tuple[float, float]]:
    """Return the share of resamples of the masks in which the map beats each control, and r's 95 % interval."""
    shown = trials.masks.flatten(1)
    rivals = torch.stack([cells, *trials.controls.values()]).flatten(1)
    # another seed than the masks': resamples must not follow them
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randint(len(shown), (RESAMPLES, len(shown)), generator=generator, device="cpu")
    weights = torch.zeros(RESAMPLES, len(shown), dtype=torch.float64, device="cpu")
    weights.scatter_add_(1, drawn, torch.ones_like(weights)).div_(len(shown))
    r = _weighted(torch.stack([trials.scores, shown.sum(1), *(shown @ rivals.T).T]), weights)
    # a resample in which one of the two is flat has no correlation: it counts for the map
    shares = ((r[:, :1] - r[:, 1:]).nan_to_num(1.0) > EQUAL).double().mean(0).tolist()
    low, high = (float(r[:, 0].nan_to_num(0.0).quantile(share)) for share in (0.025, 0.975))
    return dict(zip(trials.controls, shares, strict=True)), (low, high)


def _weighted(variables: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return partial correlations under weights (b, m) of the first variable with the third and on: (b, k − 2)."""
    centred = variables - variables.mean(1, keepdim=True)
    products = torch.einsum("bm,im,jm->bij", weights, centred, centred)
    means = weights @ centred.T
    covariance = products - means[:, :, None] * means[:, None, :]
    spread = covariance.diagonal(dim1=1, dim2=2).clamp(min=1e-30).sqrt()
    r = covariance / (spread[:, :, None] * spread[:, None, :])
    y_n, p_n = r[:, 0, 1:2], r[:, 1, 2:]
    # clamped: where the count alone predicts everything the root would be of a rounding, or of less than 0
    return (r[:, 0, 2:] - y_n * p_n) / ((1 - y_n**2).clamp(min=1e-12) * (1 - p_n**2).clamp(min=1e-12)).sqrt()


@measure(NAME, verdict=True, common=hidings, cost=MASKS, progress="hiding parts")
def _measure(case: Case) -> Measured:
    """Judge whether hiding parts of the picture moves the score as the map says."""
    verdict = hiding(case.common, case.map)
    r, low, high, p = (verdict.figures.get(name, math.nan) for name in ("r", "low", "high", "p"))
    return Measured({"hiding r": (r, low, high), "hiding p": p}, verdict)
