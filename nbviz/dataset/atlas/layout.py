"""From activations to a map: directions, the axes along which they differ most, two dimensions, a grid of cells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from nbviz.lazy_sklearn import scikit

AXES = 50
MANY = 10_000
"""Points from which umap-learn is the faster one: it takes 50 s to start, t-SNE 2 s a thousand points."""
EDGE = 0.005
"""Share of points at either end of an axis that go to the outermost cells."""
SMALLEST, LARGEST, EACH = 6, 20, 9
"""Cells a side, at least and at most, and points a cell that are aimed at."""
ROUNDS = 500
"""Of t-SNE: half its usual number. What a further one moves is less than a cell."""
POLL = 0.05


@dataclass(frozen=True)
class Axes:
    """Directions are compared in these: a point is brought to length 1, centred, and projected."""

    centre: np.ndarray
    """(C,)."""
    basis: np.ndarray
    """(d, C)."""

    @classmethod
    def of(cls, values: np.ndarray, seed: int) -> Axes:
        """The axes along which the directions of values (N, C) differ most."""
        unit = units(values)
        pca = scikit("decomposition").PCA(min(AXES, *values.shape), svd_solver="randomized", random_state=seed)
        found = pca.fit(unit)
        return cls(found.mean_.astype(np.float32), found.components_.astype(np.float32))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(N, C) → (N, d)."""
        return (units(values) - self.centre) @ self.basis.T


def units(values: np.ndarray) -> np.ndarray:
    """(N, C) with rows of length 1; a row of zeros stays."""
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(length > 0, length, 1)


def chosen_layout(asked: str, points: int) -> str:
    """Choose for "auto": t-SNE, or for many points umap-learn where it is installed."""
    if asked != "auto":
        return asked
    return "umap" if points > MANY and find_spec("umap") is not None else "tsne"


def flattened(points: np.ndarray, layout: str, seed: int) -> np.ndarray:
    """(N, d) → (N, 2), each axis in 0…1; the same for the same seed on the same number of threads."""
    made = _LAYOUTS[layout](points, seed)
    low, high = np.quantile(made, [EDGE, 1 - EDGE], axis=0)
    return np.clip((made - low) / np.maximum(high - low, 1e-12), 0, 1).astype(np.float32)


def _pca(points: np.ndarray, seed: int) -> np.ndarray:
    return points[:, :2] if points.shape[1] > 1 else np.concatenate([points, np.zeros_like(points)], 1)


def _tsne(points: np.ndarray, seed: int) -> np.ndarray:
    perplexity = min(30.0, (len(points) - 1) / 4)
    start = _pca(points, seed)
    # its own "pca" start would be the same, computed again
    start = start / max(float(start[:, 0].std()), 1e-12) * 1e-4
    made = scikit("manifold").TSNE(2, perplexity=perplexity, init=start, max_iter=ROUNDS, random_state=seed)
    return made.fit_transform(points)


def _umap(points: np.ndarray, seed: int) -> np.ndarray:
    import umap

    return umap.UMAP(n_neighbors=min(15, len(points) - 1), random_state=seed, n_jobs=1).fit_transform(points)


_LAYOUTS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}


def side_of(points: int) -> int:
    """Cells a side."""
    return int(np.clip(round((points / EACH) ** 0.5), SMALLEST, LARGEST))


def gridded(flat: np.ndarray, side: int) -> np.ndarray:
    """(N,) which square of a grid each point lies in, counted by rows; y runs down."""
    column, row = np.minimum((flat * side).astype(int), side - 1).T
    return row * side + column


def beside(work: Callable[[], Any]) -> Iterator[Any]:
    """Work in a thread of its own: yields None until it is done, then its answer.

    Left early, the thread ends by itself and its answer is dropped: neither t-SNE nor UMAP can be stopped.
    """
    answers: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that asked
            errors.append(error)

    thread = threading.Thread(target=run, name="nbviz layout", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL)
        yield None
    if errors:
        raise errors[0]
    yield answers[0]
