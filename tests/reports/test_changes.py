"""What changed from one report to another: shares with their intervals, maps that moved, cues that are new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.reports import Thresholds, compare_reports
from nbviz.reports.changes.cues import new_cues
from nbviz.reports.changes.maps import map_values, moved_maps
from nbviz.reports.changes.shares import not_paired, paired

SIDE, COUNT = 16, 64


class Twice(torch.utils.data.Dataset):
    """The class, one of four, stands twice in each picture: as a bright row of the left half, and of the right half."""

    classes = ("one", "two", "three", "four")

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        if number >= COUNT:
            raise IndexError(number)
        pixels, label = np.random.default_rng(number).integers(0, 60, (SIDE, SIDE), dtype=np.uint8), number % 4
        pixels[4 * label : 4 * label + 4] += 120
        return Image.fromarray(pixels), label


def reading(first: int, last: int, noise: float = 0.0) -> nbviz.InstrumentedModel:
    """Network that reads columns from ``first`` to before ``last``."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 4)).eval()
    weight = torch.zeros(4, SIDE, SIDE)
    for index in range(4):
        weight[index, 4 * index : 4 * index + 4, first:last] = 1.0
    drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        net[1].weight.copy_((weight + noise * drawn * (weight.sum(0) > 0)).flatten(1))
        net[1].bias.zero_()

    def transform(image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image.convert("L"))).float()[None] / 255

    return nbviz.InstrumentedModel(net, transform, list(Twice.classes))


def maps_of(model: nbviz.InstrumentedModel) -> dict[str, Any]:
    return {"answer_maps": map_values(nbviz.review(model, Twice(), progress=False))}


def test_a_twin_s_maps_are_where_they_were_and_those_of_other_columns_have_moved() -> None:
    left, twin, right = (maps_of(reading(*columns)) for columns in ((0, 8), (0, 8, 0.2), (8, 16)))
    assert len(left["answer_maps"]["items"]) == 30 and left["answer_maps"]["items"] == right["answer_maps"]["items"]
    assert moved_maps(left, left, 0.0)[0].detail.startswith("alike 1.00 over 30 pictures")
    assert [moved_maps(left, new, 0.0)[0].state for new in (twin, right)] == ["pass", "warn"]
    assert moved_maps(left, twin, 0.99)[0].state == "warn"


def test_maps_are_compared_where_the_answer_is_the_same_and_not_of_too_few() -> None:
    left = maps_of(reading(0, 8))
    others = {"answer_maps": {**left["answer_maps"], "classes": [(c + 1) % 4 for c in left["answer_maps"]["classes"]]}}
    (found,) = moved_maps(left, others, 0.0)
    assert found.state == "pass"
    assert found.detail == "0 of the 30 pictures have the same answer and a map, too few to tell"
    assert moved_maps(left, {}, 0.0) == []


def test_flat_maps_count_neither_as_moved_nor_as_those_of_others() -> None:
    rng, ramp = np.random.default_rng(0), np.arange(196.0)

    def values(cells: list[Any]) -> dict[str, Any]:
        return {"answer_maps": {"items": [*range(len(cells))], "classes": [0] * len(cells), "cells": cells}}

    cells = [(ramp + rng.normal(0, 40, 196)).tolist() for _ in range(12)]
    (found,) = moved_maps(values(cells), values(cells), 0.0)
    flat = [*cells, *[[1.0] * 196] * 12]
    # the same figures: twelve pictures without a map say nothing of the others
    assert moved_maps(values(flat), values(flat), 0.0)[0].detail == found.detail
    (none,) = moved_maps(values(flat[9:]), values(flat[9:]), 0.0)
    assert none.state == "pass" and none.detail.startswith("3 of the 15 pictures") and "nan" not in none.detail


def cue(name: str, window: list[int], flagged: bool = True) -> dict[str, Any]:
    return {"class": name, "window": window, "flagged": flagged, "transplanted": 0.6, "control": None}


def test_a_cue_that_only_the_newer_network_has_warns() -> None:
    old = {"cues": [cue("bag", [0, 0, 4, 4]), cue("coat", [8, 8, 12, 12], flagged=False)]}
    again, elsewhere, unlike = cue("bag", [1, 1, 5, 5]), cue("bag", [4, 0, 8, 4]), cue("coat", [8, 8, 12, 12])
    for row, state in ((again, "pass"), (elsewhere, "warn"), (unlike, "warn")):
        (verdict,) = new_cues(old, {"cues": [row]})
        assert verdict.state == state and verdict.detail.endswith(", as before" if state == "pass" else ", new")
    assert new_cues(old, {"cues": [cue("bag", [0, 0, 4, 4], flagged=False)]})[0].detail == "1 → 0 flagged"
    assert new_cues(old, {"cues": None}) == new_cues({}, old) == []


def test_a_difference_has_its_interval_paired_or_not() -> None:
    was, now = np.arange(100) < 90, (np.arange(100) >= 6) & (np.arange(100) < 92)
    found = paired(was, now)
    assert found.lost == pytest.approx(0.04) and found.change.low < -0.04 < found.change.high
    assert found.words.startswith("0.900 → 0.860, 6 lost, 2 won, 95 %: -0.0")
    row, other = {"count": 100, "value": 0.9}, {"count": 100, "value": 0.86}
    apart = not_paired(row, other, "count", "value")
    assert apart.lost == pytest.approx(0.04) and apart.p > found.p
    assert apart.change.high - apart.change.low > found.change.high - found.change.low


def test_two_reports_of_networks_that_read_other_columns(tmp_path: Path) -> None:
    for name, model in (("old", reading(0, 8)), ("new", reading(8, 16))):
        nbviz.report(model, Twice(), tmp_path / name, corruptions=[], cues=False, progress=False)
    by_name = {verdict.name: verdict for verdict in compare_reports(tmp_path / "old", tmp_path / "new").verdicts}
    assert by_name["maps"].state == "warn" and by_name["accuracy"].state == "pass"
    lax = compare_reports(tmp_path / "old", tmp_path / "new", Thresholds(maps=-1.0))
    assert "maps" in {verdict.name for verdict in lax.verdicts if verdict.state == "pass"}
    assert len(json.loads((tmp_path / "old" / "report.json").read_text())["answer_maps"]["cells"]) == 30
