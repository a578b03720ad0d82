"""What a notebook shows of the objects that calls return: a picture, and words that can be read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import nbviz
from nbviz.features import making
from tests.panels.rig import NAMES, photo, rig

COLOURS = [photo(seed=seed) for seed in range(4)]


def shown(thing: object) -> Image.Image:
    """The picture in a thing's bundle, whose words are its repr."""
    bundle = thing._repr_mimebundle_()  # type: ignore[attr-defined]
    assert bundle["text/plain"] == repr(thing)
    return Image.open(io.BytesIO(bundle["image/png"])).convert("RGB")


def test_a_selection_shows_the_picture_and_names_what_is_chosen() -> None:
    small = rig(target=(1, 4), channel=None)
    assert shown(small.selection).size == (116, 116)
    assert repr(small.selection).startswith(
        "Selection(image='cat', layer='1', channel=None, target=['tiger cat', 'cup']"
    )


def test_made_pictures_stand_side_by_side() -> None:
    small = rig()
    *_, made = making(small.model, "3", [0, 1, 2, 3], steps=2, size=32, path=False)
    assert repr(made) == "Made(4 pictures 32 × 32: channel 0 of 3, channel 1 of 3, channel 2 of 3 …)"
    picture = shown(made)
    assert picture.size == (4 * 36 - 4, 32)
    # each in its place, as close as a JPEG is
    first, second = (np.asarray(picture, float)[:, at : at + 32] for at in (0, 36))
    assert np.abs(first - made.pixels[0]).mean() < 12 and np.abs(second - made.pixels[1]).mean() < 12


@pytest.mark.parametrize("labelled", [True, False])
def test_an_example_frames_what_drives_the_channel(labelled: bool) -> None:
    small = rig()
    data = [(picture, 1) for picture in COLOURS] if labelled else COLOURS
    (best, *_) = nbviz.Index.build(small.model, data).top("1", 2)
    name = f", {NAMES[1]}" if labelled else ""
    row, column = best.place or (0, 0)
    assert repr(best) == f"Example(item {best.item}{name}: {best.activation:.3g} at row {row}, column {column})"
    picture = np.asarray(shown(best))
    share = picture.shape[0] // best.picture.shape[0]
    assert picture.shape[:2] == (share * 32, share * 40) and share > 1
    framed = np.argwhere((picture == (255, 140, 0)).all(2))
    assert framed.min(0).tolist() == [share * best.box.top, share * best.box.left]
    assert framed.max(0).tolist() == [share * best.box.bottom - 1, share * best.box.right - 1]
