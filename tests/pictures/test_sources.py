"""Pictures as people bring them: one door, so that what opens in the Explorer can be looked through by an index."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from nbviz.errors import NbvizError
from nbviz.pictures.load import Pictures, load_pictures
from nbviz.pictures.samples import Items
from nbviz.pictures.sources import Source

RED, BLUE = Image.new("RGB", (6, 5), "red"), Image.new("RGB", (6, 5), "blue")
GRAY = np.arange(30 * 8 * 8, dtype=np.uint8).reshape(30, 8, 8)


class Named(Dataset):
    """Two labelled pictures and names for their classes."""

    classes = ["ant", "bee"]

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> Any:
        return (RED, BLUE)[number], number


class Feature:
    """A ``datasets.ClassLabel``, as far as it is looked at."""

    names = ["ant", "bee"]


class Rowed:
    """A Hugging Face data set, as far as it is looked at."""

    def __init__(self, *columns: str) -> None:
        self.columns = columns
        self.features = {columns[0]: object(), columns[1]: Feature()}

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> dict[str, Any]:
        return dict(zip(self.columns, ((RED, BLUE)[number], number), strict=True))


def saved(folder: Path, *names: str) -> list[Path]:
    files = [folder / name for name in names]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        (RED, BLUE)[number % 2].save(file)
    return files


def encoded(kind: str, *pictures: Image.Image) -> bytes:
    buffer = BytesIO()
    # Copies: Pillow leaves an encoder's settings on what it saved.
    first, *others = (picture.copy() for picture in pictures)
    first.save(buffer, kind, save_all=True, append_images=others)
    return buffer.getvalue()


def frame(folder: Path) -> pandas.DataFrame:
    files = saved(folder, "a.png", "b.png")
    return pandas.DataFrame({"path": files, "label": ["bee", "ant"]}, index=[7, 3])


WAYS: dict[str, Any] = {
    "pairs": lambda _: [(RED, 1), (BLUE, 0)],
    "pairs of tensors": lambda _: [(torch.rand(3, 5, 6), torch.tensor(1)), (torch.rand(3, 5, 6), 0)],
    "pairs with names": lambda _: [(RED, "bee"), (BLUE, "ant")],
    "pairs of paths and names": lambda folder: list(zip(saved(folder, "a.png", "b.png"), ["bee", "ant"], strict=True)),
    "mappings": lambda _: [{"image": RED, "label": 1}, {"image": BLUE, "label": 0}],
    "an unusual column": lambda _: [{"jpg": RED, "cls": 1}, {"jpg": BLUE, "cls": 0}],
    "the only column of pictures": lambda _: [{"view": RED, "label": 1}, {"view": BLUE, "label": 0}],
    "columns": lambda _: {"image": [RED, BLUE], "label": [1, 0]},
    "a batch": lambda _: [torch.rand(2, 3, 5, 6), torch.tensor([1, 0])],
    "a frame": frame,
    "encoded": lambda _: [{"image": {"bytes": encoded("PNG", one), "path": None}, "label": n}
                          for one, n in ((RED, 1), (BLUE, 0))],
    "class folders": lambda folder: saved(folder, "bee/1.png", "ant/2.png") and folder,
    "tensors": lambda _: TensorDataset(torch.rand(2, 3, 5, 6), torch.tensor([1, 0])),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_both_rooms_read_the_same_pictures_and_labels(way: str, tmp_path: Path) -> None:
    images = WAYS[way](tmp_path)
    shown, items = load_pictures(images), Items.ensure(images)
    assert len(shown) == len(items) == 2 and not shown.problems
    read = [items.read(number) for number in range(2)]
    assert [picture.digest for picture in read] == [picture.digest for picture in shown.values()]
    labels = [0, 1] if way == "class folders" else [1, 0]
    assert [picture.label for picture in read] == labels == [picture.label for picture in shown.values()]
    named = way in ("a frame", "class folders") or "names" in way
    assert items.classes == shown.classes == (("ant", "bee") if named else None)


def test_a_pair_alone_is_one_picture_and_two_files_are_two(tmp_path: Path) -> None:
    (picture,) = load_pictures((RED, 3)).values()
    assert picture.label == 3 and picture.open().getpixel((0, 0)) == (255, 0, 0)
    assert len(load_pictures(tuple(saved(tmp_path, "a.png", "b.png")))) == 2
    assert len(load_pictures([[RED, 1]])) == 1
    for one in ((RED, 3), {"image": RED, "label": 3}, np.zeros((3, 64, 64), np.uint8), str(tmp_path / "a.png")):
        with pytest.raises(NbvizError, match="is one picture"):
            Items.ensure(one)


@pytest.mark.parametrize("stack", [GRAY, torch.from_numpy(GRAY), GRAY.astype(np.uint16) * 257])
def test_gray_pictures_one_after_the_other_are_as_many(stack: Any) -> None:
    assert len(load_pictures(stack)) == len(Items.ensure(stack)) == 30
    assert np.array_equal(np.asarray(load_pictures(stack)["image 7"].open())[..., 0], GRAY[7])


def test_a_long_stack_is_a_data_set_of_which_the_first_are_shown() -> None:
    pictures = load_pictures(np.zeros((600, 8, 8, 3), np.uint8))
    assert len(pictures) == 512 and pictures.source.is_data_set
    assert pictures.notes == ["The first 512 of 600 pictures are shown."]


def test_a_tiff_s_pages_are_pictures_and_an_animation_is_one(tmp_path: Path) -> None:
    stack = encoded("TIFF", RED, BLUE, RED)
    (tmp_path / "stack.tif").write_bytes(stack)
    for images in (stack, tmp_path / "stack.tif", [tmp_path / "stack.tif"], tmp_path):
        pictures, items = load_pictures(images), Items.ensure(images)
        assert [name[-6:] for name in pictures] == ["page 1", "page 2", "page 3"] and len(items) == 3
        for number, colour in enumerate(((255, 0, 0), (0, 0, 255), (255, 0, 0))):
            assert list(pictures.values())[number].open().getpixel((0, 0)) == colour
            assert items.read(number).open().getpixel((0, 0)) == colour
        assert list(pictures.values())[1].thumbnail(4).getpixel((0, 0)) == (0, 0, 255)
    for kind in ("GIF", "PNG", "WEBP"):
        (note,) = load_pictures({"moving": encoded(kind, RED, BLUE)}).notes
        assert "animation" in note and "moving" in note
    assert load_pictures({"still": encoded("GIF", RED), "phone": encoded("MPO", RED, BLUE)}).notes == []


def test_a_page_s_smaller_copies_are_no_pages() -> None:
    buffer = BytesIO()
    RED.copy().save(buffer, "TIFF", save_all=True, append_images=[_reduced(BLUE)])
    assert len(load_pictures(buffer.getvalue())) == 1


def _reduced(image: Image.Image) -> Image.Image:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[254] = 1
    image = image.resize((3, 2))
    image.encoderinfo = {"tiffinfo": tags}
    return image


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.arange(-1024, 1024, dtype=np.int16), "np.interp(array, (-1024, 1023), (0, 255))"),
        (np.arange(-100, 100, dtype=np.int8), "np.interp(array, (-100, 99), (0, 255))"),
        (np.arange(0, 70_000, 7, dtype=np.int32), "np.interp(array, (0, 69993), (0, 255))"),
        (np.arange(200, dtype=np.int64), "array.astype('uint8')"),
        (np.arange(0, 4096, 2, dtype=np.uint16), "Pass array * 16"),
        (np.arange(1000, dtype=np.uint16), "Pass array * 64"),
        (np.arange(250, dtype=np.uint16), "Pass array.astype('uint8')"),
    ],
)
def test_a_range_that_is_not_known_is_refused_with_advice_that_holds(values: np.ndarray, words: str) -> None:
    array = values[: len(values) // 10 * 10].reshape(-1, 10) if "interp" not in words else values[None].repeat(2, 0)
    with pytest.raises(NbvizError) as caught:
        load_pictures(array)
    assert words in str(caught.value)
    advice = str(caught.value).split("Pass ")[1].removeprefix("uint8 0…255: ").split(" where")[0].split(", with")[0]
    followed = eval(advice.rstrip("."), {"array": array, "np": np})
    pixels = np.asarray(load_pictures(followed)["image"].open())[..., 0].astype(float)
    assert np.corrcoef(pixels.ravel(), array.ravel())[0, 1] > 0.999


def test_a_black_picture_of_16_bits_is_one() -> None:
    assert load_pictures(np.zeros((4, 4), np.uint16))["image"].open().getextrema() == ((0, 0),) * 3


def test_hidden_folders_are_no_classes(tmp_path: Path) -> None:
    saved(tmp_path, "ant/1.png", "bee/2.png", ".ipynb_checkpoints/1.png", "bee/.thumbs/2.png", "bee/._2.png")
    items = Items.ensure(tmp_path)
    assert items.classes == ("ant", "bee") and [items.read(n).label for n in range(len(items))] == [0, 1]
    assert len(load_pictures(tmp_path)) == 2
    # What lies above the folder is the user's own choice.
    assert len(load_pictures(tmp_path / ".ipynb_checkpoints")) == 1


def test_splits_are_no_classes_and_numbers_say_their_order(tmp_path: Path) -> None:
    saved(tmp_path / "data", "train/ant/1.png", "val/ant/2.png")
    pictures = load_pictures(tmp_path / "data")
    assert pictures.classes is None and "splits train, val" in pictures.notes[0]
    saved(tmp_path / "digits", *(f"{n}/1.png" for n in range(11)))
    (note,) = load_pictures(tmp_path / "digits").notes
    assert "'10' is class 2" in note and Items.ensure(tmp_path / "digits").read(2).label == 2
    saved(tmp_path / "few", *(f"{n}/1.png" for n in range(5)))
    assert load_pictures(tmp_path / "few").notes == []


def test_a_pattern_names_files(tmp_path: Path) -> None:
    saved(tmp_path, "a/1.png", "a/2.png", "b/3.png")
    assert list(load_pictures(str(tmp_path / "a" / "*.png"))) == ["1.png", "2.png"]
    assert len(Items.ensure(str(tmp_path / "**" / "*.png"))) == 3
    saved(tmp_path, "[x].png")
    assert list(load_pictures(str(tmp_path / "[x].png"))) == ["[x].png"]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ("{folder}/*.jpg", "No picture matches"),
        ("{folder}/pictures.zip", "an archive. Unpack it"),
        ("https://example.org/cats/*.jpg", "Nothing is downloaded"),
        ("s3://bucket/cat.jpg", "Nothing is downloaded"),
        (Path("https://example.org/cat.jpg"), "Nothing is downloaded"),
        ("{folder}/arrays", r"It holds 2 of .npy. Pass \[np.load\(file\)"),
        ({"train": Rowed("image", "label"), "test": Rowed("image", "label")}, r"Pass one, images\['train'\]"),
        ({RED.tobytes()}, "A set has no order: pass sorted"),
        ([{"left": RED, "right": BLUE}], "several hold pictures: 'left', 'right'"),
        ([{"text": "a", "id": 3}], "none of them holds a picture"),
        (pandas.DataFrame({"path": []}), "is empty"),
    ],
)
def test_what_holds_no_pictures_says_the_way(images: Any, words: str, tmp_path: Path) -> None:
    (tmp_path / "pictures.zip").write_bytes(b"PK\3\4")
    (tmp_path / "arrays").mkdir()
    for name in ("1.npy", "2.npy"):
        np.save(tmp_path / "arrays" / name, GRAY)
    given = images.format(folder=tmp_path) if isinstance(images, str) else images
    with pytest.raises(NbvizError, match=words):
        load_pictures(given)


@pytest.mark.parametrize(
    "images",
    [Named(), Subset(Named(), [1]), ConcatDataset([Named(), Subset(Named(), [0])]), Rowed("image", "label"),
     Rowed("jpg", "breed")],
)  # fmt: skip
def test_a_data_set_s_own_names_are_the_classes(images: Any) -> None:
    assert Items.ensure(images).classes == load_pictures(images).classes == ("ant", "bee")
    assert [picture.label for picture in load_pictures(images).values()][-1] in (0, 1)


def test_parts_that_disagree_have_no_names() -> None:
    other = Named()
    other.classes = ["cat", "dog"]
    assert load_pictures(ConcatDataset([Named(), other])).classes is None


def test_pictures_are_a_source_again() -> None:
    pictures = load_pictures({"red": RED, "blue": BLUE})
    assert isinstance(pictures, Pictures) and load_pictures(pictures) is pictures
    again = Items.ensure(pictures.source)
    assert len(again) == 2 and again.read(1).open().getpixel((0, 0)) == (0, 0, 255)
    assert Source.ensure(pictures).names == ["red", "blue"]


def test_the_items_of_an_index_open_in_the_explorer() -> None:
    items = Items.ensure([(RED, "bee"), (BLUE, "ant")])
    found = load_pictures(items)
    assert found.classes == ("ant", "bee") and [picture.label for picture in found.values()] == [1, 0]
    assert [picture.open().getpixel((0, 0)) for picture in items] == [(255, 0, 0), (0, 0, 255)]
