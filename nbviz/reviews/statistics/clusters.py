"""Clusters of the head's features: pictures that look alike to the network, as slices."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nbviz.replica.scikit_import import scikit

MOST, EACH, DIMENSIONS, LARGE = 20, 100, 32, 20_000
"""Clusters; pictures for each on average, at least; principal components that are clustered; pictures from which the
clustering sees a batch at a time.
"""


def clusters(features: NDArray[np.float32], answers: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.object_]:
    """Return the cluster of each picture (N,), named by its number and the two classes that it is said to be most.

    features: (N, width). k-means over principal components, seeded; None for all where pictures are too few, or all the
    same.
    """
    count = min(MOST, len(features) // EACH)
    named = np.full(len(features), None, dtype=object)
    wide = features - features.mean(0)
    if count < 2 or not wide.any():
        return named
    # distances in a thousand dimensions are all alike, and k-means there is slow
    parts = min(DIMENSIONS, *wide.shape)
    points = scikit("decomposition").PCA(parts, random_state=0).fit_transform(wide)
    kind = "KMeans" if len(points) < LARGE else "MiniBatchKMeans"
    with warnings.catch_warnings():
        # fewer different pictures than clusters: there are fewer clusters then
        warnings.filterwarnings("ignore", category=scikit("exceptions").ConvergenceWarning)
        places = getattr(scikit("cluster"), kind)(count, n_init=3, random_state=0).fit_predict(points)
    for place in np.unique(places):
        inside = places == place
        said = np.argsort(-np.bincount(answers[inside], minlength=len(names)), kind="stable")[:2]
        named[inside] = f"cluster {place + 1}: {', '.join(names[index] for index in said)}"
    return named
