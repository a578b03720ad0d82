"""The panels as they stand, gathered as plain data for a still picture.

Words are those on show, read from the panels' views; pictures come from the answers they show.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PIL import Image

from nbviz.drawing.overlay import gray, heat_rgba, to_image
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.panels.base.panel import Panel
from nbviz.panels.base.stage import Stage
from nbviz.panels.snapshot.over import laid_over
from nbviz.panels.snapshot.parts import (
    CardPart,
    ChannelsPart,
    ExplanationPart,
    LayerRow,
    LayersPart,
    PicturesPart,
    ScoreRow,
    SnapshotParts,
    TitlePart,
)
from nbviz.pictures.load import Picture
from nbviz.session.requests.base import ChannelAnswer, ScoresAnswer
from nbviz.session.requests.found import Finds
from nbviz.session.selection import Selection

THUMBNAILS = 6
CROPS, CROP = 4, 80
"""Found crops in a row, and pixels a side of each."""
SCORES = 5


def still_parts(
    model: InstrumentedModel,
    pictures: Mapping[str, Picture],
    selection: Selection,
    panels: Mapping[str, Panel],
    answers: Mapping[str, Any],
) -> SnapshotParts:
    """What the panels show now; a part whose answer is not there yet is left out."""
    target = Target.ensure(selection.target, model)
    scores = answers.get("scores")
    chosen = target.index if scores is None else scores.said.class_of(target)
    name = target.words(model) if chosen is None else model.class_name(chosen)
    parts = SnapshotParts(
        title=_title(panels["title"]),
        pictures=_pictures(pictures, selection.image),
        target=name,
        against=None if target.other is None else model.class_name(target.other),
        scores=None if scores is None else _scores(model, scores, chosen),
        layers=_layers(panels["layers"], selection) if "layers" in answers else None,
        channels=_channels(panels["channels"]),
        card=_card(panels, answers["channel"]) if "channel" in answers else None,
        explanation=_explanation(panels["canvas"]),
    )
    stage = panels.get(selection.stage)
    return replace(parts, **stage.still()) if isinstance(stage, Stage) else parts


def saved(picture: Image.Image) -> bytes:
    """A picture as PNG bytes."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _title(panel: Any) -> TitlePart:
    return TitlePart(panel.view.name, panel.view.facts, panel.view.preprocessing, panel.view.word)


def _pictures(pictures: Mapping[str, Picture], chosen: str) -> PicturesPart:
    names = list(pictures)
    at = names.index(chosen)
    first = max(0, min(at - THUMBNAILS // 2, len(names) - THUMBNAILS))
    shown = names[first : first + THUMBNAILS]
    return PicturesPart([_thumbnail(pictures[name]) for name in shown], at - first)


def _thumbnail(picture: Picture) -> Image.Image:
    try:
        return picture.thumbnail(116)
    except (NbvizError, OSError):  # a damaged picture has its sentence in the chooser's strip
        return Image.new("RGB", (116, 116), (128, 128, 128))


def _scores(model: InstrumentedModel, answer: ScoresAnswer, chosen: int | None) -> list[ScoreRow]:
    rows = [int(index) for index in answer.order[:SCORES]]
    if chosen is not None and chosen not in rows:
        rows[-1] = chosen
    return [ScoreRow(model.class_name(i), float(answer.probabilities[i]), i == chosen) for i in rows]


def _layers(panel: Any, selection: Selection) -> LayersPart:
    rows = [
        LayerRow(
            row["text"], row["kind"], row["shape"], row["depth"], row["kids"], row["name"] == selection.layer, drawn
        )
        for row, drawn in zip(panel.view.rows, panel.strip, strict=True)
    ]
    return LayersPart(rows, panel.view.target)


def _channels(panel: Any) -> ChannelsPart | None:
    page, view = panel.page, panel.view
    if page is None:
        return None
    at = page.channels.index(view.channel) if view.channel in page.channels else None
    pager = f"{page.first + 1}–{page.first + len(page.channels)} of {view.total}"
    count = len(page.channels)
    return ChannelsPart([view.about], page.mosaic, count, at, page.aspect, panel.settings, page.caption, pager)


def _card(panels: Mapping[str, Any], answer: ChannelAnswer) -> CardPart:
    panel, made, found = panels["channel"], panels["card_made"].picture, panels["card_found"].finds
    maps = answer.channels.maps
    here = None
    if maps.places:
        backdrop = gray(answer.seen)
        heat = heat_rgba(maps.values[answer.channel], None, maps.signed)
        here = laid_over(backdrop, heat)
    figures = [(name, value) for name, value, *_ in panel.view.figures]
    health = [" · ", panel.view.health[0]] if panel.view.health else []
    others = [("made", made)] if made is not None else []
    note = ""
    if found is not None and found.crops:
        others.append((panel.view.found["label"], _crops(found)))
        note = panel.view.found["profile"]
    about = [*panel.view.about, *health]
    return CardPart(answer.channel, about, here, others, figures, note=note)


def _crops(found: Finds) -> Image.Image:
    """The found parts in rows, clear between them."""
    step, rows = CROP + 6, -(-len(found.crops) // CROPS)
    sheet = Image.new("RGBA", (CROPS * step - 6, rows * step - 6))
    for place, crop in enumerate(found.crops):
        tile = to_image(crop.pixels).resize((CROP, CROP), Image.Resampling.BOX)
        sheet.paste(tile, (place % CROPS * step, place // CROPS * step))
    return sheet


def _explanation(panel: Any) -> ExplanationPart | None:
    scene = panel.scene
    if scene is None:
        return None
    return ExplanationPart(
        scene.heading, scene.picture, scene.heat, panel.foot.opacity, scene.smooth, scene.signed, scene.limits[:2],
        panel.settings, scene.lines, scene.nothing,
    )  # fmt: skip
