"""Networks that say what is where, in the panels: outlines, a click that chooses, the evidence's box, the words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbviz.drawing.overlay import jpeg
from nbviz.model.boxes import Box
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.panels.explanation import canvas_lines
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.panels.question.class_dropdown import ClassDropdown
from nbviz.panels.question.scores import ScoreBars
from nbviz.panels.scenes.outlines import Outline, drawn_on, region_lines
from nbviz.pictures.load import load_pictures
from nbviz.session.context import LiveContext
from nbviz.session.selection import Selection
from tests.networks import build
from tests.panels.rig import Rig, _tensor, photo, rig, say

NAMES = ["sky", "cat", "dog", "cup", "car"]


def made(name: str) -> Rig:
    model = InstrumentedModel(build(name), transform=_tensor, classes=NAMES)
    pictures = dict(load_pictures({"cat": photo(), "coffee": photo(seed=1)}))
    model.trace(model.input(pictures["cat"]))
    layer = "body.0" if name == "detects" else "stem.0"
    start = {"image": "cat", "layer": layer, "target": "predicted", "method": "saliency"}
    return Rig(model, pictures, Selection(model, pictures, **start))


def test_a_detector_s_boxes_lie_over_the_canvas_and_a_click_chooses_one() -> None:
    small = made("detects")
    panel, said = SaliencyCanvas(small.links, lambda place: []), small.model.prediction(small.pictures["cat"])
    small.show(panel)
    assert panel.pointer.choosing and len(panel.pointer.outlines) == 20
    assert panel.pointer.outlines[-1][4:] == ["chosen", f"{NAMES[said.boxes[0].label]} {said.boxes[0].score:.2f}"]
    assert all(0 <= share <= 1 for one in panel.pointer.outlines for share in one[:4])
    place = (0.9, 0.9)
    number = said.at(place)
    assert number not in (None, 0)
    say(panel.pointer, event="point", place=list(place), pin=True, choose=True)
    assert small.selection.target == Target.box(number)  # type: ignore[arg-type]
    assert small.selection.place == place and panel.pointer.place == [0.9, 0.9]
    small.show(panel)
    assert panel.bar.note[1][0] == f"{NAMES[said.boxes[number].label]}, box {number}"  # type: ignore[index]
    assert NAMES[said.boxes[number].label] in panel.pointer.tip  # type: ignore[index]
    say(panel.pointer, event="point", place=list(place), pin=False)
    assert small.selection.target == Target.box(number) and panel.pointer.place is None  # type: ignore[arg-type]


def test_the_photograph_is_that_of_the_map_and_encoded_once_for_all_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[bytes] = []

    def encode(seen: np.ndarray, quality: int) -> bytes:
        encoded.append(jpeg(seen, quality))
        return encoded[-1]

    monkeypatch.setattr(canvas_lines, "jpeg", encode)
    small = rig(method="integrated_gradients")
    panel, context = SaliencyCanvas(small.links, lambda place: []), LiveContext(small.model)
    for image in ("cat", "coffee"):
        small.selection.image = image
        answers = list(context.answers(panel.request(small.selection)))
        for answer in answers:
            panel.show(answer)
        assert len(answers) > 1 and panel.pointer.photo == jpeg(answers[0].seen, canvas_lines.QUALITY)
    assert len(encoded) == 2 and encoded[0] != encoded[1]
    panel.lines.show(None, Target())
    assert panel.pointer.photo == b""


def test_another_picture_has_other_boxes() -> None:
    small = made("detects")
    small.selection.target = Target.box(3)
    small.selection.image = "coffee"
    assert small.selection.target == "predicted"
    small.selection.target = 2
    small.selection.image = "cat"
    assert small.selection.target == 2


def test_a_segmenter_s_regions_are_outlined_and_a_click_chooses_the_class_there() -> None:
    small = made("segments")
    panel, said = SaliencyCanvas(small.links, lambda place: []), small.model.prediction(small.pictures["cat"])
    small.show(panel)
    assert panel.pointer.choosing and panel.pointer.lines.startswith(b"\x89PNG") and not panel.pointer.outlines
    assert said.regions is not None
    rows, columns = (said.regions != said.order[0]).nonzero()
    place = [(rows[0] + 0.5) / 32, (columns[0] + 0.5) / 40]
    say(panel.pointer, event="point", place=place, pin=True, choose=True)
    there = int(said.regions[rows[0], columns[0]])
    assert small.selection.target == there
    small.show(panel)
    assert f"· {NAMES[there]}" in panel.pointer.tip
    assert "also explains the class said there" in panel.pointer.caption


def test_a_click_that_points_only_chooses_nothing() -> None:
    small = made("segments")
    panel = SaliencyCanvas(small.links, lambda place: [])
    small.show(panel)
    for pin in (None, True):  # moved over, and a pin moved by the arrow keys
        say(panel.pointer, event="point", place=[0.9, 0.9], pin=pin)
        assert small.selection.target == "predicted"
    plain = rig()
    panel = SaliencyCanvas(plain.links, lambda place: [])
    plain.show(panel)
    say(panel.pointer, event="point", place=[0.9, 0.9], pin=True, choose=True)
    assert plain.selection.target == 0 and not panel.pointer.choosing and not panel.pointer.lines


def test_the_evidence_s_box_is_drawn_on_demand_and_said() -> None:
    small = rig()
    panel = SaliencyCanvas(small.links, lambda place: [])
    answer = small.show(panel)
    assert not panel.pointer.outlines
    before = panel.pixels()
    panel.foot.box = True
    (box,) = answer.attribution.boxes()
    shares = [box.top / 32, box.left / 40, box.bottom / 32, box.right / 40]
    assert panel.pointer.outlines == [[*shares, "evidence", ""]]
    assert f"rows {box.top:.0f}–{box.bottom:.0f}, columns {box.left:.0f}–{box.right:.0f}" in panel.foot.caption
    assert before is not None and not np.array_equal(before, panel.pixels())
    panel.foot.box = False
    assert not panel.pointer.outlines and "Box" not in panel.foot.caption
    assert np.array_equal(before, panel.pixels())


MEASURES = [("segments", "share of the picture"), ("detects", "score of the best box")]


@pytest.mark.parametrize(("name", "words"), MEASURES)
def test_the_bars_say_what_they_measure_and_mark_the_class(name: str, words: str) -> None:
    small = made(name)
    panel = ScoreBars(small.links)
    answer = small.show(panel)
    assert panel.front.measure == words and f"({words})" in panel.front.said
    if name == "detects":
        small.selection.target = Target.box(5)
        small.show(panel)
    label = answer.prediction.class_of(Target.ensure(small.selection.target, small.model))
    assert list(panel.bars.strong.text) == [NAMES[label]]


def test_a_box_is_named_in_the_class_search_and_a_channel_can_be_chosen_there() -> None:
    small = made("detects")
    shown: list[int] = []
    panel = ClassDropdown(small.links, lambda: shown[0] if shown else None)
    small.selection.target = Target.box(4)
    answer = small.show(panel)
    assert panel.view.chosen is None
    assert panel.view.words == f"{NAMES[answer.prediction.boxes[4].label]}, box 4"
    say(panel.view, event="choose", chosen=-2, against=-1)
    assert panel.view.state == "refused" and "choose one in the grid" in panel.view.message
    shown.append(3)
    say(panel.view, event="choose", chosen=-2, against=-1)
    assert small.selection.target == Target.channel("body.0", 3)
    small.selection.channel = 5
    small.show(panel)
    assert panel.view.words == "channel 3 of body.0" and panel.view.channel == "the chosen channel 5 of body.0"
    say(panel.view, event="choose", chosen=-2, against=-1)
    assert small.selection.target == Target.channel("body.0", 5)


def test_region_lines_follow_the_borders() -> None:
    regions = np.zeros((4, 4), int)
    regions[1:3, 1:3] = 2
    lines: Any = region_lines(regions, 2)
    assert lines.shape == (448, 448, 4)
    white = (lines[..., :3] == 255).all(2) & (lines[..., 3] == 255)
    rows, columns = white.nonzero()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (110, 336, 110, 336)
    assert not (region_lines(regions, 1)[..., 0] == 255).any()  # type: ignore[index]
    assert region_lines(None, 1) is None


def test_outlines_in_a_still_picture() -> None:
    pixels = np.zeros((20, 40, 3), np.uint8)
    found = drawn_on(pixels, [Outline(Box(1, 2, 6, 8), "chosen")], (10, 20))
    rows, columns = found[..., 0].nonzero()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 11, 4, 15)
    outside = drawn_on(pixels, [Outline(Box(-5, -5, 60, 60), "found")], (10, 20))
    assert outside[0].all() and outside[-1].all()
