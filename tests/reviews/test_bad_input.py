"""Bad input to reviews and reports is a sentence, and loses nothing; dark pictures that fail are found in a folder."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.errors import NbvizError, Refused
from nbviz.panels.review.words.classes import slice_rows
from nbviz.reviews import load
from tests.dataset.index.test_index import Labelled, whole
from tests.networks import Functional
from tests.task_networks import Detects, Segments

NAMES = ("<img src=x>", "b & c")
FAST: dict[str, Any] = {"corruptions": [], "cues": False, "maps": False, "progress": False}


def folder_of(path: Path, count: int = 240) -> Path:
    """A folder of a user's own: two classes by name, half bright and half dark, told apart by the brighter half."""
    for number in range(count):
        rng, label = np.random.default_rng(number), number % 2
        dark = number % 4 >= 2
        pixels = rng.integers(0, 30 if dark else 120, (12, 12), dtype=np.uint8)
        pixels[:, 6 * label : 6 * label + 6] += 20 if dark else 100
        place = path / NAMES[label].replace("/", "") / f"{number:03}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place)
    return path


def halves() -> nbviz.InstrumentedModel:
    """Right where it is bright; below a brightness it says the first class of everything."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 2)).eval()
    weight = torch.full((12, 12), 1.0)
    weight[:, :6] = -1.0
    with torch.no_grad():
        net[1].weight.copy_(torch.stack([-weight.flatten(), weight.flatten()]) / 72)
        net[1].bias.copy_(torch.tensor([0.3, -0.3]))

    def transform(image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image.convert("L"))).float()[None] / 255

    return nbviz.InstrumentedModel(net, transform, list(NAMES))


def test_dark_pictures_that_fail_are_the_worst_slice_and_names_are_text(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pictures")
    (folder / NAMES[0] / "zz.png").write_bytes(b"no picture")
    review = nbviz.review(halves(), folder, progress=False)
    assert "1 of 241 items" in review.problems[0] and "zz.png" in review.problems[0]
    dark = [key for key in review.parts if key[0] == "brightness"]
    flagged = review.slices[review.slices["corrected"] < 0.05]
    found = set(flagged.loc[flagged["column"] == "brightness", "slice"])
    assert found == {part for _, part in sorted(dark, key=lambda key: float(key[1].split()[0]))[:2]}
    assert {tuple(row["key"]) for row in slice_rows(review)["rows"] if row["marked"]} >= {
        ("brightness", p) for p in found
    }
    out = nbviz.report(halves(), folder, tmp_path / "out", review=review, **FAST)
    html = (out / "report.html").read_text()
    assert "<img src=x" not in html and "&lt;img src=x&gt;" in html and "zz.png" in html
    assert NAMES[0] in json.loads((out / "report.json").read_text())["manifest"]["classes"]


def test_bright_pictures_alone_have_no_slice_that_fails(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    for file in folder.rglob("*.png"):
        if int(file.stem) % 4 >= 2:
            file.unlink()
    assert not (nbviz.review(halves(), folder, progress=False).slices["corrected"] < 0.05).any()


@pytest.mark.parametrize(("net", "words"), [(Detects(), "boxes"), (Segments(), "masks")])
def test_networks_that_name_no_class_work_over_pictures_of_a_class_each(net: nn.Module, words: str) -> None:
    review = nbviz.review(net.eval(), Labelled(), progress=False)
    assert len(review) == len(Labelled()) and len(review.pictures) == len(review)
    with pytest.raises(Refused, match=f"The data set has no {words}, so nothing tells right from wrong: pass labels="):
        review.classes  # noqa: B018
    with pytest.raises(Refused, match=f"{words}: review.classes, review.pictures") as raised:
        review.suspect_labels  # noqa: B018
    assert type(net).__name__ in str(raised.value)


def test_what_no_review_can_read_is_refused_with_a_way_out() -> None:
    with pytest.raises(NbvizError, match="not one score per class.*Pass output="):
        nbviz.review(nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(2)).eval(), Labelled(), progress=False)


def test_a_full_disk_loses_nothing_of_a_review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, data = whole(Functional()), Labelled()
    real, left = os.replace, [3]

    def replace(one: Any, other: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(one, other)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(NbvizError, match="No space left on device"):
            nbviz.review(net, data, tmp_path / "cut", batch=1, progress=False)
    nbviz.review(net, data, tmp_path / "cut", progress=False)
    nbviz.review(net, data, tmp_path / "straight", batch=1, progress=False)
    one, other = ((tmp_path / name / "review.safetensors").read_bytes() for name in ("cut", "straight"))
    assert one == other


def test_a_full_disk_leaves_the_report_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    review = nbviz.review(halves(), folder_of(tmp_path / "pictures", 80), progress=False)
    out = nbviz.report(None, None, tmp_path / "out", review=review, **FAST)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    with monkeypatch.context() as patch:

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(os, "replace", full)
        with pytest.raises(NbvizError, match="No space left on device.*make room and call nbviz.report again"):
            nbviz.report(None, None, out, review=review, **FAST)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_a_damaged_folder_and_one_that_is_a_file_are_named(tmp_path: Path) -> None:
    net, data = whole(Functional()), Labelled()
    nbviz.review(net, data, tmp_path / "kept", progress=False)
    (tmp_path / "kept" / "review.safetensors").write_bytes(b"cut off")
    with pytest.raises(NbvizError, match=r"The review in .*kept' is damaged.*Build it anew"):
        load(tmp_path / "kept", net, data)
    (tmp_path / "file").write_text("")
    for call in (lambda: load(tmp_path / "file"), lambda: nbviz.review(net, data, tmp_path / "file", progress=False)):
        with pytest.raises(NbvizError, match="is a file: path= takes a folder"):
            call()
    with pytest.raises(NbvizError, match="There is no review in"):
        load(tmp_path / "nowhere")


def test_a_report_of_a_review_without_its_pictures_says_so(tmp_path: Path) -> None:
    nbviz.review(whole(Functional()), Labelled(), tmp_path / "kept", progress=False)
    with pytest.raises(NbvizError, match="load\\(path, model, dataset\\)"):
        nbviz.report(None, None, tmp_path / "out", review=load(tmp_path / "kept"), **FAST)
    assert not (tmp_path / "out").exists()


def test_without_labels_a_report_has_what_needs_none(tmp_path: Path) -> None:
    data = [Labelled()[number][0] for number in range(40)]
    out = nbviz.report(whole(Functional()), data, tmp_path, **FAST)
    values = json.loads((out / "report.json").read_text())
    assert values["summary"]["accuracy"] is None and "no labels" in values["absent"]["accuracy"]
    assert values["classes"] is None and "no labels" in (out / "report.html").read_text()
