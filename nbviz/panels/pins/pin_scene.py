"""Scene of a pinned map as plain data: its values, their unit, and its texts.

Values travel to the browser as whole numbers of 16 bits, 1/32767 of the map's peak each: there they are drawn on any
scale and read out at any place with no further message.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nbviz.attribution import METHODS
from nbviz.attribution.limits import evidence_limits, limit_words
from nbviz.attribution.words import Lines, card_lines, strongest
from nbviz.drawing.numbers import figure, signed
from nbviz.drawing.overlay import Limits, backdrop
from nbviz.panels.scenes.explanation import channel_scene, explanation_scene
from nbviz.session.pins.difference import Unit, difference
from nbviz.session.requests.base import ChannelAnswer, ChannelRequest, ExplainAnswer, ExplainRequest, Request

LARGEST = 448
"""Longest side of the values kept of a map, pixels: finer ones are averaged."""
STEPS, BAD = 32767, -32768
"""Of 16 bits: the number of a map's peak, and that of what is no number; ``pin_values.js`` has the same."""


@dataclass(frozen=True, eq=False)
class PinScene:
    """Contents of a card."""

    values: np.ndarray
    """float32 (h, w): what is drawn, at its own resolution."""
    size: tuple[int, int]
    """(rows, columns) of the network's input."""
    signed: bool
    smooth: bool
    high: float
    """The value of the brightest colour on the map's own scale."""
    peak: float
    """The largest size of a value drawn, which may lie above ``high``."""
    unit: Unit
    measured: str
    """The unit as text."""
    picture: str
    view: str
    """Equal for maps over the same pixels of the same picture."""
    backdrop: bytes
    """JPEG of the picture in gray."""
    lines: Lines
    caption: str
    nothing: str = ""
    what: str = "evidence"
    ranks: bool = False
    """True if values are per cent of rank."""
    layer: str | None = None
    """Where it was drawn, for methods that use a layer."""
    done: float = 1.0
    progress: str = ""

    @property
    def empty(self) -> bool:
        """True if there is nothing to draw."""
        return not np.nan_to_num(self.values, posinf=0.0, neginf=0.0).any()

    def ends(self, high: float | None = None) -> tuple[str, str, str]:
        """Return low end, high end and meaning of the colours on a scale that ends at ``high``, or on its own."""
        top = self.high if high is None else high
        if self.ranks:
            ends = f"{top:.0f} %"
            return f"−{ends}", f"+{ends}", f"per cent of rank: blue ranks lower in the first map, red higher; to {ends}"
        limits = Limits(-top if self.signed else 0.0, top)
        return limit_words(limits, self.signed, self.what, self.empty, self.peak)


def pin_scene(request: Request, answer: ExplainAnswer | ChannelAnswer, picture: str) -> PinScene:
    """Return the scene of a request's answer; picture: its name."""
    # by its pixels: networks may crop one picture otherwise, and then its places don't match
    jpeg, view = backdrop(answer.seen), hashlib.sha1(answer.seen.tobytes()).hexdigest()
    if isinstance(answer, ChannelAnswer) and isinstance(request, ChannelRequest):
        return _channel(request, answer, picture, jpeg, view)
    assert isinstance(answer, ExplainAnswer) and isinstance(request, ExplainRequest)
    drawn, attribution = explanation_scene(answer, METHODS[request.method].title, picture), answer.attribution
    share = min(1.0, LARGEST / max(attribution.evidence.shape))
    height, width = (max(1, round(side * share)) for side in attribution.evidence.shape)
    values = attribution.evidence if share == 1 else attribution.heat((height, width))
    unit, words = _unit(request, attribution.facts.get("unit", ""), tuple(attribution.evidence.shape))
    # its limits are the canvas's, which draws more pixels than travel to a card
    full = attribution.heat(tuple(answer.seen.shape[:2])).float().cpu().numpy()
    return PinScene(
        values.float().cpu().numpy(), drawn.size, attribution.signed, attribution.interpolated,
        evidence_limits(full, attribution.signed, attribution.interpolated).high,
        Limits.of(full, attribution.signed).high,
        unit, words, picture, view, jpeg,
        card_lines(attribution.facts), drawn.caption, drawn.nothing, layer=attribution.facts.get("layer"),
        done=attribution.done, progress=attribution.progress,
    )  # fmt: skip


def _channel(asked: ChannelRequest, answer: ChannelAnswer, picture: str, jpeg: bytes, view: str) -> PinScene:
    drawn, maps = channel_scene(answer, picture), answer.channels.maps
    values = maps.values[answer.channel]
    values = values.astype(np.float32) if maps.places else np.zeros((1, 1), np.float32)
    high = Limits.of(values, maps.signed).high
    unit = "activation", asked.layer, values.shape
    return PinScene(
        values, drawn.size, maps.signed, False, high, high, unit, f"activation of {asked.layer}", picture, view, jpeg,
        drawn.lines, drawn.caption, drawn.nothing, "activation",
    )  # fmt: skip


