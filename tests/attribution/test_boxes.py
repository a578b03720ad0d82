"""Boxes from a heat map."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage

import nbviz
from nbviz.attribution import Attribution
from nbviz.model.boxes import Box


def made(heat: torch.Tensor, size: tuple[int, int] | None = None) -> Attribution:
    return Attribution(heat, heat, size or (heat.shape[0], heat.shape[1]))


def test_the_largest_part_above_the_share_of_the_maximum() -> None:
    heat = torch.zeros(12, 16)
    heat[2:4, 3:5], heat[6:10, 8:12], heat[5, 7] = 1.0, 0.6, 0.55
    assert made(heat).boxes() == (Box(top=5, left=7, bottom=10, right=12),)
    assert made(heat).boxes(largest=False) == ((5, 7, 10, 12), (2, 3, 4, 5))
    assert made(heat).boxes(threshold=0.7) == ((2, 3, 4, 5),)
    assert made(heat).boxes(threshold=1.0) == ((2, 3, 4, 5),)


def test_only_evidence_for_the_target_counts() -> None:
    heat = torch.full((8, 8), -3.0)
    assert made(heat).boxes() == made(torch.zeros(8, 8)).boxes() == ()
    heat[1, 2] = 0.5
    heat[7, 7] = torch.nan
    assert made(heat).boxes() == ((1, 2, 2, 3),)


def test_a_coarse_map_s_box_is_in_pixels_of_the_input() -> None:
    heat = torch.zeros(4, 4)
    heat[1, 2] = 1
    (box,) = made(heat, (32, 32)).boxes(0.999)
    assert 8 <= box.top < box.bottom <= 16 and 16 <= box.left < box.right <= 24


def test_parts_are_scipy_s() -> None:
    heat = torch.rand(40, 50, generator=torch.Generator().manual_seed(0))
    found, count = ndimage.label((heat >= 0.8 * heat.max()).numpy(), structure=[[1] * 3] * 3)
    wanted = {(s[0].start, s[1].start, s[0].stop, s[1].stop) for s in ndimage.find_objects(found)}
    boxes = made(heat).boxes(0.8, largest=False)
    assert len(boxes) == count and set(map(tuple, boxes)) == wanted


@pytest.mark.parametrize("threshold", [0, -1, 1.5])
def test_a_threshold_is_a_share(threshold: float) -> None:
    with pytest.raises(nbviz.NbvizError, match="share of the maximum"):
        made(torch.ones(4, 4)).boxes(threshold)


def test_a_box_holds_the_pixels_whose_middle_lies_in_it() -> None:
    mask = Box(1, 1.6, 3, 4).mask((4, 5))
    assert mask.shape == (4, 5) and mask.sum(0).tolist() == [0, 0, 2, 2, 0] and mask.sum(1).tolist() == [0, 2, 2, 0]
    assert not Box(2.6, 0, 3.4, 5).mask((4, 5)).any() and Box(0, 0, 4, 5).mask((4, 5)).all()
