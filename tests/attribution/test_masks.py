"""Windows, random masks and baselines: what is hidden, and with what."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from nbviz.attribution.baselines import blurred
from nbviz.attribution.masks import smooth_masks, windows


@pytest.mark.parametrize(
    ("size", "window", "stride"), [((16, 20), 4, 2), ((17, 13), 5, 1), ((9, 9), 4, 4), ((3, 7), 5, 2)]
)
def test_every_window_comes_once_and_the_first_pass_covers_the_picture(
    size: tuple[int, int], window: int, stride: int
) -> None:
    passes = windows(size, window, stride)
    every = [place for found in passes for place in found]
    rows = {(p.top, p.bottom) for p in every}
    columns = {(p.left, p.right) for p in every}
    assert len(every) == len(set(every)) == len(rows) * len(columns)
    assert sorted(top for top, _ in rows) == list(range(0, stride * len(rows), stride))
    covered = torch.zeros(size)
    for place in passes[0]:
        covered[place.pixels] += 1
    assert covered.min() >= 1 and max(bottom for _, bottom in rows) == size[0]
    assert all(len(a) < len(b) for a, b in zip(passes, passes[1:], strict=False))


def test_masks_keep_their_share_everywhere_and_are_smooth() -> None:
    masks = torch.cat(list(islice(smooth_masks((30, 44), 5, 0.3, 0, 50), 80)))
    assert masks.shape == (4000, 30, 44) and masks.min() >= 0 and masks.max() <= 1 + 1e-6
    assert (masks.mean(0) - 0.3).abs().max() < 0.03
    assert (masks[:, :, 1:] - masks[:, :, :-1]).abs().max() <= 1 / 9 + 1e-5


def test_masks_are_seeded_and_leave_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    one, other, third = (next(smooth_masks((16, 16), 4, 0.5, seed, 8)) for seed in (3, 3, 4))
    assert torch.equal(one, other) and not torch.equal(one, third)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("sigma", [2.0, 5.0, 12.0])
def test_blur_is_a_gaussian_with_reflected_edges(sigma: float) -> None:
    x = torch.randn(1, 3, 40, 61, dtype=torch.float64)
    wanted = x.numpy()
    for axis in (2, 3):
        wanted = gaussian_filter1d(wanted, sigma, axis=axis, mode="reflect", truncate=12)
    assert torch.allclose(blurred(x, sigma), torch.from_numpy(wanted), rtol=0, atol=1e-3 if sigma < 3 else 1e-5)


def test_blur_ends_at_the_mean_and_begins_at_the_picture() -> None:
    x = torch.randn(2, 3, 20, 30, dtype=torch.float64)
    assert torch.equal(blurred(x, 0), x)
    assert torch.allclose(blurred(x, 1e3), x.mean((2, 3), keepdim=True).expand_as(x), atol=1e-12)
    assert torch.allclose(blurred(blurred(x, 3), 4), blurred(x, 5), atol=1e-12)
