"""Paste: a patch, logo or text of a person's own put over all pictures, and which class it brings forth."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nbviz.edits.rgb import Rgb
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.reviews.cues.places import read_inputs
from nbviz.reviews.cues.transplant import elsewhere, scores_of
from nbviz.reviews.cues.window import Window
from nbviz.reviews.records.records import Records
from nbviz.reviews.shift.answers import mcnemar
from nbviz.reviews.statistics.intervals import holm, wilson

if TYPE_CHECKING:
    import pandas

Patch: TypeAlias = Image.Image | NDArray[np.uint8] | str
"""Picture, its pixels (H, W) or (H, W, 3), or a text."""
CONTROLS = 10
"""Places elsewhere."""


def paste_table(
    model: InstrumentedModel,
    items: Items,
    records: Records,
    rows: NDArray[np.int64],
    patch: Patch,
    place: tuple[int, int],
) -> pandas.DataFrame:
    """Return one row per class, the one that the patch brings forth most first.

    Columns: ``class``, ``before`` (share of the pictures that are said to be it), ``after`` with the patch and its 95 %
    Wilson interval ``low`` and ``high``, ``control`` (the largest share with the patch at ten places elsewhere; where
    there is no room for them, without it), ``lead`` (after less control), ``p`` (McNemar's exact test of after against
    control) and ``corrected`` (by Holm). ``attrs["same"]``: share of answers that stay as before. Raises NbvizError for
    a patch that is none or lies outside the picture.
    """
    import pandas

    inputs = read_inputs(model, items, records, rows)
    rgb = Rgb.of(model, inputs)
    colours = rgb.colours(inputs).double()
    pixels = patch_pixels(patch, colours.shape[1])
    window = _window(place, pixels, colours)
    said = records.answers_of(scores_of(model, inputs))
    after, *others = (
        records.answers_of(scores_of(model, rgb.input(put(colours, pixels, at)).to(inputs)))
        for at in (window, *_elsewhere(window, colours))
    )
    table = []
    for index, name in enumerate(records.names):
        now, before = after[:, index], said[:, index]
        # the strongest of the places elsewhere, not their mean: a lead has to be over all of them
        control = max((answers[:, index] for answers in others), key=np.mean, default=before)
        low, high = wilson(now.sum(), len(now))
        figures = before.mean(), now.mean(), float(low), float(high), control.mean(), now.mean() - control.mean()
        table.append((name, *figures, mcnemar(control, now)[0]))
    made = pandas.DataFrame(table, columns=["class", "before", "after", "low", "high", "control", "lead", "p"])
    made["corrected"] = holm(made["p"].to_numpy(float))
    made = made.sort_values("lead", ascending=False, kind="stable", ignore_index=True)
    made.attrs["same"] = float((said == after).all(1).mean())
    return made


def put(colours: torch.Tensor, pixels: torch.Tensor, window: Window) -> torch.Tensor:
    """Return colours (N, P, H, W) with a patch (P, h, w) in a window."""
    top, left, bottom, right = window
    changed = colours.clone()
    changed[:, :, top:bottom, left:right] = pixels
    return changed


def _window(place: tuple[int, int], pixels: torch.Tensor, colours: torch.Tensor) -> Window:
    (height, width), (rows, columns) = pixels.shape[1:], colours.shape[2:]
    top, left = place
    if top < 0 or left < 0 or top + height > rows or left + width > columns:
        raise NbvizError(
            f"A patch of {height} × {width} pixels at {place} lies outside the network's input of {rows} × {columns}."
        )
    return top, left, top + height, left + width


def _elsewhere(window: Window, colours: torch.Tensor) -> list[Window]:
    rows, columns = colours.shape[2:]
    try:
        # the same places in every table: patches of one size are compared with one another
        return elsewhere(window, (rows, columns), CONTROLS, np.random.default_rng(0))
    except NbvizError:  # a patch so large has no place beside its own
        return []


def patch_pixels(patch: Patch, planes: int) -> torch.Tensor:
    """Return a patch's colours in 0…1, (planes, H, W). NbvizError for what is no picture and no text."""
    if isinstance(patch, str):
        patch = text_picture(patch)
    if isinstance(patch, Image.Image):
        patch = np.asarray(patch.convert("RGB"))
    values = np.asarray(patch)
    if values.dtype != np.uint8 or values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3)):
        raise NbvizError(
            "A patch is a PIL picture, a text, or pixels (H, W) or (H, W, 3) of uint8, not "
            f"{values.dtype} {values.shape}."
        )
    if 0 in values.shape:
        raise NbvizError("The patch is empty.")
    rgb = np.repeat(values.reshape(*values.shape[:2], -1), 3 if values.ndim == 2 or values.shape[2] == 1 else 1, 2)
    colours = torch.from_numpy(rgb.astype(np.float64) / 255).permute(2, 0, 1)
    return colours.mean(0, keepdim=True) if planes == 1 else colours


def text_picture(text: str) -> Image.Image:
    """Draw a text white on black, as small as its letters allow. NbvizError for an empty one."""
    if not text.strip():
        raise NbvizError("The text of a patch is empty.")
    font = ImageFont.load_default()
    box = tuple(int(side) for side in ImageDraw.Draw(Image.new("L", (1, 1))).textbbox((0, 0), text, font=font))
    image = Image.new("RGB", (box[2] - box[0] + 2, box[3] - box[1] + 2))
    # letters begin right of and below the point that they are drawn at: without this they are cut off
    ImageDraw.Draw(image).text((1 - box[0], 1 - box[1]), text, fill="white", font=font)
    return image
