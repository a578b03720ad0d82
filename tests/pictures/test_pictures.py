"""Pictures in: every kind opens as the pixels it holds, and every bad one as a sentence."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nbviz.errors import NbvizError
from nbviz.pictures.load import Picture, load_pictures


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def only(images: Any) -> Picture:
    pictures = load_pictures(images)
    assert len(pictures) == 1
    return next(iter(pictures.values()))


def pixels(images: Any) -> np.ndarray:
    image = only(images).open()
    assert image.mode == "RGB"
    return np.asarray(image)


def sentence(images: Any) -> str:
    with pytest.raises(NbvizError) as caught:
        load_pictures(images)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, name in enumerate(("a.png", "b.png", "c.png")):
        Image.fromarray(noise(8, 9, 3, seed=index)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not looked at")
    return tmp_path


def test_every_way_in_gives_the_same_picture(tmp_path: Path) -> None:
    array = noise(6, 7, 3)
    image = Image.fromarray(array)
    path = tmp_path / "x.png"
    image.save(path)
    ways = [array, image, path, str(path), encoded(image), torch.from_numpy(array).permute(2, 0, 1)]
    pictures = [only(way) for way in ways] + [only([way]) for way in ways] + [only({"n": way}) for way in ways]
    assert len(set(pictures)) == 1
    assert {picture.size for picture in pictures} == {(7, 6)}
    for picture in pictures:
        np.testing.assert_array_equal(np.asarray(picture.open()), array)


def test_a_digest_is_of_the_pixels_and_of_their_shape() -> None:
    array = noise(6, 4, 3)
    assert only(array) != only(array.reshape(4, 6, 3))
    assert only(array) != only(255 - array)
    assert only(torch.zeros(3, 4, 4)) != only(torch.zeros(3, 4, 4, dtype=torch.float64))


def test_gray_alpha_and_masks_become_rgb() -> None:
    gray = noise(5, 6)
    np.testing.assert_array_equal(pixels(gray), np.repeat(gray[..., None], 3, 2))
    np.testing.assert_array_equal(pixels(gray[..., None]), pixels(gray))
    np.testing.assert_array_equal(pixels(gray > 127), np.repeat((gray > 127)[..., None], 3, 2) * 255)
    np.testing.assert_array_equal(pixels(Image.fromarray(gray > 127)), pixels(gray > 127))


def test_what_is_transparent_lies_on_white() -> None:
    array = noise(4, 4, 4)
    array[..., 3] = [0, 255, 0, 255]
    shown = pixels(array)
    assert (shown[:, 0] == 255).all()
    np.testing.assert_array_equal(shown[:, 1], array[:, 1, :3])
    palette = Image.fromarray(noise(4, 4, 3)).convert("P")
    palette.putpixel((0, 0), 5)
    opened = pixels(encoded(palette, transparency=5))
    assert (opened[0, 0] == 255).all()


@pytest.mark.parametrize("make", [lambda a: a, Image.fromarray, lambda a: encoded(Image.fromarray(a))])
def test_sixteen_bits_are_scaled_and_not_clipped(make: Any) -> None:
    ramp = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    np.testing.assert_array_equal(pixels(make(ramp))[..., 0], np.arange(256).reshape(16, 16))


def test_a_32_bit_image_of_8_bit_values_stays_as_bright() -> None:
    gray = noise(5, 5)
    np.testing.assert_array_equal(pixels(Image.fromarray(gray.astype(np.int32)))[..., 0], gray)


def test_cmyk_opens() -> None:
    flat = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    assert pixels(encoded(flat, "JPEG", quality=95))[0, 0, 0] > 200
    assert tuple(pixels(flat)[0, 0]) == (255, 0, 0)


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    assert tuple(pixels(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))[0, 0]) == (
        255,
        0,
        0,
    )


def test_exif_turns_a_picture_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    array = noise(4, 8, 3)
    picture = only(encoded(Image.fromarray(array), exif=exif))
    assert picture.size == picture.open().size == (4, 8)
    np.testing.assert_array_equal(np.asarray(picture.open()), np.rot90(array, -1))


def test_the_users_image_and_tensor_stay_their_own() -> None:
    image, tensor = Image.fromarray(noise(4, 4, 3)), torch.rand(3, 4, 4, requires_grad=True)
    picture, given = only(image), only(tensor)
    before, values = picture.digest, given.tensor
    image.putpixel((0, 0), (1, 2, 3))
    with torch.no_grad():
        tensor.zero_()
    assert np.asarray(picture.open()).tobytes() == picture.open().tobytes()
    assert only(picture.open()).digest == before
    assert values is not None and float(values.sum()) > 0 and not values.requires_grad


def test_float_tensors_are_already_preprocessed() -> None:
    for dtype, kept in (
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.bfloat16, torch.float32),
    ):
        tensor = only(torch.ones(5, 4, 3, dtype=dtype)).tensor
        assert tensor is not None and tensor.shape == (1, 5, 4, 3) and tensor.dtype == kept
    assert only(torch.rand(1, 3, 8, 6)).size == (6, 8)
    assert list(load_pictures(torch.rand(4, 3, 8, 6))) == ["image 0", "image 1", "image 2", "image 3"]
    assert only(torch.randn(5, 20, 30)).thumbnail(16).size == (16, 16)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.full((3, 4, 4), float("nan")), "48 of its 48 values are NaN"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), "a tensor of int64"),
        (torch.zeros(4, 4), "shape (4, 4)"),
        (torch.zeros(3, 0, 4), "no pixels"),
        (np.zeros((4, 4, 3)), "float64"),
        (np.zeros((4, 4), np.int64), "int64"),
        (np.zeros((3, 5, 5), np.uint8), "np.moveaxis(array, 0, -1)"),
        (np.zeros((4, 4, 7), np.uint8), "(4, 4, 7)"),
        (np.zeros((0, 4, 3), np.uint8), "no pixels"),
        (Image.fromarray(np.zeros((4, 4), np.float32)), "floats"),
        (b"", "empty file"),
        (b"hello", "not a picture"),
        ([], "images= is empty"),
        ({}, "images= is empty"),
        (7, "images= got 7 (int)"),
        (None, "images= got None"),
        ([7], "7 (int)"),
        ("x" * 5000, "no such file"),
        ("nul\0.png", "no such file"),
        ("~stranger.png", "no such file"),
        ("https://example.org/cat.jpg", "Nothing is downloaded"),
        (iter([1]), "itertools.islice"),
    ],
)
def test_what_is_wrong_is_said_with_the_users_value(value: Any, words: str) -> None:
    assert words in sentence(value)


def test_damaged_files_are_told_from_good_ones() -> None:
    photograph = Image.fromarray(noise(64, 64, 3))
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"):
        whole = encoded(photograph, kind)
        assert only(whole).open().size == (64, 64)
        assert "can't be opened" in sentence(whole[: len(whole) * 2 // 3]), kind


@pytest.mark.parametrize("side", [64, 700])
def test_a_jpeg_with_a_thumbnail_inside_is_still_seen_to_be_truncated(side: int) -> None:
    # The comment stands in for a thumbnail: it brings an end marker of its own.
    whole = encoded(Image.fromarray(noise(side, side, 3)), "JPEG", quality=95, comment=b"\xff\xd9")
    assert (len(whole) > 4 * 65536) == (side == 700)
    assert only(whole).size == (side, side)
    assert "truncated" in sentence(whole[:-200])


def test_a_large_intact_jpeg_is_not_decoded_to_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoded(Image.fromarray(noise(700, 700, 3)), "JPEG", quality=95)

    def refuse(image: Image.Image) -> None:
        raise AssertionError(f"decoded {image}")

    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", refuse)
    assert list(load_pictures({"x": whole})) == ["x"]


def test_a_decompression_bomb_is_refused() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    assert "too large" in sentence({"big.png": bomb}) and "big.png" in sentence({"big.png": bomb})


def test_a_folder_opens_but_for_its_bad_files(folder: Path) -> None:
    (folder / "bad.jpg").write_bytes(b"no picture")
    (folder / "none.png").touch()
    pictures = load_pictures(folder)
    assert list(pictures) == ["a.png", "b.png", "c.png"]
    assert pictures.problems == ["2 of 5 files could not be read: bad.jpg (not a picture), none.png (empty file)"]


def test_sub_folders_are_looked_into_where_a_folder_has_nothing_else(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "up" / "cat").mkdir(parents=True)
    (folder / "a.png").rename(tmp_path / "up" / "cat" / "a.png")
    assert list(load_pictures(str(tmp_path / "up"))) == [str(Path("cat") / "a.png")]
    (tmp_path / "empty").mkdir()
    assert f"no picture in the folder '{tmp_path / 'empty'}'" in sentence(tmp_path / "empty")


def test_a_missing_file_names_the_nearest(folder: Path) -> None:
    (folder / "kitten.png").write_bytes((folder / "a.png").read_bytes())
    said = sentence(folder / "kiten.png")
    assert str(folder / "kiten.png") in said and f"Nearest: '{folder / 'kitten.png'}'" in said
    assert "no folder" in sentence(folder / "nowhere" / "x.png")


def test_a_list_loses_only_what_is_bad(folder: Path) -> None:
    pictures = load_pictures([folder / "a.png", np.zeros((2, 2)), noise(3, 3, 3)])
    assert list(pictures) == ["a.png", "image 2"]
    assert pictures.problems[0].startswith("1 of 3 pictures could not be read: image 1 (a float64 array")


def test_names_are_unique(folder: Path) -> None:
    assert list(load_pictures([folder / "a.png"] * 3)) == ["a.png", "a.png (2)", "a.png (3)"]


def test_a_file_written_anew_is_not_mixed_with_the_old_one(folder: Path) -> None:
    first = only(folder / "a.png")
    before = first.digest
    Image.fromarray(noise(20, 20, 3, seed=9)).save(folder / "a.png")
    assert only(folder / "a.png").digest != before


def test_a_thumbnail_is_the_middle_square() -> None:
    array = np.zeros((60, 120, 3), np.uint8)
    array[:, 30:90] = 200
    for picture in (only(array), only(encoded(Image.fromarray(array)))):
        thumbnail = picture.thumbnail(20)
        assert thumbnail.size == (20, 20) and (np.asarray(thumbnail)[:, 2:-2] > 190).all()
