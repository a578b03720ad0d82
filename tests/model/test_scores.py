"""Class scores in whatever a network puts out."""

from __future__ import annotations

from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from nbviz.errors import NbvizError
from nbviz.model.scoring.outputs import ClassMaps, Unknown, reader

SCORES = torch.arange(6.0).view(2, 3)
Pair = namedtuple("Pair", "features logits")


@pytest.mark.parametrize(
    "output",
    [
        SCORES,
        SCORES[:, :, None, None],
        {"aux": torch.zeros(2, 9), "logits": SCORES},
        {"out": SCORES},
        (SCORES, torch.zeros(2, 4)),
        [torch.zeros(2, 4, 4), SCORES],
        Pair(torch.zeros(2, 9), SCORES),
        SimpleNamespace(logits=SCORES),
    ],
)
def test_scores_are_found(output: Any) -> None:
    assert torch.equal(reader(None)(output).logits, SCORES)


@pytest.mark.parametrize(
    ("output", "where"),
    [
        ({"a": SCORES, "b": torch.zeros(2, 9)}, "a"),
        ((torch.zeros(2, 9), SCORES), 1),
        (SimpleNamespace(main=SCORES), "main"),
        ({"deep": [SCORES]}, lambda raw: raw["deep"][0]),
    ],
)
def test_output_says_where(output: Any, where: Any) -> None:
    assert torch.equal(reader(where)(output).logits, SCORES)


def test_one_score_a_picture_is_one_class() -> None:
    assert reader(None)(torch.tensor([1.0, 2.0])).logits.tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (torch.zeros(1, 1, 8, 8), r"shape \(1, 1, 8, 8\), not one score per class .* depth .* output=lambda y: y.mean"),
        (torch.zeros(1, 5, 7), r"shape \(1, 5, 7\), not one score per class"),
        ({"boxes": 1, "masks": 2}, "a mapping with 'boxes', 'masks'"),
        ([], "a list of 0"),
        (torch.zeros(1, 3, dtype=torch.long), "torch.int64"),
        (None, "NoneType"),
        (torch.tensor(1.0), r"shape \(\)"),
    ],
)
def test_no_scores_are_said_in_words(output: Any, words: str) -> None:
    with pytest.raises(NbvizError, match=words) as caught:
        _ = reader(None)(output).logits
    assert isinstance(reader(None)(output), Unknown)
    assert "output=" in str(caught.value)


def test_a_wrong_output_is_said() -> None:
    with pytest.raises(NbvizError, match="no 'scores': it is a mapping with 'a'"):
        _ = reader("scores")({"a": SCORES}).logits


@pytest.mark.parametrize(
    "output", [torch.ones(2, 3, 4, 5), {"out": torch.ones(2, 3, 4, 5), "aux": torch.zeros(2, 3, 4, 5)},
               (torch.ones(2, 3, 4, 5), torch.zeros(2)), SimpleNamespace(logits=torch.ones(2, 3, 4, 5))]
)  # fmt: skip
def test_a_map_a_class_is_read_as_such(output: Any) -> None:
    found = reader(None)(output)
    assert isinstance(found, ClassMaps) and found.maps.shape == (2, 3, 4, 5)
    assert found.logits.tolist() == [[1, 1, 1]] * 2
