"""The stage of parts: what is said of them, what a click does, and states that are no pictures."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nbviz.drawing.palette import NAMES, alone, colours, laid
from nbviz.errors import Refused
from nbviz.panels.parts.parts_stage import PartsStage, caption
from nbviz.session.requests.factors import PartsAnswer, ShowParts
from tests.panels.rig import Rig, rig, say


@pytest.fixture()
def parts() -> Rig:
    made = rig(layer="3")
    made.selection.stages = ("channels", "parts")
    made.selection.stage = "parts"
    return made


@pytest.fixture()
def stage(parts: Rig) -> PartsStage:
    return PartsStage(parts.links)


def test_the_picture_and_a_row_a_part(parts: Rig, stage: PartsStage) -> None:
    answer = parts.show(stage)
    view = stage.view
    assert view.state == "ready" and view.about == "3 · 8 of 16 × 20" and view.grid == [16, 20]
    count = len(answer.parts.maps)
    assert [row["letter"] for row in view.rows] == list("ABCDEF")[:count]
    assert Image.open(io.BytesIO(view.sheet)).size == (20, 16 * (count + 1))
    assert len(view.strongest) == 16 * 20 and set(view.strongest) <= {*range(count), 255}
    assert view.aspect == 40 / 32 and view.target == "tabby" and "for tabby" in view.rows[0]["words"]
    words = "".join(run if isinstance(run, str) else run[0] for run in view.caption)
    assert "parts explain" in words and "For tabby the layer adds" in words


def test_asks_for_nothing_while_it_is_not_on_show(parts: Rig, stage: PartsStage) -> None:
    assert isinstance(stage.request(parts.selection), ShowParts)
    parts.selection.stage = "channels"
    assert stage.request(parts.selection) is None


def test_a_channel_of_a_part_opens_in_the_grid(parts: Rig, stage: PartsStage) -> None:
    parts.show(stage)
    say(stage.view, event="channel", channel=5)
    assert parts.selection.channel == 5 and parts.selection.stage == "channels"


def test_count_and_pictures_are_asked_for_anew(parts: Rig, stage: PartsStage) -> None:
    asked = []
    stage.links = replace(stage.links, ask=lambda: asked.append(stage.request(parts.selection)))
    say(stage.view, event="count", count=3)
    say(stage.view, event="make")
    assert [(request.count, request.made) for request in asked] == [(3, False), (3, True)]
    assert stage.view.making
    say(stage.view, event="count", count=4)
    assert not asked[-1].made and not stage.view.making
    parts.show(stage)
    assert stage.view.made == b""
    say(stage.view, event="count", count=3)
    parts.show(stage)
    height = Image.open(io.BytesIO(stage.view.made)).height
    assert asked[-1].made and height % len(stage.view.rows) == 0


def test_the_part_at_the_place_pointed_at_is_marked(parts: Rig, stage: PartsStage) -> None:
    answer = parts.show(stage)
    row, column = np.unravel_index(int(answer.parts.maps[1].argmax()), answer.parts.maps[1].shape)
    stage.point(((row + 0.5) / 16, (column + 0.5) / 20))
    assert stage.view.marked == int(answer.parts.maps[:, row, column].argmax())
    stage.point(None)
    assert stage.view.marked is None


def test_what_is_no_picture_is_said(parts: Rig, stage: PartsStage) -> None:
    parts.selection.layer = "4"
    with pytest.raises(Refused) as refused:
        parts.answer(stage)
    stage.fail(refused.value)
    assert stage.view.state == "refused" and "one place" in stage.view.message and stage.view.rows == []
    for parameter in parts.model.net[0].parameters():
        parameter.data.zero_()
    parts.selection.layer = "1"
    with pytest.raises(Exception) as nothing:
        parts.answer(stage)
    stage.fail(nothing.value)
    assert stage.view.state == "nothing" and "zero everywhere" in stage.view.message


def test_colours_are_those_of_the_strongest_part() -> None:
    assert len(NAMES) == len(colours()) == len({tuple(colour) for colour in colours().tolist()}) == 12
    maps = np.array([[[4.0, 0, 0]], [[0, 1.0, 0]]])
    drawn = laid(maps)[0]
    assert drawn[0].tolist() == colours()[0].tolist() and drawn[2].tolist() == [0, 0, 0]
    assert drawn[1].tolist() == np.rint(colours()[1] / 2).tolist()
    assert alone(maps[1], 1)[0, 1].tolist() == colours()[1].tolist()


def test_a_still_picture_has_the_parts_in_the_middle(parts: Rig, stage: PartsStage) -> None:
    assert stage.still() == {}
    answer = parts.show(stage)
    part = stage.still()["stage"]
    (heading,), picture, lines = part.heading, part.picture, part.lines
    assert heading == "3 · 8 of 16 × 20" and picture.shape == (32, 40, 3)
    assert "A (orange)" in lines[-1][0] and len(lines[-1][0].split(" · ")) == len(answer.parts.maps)


def test_places_that_do_not_reach_the_score_are_said(parts: Rig, stage: PartsStage) -> None:
    parts.selection.layer = "3"
    answer = parts.answer(stage)
    assert "reaches the score" not in _said(answer)
    assert "the layer adds" in _said(answer)
    silent = replace(answer, contributions=np.zeros(len(answer.parts.maps)), total=0.0)
    assert "None of these places reaches the score" in _said(silent)
    assert "does not come through this layer" in _said(replace(answer, contributions=None, total=None))


def _said(answer: PartsAnswer) -> str:
    return "".join(run if isinstance(run, str) else run[0] for run in caption(answer))
