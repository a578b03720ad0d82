"""Parts of a layer: planted ones are found again, and what can't be taken apart is refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from nbviz.errors import NbvizError, Refused
from nbviz.features.factors import Factors, Nothing, factorised
from nbviz.passes.feature_maps import FeatureMaps

SIDE = 8


def planted(signed: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three parts at places of their own, 1 : 2 : 4 in strength, of channels of their own."""
    maps = np.zeros((3, SIDE, SIDE), np.float32)
    maps[0, :3, :3], maps[1, 5:, :4], maps[2, 2:7, 5:] = 1, 2, 4
    directions = np.zeros((3, 9), np.float32)
    for part in range(3):
        directions[part, 3 * part : 3 * part + 3] = [3, -2 if signed else 2, 1]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.einsum("khw,kc->chw", maps, directions), maps, directions


def of(values: np.ndarray, count: int = 3) -> Factors:
    return factorised(FeatureMaps("layer", values.astype(np.float32), True), count)


@pytest.mark.parametrize("signed", [False, True])
def test_planted_parts_are_found_the_largest_share_first(signed: bool) -> None:
    values, maps, directions = planted(signed)
    parts = of(values)
    assert parts.explained > 0.9999 and parts.signed == signed
    for found, true in enumerate([2, 1, 0]):
        assert parts.directions[found] == pytest.approx(directions[true], abs=2e-3)
        assert parts.maps[found] == pytest.approx(maps[true], abs=1e-2)
    weights = np.array([4 * 15, 2 * 12, 1 * 9])
    assert parts.shares == pytest.approx(weights / weights.sum(), abs=1e-3)
    assert parts.channels(0) == [6, 7, 8] and parts.channels(2, 2) == [0, 1]
    assert parts.strongest[0, 0] == 2 and parts.strongest[3, 6] == 0


def test_parts_are_the_same_again_and_bound_by_what_the_layer_is_made_of() -> None:
    values = np.abs(np.random.default_rng(0).normal(size=(4, 6, 6)))
    one, two = of(values, 12), of(values, 12)
    assert len(one.maps) <= 4 and one.asked == 12
    assert np.array_equal(one.maps, two.maps) and np.array_equal(one.directions, two.directions)
    single = of(np.einsum("c,hw->chw", [1.0, 2.0, 3.0], np.abs(np.random.default_rng(1).normal(size=(5, 5)))))
    assert len(single.maps) >= 1 and single.explained > 0.999


def test_what_is_left_out_is_counted() -> None:
    """Eight parts that share no place and no channel, of equal size: each adds an eighth of the squares."""
    values = np.zeros((8, 4, 4), np.float32)
    for part in range(8):
        values[part, part // 2, 2 * (part % 2) : 2 * (part % 2) + 2] = 1
    assert of(values, 4).explained == pytest.approx(0.5, abs=0.02)
    assert of(values, 8).explained == pytest.approx(1, abs=0.02)


def test_contributions_add_up_to_gradient_times_what_the_parts_say() -> None:
    values, maps, directions = planted()
    parts = of(values)
    gradient = np.random.default_rng(2).normal(size=values.shape).astype(np.float32)
    exact = [(np.einsum("hw,c->chw", maps[i], directions[i]) * gradient).sum() for i in (2, 1, 0)]
    assert parts.contributions(gradient) == pytest.approx(exact, abs=0.05)
    assert parts.contributions(gradient).sum() == pytest.approx(float((gradient * values).sum()), abs=0.1)


def test_what_cannot_be_taken_apart_is_said() -> None:
    with pytest.raises(Nothing, match="'layer' is zero everywhere"):
        of(np.zeros((3, 4, 4)))
    with pytest.raises(Refused, match="one place only"):
        factorised(FeatureMaps("head", np.ones((9, 1, 1), np.float32), False))
    with pytest.raises(NbvizError, match="not finite"):
        of(np.full((3, 4, 4), np.nan))
    for wrong in (1, 13, 2.0, True):
        with pytest.raises(NbvizError, match="2 to 12 parts"):
            of(planted()[0], wrong)  # type: ignore[arg-type]