def _unit(asked: ExplainRequest, shared: str, grid: tuple[int, ...]) -> tuple[Unit, str]:
    """Return the unit of a map; a place has a size, so maps of one unit are on one grid."""
    if shared:
        return (shared, grid), f"{shared}, {grid[0]} × {grid[1]}"
    options = "".join(f", {name} {value}" for name, value in asked.options if isinstance(value, (str, int, float)))
    layer = f" at {asked.layer}" if asked.layer else ""
    unit = asked.method, asked.layer, asked.options, grid
    return unit, f"the unit of {METHODS[asked.method].title}{layer}{options}"


def difference_scene(one: PinScene, other: PinScene, names: tuple[str, str]) -> PinScene:
    """Return one − other around zero; names: their titles. A scene with ``nothing`` says why there is none."""
    why = _apart(one, other)
    if why:
        flat = np.zeros((1, 1), np.float32)
        return PinScene(
            flat, one.size, True, False, 0.0, 0.0, ("none",), "", one.picture, one.view, one.backdrop, [], why, why, "",
        )  # fmt: skip
    result = difference(one.values, other.values, one.unit == other.unit)
    values = result.values.astype(np.float32)
    smooth = values.shape != one.size
    place = strongest(values)
    where = f"; largest at row {place[0]}, column {place[1]} of {values.shape[0]} × {values.shape[1]}" if place else ""
    high = evidence_limits(values, True, smooth).high
    nothing = "" if place else "The two maps are equal at every place."
    caption = f"{names[0]} minus {names[1]} over the picture {one.picture}{where}."
    return PinScene(
        values, one.size, True, smooth, high, Limits.of(values, True).high,
        ("difference",), "", one.picture, one.view, one.backdrop,
        _difference_lines(one, other, result.raw, result.correlation, values.shape), caption, nothing, "difference",
        ranks=not result.raw,
    )  # fmt: skip


def _apart(one: PinScene, other: PinScene) -> str:
    if one.picture != other.picture:
        return f"These are maps of two pictures, {one.picture} and {other.picture}: their places don't match."
    if one.view != other.view:
        sizes = " and ".join(f"{rows} × {columns}" for rows, columns in (one.size, other.size))
        return f"The networks don't see the same of the picture ({sizes}): their places don't match."
    return ""


def _difference_lines(
    one: PinScene, other: PinScene, raw: bool, correlation: float | None, grid: tuple[int, ...]
) -> Lines:
    how: Lines = [["subtracted as they are: both are ", (one.measured, "strong")]]
    if not raw:
        units = f"the units differ ({one.measured}; {other.measured})"
        how = [["difference of ", ("ranks", "strong"), f": {units}, so each value counts by its rank in its own map"]]
    alike = "no rank correlation: one of them is flat" if correlation is None else "rank correlation "
    figures = [] if correlation is None else [(signed(correlation), "strong")]
    return [*how, [alike, *figures, f" · on {grid[0]} × {grid[1]} places"]]


def codes(values: np.ndarray) -> tuple[bytes, float]:
    """Encode values (h, w) as little-endian 16-bit numbers, ``STEPS`` to the peak; ``BAD`` is no number."""
    finite = np.isfinite(values)
    peak = float(np.abs(values[finite]).max(initial=0.0)) or 1.0
    steps = np.rint(np.where(finite, values, 0.0).astype(np.float64) / peak * STEPS)
    return np.where(finite, steps, BAD).astype("<i2").tobytes(), peak


def shared_highs(scenes: Iterable[PinScene]) -> dict[Unit, float]:
    """Return the end of the shared scale per unit; units that only one map has are left out."""
    # by unit: colours may be alike only where values mean the same, on the same grid
    highs: dict[Unit, list[float]] = defaultdict(list)
    for scene in scenes:
        if not scene.empty:
            highs[scene.unit].append(scene.high)
    return {unit: max(values) for unit, values in highs.items() if len(values) > 1}


def scale_words(scenes: list[PinScene], shared: bool) -> str:
    """Describe what equal colours mean."""
    scenes = [scene for scene in scenes if not scene.empty]
    if len(scenes) < 2:
        return ""
    if not shared:
        return "Each map has a scale of its own: equal colours are not equal values."
    highs, words = shared_highs(scenes), {scene.unit: scene.measured for scene in scenes}
    counts = {unit: sum(scene.unit == unit for scene in scenes) for unit in highs}
    parts = [f"{counts[unit]} maps end at {figure(high)} ({words[unit]})" for unit, high in highs.items()]
    alone = sum(scene.unit not in highs for scene in scenes)
    if not parts:
        return "No two of these maps measure the same, so each keeps its own scale."
    rest = f"{alone} are alone in theirs and keep their own"
    rest = "1 is alone in its unit and keeps its own" if alone == 1 else rest
    return f"{'; '.join([*parts, *([rest] if alone else [])])}."
