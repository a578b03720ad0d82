"""Asking what heads look at: kept and not kept give the same, another patch needs no forward, partial answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import nbviz
from nbviz.attention import heads as tensor_heads
from nbviz.errors import Refused
from nbviz.model.instrumented import as_picture
from nbviz.model.target import Target
from nbviz.session.context import LiveContext
from nbviz.session.requests import heads as session_heads
from nbviz.session.requests.heads import AskHeads, HeadsAnswer, LookFrom
from tests.attention_networks import build, picture
from tests.networks import build as plain
from tests.networks import picture as plain_picture

PICTURE = as_picture(picture(dtype=torch.float32))
PLACE = (0.3, 0.6)


@pytest.fixture()
def context() -> LiveContext:
    return LiveContext(nbviz.InstrumentedModel(build("Fused").float()))


@pytest.fixture()
def forwards(context: LiveContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts the forwards for attention."""
    counted: list[int] = []
    original = tensor_heads.NetworkAttention.__init__

    def count(self: object, *arguments: object) -> None:
        counted.append(1)
        original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(tensor_heads.NetworkAttention, "__init__", count)
    yield counted


def test_another_patch_needs_no_forward(context: LiveContext, forwards: list[int]) -> None:
    answers = [context.answer(LookFrom(PICTURE, query)) for query in ("reads", "mean", PLACE)]
    assert len(forwards) == 1
    assert [answer.query for answer in answers] == ["reads", "mean", PLACE]
    assert all(answer.done == 1 and answer.heads.fits and not answer.heads.blocks for answer in answers)
    assert answers[0].heads.reads == "the class token" and answers[0].picture.shape == (16, 16, 3)
    assert not np.allclose(answers[0].seen.blocks[0].maps, answers[2].seen.blocks[0].maps)


def test_a_class_weighs_them_by_its_gradient(context: LiveContext, forwards: list[int]) -> None:
    one, two = (context.answer(LookFrom(PICTURE, "reads", Target(index))) for index in (0, 2))
    assert (one.heads.target, two.heads.target) == ("class 0", "class 2") and len(forwards) == 2
    assert not np.allclose(one.seen.blocks[0].maps, two.seen.blocks[0].maps)


@pytest.mark.parametrize("target", [None, Target(1)])
@pytest.mark.parametrize("query", ["reads", PLACE])
def test_too_many_to_keep_are_looked_at_all_the_same(
    context: LiveContext, monkeypatch: pytest.MonkeyPatch, target: Target | None, query: str
) -> None:
    wanted: HeadsAnswer = context.answer(LookFrom(PICTURE, query, target))
    monkeypatch.setattr(tensor_heads, "MOST_BYTES", 100)
    other = LiveContext(context.model)
    found: HeadsAnswer = other.answer(LookFrom(PICTURE, query, target))
    assert not found.heads.fits and not other.answer(AskHeads(PICTURE, target)).blocks
    for one, two in zip(wanted.seen.blocks, found.seen.blocks, strict=True):
        assert np.array_equal(one.maps, two.maps) and np.allclose(one.rollout, two.rollout)  # type: ignore[arg-type]


@pytest.mark.parametrize("kept", [100, 2**20])
def test_blocks_come_one_by_one_where_they_take_time(
    context: LiveContext, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(session_heads, "PAUSE", -1.0)
    monkeypatch.setattr(tensor_heads, "MOST_BYTES", kept)
    answers = list(LookFrom(PICTURE, "reads")(context))
    assert [[block.number for block in answer.seen.blocks] for answer in answers][-1] == [0, 1, 2]
    assert [2] in [[block.number for block in answer.seen.blocks] for answer in answers[:-1]]
    done = [answer.done for answer in answers]
    assert done == sorted(done) and done[-1] == 1 and all(value < 1 for value in done[:-1])
    assert all(block.rollout is None for block in answers[0].seen.blocks)


def test_without_attention_it_is_refused() -> None:
    context = LiveContext(nbviz.InstrumentedModel(plain("inplace")))
    with pytest.raises(Refused, match="this network has none"):
        context.answer(LookFrom(as_picture(plain_picture()), "reads"))


def test_weights_that_move_give_another_answer(context: LiveContext) -> None:
    before = context.answer(LookFrom(PICTURE, PLACE))
    with torch.no_grad():
        context.model.net.blocks[0].into.weight.mul_(3)
    after = context.answer(LookFrom(PICTURE, PLACE))
    assert not np.allclose(before.seen.blocks[0].maps, after.seen.blocks[0].maps)
