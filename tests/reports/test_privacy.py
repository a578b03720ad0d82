"""A private report holds no trace of a planted picture: pixels, names or figures, in any encoding we know of."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import urllib.parse
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import nbviz
from nbviz.errors import NbvizError
from nbviz.reports.audits import audit_values
from nbviz.reports.privacy import suppress
from nbviz.reviews.audits.log import AuditLog
from nbviz.reviews.audits.sample import AuditSample, SampleGroup
from tests.reports.test_reports import NAMES, trained, transform
from tests.reviews import test_several as several

COUNT, FILES = 240, ("report.html", "report.json", "report.md", "report.xml")
SECRET, COLUMN = "Ms Quimby & co/№7", "ward of origin"


class Folder(torch.utils.data.Dataset):
    """Pictures of the corners' kind, the first of them planted: it has a pattern of its own."""

    classes = NAMES

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        if number >= COUNT:
            raise IndexError(number)
        place = number % 4
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 120, (16, 16), dtype=np.uint8)
        top, left = ((1, 6), (6, 11), (11, 6), (6, 1))[place]
        pixels[top : top + 4, left : left + 4] += 70
        if number == 0:
            pixels = rng.integers(0, 255, (16, 16), dtype=np.uint8)
        return Image.fromarray(pixels), place


METADATA = {COLUMN: [SECRET if number < 60 else "elsewhere" for number in range(COUNT)]}


def reports(folder: Path, **options: Any) -> tuple[nbviz.Review, str]:
    model = nbviz.InstrumentedModel(trained(0), transform, NAMES, name="corners")
    review = nbviz.review(model, Folder(), metadata=METADATA, progress=False)
    options = {"corruptions": ["jpeg"], "cues": True, "review": review, "progress": False, **options}
    nbviz.report(model, Folder(), folder, **options)
    return review, "".join((folder / name).read_text() for name in FILES)


