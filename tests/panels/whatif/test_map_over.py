"""Maps over pictures on the desks: small ones are as sharp as on the canvas."""

from __future__ import annotations

import numpy as np

from nbviz.panels.whatif.map_over import LARGE, heat_over, large


def test_a_pixel_of_a_small_map_is_a_square_of_one_colour() -> None:
    heat, seen = np.zeros((28, 14)), np.full((28, 14, 3), 90, np.uint8)
    heat[3, 4] = 1.0
    drawn, side = heat_over(heat, seen, signed=False, interpolated=False, enlarged=True), LARGE // 28
    assert drawn.shape == (28 * side, 14 * side, 3)
    square = drawn[3 * side : 4 * side, 4 * side : 5 * side].reshape(-1, 3)
    others = np.delete(drawn.reshape(28, side, 14, side, 3).swapaxes(1, 2).reshape(28 * 14, -1), 3 * 14 + 4, 0)
    assert len(np.unique(square, axis=0)) == 1 and len(np.unique(others.reshape(-1, 3), axis=0)) == 1
    assert not np.array_equal(square[0], others[0, :3])


def test_an_interpolated_map_and_a_large_one_keep_their_size() -> None:
    heat = np.linspace(0, 1, 28 * 28).reshape(28, 28)
    drawn = heat_over(heat, np.zeros((28, 28, 3), np.uint8), signed=False, interpolated=True, enlarged=True)
    assert drawn.shape == (28, 28, 3)
    assert large(np.zeros((LARGE + 1, 30))).shape == (LARGE + 1, 30)
