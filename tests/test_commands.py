"""`nbviz features` and `nbviz index` fill folders a notebook reads, go on where they stopped, say what is wrong."""

from __future__ import annotations

import errno
import gc
import os
import re
import weakref
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

import nbviz
from nbviz import cli
from nbviz.commands import made_pictures
from nbviz.features import Objective
from nbviz.features.picture_cache import PictureCache

NETWORK = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 30, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(30, 2)).eval()

def pictures():
    return [(picture, number % 2) for number, picture in enumerate(torch.rand(12, 3, 24, 24))]

def nothing():
    return []

def fails():
    return {}["x"]

net, held = build(), pictures()
"""
FEATURES = ["features", "--model", "mine:build", "--layers", "0", "--size", "16", "--steps", "2"]
INDEX = ["index", "--model", "mine:build", "--data", "mine:pictures", "--layers", "0", "--k", "3"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with a network in it; settings are the process's own again afterwards."""
    (tmp_path / "mine.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "mine", raising=False)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return tmp_path


def test_features_fills_the_shelf_and_draws_sheets(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*FEATURES, "--channels", "0-25,28", "--out", "out"]) == 0
    files = sorted((here / "out" / "made").rglob("*.png"))
    assert sorted(int(file.name.split(".")[0]) for file in files) == [*range(26), 28]
    (sheet,) = (here / "out" / "sheets").rglob("*.png")
    assert capsys.readouterr().out.strip().endswith(str(sheet.relative_to(here)))
    with Image.open(sheet) as image, Image.open(files[0]) as single:
        assert image.size == (12 * (16 + 4) + 4, 3 * (16 + 4 + 14) + 4)
        assert image.crop((4, 4, 20, 20)).tobytes() == single.tobytes()
    import mine  # type: ignore[import-not-found]

    *_, made = nbviz.features.making(mine.build(), "0", [3, 28], path=here / "out", size=16, steps=2)
    assert made.facts["kept"] == 2, "a notebook finds what the shell made"


def test_features_makes_only_what_is_missing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main([*FEATURES, "--channels", "0-3", "--out", "out"]) == 0
    times = {file: file.stat().st_mtime_ns for file in here.rglob("made/**/*.png")}
    made: list[str] = []
    real = PictureCache.put

    def put(self: PictureCache, objective: Objective, *rest: object) -> None:
        made.append(objective.key or "")
        real(self, objective, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(PictureCache, "put", put)
    assert cli.main([*FEATURES, "--channels", "2-5", "--out", "out"]) == 0
    assert made == ["4", "5"] and all(file.stat().st_mtime_ns == then for file, then in times.items())


def test_pages_on_the_way_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacking a run of a hundred steps kept a hundred pages of 24 pictures."""
    alive: weakref.WeakSet[SimpleNamespace] = weakref.WeakSet()

    class Page(SimpleNamespace):
        __hash__ = object.__hash__

    def steps(*_: object) -> Iterator[Page]:
        for step in range(5):
            alive.add(page := Page(facts={}, pictures=[step]))
            yield page
            del page
            gc.collect()
            assert len(alive) <= 1  # the one that the loop has just been given

    # the room has a function of the same name as the module
    monkeypatch.setattr(import_module("nbviz.features.visualize"), "make", steps)
    bar = SimpleNamespace(set_postfix_str=str, update=int)
    model, recipe = nbviz.InstrumentedModel(torch.nn.Conv2d(3, 2, 1)), SimpleNamespace()
    assert list(made_pictures._pictures(model, "0", [0, 1], recipe, None, bar)) == [4]  # type: ignore[arg-type]


def test_stopped_it_says_so_and_keeps_what_was_made(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, kept = PictureCache.put, []

    def put(self: PictureCache, *rest: object) -> None:
        if len(kept) == 24:
            raise KeyboardInterrupt
        kept.append(rest)
        real(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(PictureCache, "put", put)
    assert cli.main([*FEATURES, "--out", "out"]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert len(list(here.rglob("made/**/*.png"))) == 24 and not list(here.rglob("sheets/**/*.png"))


def test_a_full_disk_is_a_sentence(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    assert cli.main([*FEATURES, "--channels", "0", "--out", "out"]) == 1
    said = capsys.readouterr().err
    assert "could not be kept" in said and "No space left on device" in said and "goes on" in said
    assert not list(here.rglob("*.png")) and not list(here.rglob("*.part"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ([*FEATURES[:-5], "00"], "'00'"),
        ([*FEATURES, "--channels", "0-30"], "30 channels, 0 to 29"),
        ([*FEATURES, "--channels", "all,3"], "not 'all,3'"),
        ([*FEATURES, "--size", "2"], "size= is a whole number of at least 8, not 2"),
        (["features", "--model", "resnet81", "--layers", "0"], "resnet81.*earest"),
        (["features", "--model", "mine:biuld", "--layers", "0"], "'mine:biuld' can't be found.*module:function"),
        (["features", "--model", "mine:fails", "--layers", "0"], r"mine:fails\(\) raised KeyError.*mine\.py, line"),
        ([*FEATURES, "--channels", "3-1"], "not '3-1'"),
        (["features", "--model", "not_there:build", "--layers", "0"], "No module named 'not_there'"),
        (["index", *INDEX[1:3], "--data", "no/folder", "--out", "out"], "'no/folder' is not a folder"),
        (["index", *INDEX[1:3], "--data", "mine:nothing", "--out", "out"], "empty"),
        ([*INDEX, "--out", "out", "--k", "0"], "k= is a whole number of at least 1"),
    ],
)
def test_what_is_wrong_is_said_in_words(line: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(line) == 1
    said = capsys.readouterr().err
    assert re.search(words, said) and "Traceback" not in said


def test_a_network_and_a_data_set_that_are_there_are_taken_as_they_are(here: Path) -> None:
    line = ["index", "--model", "mine:net", "--data", "mine:held", "--layers", "0", "--k", "3", "--out", "found"]
    assert cli.main(line) == 0
    assert len(nbviz.Index.load(here / "found").top("0", 29)) == 3


def test_index_is_found_by_a_notebook(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    assert cli.main([*INDEX, "--out", "found", "--bottom", "2"]) == 0
    assert "1 layers, 30 channels, 12 pictures" in capsys.readouterr().out
    assert len(nbviz.Index.load(here / "found").top("0", 29)) == 3
    assert len(nbviz.Index.load(here / "found").bottom("0", 29)) == 2
