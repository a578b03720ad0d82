"""What an index says to bad input: a sentence with the reader's own value, and nothing lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nbviz.dataset import Index
from nbviz.dataset.shards.part import Problems
from nbviz.errors import NbvizError
from nbviz.pictures.samples import Items
from tests.dataset.index.test_index import COUNT, Labelled, pictures, whole
from tests.networks import SIZE, Functional


def build(dataset: Any, **options: Any) -> Index:
    return Index.build(whole(Functional()), dataset, **{"k": 3, "batch": 4, "progress": False, **options})


class Endless(torch.utils.data.IterableDataset):
    def __iter__(self) -> Any:
        return iter(pictures())


class Augmented(Labelled):
    def __getitem__(self, number: int) -> Any:
        return torch.rand(3, SIZE, SIZE), 0


@pytest.mark.parametrize(
    ("dataset", "options", "words"),
    [
        ([], {}, "empty"),
        (Endless(), {}, "Endless has not"),
        (7, {}, r"got 7 \(int\). It takes a path, a folder"),
        ("/no/such/folder", {}, "'/no/such/folder' is not a folder"),
        (Labelled(), {"labels": [1, 2]}, f"labels= has 2 entries, but the data set has {COUNT}"),
        (Labelled(), {"layers": ["sten"]}, "'sten'.*Nearest: 'stem'"),
        (Labelled(), {"layers": "stem"}, "is one name"),
        (Labelled(), {"layers": []}, "layers= is empty"),
        (Labelled(), {"layers": [3]}, "given by its name, a string, not by 3"),
        (Labelled(), {"labels": ["cat"]}, "labels= has 1 entries"),
        (Labelled(), {"profile": -1}, "profile= is a whole number of at least 0"),
        (Labelled(), {"k": 0}, "k= is a whole number of at least 1, not 0"),
        (Labelled(), {"batch": 2.5}, "batch= .* not 2.5"),
        (Labelled(tuple(range(COUNT))), {}, "None of the 61 items .*truncated file"),
        (Augmented(), {}, "draws at random"),
    ],
)
def test_refused_in_words(dataset: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        build(dataset, **options)


def test_numbers_of_numpys_and_tensors_are_numbers() -> None:
    index = build(Labelled(), k=np.int64(3), bottom=torch.tensor(2), sample=np.int32(5))
    plain = build(Labelled(), bottom=2, sample=5)
    for channel in (np.int64(2), torch.tensor(2)):
        assert index.top("stem", channel) == plain.top("stem", 2)
        assert index.bottom("stem", channel) == plain.bottom("stem", 2)
        assert index.quantiles("stem", channel, np.int64(3)) == plain.quantiles("stem", 2, 3)
        assert index.profile("stem", channel) == plain.profile("stem", 2)
        assert index.selectivity("stem", channel) == plain.selectivity("stem", 2)
        assert index.facets("stem", channel).words == plain.facets("stem", 2).words
    assert len(index.top("stem", 0, 99)) == 3 and index.top("stem", 0, 0) == []
    for ask in (lambda: index.top("stem", 0, -1), lambda: index.quantiles("stem", 0, 1.5), lambda: index.top(3, 0)):
        with pytest.raises(NbvizError):
            ask()


def test_named_labels_name_the_classes() -> None:
    index = build(list(pictures(12)), labels=["dog", "cat", None] * 4, k=12)
    assert index.classes == ("cat", "dog")
    assert {(e.item % 3, e.label, e.name) for e in index.top("stem", 0)} == {
        (0, 1, "dog"), (1, 0, "cat"), (2, None, None)
    }  # fmt: skip


def test_mixed_sizes_are_left_out_and_counted() -> None:
    images = [*pictures(10), torch.zeros(3, 9, 9), torch.full((3, SIZE, SIZE), torch.nan), b"no picture"]
    index = build(images, k=13)
    assert (
        "3 of 13 items could not be used: item 10 (it is 3 × 9 × 9 where the others are 3 × 16 × 16"
        in (index.problems[0])
    )
    assert {e.item for e in index.top("stem", 0)} <= set(range(10))


def test_every_kind_of_reason_is_among_the_examples() -> None:
    reasons = {number: f"/a/folder/{number}.png: not a picture" for number in range(8)}
    reasons |= {9: "its scores are not finite numbers.", 12: "/a/folder/12.png: empty file"}
    (words,) = Problems(reasons, 10).sentences(40)
    assert words.startswith("10 of 40 items could not be used: item 0 (/a/folder/0.png: not a picture), item 1 (")
    assert words.endswith("item 9 (its scores are not finite numbers), item 12 (/a/folder/12.png: empty file), …")
    assert words.count("item ") == 5


def test_a_layer_that_is_not_spatial_has_examples_without_places() -> None:
    example = build(Labelled()).top("head", 1)[0]
    assert example.place is None and example.box == (0, 0, SIZE, SIZE)
    assert example.crop.shape == (SIZE, SIZE, 3)


def test_missing_labels_and_parts_are_told() -> None:
    index = build(list(pictures()))
    for ask, words in (
        (lambda: index.profile("stem", 0), "no labels"),
        (lambda: index.bottom("stem", 0), "bottom=9"),
        (lambda: index.quantiles("stem", 0), "sample=200"),
        (lambda: index.top("stem", 6), "6 channels, 0 to 5"),
        (lambda: index.top("steem", 0), "Nearest: 'stem'"),
    ):
        with pytest.raises(NbvizError, match=words):
            ask()


def test_an_index_of_something_else_is_refused(tmp_path: Path) -> None:
    build(Labelled(), path=tmp_path)
    other = whole(Functional())
    with torch.no_grad():
        other.stem.weight[0, 0, 0, 0] += 1
    with pytest.raises(NbvizError, match="another network, or of other weights"):
        Index.build(other, Labelled(), k=3, batch=4, path=tmp_path, progress=False)
    with pytest.raises(NbvizError, match="another network"):
        Index.load(tmp_path, nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 14 * 14, 2)))
    with pytest.raises(NbvizError, match="another data set"):
        build(list(pictures()), path=tmp_path)
    with pytest.raises(NbvizError, match="has k 3, not 4"):
        build(Labelled(), k=4, profile=0, path=tmp_path)
    with pytest.raises(NbvizError, match="another data set .61 items, here 60"):
        Index.load(tmp_path, whole(Functional()), list(pictures(60)))
    assert build(Labelled(), path=tmp_path).top("stem", 0) == build(Labelled()).top("stem", 0)


def test_a_folder_of_other_things_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(NbvizError, match="holds other files"):
        build(Labelled(), path=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(NbvizError, match="no index"):
        Index.load(tmp_path)


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = os.fsync

    def fsync(file: int) -> None:
        calls.append(file)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(NbvizError, match="No space left on device.*goes on"):
        build(Labelled(), batch=1, path=tmp_path)
    assert not list(tmp_path.rglob(".*")), "nothing half-written is left"
    with pytest.raises(NbvizError, match="not finished"):
        Index.load(tmp_path)
    data = Labelled()
    assert build(data, batch=1, path=tmp_path).top("stem", 0) == build(Labelled(), batch=1).top("stem", 0)


def test_an_item_that_raises_is_told_once_with_what_it_raised() -> None:
    index = build(Labelled((5,)))
    assert index.problems == ["1 of 61 items could not be used: item 5 (the data set raised OSError: truncated file)"]


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    for number, name in enumerate(["cat", "cat", "dog"]):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(np.full((20, 20, 3), 60 * number, np.uint8)).save(tmp_path / name / f"{number}.png")
    (tmp_path / "dog" / "broken.png").write_bytes(b"\x89PNG")
    items = Items.ensure(tmp_path)
    assert items.classes == ("cat", "dog") and len(items) == 4
    index = Index.build(Functional().eval(), tmp_path, layers=["stem"], k=4, progress=False)
    assert sorted(e.name or "" for e in index.top("stem", 0)) == ["cat", "cat", "dog"]
    assert f"1 of 4 items could not be used: item 3 ({tmp_path / 'dog' / 'broken.png'}: " in index.problems[0]
    assert index.top("stem", 0)[0].picture.dtype == np.uint8


def test_a_picture_answered_with_nan_ranks_nowhere_and_is_told() -> None:
    class Overflows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.where(x > 50, torch.nan, x)

    images = pictures(6).abs() + 1
    images[4, 0, 3, 3] = 99
    net = nn.Sequential(Overflows(), nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 14 * 14, 3)).eval()
    index = Index.build(net, list(images), k=6, progress=False)
    assert sorted(e.item for e in index.top("1", 0)) == [0, 1, 2, 3, 5]
    assert index.problems == ["1 of 6 items could not be used: item 4 (layer '0' puts out NaN for it)"]
