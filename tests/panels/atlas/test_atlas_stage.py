"""The stage of the atlas: what it offers, what it says, what a click does."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nbviz
from nbviz.dataset import Atlas
from nbviz.errors import NbvizError
from nbviz.panels.atlas.atlas_stage import AtlasStage
from nbviz.panels.atlas.atlas_words import offered, packed
from nbviz.session.context import LiveContext
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.atlas import MapPictures, ShowAtlas
from tests.dataset.atlas.test_atlas import Colours, network
from tests.panels.rig import Rig, rig, say


@pytest.fixture(scope="module")
def parts() -> Rig:
    made = rig(layer="3")
    made.selection.stages = ("channels", "atlas")
    made.selection.stage = "atlas"
    return made


@pytest.fixture()
def stage(parts: Rig) -> AtlasStage:
    parts.selection.layer = "3"
    stage = AtlasStage(parts.links)
    stage.sync(parts.selection)
    return stage


def _words(runs: list[Any]) -> str:
    return "".join(run if isinstance(run, str) else run[0] for run in runs)


def test_it_begins_with_an_offer_and_asks_for_nothing(parts: Rig, stage: AtlasStage) -> None:
    assert stage.request(parts.selection) is None and stage.view.side == 0
    assert stage.view.about == "3 · not mapped yet" and "nbviz.Atlas.build" in stage.view.empty
    assert stage.view.offer[0] == "Map these 2 pictures" and "'3'" in stage.view.offer[1]


def test_a_map_and_what_is_said_of_it(parts: Rig, stage: AtlasStage) -> None:
    asked = []
    stage.links = replace(stage.links, ask=lambda: asked.append(stage.request(parts.selection)))
    say(stage.view, event="map")
    assert isinstance(asked[0], ShowAtlas) and stage.view.offer == []
    answer = parts.show(stage)
    view, atlas = stage.view, answer.atlas
    assert view.state == "ready" and view.side == atlas.side and len(view.cells) == len(atlas.cells)
    assert view.about == f"3 · {len(atlas)} places of 2 pictures" and "2 pictures are few" in view.note
    assert "where cat lies" in _words(view.caption)
    sheet = Image.open(io.BytesIO(view.sprite))
    assert sheet.width == 20 * view.sheet["tile"] and view.sheet["ready"] == len(atlas.cells)
    for row, column, index, words in view.cells:
        assert 0 <= row < atlas.side and 0 <= column < atlas.side and "place" in words
        assert (index == -1) == ("no class" in words)
    assert sum(count for _, count in view.here) == int((answer.places >= 0).sum()) > 0


def test_the_layer_stays_until_another_is_asked_for(parts: Rig, stage: AtlasStage) -> None:
    say(stage.view, event="map")
    request = stage.request(parts.selection)
    parts.selection.layer = "1"
    stage.sync(parts.selection)
    assert stage.request(parts.selection) == request and stage.view.offer[0] == "Map 1 instead"
    say(stage.view, event="map")
    assert stage.source == MapPictures("1", tuple(parts.pictures.values()))


def test_another_map_has_no_tiles_of_the_one_before(parts: Rig, stage: AtlasStage) -> None:
    say(stage.view, event="map")
    parts.show(stage)
    assert stage.view.sprite
    parts.selection.layer = "1"
    say(stage.view, event="map")
    request = stage.request(parts.selection)
    assert request is not None
    answers = LiveContext(parts.model).answers(request)
    stage.show(next(answer for answer in answers if answer.atlas is not None))
    assert stage.view.about.startswith("1 · ") and stage.view.sprite == b""
    stage.show([*answers][-1])
    assert stage.view.sprite and stage.view.sheet["ready"] == len(stage.view.cells)


def test_a_cell_is_opened_and_closed(parts: Rig, stage: AtlasStage) -> None:
    say(stage.view, event="map")
    say(stage.view, event="cell", cell=2)
    parts.show(stage)
    assert stage.view.chosen == 2 and "speaks for" in _words(stage.view.opened["heading"])
    assert stage.view.opened["count"] == len(stage.view.opened["tips"]) and stage.view.opened["tips"][0].startswith("c")
    assert stage.view.strip and stage.view.made
    for at, tip in enumerate(stage.view.opened["tips"]):  # a patch opens the picture that it was cut from
        say(stage.view, event="open", at=at)
        assert tip.split(",")[0] == parts.selection.image and stage.view.state == "ready"
    say(stage.view, event="cell", cell=None)
    parts.show(stage)
    assert stage.view.opened == {} and stage.view.chosen is None


def test_the_cell_of_the_place_pointed_at_is_marked(parts: Rig, stage: AtlasStage) -> None:
    say(stage.view, event="map")
    answer = parts.show(stage)
    (row, column), *_ = np.argwhere(answer.places >= 0)
    height, width = answer.places.shape
    stage.point(((row + 0.5) / height, (column + 0.5) / width))
    assert stage.view.marked == int(answer.places[row, column])
    stage.point(None)
    assert stage.view.marked is None


def test_cancel_goes_back_to_what_was_there(parts: Rig, stage: AtlasStage) -> None:
    say(stage.view, event="map")
    say(stage.view, event="cancel")
    assert stage.source is None and stage.request(parts.selection) is None
    say(stage.view, event="map")
    parts.show(stage)
    say(stage.view, event="look", look="made")
    say(stage.view, event="cancel")
    assert stage.look == "patches" and stage.source is not None
    mapped, request = stage.source, stage.request(parts.selection)
    parts.selection.layer = "1"
    say(stage.view, event="map")
    assert stage.source != mapped
    say(stage.view, event="cancel")
    assert stage.source is mapped and stage.request(parts.selection) == request
    assert stage.view.offer[0] == "Map 1 instead" and stage.view.about.startswith("3 · ")


def test_too_few_places_are_said_and_not_tried_again(parts: Rig, stage: AtlasStage) -> None:
    parts.selection.layer = "4"
    say(stage.view, event="map")
    with pytest.raises(NbvizError) as error:
        parts.answer(stage)
    stage.fail(error.value)
    assert stage.view.state == "failed" and "needs 50 places" in stage.view.message
    assert stage.request(parts.selection) is None and stage.view.offer[0] == "Map these 2 pictures"


def test_an_explorer_opens_with_an_atlas_made_before() -> None:
    model = network()
    atlas = Atlas.build(model, Colours(), "1", 3, progress=False)
    pictures = {"first": Colours()[0][0], "second": Colours()[1][0]}
    with nbviz.Explorer(model, pictures, atlas=atlas, runner=InlineRunner, stage="atlas", layer="1") as explorer:
        view = explorer.panels["atlas"].view
        assert view.side == atlas.side and view.about == "1 · 270 places of 90 pictures"
        assert view.note == "" and view.offer == []
        say(view, event="cell", cell=0)
        assert any(word in view.opened["labels"][0] for word in ("red", "green", "blue"))
        explorer.selection.layer = "0"
        say(view, event="map")
        assert view.about.startswith("0 · ") and view.about.endswith(" places of 90 pictures")
    atlas = Atlas.build(model, Colours(), "1", 3, progress=False)
    with nbviz.Explorer(model, pictures, atlas=atlas, runner=InlineRunner, stage="atlas", layer="1") as explorer:
        view = explorer.panels["atlas"].view
        next(model.net.parameters()).data.mul_(1.5)
        explorer.refresh()
        assert view.state == "failed" and "other weights" in view.message and view.offer[0] == "Map these 90 pictures"
        say(view, event="map")
        assert view.state == "ready" and view.about.endswith(" places of 90 pictures")
    with pytest.raises(NbvizError, match="another network"):
        nbviz.Explorer(network(1), pictures, atlas=atlas, runner=InlineRunner)


def test_a_data_set_is_mapped_and_not_only_what_is_shown_of_it() -> None:
    with nbviz.Explorer(network(), Colours(), runner=InlineRunner, stage="atlas", layer="1") as explorer:
        view = explorer.panels["atlas"].view
        assert len(explorer.pictures) < 90 and view.offer[0] == "Map these 90 pictures"
        say(view, event="map")
        assert view.about.endswith(" places of 90 pictures") and "where picture 0 lies" in _words(view.caption)
    assert offered(5000) == "Map 500 of these 5,000 pictures" and offered(1) == "Map this picture"


def test_small_tiles_are_kept_to_the_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (23, 9, 9, 3), np.uint8)
    data, kind = packed(pixels)
    sheet = np.asarray(Image.open(io.BytesIO(data)))
    assert kind == "image/png" and sheet.shape == (18, 180, 3)
    assert np.array_equal(sheet[9:18, 18:27], pixels[22])
    assert packed(np.zeros((2, 64, 64, 3), np.uint8))[1] == "image/jpeg"


def test_a_still_picture_has_every_tile_at_its_square(parts: Rig, stage: AtlasStage) -> None:
    assert stage.still() == {}
    say(stage.view, event="map")
    answer = parts.show(stage)
    part = stage.still()["stage"]
    (heading,), picture, lines = part.heading, part.picture, part.lines
    side = answer.tiles.pixels.shape[1] + 1
    assert heading == stage.view.about and picture.shape == (answer.atlas.side * side, answer.atlas.side * side, 4)
    cell = answer.atlas.cells[-1]
    there = picture[cell.row * side : (cell.row + 1) * side - 1, cell.column * side : (cell.column + 1) * side - 1]
    assert np.array_equal(there[..., :3], answer.tiles.pixels[-1]) and (there[..., 3] == 255).all()
    assert (picture[..., 3] > 0).sum() == len(answer.atlas.cells) * (side - 1) ** 2
    assert lines[1][0].startswith("Speaks for ")
