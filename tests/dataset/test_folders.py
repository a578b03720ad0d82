"""Folders of an index and of an atlas: damaged, half-written, shared by two builds, or no folder at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from nbviz.dataset import Atlas, Index, Stopped
from nbviz.dataset.shards import plan
from nbviz.errors import NbvizError
from tests.dataset.index.test_index import Labelled, after, pictures, whole
from tests.dataset.test_bad_input import build
from tests.networks import Functional

FILES = {"index.safetensors", "manifest.json"}


class Slow(Labelled):
    def __getitem__(self, number: int) -> Any:
        time.sleep(0.002)
        return super().__getitem__(number)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "thesis.txt"
    file.write_text("mine")
    for call in (
        lambda: build(Labelled(), path=file),
        lambda: Index.load(file),
        lambda: Atlas.load(file),
        lambda: Atlas.build(Functional().eval(), Labelled(), "stem", path=file, progress=False),
    ):
        with pytest.raises(NbvizError, match=r"thesis\.txt' is a file: path= takes a folder"):
            call()
    data = Labelled()
    for call in (
        lambda: build(data, path=file / "index"),
        lambda: Atlas.build(Functional().eval(), data, "stem", path=file / "atlas", progress=False),
    ):
        with pytest.raises(NbvizError, match="can't be made: Not a directory"):
            call()
    assert data.reads < 100, "it is said before the pictures are looked through"
    assert file.read_text() == "mine"


def test_a_home_folder_is_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    build(Labelled(), path="~/index")
    assert {file.name for file in (tmp_path / "index").iterdir()} == FILES
    assert Index.load("~/index").layers


@pytest.mark.parametrize("text", ["", "[]", "null", '{"format": 1}', '{"format": 1, "plan": "x"}', "\0"])
def test_a_damaged_manifest_is_told(tmp_path: Path, text: str) -> None:
    build(Labelled(), path=tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    for call in (lambda: Index.load(tmp_path), lambda: build(Labelled(), path=tmp_path)):
        with pytest.raises(NbvizError, match=r"damaged|is no JSON|has format None"):
            call()


def test_an_index_of_another_format_is_told(tmp_path: Path) -> None:
    build(Labelled(), path=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(NbvizError, match="has format 99; this nbviz reads 2"):
        Index.load(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_index_is_told_and_built_again(tmp_path: Path, share: float) -> None:
    build(Labelled(), path=tmp_path)
    file = tmp_path / "index.safetensors"
    intact = file.read_bytes()
    file.write_bytes(intact[: int(share * len(intact))])
    with pytest.raises(NbvizError, match="is damaged"):
        Index.load(tmp_path)
    build(Labelled(), path=tmp_path)
    assert file.read_bytes() == intact


def test_what_a_killed_build_left_half_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".manifest.json.4711").write_text('{"format"')
    with pytest.raises(Stopped):
        build(Labelled(), batch=1, path=tmp_path, cancel=after(30))
    (tmp_path / "parts" / ".00003-00003.safetensors.4711").write_bytes(b"half")
    found = build(Labelled(), batch=1, path=tmp_path)
    assert not (tmp_path / "parts").exists()
    assert found.top("stem", 0) == build(Labelled(), batch=1).top("stem", 0)


def test_builds_of_one_folder_at_the_same_time_all_end_with_the_index(tmp_path: Path) -> None:
    found: list[Index] = []
    reads: list[int] = []

    def one() -> None:
        data = Slow()
        found.append(build(data, batch=1, path=tmp_path))
        reads.append(data.reads)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = build(Labelled(), batch=1)
    assert len(found) == 3 and {file.name for file in tmp_path.iterdir()} == FILES
    for index in found:
        assert all(torch.equal(t, index._rankings.tensors[key]) for key, t in alone._rankings.tensors.items())
    assert sorted(reads)[1] < sorted(reads)[2], "only one of them looked through the pictures"


def test_waiting_for_another_build_can_be_stopped(tmp_path: Path) -> None:
    begun, enough = threading.Event(), threading.Event()

    def hold() -> bool:
        begun.set()
        enough.wait(20)
        return False

    first = threading.Thread(target=lambda: build(Labelled(), path=tmp_path, cancel=hold))
    first.start()
    try:
        assert begun.wait(20)
        with pytest.raises(Stopped):
            build(Labelled(), path=tmp_path, cancel=lambda: True)
    finally:
        enough.set()
        first.join()
    assert {file.name for file in tmp_path.iterdir()} == FILES


@pytest.mark.skipif(os.name == "nt", reason="needs a signal that can't be caught")
def test_killed_without_warning_it_goes_on_to_the_identical_files(tmp_path: Path) -> None:
    code = f"""
from nbviz.dataset.shards import plan
plan.LEAST, plan.BATCHES = {plan.LEAST}, {plan.BATCHES}
from tests.dataset.test_folders import Slow, build
build(Slow(), batch=1, path={str(tmp_path / "cut")!r})
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while not list((tmp_path / "cut" / "parts").glob("0*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "cut" / "index.safetensors").exists()
    data = Labelled()
    build(data, batch=1, path=tmp_path / "cut")
    build(Labelled(), batch=1, path=tmp_path / "straight")
    for name in FILES:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


def test_an_index_with_labels_of_its_own_is_loaded_with_them(tmp_path: Path) -> None:
    net, labels = whole(Functional()), ["cat", "dog", None, "dog"] * 15 + ["cat"]
    built = build(list(pictures()), labels=labels, path=tmp_path)
    assert Index.load(tmp_path, net, list(pictures()), labels).top("stem", 0) == built.top("stem", 0)
    with pytest.raises(NbvizError, match="passed as labels= when it was made is passed here as well"):
        Index.load(tmp_path, net, list(pictures()))
    with pytest.raises(NbvizError, match="another data set .61 items, here 7"):
        Index.load(tmp_path, dataset=list(pictures(7)))


def test_class_names_of_any_script_survive_on_any_system(tmp_path: Path) -> None:
    code = f"""
import torch
from tests.dataset.index.test_index import pictures, whole
from tests.networks import Functional
from nbviz.dataset import Index
labels = ["\\u00e9t\\u00e9", "\\u732b", "dog"] * 4
Index.build(whole(Functional()), list(pictures(12)), labels=labels, path={str(tmp_path)!r}, progress=False)
print(ascii(Index.load({str(tmp_path)!r}).classes))
"""
    settings = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=settings, capture_output=True, check=True)
    assert done.stdout.decode().strip() == ascii(("dog", "été", "猫"))
