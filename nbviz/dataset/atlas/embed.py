"""Embedding of points in two dimensions by t-SNE or UMAP; as a script, in a process of its own that can be ended.

It imports nothing of nbviz, and its libraries only where they are used: a process starts in what scikit-learn takes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

ROUNDS = 500
"""Of t-SNE: half its usual number. What a further one moves is less than a cell."""


def pca(points: np.ndarray, seed: int) -> np.ndarray:  # noqa: ARG001 - the signature is its caller's
    """Return the first two coordinates of points (N, d), whose axes are principal ones: (N, 2)."""
    return points[:, :2] if points.shape[1] > 1 else np.concatenate([points, np.zeros_like(points)], 1)


def tsne(points: np.ndarray, seed: int) -> np.ndarray:
    """Return t-SNE of points (N, d), begun at their first two axes: (N, 2)."""
    from sklearn.manifold import TSNE

    # t-SNE refuses a perplexity as large as the number of points
    perplexity = min(30.0, (len(points) - 1) / 4)
    start = pca(points, seed)
    # its own "pca" start would be the same, computed again
    start = start / max(float(start[:, 0].std()), 1e-12) * 1e-4
    return TSNE(2, perplexity=perplexity, init=start, max_iter=ROUNDS, random_state=seed).fit_transform(points)


def umap(points: np.ndarray, seed: int) -> np.ndarray:
    """Return UMAP of points (N, d): (N, 2)."""
    from umap import UMAP

    # one thread: UMAP repeats for a seed only so, and says so in a warning otherwise
    return UMAP(n_neighbors=min(15, len(points) - 1), random_state=seed, n_jobs=1).fit_transform(points)


LAYOUTS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"pca": pca, "tsne": tsne, "umap": umap}


if __name__ == "__main__":
    source, out, layout, seed = sys.argv[1:]
    np.save(out, LAYOUTS[layout](np.load(source), int(seed)))