def encodings(data: bytes) -> Iterator[str]:
    """A run of bytes as a text may hold it: hex, and base64 from each of its three starts."""
    yield data.hex()
    for start in range(3):
        text = base64.b64encode(b"\0" * start + data).decode()
        yield text[4 if start else 0 : len(text) // 4 * 4 - 4]


def traces(review: nbviz.Review) -> dict[str, str]:
    """All that would tell of the planted picture, by name."""
    pixels = np.asarray(Folder()[0][0])
    files = {kind: io.BytesIO() for kind in ("PNG", "BMP", "JPEG")}
    for kind, file in files.items():
        Image.fromarray(pixels).save(file, kind)
    runs = {f"row {at}": row.tobytes() for at, row in enumerate(pixels)} | {
        f"colour row {at}": np.repeat(row, 3).tobytes() for at, row in enumerate(pixels)
    }  # fmt: skip
    runs |= {f"file {kind}": file.getvalue()[-40:] for kind, file in files.items()}
    found = {f"{name} {n}": text for name, data in runs.items() for n, text in enumerate(encodings(data))}
    for name, data in {"pixels": pixels.tobytes(), "name": SECRET.encode(), "column": COLUMN.encode()}.items():
        for kind in ("md5", "sha1", "sha256", "blake2b"):
            found[f"{kind} of {name}"] = hashlib.new(kind, data).hexdigest()[:12]
    for name in (SECRET, COLUMN):
        ways = (str, escape, urllib.parse.quote, urllib.parse.quote_plus, lambda text: json.dumps(text)[1:-1])
        found |= {f"{name} {at}": way(name) for at, way in enumerate(ways)}
        found |= {f"{name} as bytes {n}": text for n, text in enumerate(encodings(name.encode()))}
    found["pixels as numbers"] = ", ".join(map(str, pixels[3, :6].tolist()))
    for column in ("probability", "loss", "entropy", "brightness", "contrast"):
        value = float(review.column(column)[0])
        found |= {f"{column} exactly": repr(value), f"{column} to six": f"{value:.6g}"}
    return found


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> tuple[nbviz.Review, str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("private")
    review, text = reports(folder, private=True)
    return review, text, json.loads((folder / "report.json").read_text())


def test_no_trace_of_a_planted_picture(private: tuple[nbviz.Review, str, dict[str, Any]], tmp_path: Path) -> None:
    review, text, _ = private
    assert not {name for name, trace in traces(review).items() if len(trace) > 3 and trace in text}
    # the same search finds it where it is: an open report shows its picture, its column and its row
    _, public = reports(tmp_path, maps=False, cues=False, corruptions=[])
    drawn = (base64.b64decode(data) for data in re.findall(r"data:image/png;base64,([\w+/=]+)", public))
    planted = np.repeat(np.asarray(Folder()[0][0])[:, :, None], 3, 2)
    assert any(np.array_equal(np.asarray(Image.open(io.BytesIO(data))), planted) for data in drawn)
    assert "data:image" not in text
    assert {f"{COLUMN} 0", f"{SECRET} 1"} <= {name for name, trace in traces(review).items() if trace in public}


def test_no_figure_is_a_single_picture_s(private: tuple[nbviz.Review, str, dict[str, Any]]) -> None:
    """Edges of quantiles and bins are pictures' own values: whoever knows one would find it."""
    review, _, values = private

    def numbers(value: Any) -> Iterator[float]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for part in value:
                yield from numbers(part)
        elif isinstance(value, float):
            yield value
        elif isinstance(value, str):
            yield from (float(text) for text in re.findall(r"\d\.\d{2,}", value))

    own = {
        round(float(value), digits)
        for name in ("probability", "second", "loss", "entropy", "brightness", "contrast")
        for value in review.column(name) for digits in (9,) if 0 < value < 1
    }  # fmt: skip
    told = {round(number, 9) for part in ("calibration", "slices", "summary") for number in numbers(values[part])}
    assert len(told) > 60 and not told & own
    assert all("from" not in row and "low" in row for row in values["calibration"]["bins"])
    assert all(row["maps"] == 0 and row["alike"] is None for row in values["shift"])  # of 20 pictures, fewer that held
    assert values["evidence"] and all(row["pictures"] >= 20 for row in values["evidence"])
    named = {row["slice"] for row in values["slices"] if row["column"] == "brightness"}
    assert named <= {f"part {n} of 4, from the lowest" for n in range(1, 5)} and named


def test_chance_is_hidden_where_it_would_count_too_few(
    private: tuple[nbviz.Review, str, dict[str, Any]], tmp_path: Path
) -> None:
    assert private[2]["summary"]["accuracy"]["chance"] == 0.25
    reports(tmp_path, private=True, maps=False, cues=False, corruptions=[], k=61)  # each class has 60
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["accuracy"]["chance"] is None


def test_what_a_sum_would_give_away_is_hidden_with_it() -> None:
    counts = np.array([[90, 3, 40], [25, 80, 30], [22, 50, 70]])
    shown = suppress(counts, 20)
    assert np.isnan(shown[0, 1])
    hidden = np.isnan(shown)
    assert set(hidden.sum(0)) | set(hidden.sum(1)) <= {0, 2, 3}
    assert (shown[~hidden] == counts[~hidden]).all() and not np.isnan(suppress(counts, 2)).any()


def test_fewer_pictures_than_a_group_are_refused(tmp_path: Path) -> None:
    few = [Folder()[number] for number in range(12)]
    model = nbviz.InstrumentedModel(trained(0), transform, NAMES)
    with pytest.raises(NbvizError, match="groups of at least 20 pictures, and these are 12"):
        nbviz.report(model, few, tmp_path, True, corruptions=[], cues=False, progress=False)
    labels = [number % 4 if number < 12 else None for number in range(COUNT)]
    pictures = [Folder()[number][0] for number in range(COUNT)]
    with pytest.raises(NbvizError, match="groups of at least 20 pictures, and 12 of these have a label"):
        nbviz.report(model, pictures, tmp_path, True, labels=labels, corruptions=[], cues=False, progress=False)


def test_slices_of_pictures_with_several_classes_are_told(tmp_path: Path) -> None:
    review = nbviz.review(several.network(), several.Points(), labels=several.drawn(), progress=False)
    nbviz.report(None, None, tmp_path, True, review=review, corruptions=[], cues=False)
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["slices"] and "slices" not in values["absent"]


def test_an_audit_of_few_pictures_is_told_neither_alone_nor_by_what_changed(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    for seed, count in enumerate((5, 30, 40)):
        sample = AuditSample("weights", "data", "saliency", seed, (SampleGroup("all", 90, tuple(range(count))),))
        log.begin(sample)
        for item in sample.items:
            log.answer(sample, item, "yes" if item % 4 else "no", "Ada")
            if item < 25 * seed - 20:
                log.answer(sample, item, "yes", "Grace")
    few, enough, later = audit_values(log, 20)
    (ada,) = few["people"]
    assert ada["agreement"] is None and ada["groups"] == [] and few["pairs"] == []
    assert enough["people"][0]["agreement"]["value"] == pytest.approx(22 / 30)
    assert enough["people"][0]["change"] is None and enough["pairs"] == []  # Grace answered five
    assert later["people"][0]["change"] is not None and later["pairs"][0]["both"] == 30
    open_values = audit_values(log)
    assert open_values[1]["people"][0]["change"] is not None and open_values[1]["pairs"][0]["both"] == 5
