"""The cache holds no more bytes than it may, and drops what was not used for longest."""

from __future__ import annotations

import numpy as np
import torch

from nbviz.dataset import Atlas, Index, LiveIndex
from nbviz.session.cache import Cache, nbytes
from tests.dataset.atlas.test_atlas import Colours, network


def test_least_recently_used_goes_first() -> None:
    cache = Cache(limit=3000)
    for name in "abc":
        cache.put(name, np.zeros(1000, np.uint8))
    assert cache.get("a") is not None
    cache.put("d", np.zeros(1000, np.uint8))
    assert cache.get("b") is None
    assert cache.get("a") is not None
    assert cache.nbytes == 3000


def test_an_answer_larger_than_the_cache_is_not_kept_and_drops_nothing() -> None:
    cache = Cache(limit=1500)
    cache.put("a", np.zeros(1000, np.uint8))
    cache.put("b", np.zeros(2000, np.uint8))
    assert cache.get("b") is None
    assert cache.get("a") is not None


def test_replacing_counts_once() -> None:
    cache = Cache(limit=1500)
    for _ in range(5):
        cache.put("a", np.zeros(1000, np.uint8))
    assert (cache.nbytes, len(cache)) == (1000, 1)
    cache.clear()
    assert (cache.nbytes, len(cache)) == (0, 0)


def test_bytes_of_shared_arrays_count_once() -> None:
    array, tensor = np.zeros(100, np.float32), torch.zeros(10, dtype=torch.float64)
    assert nbytes({"a": array, "b": [array, tensor]}) == 480


def test_an_index_and_an_atlas_count_their_tensors() -> None:
    model, data = network(), Colours()
    index = Index.build(model, data, ["1"], k=3, profile=0, progress=False)
    atlas = Atlas.build(model, data, "1", 3, progress=False)
    assert index.nbytes >= 6 * 3 * 4 * 4 and nbytes(LiveIndex(90, 90, index)) > index.nbytes
    assert nbytes(atlas) == atlas.nbytes >= 270 * 6 * 4
    cache = Cache(limit=index.nbytes)
    cache.put("index", LiveIndex(90, 90, index))
    assert len(cache) == 0
