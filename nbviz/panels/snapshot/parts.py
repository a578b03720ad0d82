"""Parts of a still picture of the panels: plain data, no widget, no model.

A part that is None is left out. A *run* is a text, or a pair of a text and a style ("strong", "em", "quiet",
"warn"), as the panels' own words are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbviz.drawing.ink import Run
from nbviz.drawing.overlay import Miniature, Mosaic

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class TitlePart:
    """Title bar: the model's name, facts in gray, the note on preprocessing, the state."""

    name: str
    facts: Sequence[str] = ()
    pill: str = ""
    word: str = ""


@dataclass(frozen=True, eq=False)
class PicturesPart:
    """Thumbnails (square uint8 arrays or images), at most six, the chosen one, and how many more follow them."""

    thumbnails: Sequence[Pixels | Image.Image]
    chosen: int | None = None
    more: int = 0


@dataclass(frozen=True, eq=False)
class ScoreRow:
    """Class and its probability, 0…1."""

    name: str
    probability: float
    chosen: bool = False


@dataclass(frozen=True, eq=False)
class LayerRow:
    """Row of the layer tree, in preorder; ``kids`` counts its children."""

    text: str
    kind: str = ""
    shape: str = ""
    depth: int = 0
    kids: int = 0
    chosen: bool = False
    miniature: Miniature = None


@dataclass(frozen=True, eq=False)
class LayersPart:
    """Layer tree; unfolded is what leads to the chosen row."""

    rows: Sequence[LayerRow]
    target: str = ""


@dataclass(frozen=True, eq=False)
class ChannelsPart:
    """A page of channels: heading beside "Channels", settings as text, the mosaic, the sentence and pager
    below.

    ``count`` tiles of the mosaic are channels, ``chosen`` is one of them or None, ``aspect`` a tile's width over
    height.
    """

    heading: Sequence[Run]
    mosaic: Mosaic
    count: int
    chosen: int | None = None
    aspect: float = 1.0
    settings: Sequence[str] = ()
    caption: str = ""
    pager: str = ""
    title: str = "Channels"
    rows: Sequence[str] = ()
    """Label left of each row of tiles."""
    largest: float = 1000
    """Most that a tile may be wide."""


@dataclass(frozen=True, eq=False)
class CardPart:
    """Card of a channel: its map over the picture (uint8 RGB), further pictures by name, a line, figures."""

    channel: int | None
    about: Sequence[Run] = ()
    here: Pixels | Image.Image | None = None
    others: Sequence[tuple[str, Pixels | Image.Image]] = ()
    figures: Sequence[tuple[str, str]] = ()
    title: str = ""
    """Instead of the channel's number."""
    note: str = ""
    """A line below the pictures."""


@dataclass(frozen=True, eq=False)
class StagePart:
    """Stage in the channels' place: its picture (uint8 RGB or RGBA) and lines below."""

    title: str
    heading: Sequence[Run]
    picture: Pixels
    lines: Sequence[Sequence[Run]] = ()


@dataclass(frozen=True, eq=False)
class ExplanationPart:
    """Explanation: picture in gray (uint8, gray, RGB or RGBA), heat over it (uint8 RGBA) at an opacity.

    ``limits`` are the low and the high end of the colour bar as text, ``lines`` the facts below it, ``nothing``
    the sentence where there is no heat, ``smooth`` whether the method interpolates.
    """

    heading: Sequence[Run]
    picture: Pixels
    heat: Pixels | None = None
    opacity: float = 0.6
    smooth: bool = False
    signed: bool = False
    limits: tuple[str, str] | None = None
    settings: Sequence[str] = ()
    lines: Sequence[Sequence[Run]] = ()
    nothing: str = ""


@dataclass(frozen=True, eq=False)
class TrustPart:
    """Verdicts on the explanation, [(test, "passed" | "not passed" | "can't tell" | "judging"), …], and sentences."""

    verdicts: Sequence[tuple[str, str]]
    sentences: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class PinPart:
    """Map of several side by side: its picture and heat (uint8 RGBA), the ends of its colours, its facts."""

    title: str
    note: str = ""
    picture: Pixels | Image.Image | None = None
    heat: Pixels | None = None
    opacity: float = 0.6
    rows: int = 1
    columns: int = 1
    smooth: bool = False
    signed: bool = False
    limits: tuple[str, str] = ("", "")
    lines: Sequence[Sequence[Run]] = ()


@dataclass(frozen=True, eq=False)
class PinsPart:
    """Maps side by side, and what equal colours mean."""

    pins: Sequence[PinPart]
    words: str = ""


class StillParts(TypedDict, total=False):
    """Parts that one panel adds, fields of :class:`SnapshotParts`; a stage's replace those of the channels."""

    title: TitlePart
    pictures: PicturesPart
    target: str
    against: str | None
    scores: Sequence[ScoreRow]
    layers: LayersPart
    channels: ChannelsPart
    card: CardPart
    stage: StagePart
    explanation: ExplanationPart
    trust: TrustPart
    pins: PinsPart


@dataclass(frozen=True, eq=False)
class SnapshotParts:
    """All parts of a still picture."""

    title: TitlePart | None = None
    pictures: PicturesPart | None = None
    target: str | None = None
    against: str | None = None
    scores: Sequence[ScoreRow] | None = None
    layers: LayersPart | None = None
    channels: ChannelsPart | None = None
    card: CardPart | None = None
    stage: StagePart | None = None
    """In place of channels and card."""
    explanation: ExplanationPart | None = None
    trust: TrustPart | None = None
    pins: PinsPart | None = None
    problems: Sequence[str] = ()
    """Sentences of panels that failed, or refused."""
