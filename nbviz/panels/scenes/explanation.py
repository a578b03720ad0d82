"""Scene of an answer as plain data to draw: pixels, limits, texts. No widget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from nbviz.attribution import Attribution
from nbviz.attribution.limits import ending, evidence_limits, limit_words
from nbviz.attribution.words import (
    ANY_CLASS,
    Lines,
    Run,
    caption,
    facts_lines,
    heading,
    nothing_words,
    strongest,
)
from nbviz.drawing.numbers import figure, ordinal
from nbviz.drawing.overlay import Limits, gray, heat_rgba
from nbviz.session.requests.base import ChannelAnswer, ExplainAnswer

SHADES = 63
"""Steps from zero to the limit for maps of single pixels: more is not seen and costs a sixth of the bytes."""
LARGEST = 640
"""Longest side drawn, in pixels: more costs half a second a picture and is not seen."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Contents of the canvas and the texts around it."""

    picture: np.ndarray
    """The picture in gray, uint8 (h, w, 4)."""
    heat: np.ndarray | None
    """uint8 (h′, w′, 4), or None where there is nothing to show."""
    values: np.ndarray | None
    """float (h″, w″): what is read out at a place."""
    size: tuple[int, int]
    """(rows, columns) of the network's input."""
    smooth: bool
    signed: bool
    limits: tuple[str, str, str]
    """Low end, high end and meaning of the colours, as text."""
    title: str
    heading: list[Run]
    """Text beside the title."""
    lines: Lines
    caption: str
    nothing: str = ""
    """Why there is nothing to show; empty where there is."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    done: float = 1.0
    progress: str = ""


def explanation_scene(
    answer: ExplainAnswer, title: str, picture: str, high: float | None = None, clear: bool = False
) -> Scene:
    """Return the scene of an attribution.

    title: the method's; picture: its name; high: the end of its scale; clear: whether only evidence is opaque.
    """
    attribution, seen = answer.attribution, answer.seen
    # at the input's own size: a place reads out what it has, not what a smaller drawing averages
    values = attribution.heat(tuple(seen.shape[:2])).float().cpu().numpy()
    target, status = str(attribution.facts.get("target", "")), str(attribution.facts.get("status", "ok"))
    any_class = bool(attribution.facts.get("any_class"))
    explained = "any class" if any_class else target
    # a map of nothing but NaN is empty too: there is no scale to draw it on
    empty, final = not np.nan_to_num(values, posinf=0.0, neginf=0.0).any(), attribution.done >= 1
    limits = ending(evidence_limits(values, attribution.signed, attribution.interpolated), attribution.signed, high)
    return Scene(
        picture=gray(drawn(seen)),
        heat=None
        if empty
        else heat_rgba(drawn_heat(attribution, seen.shape[:2], limits), limits, attribution.signed, clear=clear),
        values=values,
        size=(seen.shape[0], seen.shape[1]),
        smooth=attribution.interpolated,
        signed=attribution.signed,
        limits=limit_words(limits, attribution.signed, "evidence", empty, Limits.of(values, attribution.signed).high),
        title="Explanation",
        heading=ANY_CLASS if any_class else heading(target),
        lines=facts_lines(attribution.facts),
        caption=caption(title, explained, picture, values),
        nothing=nothing_words(title, explained, attribution.facts.get("layer"), status) if empty and final else "",
        facts=attribution.facts,
        done=attribution.done,
        progress=attribution.progress,
    )


def channel_scene(answer: ChannelAnswer, picture: str, high: float | None = None, clear: bool = False) -> Scene:
    """Return the scene of a channel's map, its pixels as they are; high, clear: as of an attribution's."""
    maps, channel = answer.channels.maps, answer.channel
    values = maps.values[channel]
    peak = Limits.of(values, maps.signed)
    limits = ending(peak, maps.signed, high)
    empty = not (maps.places and np.nan_to_num(values).any())
    name = f"Channel {channel} of {answer.channels.layer}"
    place = None if empty else strongest(values)
    shape = f"{values.shape[0]} × {values.shape[1]}"
    where = f"; strongest at row {place[0]}, column {place[1]} of {shape}" if place else ""
    return Scene(
        picture=gray(drawn(answer.seen)),
        heat=None if empty else heat_rgba(values, limits, maps.signed, clear=clear),
        values=values if maps.places else None,
        size=(answer.seen.shape[0], answer.seen.shape[1]),
        smooth=False,
        signed=maps.signed,
        limits=limit_words(limits, maps.signed, "activation", empty, peak.high),
        title=f"Channel {channel}",
        heading=[f"of {answer.channels.layer}"],
        lines=channel_lines(answer),
        caption=f"{name} over the picture {picture}{where}.",
        nothing=_no_map(name, values, maps.places) if empty else "",
    )


def channel_lines(answer: ChannelAnswer) -> Lines:
    """Return two lines of facts of a channel."""
    channels, channel = answer.channels, answer.channel
    shape = channels.maps.values.shape
    places = f", {shape[1]} × {shape[2]}" if channels.maps.places else ""
    share, count = channels.contributions[channel], len(channels.peaks)
    peak = figure(float(channels.peaks[channel]))
    first: list[Run] = [f"what this channel puts out{places}: peak ", (peak, "strong")]
    if not np.isfinite(share):
        return [first, ["this layer does not reach the score"]]
    sign = "+" if share >= 0 else "−"
    rank = f" · {ordinal(answer.rank)} of {count}"
    return [first, ["for ", (channels.target, "em"), f" {sign}{figure(abs(float(share)))}{rank}"]]


def drawn(seen: np.ndarray) -> np.ndarray:
    """Return the picture at the size it is drawn."""
    height, width = _fitted(seen.shape[:2])
    if (height, width) == seen.shape[:2]:
        return seen
    return np.asarray(Image.fromarray(seen).resize((width, height), Image.Resampling.BOX))


def drawn_heat(made: Attribution, size: tuple[int, ...], limits: Limits) -> np.ndarray:
    """Return an attribution's heat at the size it is drawn; single pixels in ``SHADES`` steps, smooth maps in all."""
    heat = made.heat(_fitted(size)).float().cpu().numpy()
    if made.interpolated or not limits.high > 0:
        return heat
    # fewer values, so that the PNG finds runs; smooth maps would show bands
    return np.round(heat * (SHADES / limits.high)) * (limits.high / SHADES)


def _fitted(size: tuple[int, ...]) -> tuple[int, int]:
    share = min(1.0, LARGEST / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _no_map(name: str, values: np.ndarray, places: bool) -> str:
    if not places:
        return f"{name} is one number, {figure(float(values.reshape(-1)[0]))}: this layer has no places."
    return f"{name} is zero everywhere on this picture."
