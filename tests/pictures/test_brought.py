"""Pictures as people bring them: loaders, stacks beside their labels, columns with gaps, empty folders, tuples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from nbviz.errors import NbvizError
from nbviz.pictures.load import load_pictures
from nbviz.pictures.samples import Items

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 12, 10, 3), dtype=np.uint8)
LABELS = [0, 1, 2, 0, 1, 2]
PICTURES = [Image.fromarray(pixels) for pixels in PIXELS]


def first_colours(pictures: Any) -> list[tuple[int, ...]]:
    return [picture.open().getpixel((0, 0)) for picture in pictures]


class Files(Dataset):  # type: ignore[type-arg]
    """Pictures that only the loader's own function makes tensors of."""

    class_to_idx = {"ant": 0, "cat": 2, "bee": 1}

    def __len__(self) -> int:
        return len(PICTURES)

    def __getitem__(self, number: int) -> tuple[Image.Image, float]:
        return PICTURES[number], float(number % 2)


def _tensors(batch: list[Any]) -> tuple[torch.Tensor, list[Any]]:
    return torch.stack([torch.as_tensor(np.asarray(x)).permute(2, 0, 1) / 255 for x, _ in batch]), [y for _, y in batch]


def test_an_index_takes_a_loader_by_its_data_set() -> None:
    data = TensorDataset(torch.rand(6, 3, 8, 8), torch.tensor(LABELS))
    items = Items.ensure(DataLoader(data, 2, shuffle=True))
    assert [items.read(number).label for number in range(6)] == LABELS
    own = Items.ensure(DataLoader(Files(), 2, collate_fn=_tensors))
    first = own.read(0).tensor
    assert first is not None and first.shape == (1, 3, 12, 10)
    assert own.classes == ("ant", "bee", "cat") and [own.read(number).label for number in range(6)] == [0, 1] * 3


def test_a_loader_of_a_stream_is_refused_with_the_way_out() -> None:
    class Stream(IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            return iter(PICTURES)

    with pytest.raises(NbvizError, match="list\\(itertools.islice"):
        Items.ensure(DataLoader(Stream(), 2))


BATCHES: dict[str, Callable[[], Any]] = {
    "a tuple of arrays": lambda: (PIXELS, np.array(LABELS)),
    "channels first": lambda: (PIXELS.transpose(0, 3, 1, 2), LABELS),
    "lists": lambda: (PICTURES, LABELS),
    "a list and an array": lambda: [list(PIXELS), np.array(LABELS)],
    "tensors": lambda: (torch.from_numpy(PIXELS).permute(0, 3, 1, 2), torch.tensor(LABELS)),
}


@pytest.mark.parametrize("name", BATCHES)
def test_pictures_beside_their_labels_are_paired(name: str) -> None:
    shown = load_pictures(BATCHES[name]())
    assert [picture.label for picture in shown.values()] == LABELS
    assert first_colours(shown.values()) == [tuple(pixels[0][0]) for pixels in PIXELS.tolist()]
    items = Items.ensure(BATCHES[name]())
    assert [items.read(n).label for n in range(6)] == LABELS


def test_a_gray_stack_beside_its_labels_and_one_channels_first() -> None:
    shown = load_pictures((PIXELS[..., 0], np.array(LABELS)))
    assert len(shown) == 6 and first_colours(shown.values())[1] == (int(PIXELS[1, 0, 0, 0]),) * 3
    assert first_colours(load_pictures(PIXELS.transpose(0, 3, 1, 2)).values()) == first_colours(
        load_pictures(PIXELS).values()
    )


def test_one_picture_and_its_label_stay_one() -> None:
    for pair in ((PIXELS[0], 3), (torch.rand(3, 8, 8), torch.tensor(3)), (PICTURES[0], "cat")):
        assert len(load_pictures(pair)) == 1


def test_rows_of_flattened_pictures_are_noticed() -> None:
    (note,) = load_pictures(np.zeros((5, 784), np.uint8)).notes
    assert "array.reshape(-1, 28, 28)" in note
    assert "reshape(-1, 3, 32, 32)" in load_pictures(np.zeros((5, 3072), np.uint8)).notes[0]
    assert not load_pictures(np.zeros((300, 784), np.uint8)).notes


def test_tuples_of_pictures_lose_none() -> None:
    shown = load_pictures({"cat": tuple(PICTURES[:2]), "dog": tuple(PICTURES[2:5])})
    assert shown.classes == ("cat", "dog") and [picture.label for picture in shown.values()] == [0, 0, 1, 1, 1]
    masked = load_pictures({"one": (PICTURES[0], Image.new("L", (10, 12))), "two": (PICTURES[1], PIXELS[1, ..., 0])})
    assert list(masked) == ["one", "two"] and not masked.notes
    (note,) = load_pictures([PICTURES[:2], PICTURES[2:4]]).notes
    assert "the first of each is shown" in note


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [([0, 1, None, 2, 1, 0], [0, 1, None, 2, 1, 0]), (["b", "a", None, "a", "b", "b"], [1, 0, None, 0, 1, 1])],
)
def test_a_column_with_a_gap_keeps_its_labels(labels: list[Any], wanted: list[int | None]) -> None:
    frame = pandas.DataFrame({"image": PICTURES, "label": labels})
    assert [picture.label for picture in load_pictures(frame).values()] == wanted
    items = Items.ensure(frame)
    assert [items.read(n).label for n in range(6)] == wanted
    ages = pandas.DataFrame({"image": PICTURES, "label": [31.5, 2.0, None, 4.0, 5.0, 6.0]})
    assert [picture.label for picture in load_pictures(ages).values()] == [None] * 6


def test_an_empty_folder_counts_as_a_class(tmp_path: Path) -> None:
    for name in ("ant", "bee", "cat"):
        (tmp_path / name).mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("ant", "cat"):
        PICTURES[0].save(tmp_path / name / "a.png")
    (tmp_path / "bee" / ".DS_Store").write_text("")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.txt").write_text("")
    shown = load_pictures(str(tmp_path))
    assert shown.classes == ("ant", "bee", "cat") and [picture.label for picture in shown.values()] == [0, 2]
    assert "counted as classes all the same: bee." in shown.notes[0]


@pytest.mark.parametrize(
    ("tensor", "words"),
    [(torch.rand(3, 8, 8, device="meta"), "meta device"), (torch.rand(3, 8, 8).to(torch.complex64), "complex64")],
)
def test_tensors_without_values_are_refused(tensor: torch.Tensor, words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        load_pictures(tensor)


def test_a_sparse_tensor_is_read() -> None:
    x = torch.rand(3, 8, 8)
    (picture,) = load_pictures(x.to_sparse()).values()
    assert picture.tensor is not None and torch.equal(picture.tensor[0], x)
