"""A part of the coverage table, made anew: every family runs where it can, and nothing comes out but maps and words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import nbviz
from tests.bench.coverage import collect, complete, covered
from tests.bench.coverage_networks import entries
from tests.bench.coverage_table import NOT_MEASURED, markdown
from tests.bench.reference import own

CHOSEN = (
    "torchvision: mobilenet_v3_small", "torchvision: shufflenet_v2_x0_5", "torchvision: squeezenet1_1",
    "timm: vit_tiny_patch16_224", "timm: resnet10t", "your own: dict",
)  # fmt: skip
ENTRIES = {entry.key: entry for entry in entries()}
PAGE = Path(__file__).resolve().parents[1] / "notebooks" / "reference" / "coverage.md"


@pytest.mark.parametrize("key", CHOSEN)
def test_a_network_is_covered(key: str) -> None:
    row = covered(ENTRIES[key])
    assert complete(row) and not row["opens"] and row["layers"] >= row["seen"] >= row["spatial"] > 0
    for name, method in nbviz.METHODS.items():
        said = row["methods"][name]
        rectified = name not in ("guided_backprop", "deconvnet")
        if method.family == "hiding parts" or (method.family == "gradients" and rectified):
            assert said in ("ok", "no evidence", "no positive evidence")
        if method.family == "attention":
            assert said.startswith("refused") == ("vit_tiny" not in key)


def test_a_stopped_run_is_taken_up_and_a_crashed_row_is_made_again(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    first = collect(["your own: plain"], kept)["your own: plain"]
    assert collect(["your own: plain"], kept)["your own: plain"]["seconds"] == first["seconds"]
    broken = {**first, "methods": {**first["methods"], "saliency": "crashed: ValueError: no"}}
    kept.write_text(json.dumps({"your own: plain": broken}))
    assert "**Crashed**: ValueError: no" in markdown([broken])
    assert complete(collect(["your own: plain"], kept)["your own: plain"])


def test_a_method_newer_than_the_table_is_not_measured_yet() -> None:
    row = covered(ENTRIES["your own: plain"])
    older = {**row, "methods": {name: said for name, said in row["methods"].items() if name != "saliency"}}
    page = markdown([older])
    assert f"\n| Saliency | {NOT_MEASURED} |" in page and "\n| Grad-CAM | 1 of 1 |" in page
    assert "| 7 of 7" in page and not complete(older)


def test_the_page_has_every_method_and_network_of_today() -> None:
    page = PAGE.read_text()
    titles = {method.title for method in own()}
    there = re.findall(r"^\| ([^|]+) \|", page.split("## Networks")[0], re.MULTILINE)
    assert titles >= set(there) - {"method"} and len(there) > 22, "a method that is gone, or too few"
    for entry in ENTRIES.values():
        assert f"\n| {entry.name} |" in page
    assert "; 0 crashed, " in page and " no networks changed" in page
    numbers = {int(n) for cell in re.findall(r"<sup>([\d, ]+)</sup>", page) for n in cell.split(", ")}
    assert numbers == {int(n) for n in re.findall(r"^(\d+)\. ", page, re.MULTILINE)}
