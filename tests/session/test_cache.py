"""The cache holds no more bytes than it may, and drops what was not used for longest."""

from __future__ import annotations

import numpy as np
import torch

from nbviz.session.cache import Cache, nbytes


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
