"""The still picture: what is on it, what is left out, and that nothing written runs over."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image

from nbviz.drawing import ink as ink_module
from nbviz.drawing import overlay as drawing
from nbviz.drawing.ink import Ink
from nbviz.panels.snapshot import (
    CardPart,
    ChannelsPart,
    ExplanationPart,
    LayerRow,
    LayersPart,
    PicturesPart,
    PinPart,
    PinsPart,
    ScoreRow,
    SnapshotParts,
    StagePart,
    TitlePart,
    TrustPart,
    compose,
)
from nbviz.panels.snapshot.columns import unfolded

ACCENT = (25, 118, 210)
TREE = [
    LayerRow("stem", kids=1),
    LayerRow("conv", depth=1),
    LayerRow("blocks", kids=2),
    LayerRow("0", depth=1, kids=1),
    LayerRow("conv", depth=2),
    LayerRow("1", depth=1, kids=2),
    LayerRow("conv", "conv 3×3", "8×14×14", depth=2, miniature=np.eye(4)),
    LayerRow("relu", "ReLU", "8×14×14", depth=2, chosen=True, miniature="no places"),
    LayerRow("head"),
]


def parts(long: str = "") -> SnapshotParts:
    values = np.random.default_rng(0)
    maps = values.random((8, 14, 14)).astype(np.float32)
    picture = values.integers(0, 255, (30, 40, 3)).astype(np.uint8)
    return SnapshotParts(
        problems=("Class 3 does not exist: classes are 0 to 1.",),
        title=TitlePart("A network" + long, ["4.65 M parameters" + long, "cpu"], "guessed" + long, "ready"),
        pictures=PicturesPart([picture] * 6, chosen=4, more=3),
        target="tabby" + long,
        against="tiger cat" + long,
        scores=[ScoreRow("tabby" + long, 0.6, True), ScoreRow("tiger cat", 0.4), ScoreRow("fig", 0.0)],
        layers=LayersPart([replace(row, text=row.text + long) for row in TREE], "tabby" + long),
        channels=ChannelsPart(
            ["blocks.1.relu" + long], drawing.mosaic(maps, 4, signed=False, gap=1), 8, 2, 1.0, ["Maps"],
            "brightest: each map's own peak" + long, "1–8 of 8",
        ),
        card=CardPart(2, ["peak 0.99 · for ", ["tabby" + long, "em"]], picture, [], [("mean", "0.5" + long)]),
        explanation=ExplanationPart(
            ["why ", ("tabby" + long, "em"), "?"], drawing.gray(picture),
            drawing.heat_rgba(values.random((30, 40)), None, False), 0.6, limits=("0", "0.051"),
            settings=["Saliency"], lines=[["explains ", ("tabby" + long, "strong")], ["1.9 s"]],
        ),
        trust=TrustPart([("converged", "passed"), ("hiding", "not passed")], ["Hiding it changes little." + long]),
        pins=PinsPart([pin("Saliency" + long, picture), pin("Occlusion" + long, picture)] * 4, "own scales" + long),
    )  # fmt: skip


def pin(title: str, picture: np.ndarray) -> PinPart:
    heat = drawing.heat_rgba(np.eye(6, dtype=np.float32), None, False)
    return PinPart(title, title, Image.fromarray(picture), heat, 0.6, 30, 40, False, False, ("0", "1"), [[title]])


def has(picture: Image.Image, colour: tuple[int, int, int]) -> bool:
    return bool((np.asarray(picture) == colour).all(-1).any())


def test_width_is_the_frame_s_and_scale_multiplies() -> None:
    once, twice = compose(parts()), compose(parts(), 2)
    assert once.mode == "RGB" and once.width == 1220 and 900 < once.height < 1300
    assert twice.size == (2 * once.width, 2 * once.height)
    # The same picture, but sharper.
    small = np.asarray(twice.resize(once.size, Image.Resampling.BOX), int)
    assert np.abs(small - np.asarray(once, int)).mean() < 6


def test_drawing_is_repeatable() -> None:
    assert compose(parts()).tobytes() == compose(parts()).tobytes()


@pytest.mark.parametrize("name", [field.name for field in fields(SnapshotParts)])
def test_any_part_can_be_missing_and_any_can_be_alone(name: str) -> None:
    whole = parts()
    if name == "stage":  # takes the place of channels and card
        whole = replace(whole, stage=StagePart("Parts", ["conv1"], np.eye(9, dtype=np.uint8)[..., None].repeat(3, 2)))
    without = compose(replace(whole, **{name: None}))
    assert without.tobytes() != compose(whole).tobytes()
    alone = compose(SnapshotParts(**{name: getattr(whole, name)}))
    if name == "against":
        return  # Words beside the class: alone they have no place.
    assert alone.width == 1220 and np.ptp(np.asarray(alone)) > 100


def test_columns_share_the_width_of_those_left_out() -> None:
    alone = SnapshotParts(explanation=replace(parts().explanation, lines=[]))  # type: ignore[type-var]
    drawn = np.asarray(compose(alone)).astype(int)
    coloured = np.ptp(drawn, axis=2).max(0) > 20
    assert coloured[:300].any() and coloured[-300:].any()


def test_no_parts_at_all() -> None:
    assert compose(SnapshotParts()).width == 1220


def test_long_words_and_markup_change_no_measure() -> None:
    words = parts(" <b onerror=x>" + "incomprehensibilities " * 30)
    drawn = compose(replace(words, explanation=parts().explanation))
    assert drawn.size == compose(parts()).size


def test_the_chosen_are_marked_with_the_accent() -> None:
    part = parts()
    for only in (
        SnapshotParts(pictures=part.pictures),
        SnapshotParts(scores=part.scores),
        SnapshotParts(layers=part.layers),
        SnapshotParts(channels=part.channels),
    ):
        assert has(compose(only), ACCENT)
    assert not has(compose(SnapshotParts(title=part.title, card=part.card)), ACCENT)


def test_dark_is_light_on_dark() -> None:
    light, dark = (np.median(np.asarray(compose(parts(), dark=dark))) for dark in (False, True))
    assert light > 240 and dark < 40


@pytest.mark.parametrize(("opacity", "shown"), [(0.0, 80), (1.0, 200), (0.5, 140)])
def test_heat_lies_over_the_picture_at_its_opacity(opacity: float, shown: int) -> None:
    heat = np.full((10, 10, 4), [200, 200, 200, 255], np.uint8)
    part = ExplanationPart(["why"], np.full((10, 10, 3), 80, np.uint8), heat, opacity)
    drawn = np.asarray(compose(SnapshotParts(explanation=part)))
    assert np.abs(drawn[drawn.shape[0] // 2, 600].astype(int) - shown).max() <= 1


def test_pixels_of_data_stay_squares() -> None:
    heat = np.zeros((2, 2, 4), np.uint8)
    heat[..., 3], heat[0, 0, :3] = 255, 255
    part = ExplanationPart(["why"], np.zeros((64, 64, 3), np.uint8), heat, 1.0)
    for smooth in (False, True):
        drawn = np.asarray(compose(SnapshotParts(explanation=replace(part, smooth=smooth))))[80:400, 100:1000]
        between = ((drawn > 20) & (drawn < 235)).any()
        assert between == smooth


def test_what_leads_to_the_chosen_layer_is_unfolded() -> None:
    shown = [(row.text, is_open) for row, is_open in unfolded(TREE)]
    assert shown == [
        ("stem", False),
        ("blocks", True),
        ("0", False),
        ("1", True),
        ("conv", False),
        ("relu", False),
        ("head", False),
    ]
    closed = [replace(row, chosen=False) for row in TREE]
    assert [row.text for row, _ in unfolded(closed)] == ["stem", "blocks", "head"]


def test_a_long_tree_shows_the_chosen_row() -> None:
    rows = [LayerRow(str(number), chosen=number == 250) for number in range(300)]
    drawn = compose(SnapshotParts(layers=LayersPart(rows)))
    assert drawn.height < 900 and has(drawn, ACCENT)


class TestText:
    def test_a_cut_text_ends_within_its_width(self) -> None:
        ink = Ink(400, 40, 1, dark=False)
        taken = ink.text(10, 20, [("a strong start ", "strong"), "and a very long end of it"], width=150)
        assert taken <= 150
        assert (np.asarray(ink.image)[:, 10 + 152 :] == 255).all()
        assert ink.text(10, 20, "short", width=150) == ink.length("short", 13)

    @pytest.mark.parametrize("side", ["left", "middle", "right"])
    def test_sides(self, side: str) -> None:
        ink = Ink(400, 40, 1, dark=False)
        taken = ink.text(200, 20, "mmmm", side=side)  # type: ignore[arg-type]
        columns = np.flatnonzero((np.asarray(ink.image) < 128).any((0, 2)))
        start = {"left": 200, "middle": 200 - taken / 2, "right": 200 - taken}[side]
        assert start - 1 <= columns.min() and columns.max() <= start + taken + 1

    def test_a_paragraph_wraps_and_stops(self) -> None:
        ink = Ink(400, 200, 1, dark=False)
        assert ink.paragraph(0, 20, ["one line"], 300) == 39
        assert ink.paragraph(0, 20, ["many words " * 60], 300, most=3) == 77
        assert (np.asarray(ink.image)[:, 302:] == 255).all()

    def test_without_any_font_of_the_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        caches = (ink_module._faces, ink_module._set)
        for cache in caches:
            cache.cache_clear()
        monkeypatch.setattr(ink_module, "FAMILIES", ())
        ink = Ink(200, 40, 1, dark=False)
        assert ink.text(0, 20, "28 × 28 − 1") == ink.length("28 x 28 - 1", 13)
        for cache in caches:
            cache.cache_clear()

    def test_nothing_to_write(self) -> None:
        assert Ink(50, 20, 1, dark=False).text(0, 10, []) == 0
