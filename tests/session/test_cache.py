"""The cache holds no more bytes than it may, and drops what was not used for longest."""

from __future__ import annotations

import numpy as np
import torch

from nbviz.dataset import Atlas, Index, LiveIndex
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.load import as_picture
from nbviz.session.cache import Cache, nbytes
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import ChannelRequest, MapsRequest
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


def test_memory_that_answers_share_counts_once_until_the_last_of_them_is_dropped() -> None:
    """Arrays, views and tensors over one piece of memory, in answers of any shape."""
    array = np.zeros((10, 100), np.uint8)
    tensor = torch.from_numpy(array)
    shared = [array, {"view": array[:3]}, (tensor[2:4].numpy(),), tensor.view(-1)[:7], torch.as_tensor(array[::2])]
    cache = Cache(limit=3000)
    for name, answer in enumerate(shared):
        cache.put(name, answer)
        assert cache.nbytes == 1000
    cache.put("large", np.zeros(2500, np.uint8))  # all that share go before there is room
    assert (cache.nbytes, len(cache)) == (2500, 1)
    for name, answer in enumerate(shared):
        cache.put(name, answer)
    cache.put("another", np.zeros(10, np.uint8))
    assert cache.nbytes == 1010 and cache.get("large") is None


def test_channels_of_one_layer_hold_its_maps_once() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3), torch.nn.Flatten(), torch.nn.Linear(16 * 36, 4)).eval()
    context = LiveContext(InstrumentedModel(net))
    picture = as_picture(torch.rand(3, 8, 8))
    for channel in range(16):
        context.answer(ChannelRequest(picture, "0", Target(1), channel))
    maps = context.answer(MapsRequest(picture, "0")).nbytes
    assert maps == 16 * 36 * 4 and maps <= context.cache.nbytes < 2 * maps + 16 * 1024


def test_an_index_and_an_atlas_count_their_tensors() -> None:
    model, data = network(), Colours()
    index = Index.build(model, data, ["1"], k=3, profile=0, progress=False)
    atlas = Atlas.build(model, data, "1", 3, progress=False)
    assert index.nbytes >= 6 * 3 * 4 * 4 and nbytes(LiveIndex(90, 90, index)) > index.nbytes
    assert nbytes(atlas) == atlas.nbytes >= 270 * 6 * 4
    cache = Cache(limit=index.nbytes)
    cache.put("index", LiveIndex(90, 90, index))
    assert len(cache) == 0
