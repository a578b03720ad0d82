"""Maps as numbers: cells, ranks, and what a map says."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import spearmanr

from nbviz.attribution import Attribution
from nbviz.evaluation.controls import centre, edges, random_like
from nbviz.evaluation.maps import cell_sums, ranks, signed, spearman, spoken, strength
from tests.evaluation.rig import hand_made


def test_cell_sums_add_up_also_where_cells_are_uneven() -> None:
    values = torch.randn(17, 23, dtype=torch.float64)
    cells = cell_sums(values, (17, 23), (7, 7))
    assert float(cells.sum()) == pytest.approx(float(values.sum()))
    assert float(cells[0, 0]) == pytest.approx(float(values[:3, :4].sum()))


def test_coarse_maps_are_averaged_or_interpolated() -> None:
    coarse = torch.rand(14, 14, dtype=torch.float64)
    assert torch.allclose(cell_sums(coarse, (28, 28), (7, 7)), coarse.view(7, 2, 7, 2).mean((1, 3)))
    assert torch.allclose(cell_sums(coarse[:7, :7], (28, 28), (7, 7)), coarse[:7, :7])
    corner = torch.zeros(2, 2, dtype=torch.float64)
    corner[0, 1] = 1
    assert divmod(int(cell_sums(corner, (28, 28), (7, 7)).argmax()), 7) == (0, 6)


def test_ranks_and_spearman_are_scipys_with_ties() -> None:
    one = torch.randint(5, (300,), generator=torch.Generator().manual_seed(0)).double()
    other = one + torch.randint(9, (300,), generator=torch.Generator().manual_seed(1))
    assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)
    assert ranks(torch.tensor([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1, 3.5, 2]
    assert spearman(one, torch.ones(300)) is None


def test_a_sign_is_read_only_where_it_is_evidence() -> None:
    values = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    total = values[0].double().sum(0)
    assert torch.equal(signed(hand_made(values, 8)), total)
    assert torch.equal(spoken(hand_made(values, 8)), total)
    gradient = Attribution(values, values[0].abs().amax(0), (8, 8))
    assert torch.equal(spoken(gradient), values[0].abs().amax(0).double())
    coarse = Attribution(values[0, 0], values[0, 0].clamp(min=0), (32, 32))
    assert torch.equal(spoken(coarse), values[0, 0].double())
    assert torch.equal(strength(coarse), values[0, 0].double().abs())


def test_controls() -> None:
    step = torch.zeros(1, 3, 12, 12)
    step[..., 6:] = 1
    found = edges(step)
    assert (found[:, 5:7] > 0).all() and not found[:, :4].any() and not found[:, 8:].any()
    blob = centre((13, 21))
    assert divmod(int(blob.argmax()), 21) == (6, 10) and torch.allclose(blob, blob.flip(0, 1))


@pytest.mark.parametrize("mean", [3.0, -3.0, 0.0])
def test_random_maps_have_the_maps_own_smoothness(mean: float) -> None:
    values = torch.randn(9, 14, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + mean
    values = (values + values.roll(1, 0) + values.roll(1, 1)) / 3
    found = random_like(values, 5)
    assert torch.allclose(torch.fft.fft2(found).abs(), torch.fft.fft2(values).abs(), atol=1e-9)
    assert float(found.mean()) == pytest.approx(float(values.mean()), abs=1e-9)
    assert abs(spearman(found, values)) < 0.5 and not torch.equal(found, random_like(values, 6))
