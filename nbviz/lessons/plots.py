"""Pictures in a row, each with its name, above a caption."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike
from PIL import Image

from nbviz.attribution import Attribution
from nbviz.attribution.limits import evidence_limits
from nbviz.drawing.colormap import scale, table
from nbviz.drawing.png import data_url, png
from nbviz.errors import NbvizError

Drawable: TypeAlias = Image.Image | Attribution | torch.Tensor | ArrayLike
TILE = 148
"""Pixels of a picture's longer side."""


@dataclass(frozen=True)
class PictureRow:
    """Pictures side by side with their names and a caption."""

    pictures: tuple[tuple[str, Image.Image], ...]
    caption: str

    def __repr__(self) -> str:
        return f"{self.caption} ({', '.join(name for name, _ in self.pictures)})"

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<figure style="margin:0"><img style="image-rendering:pixelated" '
            f'src="{data_url(png(np.asarray(picture)))}" alt="{html.escape(name, quote=True)}">'
            f"<figcaption>{html.escape(name)}</figcaption></figure>"
            for name, picture in self.pictures
        )
        row = f'<div style="display:flex;flex-wrap:wrap;gap:12px">{cells}</div>'
        return f"<div>{row}<p>{html.escape(self.caption)}</p></div>"

    def _repr_png_(self) -> bytes:
        """Draw one picture of all, for pages that show no HTML."""
        heights, widths = zip(*((picture.height, picture.width) for _, picture in self.pictures), strict=True)
        sheet = Image.new("RGB", (sum(widths) + 12 * (len(widths) - 1), max(heights)), "white")
        for at, (_, picture) in enumerate(self.pictures):
            sheet.paste(picture, (sum(widths[:at]) + 12 * at, 0))
        return png(np.asarray(sheet))


def show(pictures: Mapping[str, Drawable], caption: str, size: int = TILE, signed: bool | None = None) -> PictureRow:
    """Show pictures and maps in a row.

    pictures: name → a PIL picture, colours (3, H, W) or grey (1, H, W) in 0…1, a map (H, W) of any range, or an
    Attribution, on the Explorer's scale. caption: one sentence that says what is to be seen. size: pixels of the longer
    side. signed: whether maps are drawn around zero (blue below, red above); None: where a value is below zero. Raises
    NbvizError for any other shape.
    """
    return PictureRow(tuple((name, _tile(name, thing, size, signed)) for name, thing in pictures.items()), caption)


def _tile(name: str, thing: Drawable, size: int, signed: bool | None) -> Image.Image:
    picture = thing if isinstance(thing, Image.Image) else _drawn(name, thing, signed)
    picture = picture.convert("RGB")
    part = size / max(picture.size)
    new = (max(1, round(picture.width * part)), max(1, round(picture.height * part)))
    # pixels of a map are data: enlarged, they stay squares
    return picture.resize(new, Image.Resampling.NEAREST if part > 1 else Image.Resampling.BOX)


def _drawn(name: str, thing: Drawable, signed: bool | None) -> Image.Image:
    if isinstance(thing, Attribution):
        return _evidence(thing)
    values = thing.detach().cpu() if isinstance(thing, torch.Tensor) else torch.as_tensor(np.asarray(thing))
    values = values.float()
    while values.ndim > 3 and len(values) == 1:
        values = values[0]
    if values.ndim == 3 and values.shape[0] in (1, 3):
        colours = values.expand(3, -1, -1).clamp(0, 1)
        return Image.fromarray((255 * colours).round().byte().permute(1, 2, 0).contiguous().numpy())
    if values.ndim != 2:
        raise NbvizError(
            f"'{name}' is of shape {tuple(values.shape)}: colours are (3, H, W), grey is (1, H, W), a map is (H, W)."
        )
    around = bool((values < 0).any()) if signed is None else signed
    return Image.fromarray(table(around)[scale(values.numpy(), around)][..., :3])


def _evidence(attribution: Attribution) -> Image.Image:
    values = attribution.heat().float().cpu().numpy()
    limits = evidence_limits(values, attribution.signed, attribution.interpolated)
    return Image.fromarray(table(attribution.signed)[scale(values, attribution.signed, limits)][..., :3])
