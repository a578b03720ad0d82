"""Class scores in whatever a network puts out."""

from __future__ import annotations

from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from nbviz.tensors.errors import NbvizError
from nbviz.tensors.logits import logits_finder

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
    assert torch.equal(logits_finder(None)(output), SCORES)


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
    assert torch.equal(logits_finder(where)(output), SCORES)


def test_one_score_a_picture_is_one_class() -> None:
    assert logits_finder(None)(torch.tensor([1.0, 2.0])).tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (torch.zeros(1, 21, 8, 8), r"shape \(1, 21, 8, 8\), not one score a class"),
        ({"boxes": 1, "masks": 2}, "a mapping with 'boxes', 'masks'"),
        ([], "a list of 0"),
        (torch.zeros(1, 3, dtype=torch.long), "torch.int64"),
        (None, "NoneType"),
        (torch.tensor(1.0), r"shape \(\)"),
    ],
)
def test_no_scores_are_said_in_words(output: Any, words: str) -> None:
    with pytest.raises(NbvizError, match=words) as caught:
        logits_finder(None)(output)
    assert "output=" in str(caught.value)


def test_a_wrong_output_is_said() -> None:
    with pytest.raises(NbvizError, match="no 'scores': it is a mapping with 'a'"):
        logits_finder("scores")({"a": SCORES})
