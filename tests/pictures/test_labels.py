"""Labels in the forms data sets have them, and whole numbers in the forms people pass them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from nbviz.arguments import at_least, channel_number, whole
from nbviz.errors import NbvizError
from nbviz.pictures.labels import class_list, given_labels, label_index
from nbviz.pictures.samples import Items


@pytest.mark.parametrize(
    ("label", "index"),
    [
        *((3, 3), (np.int64(3), 3), (torch.tensor(3), 3), (torch.tensor([3]), 3), (np.array([[3]]), 3)),
        *((torch.eye(5)[3], 3), (np.eye(5, dtype=bool)[3], 3), (torch.eye(5, dtype=torch.uint8)[0], 0)),
        *((None, None), (-1, None), (True, None), ("cat", None), (0.5, None), (2**40, None), ({"boxes": 1}, None)),
        *((torch.tensor([0.2, 0.8]), None), (torch.tensor([1, 1, 0]), None), (torch.zeros(3), None)),
    ],
)
def test_an_items_label(label: Any, index: int | None) -> None:
    assert label_index(label) == index


@pytest.mark.parametrize(
    ("labels", "expected", "classes"),
    [
        ([2, 0, 1], [2, 0, 1], None),
        (torch.tensor([2, 0, 1]), [2, 0, 1], None),
        (np.array([[2], [0], [1]]), [2, 0, 1], None),
        (torch.eye(3)[[2, 0, 1]], [2, 0, 1], None),
        (iter([2, 0, 1]), [2, 0, 1], None),
        ([True, False, True], [1, 0, 1], None),
        ([1, None, -1], [1, None, None], None),
        (["dog", "cat", "dog"], [1, 0, 1], ["cat", "dog"]),
        (["dog", None, "cat"], [1, None, 0], ["cat", "dog"]),
    ],
)
def test_labels_beside_a_data_set(labels: Any, expected: list[int | None], classes: list[str] | None) -> None:
    assert given_labels(labels, 3, None) == (expected, classes)


def test_names_are_looked_up_among_the_data_sets_own_classes() -> None:
    assert given_labels(["dog", "cat"], 2, ("ant", "cat", "dog"))[0] == [2, 1]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([1, 2], "2 entries, but the data set has 3 items"),
        (3, "one label per item, in a list; not 3"),
        ("abc", "in a list; not 'abc'"),
        ([0.5, 1, 2], "labels= has 0.5 for item 0"),
        (torch.rand(3, 4), "for item 0: a label is the index of a class, its name, or None"),
        ([1, 2**40, 0], "has 1099511627776 for item 1"),
    ],
)
def test_what_is_no_label_is_refused_in_words(labels: Any, words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        given_labels(labels, 3, None)


@pytest.mark.parametrize(
    "value",
    [
        torch.rand(3, 8, 8), torch.zeros(8, 8, dtype=torch.uint8), np.zeros((8, 9, 3), np.uint8),
        Image.new("RGB", (4, 4)), b"\x89PNG",
    ],
)  # fmt: skip
def test_one_picture_is_no_data_set(value: Any) -> None:
    with pytest.raises(NbvizError, match="is one picture: pass a list"):
        Items.ensure(value)
    assert len(Items.ensure([value])) == 1


def test_gray_pictures_one_after_the_other_are_a_data_set() -> None:
    assert len(Items.ensure(np.zeros((5, 8, 8), np.uint8))) == 5
    with pytest.raises(NbvizError, match=r"generator has not.*list\(itertools.islice"):
        Items.ensure(x for x in ())


def test_whole_numbers() -> None:
    for value in (3, np.int64(3), np.uint8(3), torch.tensor(3), torch.tensor([3])):
        assert whole(value) == 3 and type(whole(value)) is int
    for value in (True, 3.0, "3", None, torch.tensor(3.0), torch.tensor([1, 2]), np.array([1, 2]), slice(1)):
        assert whole(value) is None
    assert at_least("k", np.int32(4), 1) == 4
    with pytest.raises(NbvizError, match="k= is a whole number of at least 1, not 0"):
        at_least("k", 0, 1)
    with pytest.raises(NbvizError, match="Layer 'a' has 4 channels, 0 to 3: there is no channel -1"):
        channel_number("a", -1, 4)
    with pytest.raises(NbvizError, match="layer 'a' is a whole number from 0 to 3, not '1'"):
        channel_number("a", "1", 4)


def test_a_loaders_own_collate_makes_tensors_of_its_pictures() -> None:
    images = [Image.new("RGB", (6, 5), (40 * n, 0, 0)) for n in range(4)]

    def preprocessed(batch: list[Any]) -> dict[str, Any]:
        tensors = [torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255 - 0.5 for image, _ in batch]
        return {"pixel_values": torch.stack(tensors), "labels": torch.tensor([label for _, label in batch])}

    data = [(image, n % 2) for n, image in enumerate(images)]
    for loader in (DataLoader(data, 2, True, collate_fn=preprocessed), DataLoader(data, 3, collate_fn=preprocessed)):
        items = Items.ensure(loader)
        assert [items.read(n).label for n in range(4)] == [0, 1, 0, 1]
        made = items.read(2).tensor
        assert made is not None and float(made[0, 0].max()) == pytest.approx(80 / 255 - 0.5)
    assert Items.ensure(DataLoader(data, collate_fn=list)).read(1).tensor is None
    assert Items.ensure(DataLoader(data)).read(1).tensor is None
    ready = torch.rand(3, 3, 4, 4)
    unread = Items.ensure(DataLoader([(x, 1) for x in ready], collate_fn=lambda batch: {"x": batch})).read(0)
    assert unread.tensor is not None and torch.equal(unread.tensor[0], ready[0]) and unread.label == 1


@pytest.mark.parametrize(
    "classes",
    [
        ["ant", "bee", "cat"], ("ant", "bee", "cat"), np.array(["ant", "bee", "cat"]), {0: "ant", 2: "cat", 1: "bee"},
        {"ant": 0, "cat": 2, "bee": 1}, {"0": "ant", "1": "bee", "2": "cat"}, {"ant": np.int64(0), "bee": 1, "cat": 2},
        {"0": ["n01", "ant"], "1": ["n02206856", "bee"], "2": ("cat", "moggy")}, iter(["ant", "bee", "cat"]),
    ],
)  # fmt: skip
def test_names_in_every_form_are_in_the_order_of_the_scores(classes: Any) -> None:
    names = class_list(classes)
    assert names[1:] == ("bee", "cat") and names[0] in ("ant", "n01")


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ("ant", r"one text \('ant'\)"),
        ({"ant", "bee"}, "a set, which has no order"),
        ({0: "ant", 2: "bee"}, "numbers are not 0 to 1"),
        ({"ant": "bee"}, "numbers are not 0 to 0"),
        ({"ant": 0, "bee": 0}, "numbers are not 0 to 1"),
        (7, "one name per class, in a list; not 7"),
    ],
)
def test_names_without_an_order_are_refused(classes: Any, words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        class_list(classes)
