"""Values that no edit can have: each field refuses what it can't be in a sentence, whatever it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nbviz.edits import Attack, Channels, Draw, Heads, Mask, Paint, Transform
from nbviz.errors import NbvizError

BOX = np.ones((4, 4), bool)
ODD: list[Any] = [
    None, True, "x", b"x", float("nan"), float("inf"), -1, 0, 1, 2.5, 10**400, 1j, [], [1], (), {}, {1: 2}, {1},
    range(3), iter([1]), object(), int, np.array([]), np.array(1), np.array([1, 2]), torch.tensor(1),
    torch.tensor([1.0, 2.0]), np.float32(1), np.int64(1), np.bool_(True), Image.new("RGB", (3, 3)), nn.ReLU(),
    lambda x: x,
]  # fmt: skip
FIELDS: dict[str, Callable[[Any], object]] = {
    **{f"Attack.{name}": lambda odd, name=name: Attack(**{name: odd})
       for name in ("method", "size", "into", "norm", "steps", "random_start", "seed")},
    **{f"Channels.{name}": lambda odd, name=name: Channels("1", **{name: odd})
       for name in ("off", "only", "scale", "clamp", "fill")},
    "Channels.layer": lambda odd: Channels(odd, off=[1]),
    "Channels.off of": lambda odd: Channels("1", off=[odd]),
    "Channels.scale of": lambda odd: Channels("1", scale={1: odd}),
    "Channels.clamp of": lambda odd: Channels("1", clamp={1: odd}),
    "Channels.clamp at": lambda odd: Channels("1", clamp={1: (odd, 1)}),
    "Channels.fill of": lambda odd: Channels("1", fill=[odd]),
    "Heads.layer": lambda odd: Heads(odd, off=[0], of=2),
    "Heads.off": lambda odd: Heads("1", off=odd, of=2),
    "Heads.of": lambda odd: Heads("1", off=[0], of=odd),
    "Transform.kind": lambda odd: Transform(odd, 1),
    "Transform.amount": lambda odd: Transform("rotate", odd),
    "Paint.mask": Paint,
    "Paint.fill": lambda odd: Paint(BOX, odd),
    "Paint.keep": lambda odd: Paint(BOX, keep=odd),
    "Draw.transform": Draw,
    "Draw.seed": lambda odd: Draw(abs, odd),
    "Mask": Mask.of,
    "Mask.bits": lambda odd: Mask(4, 4, odd),
    "Mask.height": lambda odd: Mask(odd, 4, b"xx"),
    "Mask.box size": lambda odd: Mask.box(odd, 0, 0, 1, 1),
    "Mask.box edge": lambda odd: Mask.box((4, 4), odd, 0, 1, 1),
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_takes_a_value_that_can_be_hashed_or_refuses_it_in_a_sentence(field: str) -> None:
    taken = 0
    for odd in ODD:
        try:
            made = FIELDS[field](odd)
        except NbvizError as error:
            assert len(str(error).split()) > 3, f"{field}: {odd!r}"
        else:
            assert isinstance(hash(made), int) and repr(made)
            taken += 1
    assert taken < len(ODD)


ONES = torch.ones(4, 4)
MASKS: dict[str, Any] = {
    "bfloat16": ONES.bfloat16(), "eight bits": ONES.to(torch.float8_e4m3fn), "half": ONES.half(),
    "sparse": ONES.to_sparse(),
    "with a graph": ONES.clone().requires_grad_(), "complex": ONES.to(torch.complex64).conj(),
    "gray picture": Image.new("L", (4, 4), 9), "lists": [[1] * 4] * 4, "from the back": np.ones((4, 8))[:, ::-2],
}  # fmt: skip


@pytest.mark.parametrize("form", MASKS)
def test_a_mask_comes_in_any_form(form: str) -> None:
    assert Mask.of(MASKS[form]) == Mask.of(BOX)


@pytest.mark.parametrize("bad", [
    [[1, 2], [3]], [["a", "b"]], np.zeros((1, 4, 4)), np.zeros((0, 4)), torch.ones(4, 4, device="meta"),
    np.zeros((2, 2), [("a", int)]), np.zeros((2, 2), "M8[s]"), np.array([[None, 1]]), torch.full((2, 2), torch.nan),
])  # fmt: skip
def test_what_is_no_mask_is_refused(bad: Any) -> None:
    with pytest.raises(NbvizError, match=r"\w+ \w+ \w+"):
        Mask.of(bad)


def test_masks_of_the_same_pixels_are_equal_whatever_is_left_of_their_last_byte() -> None:
    assert Mask(1, 3, b"\xbf") == Mask(1, 3, b"\xa0") == Mask.of([[1, 0, 1]])


def test_a_channel_has_one_value_and_no_channel_that_stays_is_said_so() -> None:
    for twice in ({"scale": [(1, 2), (1, 3)]}, {"clamp": [(1, (None, 2)), (1, (3, None))]}):
        with pytest.raises(NbvizError, match="channel 1 twice"):
            Channels("1", **twice)
    assert Channels("1", only=[]).words == "1 · all off"
    assert Channels("1", clamp={1: np.array([0, 2])}) == Channels("1", clamp={1: (0, 2)})
