"""Encoded pictures: by content, bounded, never another's."""

import io

import numpy as np
from PIL import Image

from nbviz.drawing.encoded import Encoded
from nbviz.drawing.overlay import table
from nbviz.drawing.png import compact_png, png


def test_equal_pixels_are_encoded_once_and_others_anew() -> None:
    encoded, calls = Encoded(), list[str]()
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)

    def get(kind: str, *arrays: np.ndarray) -> bytes:
        return encoded.get(kind, lambda: (calls.append(kind), bytes([len(calls)]))[1], *arrays)

    first = get("png", pixels)
    assert get("png", pixels.copy()) == first and get("png", pixels.reshape(4, 3)) != first
    assert get("compact", pixels) != first and get("png", pixels, pixels) != first
    assert get("png", pixels[:, ::-1]) != first and get("png", np.asfortranarray(pixels)) == first
    pixels[0, 0] += 1
    assert get("png", pixels) != first and len(calls) == 6


def test_the_picture_used_longest_ago_goes_first_and_one_too_large_is_not_kept() -> None:
    encoded, calls = Encoded(room=10), list[int]()

    def get(value: int, size: int = 4) -> bytes:
        data = np.full((1,), value, np.uint8)
        return encoded.get("png", lambda: (calls.append(value), bytes(size))[1], data)

    for value in (1, 2, 1, 3, 1, 2):  # 2 had to go for 3
        get(value)
    assert calls == [1, 2, 3, 2]
    assert len(get(9, size=11)) == 11 and len(get(9, size=11)) == 11
    assert calls == [1, 2, 3, 2, 9, 9]


def test_a_picture_from_before_has_its_own_pixels() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 4), np.uint8)
    for pixels in [*noise, *noise]:
        for encode in (png, compact_png):
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode(pixels))).convert("RGBA")), pixels)


def test_pixels_travel_exactly_and_small() -> None:
    indices = np.random.default_rng(0).integers(0, 253, (224, 224))
    pixels = table(False)[indices]
    data = compact_png(pixels)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")), pixels)
    assert len(data) < 60_000
    clear = pixels.copy()
    clear[:5, :, 3] = 0
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(compact_png(clear))).convert("RGBA")), clear)
