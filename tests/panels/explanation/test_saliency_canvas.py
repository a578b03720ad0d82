"""The explanation: what is asked, what is drawn, what a person's events write, and every state in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from nbviz.attribution import Attribution
from nbviz.attribution.limits import BRIGHT, evidence_limits
from nbviz.drawing.overlay import gray, is_signed
from nbviz.errors import NbvizError, Refused
from nbviz.panels.explanation.heat_canvas import HeatCanvas
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.panels.scenes.explanation import LARGEST, channel_scene, explanation_scene
from nbviz.session.requests.base import ChannelRequest, ExplainAnswer, ExplainRequest
from tests.panels.rig import Rig, rig, say


@pytest.fixture()
def made() -> Iterator[tuple[Rig, SaliencyCanvas]]:
    yield (small := rig()), SaliencyCanvas(small.links, lambda place: [])


def attribution(evidence: np.ndarray, size: tuple[int, int] = (32, 40), **changes: Any) -> ExplainAnswer:
    heat = torch.from_numpy(evidence.astype(np.float32))
    facts = {"score": 1.0, "target": "tabby", "layer": None, "status": "ok"}
    made = Attribution(heat, heat, size, facts, signed=is_signed(evidence))
    return ExplainAnswer(replace(made, **changes), np.full((*size, 3), 90, np.uint8))


# -- requests ---------------------------------------------------------------------------------------------


def test_a_method_without_a_layer_asks_the_same_at_every_layer(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    before = panel.request(small.selection)
    small.selection.layer = "2"
    assert panel.request(small.selection) == before
    small.selection.method = "grad_cam"
    at_two = panel.request(small.selection)
    small.selection.layer = "1"
    assert isinstance(at_two, ExplainRequest) and at_two.layer == "2"
    assert panel.request(small.selection) != at_two


def test_the_channel_is_asked_for_only_when_it_is_on_the_canvas(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    before = panel.request(small.selection)
    small.selection.channel = 3
    assert panel.request(small.selection) == before
    small.selection.canvas = "channel"
    request = panel.request(small.selection)
    assert isinstance(request, ChannelRequest) and request.channel == 3


# -- drawing ----------------------------------------------------------------------------------------------


def test_picture_in_gray_and_heat_lie_at_the_same_size(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    answer = small.show(panel)
    assert panel.canvas.picture is not None and np.array_equal(panel.canvas.picture, gray(answer.seen))
    assert panel.canvas.heat is not None and panel.canvas.heat.shape == (32, 40, 4)
    assert (panel.pointer.rows, panel.pointer.columns) == (32, 40)
    assert panel.foot.state == "ready" and panel.foot.low == "0" and panel.foot.high
    assert "Saliency for tabby over the picture cat" in panel.pointer.caption


def test_the_heading_names_the_predicted_class_while_its_map_is_on_show() -> None:
    small = rig(target="predicted")
    panel = SaliencyCanvas(small.links, lambda place: [])
    named = small.show(panel).attribution.facts["target"]
    small.selection.layer = "2"
    panel.sync(small.selection)
    assert panel.bar.note == ["why ", (named, "em"), "?"] and panel.bar.title == "Explanation"
    small.selection.image = "coffee"
    panel.sync(small.selection)
    assert panel.bar.note[1][0] == "what it predicts"  # type: ignore[index]


def test_the_brightest_pixel_drawn_is_the_strongest(made: tuple[Rig, SaliencyCanvas]) -> None:
    evidence = np.random.default_rng(0).random((32, 40))
    evidence[7, 11] = 9
    scene = explanation_scene(attribution(evidence), "Saliency", "cat")
    assert scene.heat is not None
    light = scene.heat[..., :3].sum(-1)
    assert light[7, 11] == light.max()
    assert "row 7, column 11" in scene.caption


def test_a_few_outliers_do_not_black_out_the_map_and_the_bar_says_so() -> None:
    evidence = np.random.default_rng(0).random((50, 60)).astype(np.float32)
    evidence[0, 0] = 1000
    limits = evidence_limits(evidence, signed=False, smooth=False)
    assert limits.high == pytest.approx(float(np.quantile(evidence, BRIGHT)))
    scene = explanation_scene(attribution(evidence, (50, 60)), "Saliency", "cat")
    assert scene.limits[1].startswith("≥ ") and "1,000" in scene.limits[2]


def test_an_interpolated_map_keeps_its_peak_as_the_limit() -> None:
    evidence = np.ones((4, 5), np.float32)
    evidence[0, 0] = 8
    scene = explanation_scene(attribution(evidence), "Grad-CAM", "cat")
    assert scene.smooth and scene.limits[1] == "8.00"


def test_signed_maps_run_around_zero() -> None:
    evidence = np.random.default_rng(0).normal(size=(32, 40))
    scene = explanation_scene(attribution(evidence), "Occlusion", "cat")
    low, high, meaning = scene.limits
    assert scene.signed and low == high.replace("+", "−").replace("≥ ", "") and "zero" in meaning


def test_large_inputs_are_drawn_small_and_read_out_whole() -> None:
    evidence = np.random.default_rng(0).random((300, 1500))
    scene = explanation_scene(attribution(evidence, (300, 1500)), "Saliency", "cat")
    assert max(scene.picture.shape) == LARGEST and scene.heat is not None
    assert scene.heat.shape == scene.picture.shape
    assert scene.values is not None and scene.values.shape == (300, 1500) and scene.size == (300, 1500)


def test_canvases_take_nothing_but_uint8_rgba() -> None:
    with pytest.raises(ValueError, match="uint8"):
        HeatCanvas().draw(np.zeros((4, 4, 3), np.uint8), None)


def test_a_page_that_opens_later_gets_the_same_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = HeatCanvas()
    picture, heat = np.full((4, 6, 4), 255, np.uint8), np.full((2, 3, 4), 255, np.uint8)
    canvas.draw(picture, heat)
    painted: list[Any] = []
    for layer in (canvas._lower, canvas._upper):
        monkeypatch.setattr(layer.canvas, "draw_image", lambda source, x, y: painted.append(source))
    canvas._lower.canvas._handle_custom_msg({"event": "client_ready"}, [])
    assert painted == [canvas._lower.source, canvas._upper.source] == canvas.view.sources
    assert (canvas._lower.canvas.width, canvas._lower.canvas.height) == (6, 4)


def test_the_same_picture_is_not_sent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = HeatCanvas()
    picture, heat = np.full((4, 6, 4), 255, np.uint8), np.full((4, 6, 4), 9, np.uint8)
    canvas.draw(picture, heat)
    drawn: list[Any] = []
    monkeypatch.setattr(canvas._lower.canvas, "draw_image", lambda *_: drawn.append("picture"))
    monkeypatch.setattr(canvas._upper.canvas, "draw_image", lambda *_: drawn.append("heat"))
    canvas.draw(picture.copy(), heat)
    assert drawn == ["heat"]


def test_the_still_picture_applies_the_sliders_opacity(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    assert panel.pixels() is None
    small.show(panel)
    for opacity, shown in ((0.0, panel.canvas.picture), (1.0, panel.canvas.heat)):
        panel.foot.set_state({"opacity": opacity})
        still = panel.pixels()
        assert still is not None and shown is not None and np.array_equal(still, shown[..., :3])


# -- states -----------------------------------------------------------------------------------------------


def test_waiting_dims_the_old_picture_until_a_partial_comes(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    small.show(panel)
    panel.wait("")
    assert "nbviz-dimmed" in panel.canvas.view._dom_classes and panel.foot.state == "computing"
    part = attribution(np.ones((32, 40)), done=0.5, progress="25 evaluations, of at most 200")
    panel.show(part)
    assert "nbviz-dimmed" not in panel.canvas.view._dom_classes
    assert panel.foot.state == "partial" and panel.foot.done == 0.5
    assert panel.foot.lines[0] == [("25 evaluations, of at most 200", "strong")]


def test_no_evidence_is_said_and_no_heat_drawn(made: tuple[Rig, SaliencyCanvas]) -> None:
    _, panel = made
    facts = {"score": 1.0, "target": "tabby", "layer": "1", "status": "no positive evidence"}
    panel.show(attribution(np.zeros((4, 5)), facts=facts))
    assert panel.foot.state == "nothing"
    assert "no positive evidence for tabby at this layer" in panel.foot.message
    assert panel.canvas.heat is None and panel.canvas.picture is not None and panel.foot.high == ""


def test_a_refusal_leaves_the_picture_and_no_stale_heat(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    small.show(panel)
    panel.fail(Refused("Guided backprop needs ReLUs; this network has 49 SiLU."))
    assert panel.foot.state == "refused" and "49 SiLU" in panel.foot.message and panel.foot.details == ""
    assert panel.canvas.heat is None and panel.canvas.picture is not None


def test_a_failure_folds_its_details(made: tuple[Rig, SaliencyCanvas]) -> None:
    _, panel = made
    panel.fail(ZeroDivisionError("division by zero"))
    assert panel.foot.state == "failed" and "ZeroDivisionError" in panel.foot.details


def test_cancel_says_what_is_on_show(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    calls: list[str] = []
    calling = {"cancel": lambda slot: calls.append("cancel"), "refresh": lambda: calls.append("retry")}
    panel.links = replace(panel.links, **calling)
    small.show(panel), panel.wait()
    say(panel.foot, event="cancel")
    assert panel.foot.state == "failed" and "earlier one" in panel.foot.message
    panel.show(attribution(np.ones((32, 40)), done=0.5))
    say(panel.foot, event="cancel")
    assert "unfinished" in panel.foot.message
    say(panel.foot, event="retry")
    assert calls == ["cancel", "cancel", "retry"]


# -- events -----------------------------------------------------------------------------------------------


def test_options_come_from_the_signature_and_keep_only_what_differs(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    say(panel.bar, event="method", name="integrated_gradients")
    panel.sync(small.selection)
    by_name = {option["name"]: option for option in panel.bar.options}
    assert by_name["tolerance"]["kind"] == "float" and by_name["tolerance"]["sentence"]
    assert "black" in by_name["baseline"]["choices"]
    say(panel.bar, event="option", name="tolerance", value=0.2)
    assert small.selection.options == {"tolerance": 0.2}
    say(panel.bar, event="option", name="steps", value=7.0)
    assert small.selection.options["steps"] == 7 and isinstance(small.selection.options["steps"], int)
    say(panel.bar, event="option", name="tolerance", value=0.05)
    assert small.selection.options == {"steps": 7}
    say(panel.bar, event="reset")
    assert small.selection.options == {}


def test_an_option_out_of_range_changes_nothing_and_says_the_range(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    small.selection.method = "integrated_gradients"
    say(panel.bar, event="option", name="tolerance", value=9)
    assert small.selection.options == {} and "between 1e-09 and 0.5" in panel.foot.message
    say(panel.bar, event="option", name="no such", value=9)
    assert small.selection.options == {}


def test_pointing_pinning_and_releasing(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    panel.strongest = lambda place: [4, 2, 0, 1, 5]
    small.selection.observe(lambda change: panel.point(change["new"]), "place")
    small.show(panel)
    say(panel.pointer, event="point", place=[0.5, 0.25], pin=None)
    assert small.selection.place == (0.5, 0.25) and panel.pointer.place is None
    assert panel.pointer.tip.startswith("row 16, column 10 · ") and "ch 4, 2, 0, 1" in panel.pointer.tip
    say(panel.pointer, event="point", place=[0.5, 0.25], pin=True)
    say(panel.pointer, event="point", place=None, pin=None)
    assert small.selection.place == (0.5, 0.25) and panel.pointer.place == [0.5, 0.25]
    say(panel.pointer, event="point", place=None, pin=False)
    assert small.selection.place is None and panel.pointer.tip == ""


def test_escape_goes_back_from_the_channel_to_the_explanation(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    small.selection.canvas = "channel"
    answer = small.show(panel)
    assert panel.bar.title == f"Channel {answer.channel}" and panel.bar.channel
    assert panel.canvas.heat is not None and panel.canvas.heat.shape == (32, 40, 4)
    say(panel.pointer, event="escape")
    assert small.selection.canvas == "explanation"
    small.show(panel)
    assert panel.bar.title == "Explanation" and not panel.bar.channel


def test_a_channel_without_places_is_a_number_in_words(made: tuple[Rig, SaliencyCanvas]) -> None:
    small, panel = made
    small.selection.layer, small.selection.canvas = "6", "channel"
    scene = channel_scene(small.answer(panel), "cat")
    assert scene.heat is None and "one number" in scene.nothing


def test_showing_never_writes_the_selection(made: tuple[Rig, SaliencyCanvas]) -> None:
    (small, panel), written = made, list[Any]()
    small.selection.observe(written.append)
    small.show(panel)
    panel.wait()
    panel.fail(NbvizError("no"))
    assert written == []
