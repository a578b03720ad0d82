"""Reports of segmentation networks and detectors carry their figures, and two are compared picture by picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import NbvizError
from nbviz.reports import compare_reports
from nbviz.reviews.detection.precision import NO_CHANCE
from tests.reviews.test_detection import Finds, Streets
from tests.reviews.test_segmentation import CLASSES, Says, Scenes

FAST: dict[str, Any] = {"corruptions": [], "cues": False, "progress": False}


class Blurs(Says):
    """Says the second class where the first is, in every picture whose blue mean is low."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = super().forward(x)
        return torch.cat([maps[:, :1] - 9, maps[:, 1:]], 1)


def scenes() -> Scenes:
    data = Scenes(count=30)
    for number in range(len(data)):
        data.images[number, 0] = data.masks[number].clamp(max=4) / 10
    return data


def written(folder: Path, net: nn.Module, **options: Any) -> dict[str, Any]:
    out = nbviz.report(net.eval(), scenes(), folder, **{**FAST, **options})
    return json.loads((out / "report.json").read_text())


def test_a_report_has_pixels_and_iou_and_says_what_it_has_not(tmp_path: Path) -> None:
    net = Blurs()
    values = written(tmp_path / "one", net)
    review = nbviz.review(net, scenes(), progress=False)
    assert values["summary"]["mean_iou"]["value"] == pytest.approx(review.summary["mean_iou"]["value"])
    assert [row["iou"] for row in values["classes"]] == pytest.approx(review.classes["iou"].tolist())
    assert values["manifest"]["task"] == "maps" and len(values["confusion"]["counts"]) == CLASSES
    assert {"labels", "maps"} <= values["absent"].keys() and "puts out masks" in values["absent"]["labels"]
    html, text = ((tmp_path / "one" / name).read_text() for name in ("report.html", "report.md"))
    assert "Fewest pixels right" in html and html.count("data:image/png") == 12 and "iou low" in html
    assert "| weakest classes | IoU |" in text and "mean iou value" in text
    again = written(tmp_path / "two", net)
    assert {**again, "made": 0, "seconds": 0} == {**values, "made": 0, "seconds": 0}


def test_a_class_that_is_lost_fails_and_the_same_network_passes(tmp_path: Path) -> None:
    written(tmp_path / "old", Says())
    written(tmp_path / "same", Says())
    written(tmp_path / "new", Blurs())
    same = compare_reports(tmp_path / "old", tmp_path / "same")
    assert same.state == "pass" and same.paired
    worse = compare_reports(tmp_path / "old", tmp_path / "new")
    states = {verdict.name: verdict.state for verdict in worse.verdicts}
    assert states["IoU of class 0"] == states["pixel accuracy"] == states["mean IoU"] == "fail"
    assert states["IoU of class 4"] == "pass" and "1.000 → 0.000" in worse.markdown()
    better = compare_reports(tmp_path / "new", tmp_path / "old")
    assert better.state == "pass"


def test_a_private_report_tells_no_pixel_of_a_picture(tmp_path: Path) -> None:
    values = written(tmp_path / "old", Says(), private=True, k=25)
    assert "pixels" not in values and values["confusion"] is None and values["calibration"] is None
    assert "private" in values["absent"]["confusion"] and "<figure>" not in (tmp_path / "old/report.html").read_text()
    assert all(row["iou"] is not None for row in values["classes"])
    few = written(tmp_path / "few", Says(), private=True, k=30)
    assert few["summary"]["pixel_accuracy"]["value"] == 1
    written(tmp_path / "new", Blurs(), private=True, k=25)
    verdicts = {v.name: v for v in compare_reports(tmp_path / "old", tmp_path / "new").verdicts}
    assert verdicts["IoU of class 0"].state == "fail" and "not paired" in verdicts["IoU of class 0"].detail
    with pytest.raises(NbvizError, match="at least 31 pictures"):
        written(tmp_path / "none", Says(), private=True, k=31)


def test_reports_of_detectors_are_compared_by_average_precision(tmp_path: Path) -> None:
    data, net = Streets(count=40), Finds().eval()

    class Misses(Finds):
        def _one(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
            found = super()._one(image)
            kept = found["labels"] != 2
            return {name: values[kept] for name, values in found.items()}

    nets = {"old": net, "same": net, "new": Misses().eval()}
    for name, one in nets.items():
        nbviz.report(one, data, tmp_path / name, **FAST)
    values = json.loads((tmp_path / "old/report.json").read_text())
    review = nbviz.review(net, data, progress=False)
    assert values["summary"]["ap50"]["value"] == pytest.approx(review.summary["ap50"]["value"])
    html, text = ((tmp_path / "old" / name).read_text() for name in ("report.html", "report.md"))
    assert (
        "Most boxes missed or made up" in html
        and NO_CHANCE in html.replace("&#x27;", "'")
        and "ap50 low" in html
        and "| weakest classes | AP50 |" in text
    )
    same = compare_reports(tmp_path / "old", tmp_path / "same")
    assert same.state == "pass" and same.paired and len(same.verdicts) >= 4
    states = {v.name: v.state for v in compare_reports(tmp_path / "old", tmp_path / "new").verdicts}
    assert states["AP50 of class 2"] == states["mean AP50"] == "fail" and states["AP50 of class 1"] == "pass"
    nbviz.report(net, data, tmp_path / "private", private=True, k=5, **FAST)
    told = json.loads((tmp_path / "private/report.json").read_text())
    assert "boxes" not in told and told["confusion"] is None and told["summary"]["ap50"]["value"] > 0
    mixed = scenes()
    nbviz.report(Says().eval(), mixed, tmp_path / "masks", **FAST)
    with pytest.raises(NbvizError, match="of networks for different tasks"):
        compare_reports(tmp_path / "old", tmp_path / "masks")
