"""Heat that is as opaque as its values are large: where there is no evidence, the picture stays."""

from __future__ import annotations

import numpy as np
import pytest

from nbviz.drawing.overlay import Limits, heat_rgba, overlay, table


@pytest.mark.parametrize("signed", [False, True])
def test_opacity_follows_the_size_of_the_value_and_colours_stay(signed: bool) -> None:
    heat = np.array([[0.0, 0.5, 1.0, -1.0 if signed else 0.0, np.nan]])
    veil, whole = (
        heat_rgba(heat, Limits(-1.0 if signed else 0.0, 1.0), signed, clear=clear) for clear in (True, False)
    )
    assert np.array_equal(veil[..., :3], whole[..., :3])
    assert np.allclose(veil[0, :4, 3], [0, 127.5, 255, 255 if signed else 0], atol=1)
    assert veil[0, 4, 3] == 255  # what is no number is still said
    picture = np.full((1, 5, 3), 90, np.uint8)
    assert (overlay(picture, veil, 1.0)[0, 0] == 90).all()
    assert (table(signed)[:, 3] == 255).sum() == 255
