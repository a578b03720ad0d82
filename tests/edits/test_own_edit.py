"""Laws of an edit that a newcomer wrote, in a file and in a cell of a notebook."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import nbviz
from nbviz.edits import EDITS, Channels, Edit
from nbviz.edits.base import _kinds
from tests.edits.test_laws import model, network, picture
from tests.networks import state_hash

FILE = Path(__file__).with_name("own_edit.py")
Make = Callable[[int], Edit]


@pytest.fixture(params=["own_edit", "__main__"])
def columns(request: pytest.FixtureRequest) -> Iterator[Make]:
    before = dict(_kinds)
    yield runpy.run_path(str(FILE), run_name=request.param)["Columns"]
    _kinds.clear()
    _kinds.update(before)


def test_one_file_or_cell_is_all_that_an_edit_takes(columns: Make) -> None:
    assert EDITS["Columns"].title == "Columns" and EDITS["Columns"].sentence.startswith("Puts the columns")
    assert columns(3) == columns(3) and hash(columns(3)) == hash(columns(3)) != hash(columns(4))
    net = network().train()
    before = state_hash(net)
    plain = model(net)
    moved = plain.edited(columns(3))
    np.testing.assert_array_equal(moved.input(picture()), plain.input(np.roll(picture(), 3, axis=1)))
    np.testing.assert_array_equal(plain.edited(columns(0)).logits(picture()), plain.logits(picture()))
    right = plain.edited(Channels("3", off=[1])).logits(np.roll(picture(), 3, axis=1))
    np.testing.assert_array_equal(plain.edited(columns(3), Channels("3", off=[1])).logits(picture()), right)
    heat = nbviz.attribute(moved, picture(), method="saliency").values
    np.testing.assert_array_equal(heat, nbviz.attribute(plain, np.roll(picture(), 3, axis=1), method="saliency").values)
    assert moved.edits[0].words == "columns moved by 3" and state_hash(net) == before
