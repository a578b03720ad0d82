"""Pictures in buffers, open files, odd folders and odd arrays: opened as what they are, or refused with the way in."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nbviz.errors import NbvizError
from nbviz.pictures.load import load_pictures
from nbviz.pictures.samples import Items
from tests.pictures.test_sources import BLUE, RED, saved


def _png() -> bytes:
    made = BytesIO()
    RED.save(made, "PNG")
    return made.getvalue()


CONTAINERS = {
    "BytesIO": BytesIO, "memoryview": memoryview, "bytearray": bytearray, "an open file": lambda data: _opened(data),
}  # fmt: skip


def _opened(data: bytes) -> Any:
    file = BytesIO(data)
    file.seek(3)
    return file


@pytest.mark.parametrize("name", CONTAINERS)
def test_an_encoded_picture_opens_from_whatever_holds_its_bytes(name: str) -> None:
    held = CONTAINERS[name](_png())
    for given in (held, [held], {"red": held}, [(held, 0)]):
        (picture,) = load_pictures(given).values()
        assert picture.open().getpixel((0, 0)) == (255, 0, 0)
    if name == "an open file":
        assert held.tell() == 3, "the reader's place in it is theirs"


def test_a_name_may_come_as_bytes(tmp_path: Path) -> None:
    (file,) = saved(tmp_path, "red.png")
    assert list(load_pictures(bytes(file))) == ["red.png"]
    with pytest.raises(NbvizError, match=r"redd\.png.*no such file"):
        load_pictures(bytes(tmp_path / "redd.png"))


@pytest.mark.parametrize("folder", ["__MACOSX", "@eaDir", "lost+found", ".ipynb_checkpoints"])
def test_folders_that_systems_add_are_no_classes(tmp_path: Path, folder: str) -> None:
    saved(tmp_path, "ant/1.png", "bee/1.png", f"{folder}/1.png")
    found = load_pictures(tmp_path)
    assert found.classes == ("ant", "bee") and len(found) == 2


def test_folders_beside_pictures_are_named_as_left_out(tmp_path: Path) -> None:
    saved(tmp_path, "1.png", "bee/1.png")
    found = load_pictures(tmp_path)
    assert list(found) == ["1.png"] and any("left out: bee" in note for note in found.notes)


def test_lists_by_class_are_read_as_folders_are() -> None:
    found = load_pictures({"ant": [RED, BLUE], "bee": [RED]})
    assert found.classes == ("ant", "bee") and [picture.label for picture in found.values()] == [0, 0, 1]
    assert Items.ensure({"ant": [RED, BLUE], "bee": [RED]}).classes == ("ant", "bee")


@pytest.mark.parametrize("label", [True, np.bool_(True), torch.tensor(True), np.array([False, True])])
def test_yes_and_no_are_classes_1_and_0(label: Any) -> None:
    (picture,) = load_pictures([(RED, label)]).values()
    assert picture.label == 1


def test_mappings_that_name_their_class_give_its_name() -> None:
    rows = [{"image": RED, "label": "bee"}, {"image": BLUE, "label": "ant"}]
    found = load_pictures(rows)
    assert found.classes == ("ant", "bee") and [picture.label for picture in found.values()] == [1, 0]


@pytest.mark.parametrize("shape", [(20, 24, 2), (20, 24, 5)])
def test_channels_are_no_stack_of_narrow_pictures(shape: tuple[int, ...]) -> None:
    with pytest.raises(NbvizError, match=r"an array of shape \(20, 24, "):
        load_pictures(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(20, 24, 3), (1, 20, 24, 3), (2, 20, 24, 3), (20, 24, 1)])
def test_channels_that_come_last_are_told_apart(shape: tuple[int, ...]) -> None:
    with pytest.raises(NbvizError, match="whose channels come last.*permute"):
        load_pictures(torch.rand(shape))
    assert len(load_pictures(torch.rand(3, 20, 24))) == 1 and len(load_pictures(torch.rand(20, 4, 3))) == 1


def test_bytes_in_the_other_order_are_the_same_values() -> None:
    values = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    (ours,), (theirs,) = (load_pictures(values.astype(kind)).values() for kind in ("<u2", ">u2"))
    assert ours.open().tobytes() == theirs.open().tobytes()


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("a.npy", "np.load"),
        ("a.pt", "torch.load"),
        ("a.dcm", "pydicom"),
        ("a.heic", "pillow_heif"),
        ("a.mp4", "frames"),
    ],
)
def test_files_that_hold_pictures_in_other_ways_are_known(tmp_path: Path, name: str, way: str) -> None:
    (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(NbvizError, match=way):
        load_pictures(tmp_path / name)
