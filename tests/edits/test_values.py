"""Edits as values: unequal ones can be told apart, copies are equal, and numbers and pictures come in any form."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from nbviz.edits import Attack, Channels, Draw, Heads, Paint, Transform
from nbviz.model.edit import Edit
from nbviz.panels.whatif.what_if import chips, tips
from nbviz.pictures.load import as_picture
from tests.edits.test_laws import NOTHING, SIZE, SOME, left_half, mirrored, model, picture, same


def box(top: int, left: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top : top + 6, left : left + 6] = True
    return mask


UNEQUAL: dict[str, list[Edit]] = {
    "Paint": [
        *(Paint(box(top, left)) for top, left in ((0, 0), (0, 9), (9, 0))),
        *(Paint(box(0, 0), fill) for fill in ("gray", "mean", "noise")),
        *(Paint(box(0, 0), as_picture(picture() // halved)) for halved in (1, 2)),
        Paint(~box(0, 0), keep=True),
        Paint(box(0, 0) ^ np.eye(SIZE, dtype=bool)),
    ],
    "Channels": [
        *(Channels("3", off=off) for off in ((1, 2), (1, 3), (2,))),
        *(Channels("3", only=only) for only in ((1, 2), (1, 3))),
        *(Channels("3", off=[1, 2], fill=fill) for fill in ("mean", np.zeros(8), np.ones(8))),
        *(Channels("3", scale={1: factor}) for factor in (2.0, 2.0000001)),
    ],
    "Heads": [Heads("4", off=off, of=4) for off in ((0, 1), (0, 2), (1,))] + [Heads("4", off=[0, 1], of=2)],
    "Transform": [Transform("rotate", amount) for amount in (15.0000001, -15)],
    "Draw": [Draw(mirrored, 3), Draw(same), Draw(lambda image: image), Draw(lambda image: image)],
    "Attack": [
        Attack("pgd", 2.0, norm="l2"),
        *(Attack("pgd", 2.0, steps=steps) for steps in (1, 20)),
        *(Attack("pgd", 2.0, random_start=True, seed=seed) for seed in (0, 1)),
        *(Attack("pgd", 2.0, into=into) for into in (1, 2, "bee")),
        *(Attack("noise", 2.0, seed=seed) for seed in (0, 1)),
        *(Attack("fgsm", size) for size in (2.0, 2.25)),
    ],
}


@pytest.mark.parametrize("name", SOME)
def test_unequal_edits_can_be_told_apart_in_the_strip(name: str) -> None:
    edits = [SOME[name](), NOTHING[name](), *UNEQUAL[name]]
    assert len(set(edits)) == len(edits) == len(set(tips(edits))) == len(set(chips(edits)))
    assert tips([edits[0], *edits])[:2] == tips(edits[:1]) * 2
    if name == "Attack":  # whose chips are enough
        assert len({edit.words for edit in edits}) == len(edits)


@pytest.mark.parametrize("name", SOME)
def test_a_copy_of_an_edit_is_equal(name: str) -> None:
    edit = SOME[name]()
    assert copy.deepcopy(edit) == edit == copy.copy(edit) == pickle.loads(pickle.dumps(edit))


def test_numbers_of_numpy_are_those_of_python_and_a_picture_to_paint_with_comes_in_any_form() -> None:
    one = Attack(
        "pgd", np.float32(2), into=np.int64(3), steps=np.int64(4), random_start=np.bool_(True), seed=np.int64(5)
    )
    assert one == Attack("pgd", 2.0, into=3, steps=4, random_start=True, seed=5) and type(one.steps) is int
    other = picture()[::-1].copy()
    forms = (other, Image.fromarray(other), as_picture(other))
    inputs = [model().edited(Paint(left_half(), form)).input(picture()) for form in forms]
    assert torch.equal(inputs[0], inputs[1]) and torch.equal(inputs[0], inputs[2])
