"""What an index costs beyond the forwards it can't do without, and what two workers are worth."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import nbviz
from nbviz.dataset import Index
from nbviz.replica.heap import kept_heap
from nbviz.replica.replica import replicate
from tests.bench.measure import Row, paired
from tests.features.real_pictures import crops

PICTURES = int(os.environ.get("NBVIZ_PICTURES", "256"))
BATCH = 8
COUNTS = 4_000, 32_000
MADE_UP = """
import resource, sys, torch, nbviz
class Made(torch.utils.data.Dataset):
    def __len__(self):
        return int(sys.argv[1])
    def __getitem__(self, number):
        generator = torch.Generator().manual_seed(number)
        return torch.rand(1, 28, 28, generator=generator), number % 10
nbviz.Index.build(nbviz.zoo.load("fashion_cnn"), Made(), progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
"""Pictures made as they are asked for, so that what grows with their number is the index."""


def rows() -> Iterator[Row | str]:
    """Bare forwards include reading and preprocessing, as the index does; then both without."""
    yield from _workers(nbviz.zoo.load("fashion_cnn"))
    few, many = (_peak_memory(count) for count in COUNTS)
    yield f"peak memory of an index of {COUNTS[0]:,} and {COUNTS[1]:,} pictures: {few} and {many} MB"
    model = nbviz.zoo.load("efficientnet_lite0")
    images = [np.ascontiguousarray((x.permute(1, 2, 0) * 255).byte().numpy()) for x in crops(PICTURES, 224)]
    labels = [number % 10 for number in range(PICTURES)]
    Index.build(model, images[:BATCH], progress=False)
    what, floor = f"index of {PICTURES} pictures, all layers", "reading + bare forwards"
    for words, more in ((what, {}), (f"{what}, labels", {"labels": labels})):
        build = _building(model, images, more)
        yield paired(words, build, floor, _bare(model, images, BATCH), limit=1.15, rounds=3)
        with kept_heap():
            yield paired("the same", build, "those with a kept heap", _bare(model, images, BATCH), rounds=3)
    yield paired("the same", _building(model, images, {}), "bare forwards by 32", _bare(model, images, 32), rounds=3)


def _building(model: Any, images: list[np.ndarray], more: dict[str, Any]) -> Callable[[], Any]:
    return lambda: Index.build(model, images, progress=False, **more)


def _bare(model: Any, images: list[np.ndarray], batch: int) -> Callable[[], None]:
    net = replicate(model.net)

    def run() -> None:
        with torch.no_grad():
            for start in range(0, len(images), batch):
                net(torch.cat([model.transform(image) for image in images[start : start + batch]]))

    return run


def _workers(model: Any) -> Iterator[str]:
    """Wall time, for workers are other processes: the shorter of two runs each, in turn."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        yield "two Dask workers: distributed is not installed, skipped"
        return
    data = nbviz.zoo.fashion()
    options = {"progress": False}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs="ERROR") as cluster,
        Client(cluster) as client,
    ):
        Index.build(model, [data[i] for i in range(64)], client=client, **options)
        alone, shared = [], []
        for _ in range(2):
            alone.append(_wall(lambda: Index.build(model, data, **options)))
            shared.append(_wall(lambda: Index.build(model, data, client=client, **options)))
    ratio = min(shared) / min(alone)
    late = " !" if ratio > 1 else ""
    yield f"two Dask workers, {len(data)} pictures: {min(shared):.1f} s, {ratio:.2f} × one process (≤ 1){late}"


def _peak_memory(count: int) -> int:
    command = [sys.executable, "-c", MADE_UP, str(count)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def _wall(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
