"""On a cluster the index is bit for bit the one a single process makes, also when a worker is killed on the way."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbviz.dataset import Index, Stopped
from nbviz.dataset.index.options import IndexOptions
from nbviz.dataset.index.plan import planned
from nbviz.dataset.index.ranking_job import RankingJob
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from tests.dataset.index.test_index import Labelled, after, whole
from tests.networks import Functional

distributed = pytest.importorskip("distributed")
OPTIONS: dict[str, Any] = {"k": 3, "batch": 1, "bottom": 2, "sample": 9, "progress": False}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs="CRITICAL"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("straight")
    Index.build(whole(Functional()), Labelled((5, 40)), path=path, **OPTIONS)
    return path


def same(one: Path, other: Path) -> bool:
    return all((one / f).read_bytes() == (other / f).read_bytes() for f in ("index.safetensors", "manifest.json"))


def test_workers_make_the_identical_files(client: Any, straight: Path, tmp_path: Path) -> None:
    Index.build(whole(Functional()), Labelled((5, 40)), path=tmp_path, client=client, **OPTIONS)
    assert same(tmp_path, straight)


def test_a_killed_worker_loses_nothing(client: Any, straight: Path, tmp_path: Path) -> None:
    victims = list(client.run(os.getpid).values())[:1]
    asked = []

    def kill() -> bool:
        asked.append(1)
        if victims:
            os.kill(victims.pop(), signal.SIGKILL)
        return False

    Index.build(whole(Functional()), Labelled((5, 40)), path=tmp_path, client=client, cancel=kill, **OPTIONS)
    assert asked and not victims
    assert same(tmp_path, straight)


def test_stopped_on_a_cluster_it_goes_on_here(client: Any, straight: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        Index.build(whole(Functional()), Labelled((5, 40)), path=tmp_path, client=client, cancel=after(2), **OPTIONS)
    Index.build(whole(Functional()), Labelled((5, 40)), path=tmp_path, **OPTIONS)
    assert same(tmp_path, straight)


def test_what_cannot_travel_is_told_in_words(client: Any) -> None:
    class Holds(Labelled):
        def __reduce__(self) -> Any:
            raise TypeError("cannot pickle 'lock'")

    with pytest.raises(NbvizError, match="can't be pickled"):
        Index.build(whole(Functional()), Holds(), client=client, **OPTIONS)


def test_what_travels_is_small_and_runs_as_fast_as_here() -> None:
    """No view drags all channels along, and nothing of ours makes a network pass for one that draws at random."""
    model, items = InstrumentedModel(whole(Functional())), Items.ensure(Labelled())
    job = RankingJob.unpacked(
        RankingJob(model.guest, model.transform, items, planned(model, items, IndexOptions(k=3, batch=4))).packed()
    )
    assert not job.guest.random
    found = job.run(0)
    size = sum(tensor.numel() * tensor.element_size() for tensor in found.tensors.values())
    assert len(pickle.dumps(found)) < 2 * size + 400 * len(found.tensors)


def test_what_is_no_client_is_refused_in_words(client: Any) -> None:
    closed = distributed.Client(client.scheduler.address)
    closed.close()
    for wrong, words in (
        (3, r"client= takes a distributed\.Client, not 3 \(int\)\."),
        (client.cluster, r"LocalCluster\); distributed\.Client\(cluster\) makes one"),
        (closed, "client= is closed: connect a new"),
    ):
        with pytest.raises(NbvizError, match=words):
            Index.build(whole(Functional()), Labelled(), client=wrong, **OPTIONS)
