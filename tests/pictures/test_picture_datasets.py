"""Data sets as pictures: the first few, once each, with their labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from nbviz.errors import NbvizError
from nbviz.pictures.load import load_pictures


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)


class Counting(Dataset):
    """Labelled pictures; remembers which were asked for."""

    def __init__(self, total: int, labelled: bool = True) -> None:
        self.total, self.labelled, self.asked = total, labelled, list[int]()

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        if index == 3:
            raise RuntimeError("item three is lost")
        image = Image.fromarray(noise(index))
        return (image, torch.tensor(index + 10)) if self.labelled else image


def test_a_data_set_is_read_no_further_than_shown() -> None:
    dataset = Counting(50_000)
    pictures = load_pictures(dataset)
    assert dataset.asked == list(range(12))
    assert pictures.notes == ["The first 12 of 50,000 items are shown."]
    assert pictures["5"].label == 15 and pictures["0"].size == (4, 4)
    assert "item three is lost" in pictures.problems[0] and "3" not in pictures
    pictures["5"].open()
    assert dataset.asked == list(range(12))


def test_a_data_set_needs_no_labels() -> None:
    pictures = load_pictures(Counting(2, labelled=False))
    assert [picture.label for picture in pictures.values()] == [None, None] and pictures.notes == []


def test_items_may_be_dicts() -> None:
    class Dicts(Counting):
        def __getitem__(self, index: int) -> Any:
            return {"image": noise(index), "label": np.int64(index)}

    assert [picture.label for picture in load_pictures(Dicts(3)).values()] == [0, 1, 2]


def test_a_loader_points_to_its_data_set() -> None:
    loader = DataLoader(Counting(4))
    with pytest.raises(NbvizError, match=r"pass its \.dataset"):
        load_pictures(loader)
