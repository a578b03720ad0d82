"""Drawing is data: what a value becomes, what stays flat, what is blank, and what a saved picture shows."""

from __future__ import annotations

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from nbviz.drawing import overlay as drawing
from nbviz.drawing.overlay import BAD, GAP, LEVELS, Limits


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def tile(page: drawing.Mosaic, index: int) -> np.ndarray:
    row, column = divmod(index, page.columns)
    top, left = row * (page.tile_height + page.gap), column * (page.tile_width + page.gap)
    return opened(page.data)[top : top + page.tile_height, left : left + page.tile_width]


def lightness(rgba: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB."""
    c = rgba[..., :3] / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    return 116 * np.where(y > 0.008856, np.cbrt(y), 7.787 * y + 16 / 116) - 16


class TestTables:
    def test_sequential_rises_evenly_in_lightness_from_black(self) -> None:
        rise = np.diff(lightness(drawing.table(False)[:LEVELS])[::4])
        assert lightness(drawing.table(False)[:1])[0] < 1
        assert rise.min() > 0 and rise.max() < 2.5 * rise.mean()

    def test_diverging_is_dark_at_zero_and_brightens_to_both_ends(self) -> None:
        light = lightness(drawing.table(True)[:LEVELS])
        middle = (LEVELS - 1) // 2
        assert light[middle] < 6
        assert (np.diff(light[middle::8]) > 0).all() and (np.diff(light[middle::-8]) > 0).all()
        assert abs(light[0] - light[-4]) < 10

    def test_sides_keep_apart_without_red_or_green_receptors(self) -> None:
        """Blue against red-green is what every dichromat of the common kinds still sees."""
        colours = drawing.table(True)[:LEVELS].astype(int)
        middle = (LEVELS - 1) // 2
        for step in (30, 60, 126):
            low, high = colours[middle - step], colours[middle + step]
            assert (low[2] - low[:2].mean()) - (high[2] - high[:2].mean()) > 30

    def test_bad_is_gray_and_gap_is_clear(self) -> None:
        for signed in (False, True):
            bad = drawing.table(signed)[BAD, :3]
            assert bad.min() == bad.max() and drawing.table(signed)[GAP, 3] == 0
            distance = np.abs(drawing.table(signed)[:LEVELS, :3].astype(int) - bad).max(1)
            assert distance.min() > 20


class TestScale:
    def test_sequential_goes_from_zero_to_the_peak(self) -> None:
        values = np.array([0.0, 1.0, 2.0, 4.0], np.float32)
        assert drawing.scale(values, signed=False).tolist() == [0, 63, 126, 252]
        assert Limits.of(values, signed=False) == Limits(0.0, 4.0)

    def test_signed_zero_is_the_middle_whatever_the_extremes(self) -> None:
        values = np.array([-1.0, 0.0, 4.0], np.float32)
        assert drawing.scale(values, signed=True).tolist() == [94, 126, 252]
        assert Limits.of(values, signed=True) == Limits(-4.0, 4.0)

    @pytest.mark.parametrize(("signed", "zero"), [(False, 0), (True, 126)])
    def test_all_zero_is_flat_at_zero(self, signed: bool, zero: int) -> None:
        assert (drawing.scale(np.zeros((3, 3)), signed) == zero).all()
        assert (drawing.scale_each(np.zeros((2, 3, 3)), signed)[0] == zero).all()

    @pytest.mark.parametrize("signed", [False, True])
    @pytest.mark.parametrize("constant", [-2.0, 1e-30, 5.0])
    def test_a_constant_is_flat(self, signed: bool, constant: float) -> None:
        assert np.ptp(drawing.scale(np.full((4, 4), constant), signed)) == 0

    def test_stated_limits_hold_and_values_beyond_them_saturate(self) -> None:
        values = np.array([0.0, 2.0, 3.0, 9.0])
        assert drawing.scale(values, False, Limits(2.0, 4.0)).tolist() == [0, 0, 126, 252]

    @pytest.mark.parametrize("signed", [False, True])
    def test_not_finite_is_bad_counted_and_leaves_the_others_alone(self, signed: bool) -> None:
        values = np.array([0.0, 1.0, np.nan, np.inf, -np.inf, 2.0], np.float32)
        indices = drawing.scale(values, signed)
        fine = np.isfinite(values)
        assert (indices[~fine] == BAD).all()
        assert (indices[fine] == drawing.scale(values[fine], signed)).all()
        assert Limits.of(values, signed).bad == 3

    def test_only_bad_values(self) -> None:
        assert (drawing.scale(np.full((2, 2), np.nan), True) == BAD).all()

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_largest_numbers_do_not_overflow(self, dtype: type) -> None:
        top = np.finfo(min(dtype, np.float32, key=lambda d: np.finfo(d).max)).max
        values: np.ndarray = np.array([-top, 0, top], dtype)
        assert drawing.scale(values, signed=True).tolist() == [0, 126, 252]

    def test_each_map_on_its_own_equals_one_at_a_time(self) -> None:
        maps = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
        maps[2] = 0
        for signed in (False, True):
            alone = np.stack([drawing.scale(m, signed) for m in maps])
            assert (drawing.scale_each(maps, signed)[0] == alone).all()


class TestMosaic:
    maps = np.arange(1, 7, dtype=np.float32)[:, None, None] * np.ones((6, 4, 5), np.float32)

    def test_order_shared_scale_and_geometry(self) -> None:
        page = drawing.mosaic(self.maps, 3, signed=False, shared=True, order=[5, 0, 2, 1], gap=1)
        assert (page.rows, page.columns, page.tile_height, page.tile_width) == (2, 3, 4, 5)
        assert opened(page.data).shape == (2 * 5 - 1, 3 * 6 - 1, 4)
        colours = drawing.table(False)
        for place, channel in enumerate([5, 0, 2, 1]):
            assert (tile(page, place) == colours[round(252 * (channel + 1) / 6)]).all()
        assert (tile(page, 4)[..., 3] == 0).all(), "nothing where there is no channel"
        assert page.limits == Limits(0.0, 6.0)

    def test_own_scale_brings_each_map_to_its_peak(self) -> None:
        page = drawing.mosaic(self.maps, 6, signed=False)
        assert (opened(page.data) == drawing.table(False)[LEVELS - 1]).all()
        assert page.limits is None

    def test_shared_limits_of_a_whole_layer_can_be_stated(self) -> None:
        page = drawing.mosaic(self.maps, 6, signed=False, shared=True, order=[0], limits=Limits(0, 2))
        assert (tile(page, 0) == drawing.table(False)[126]).all()

    def test_large_maps_are_averaged_by_a_whole_factor(self) -> None:
        big = np.random.default_rng(1).random((2, 112, 100)).astype(np.float32)
        page = drawing.mosaic(big, 2, signed=False, shared=True)
        assert (page.tile_height, page.tile_width) == (56, 50)
        small = big.reshape(2, 56, 2, 50, 2).mean((2, 4))
        assert (tile(page, 1) == drawing.table(False)[drawing.scale(small, False)][1]).all()

    def test_a_side_that_does_not_divide_keeps_its_mean(self) -> None:
        assert drawing.shrink(np.full((1, 7, 5), 3, np.float32), 3).tolist() == [[[3, 3], [3, 3], [3, 3]]]

    def test_bad_values_are_counted(self) -> None:
        maps = self.maps.copy()
        maps[1, 2, 3] = np.nan
        for shared in (False, True):
            page = drawing.mosaic(maps, 3, signed=False, shared=shared)
            assert page.bad == 1
            assert (tile(page, 1)[2, 3] == drawing.table(False)[BAD]).all()

    def test_no_channels_is_a_picture_all_the_same(self) -> None:
        assert opened(drawing.mosaic(self.maps, 3, signed=False, order=[]).data)[..., 3].max() == 0

    def test_a_page_of_512_maps_is_small(self) -> None:
        maps = np.maximum(np.random.default_rng(2).normal(size=(512, 28, 28)), 0)
        assert len(drawing.mosaic(maps, 32, signed=False).data) < 400_000


class TestFilters:
    def test_rgb_filters_keep_their_sign_around_middle_gray(self) -> None:
        weights = np.zeros((2, 3, 3, 3), np.float32)
        weights[0, 0, 1, 1], weights[0, 2, 1, 1] = 0.5, -0.5
        page = drawing.filters_mosaic(weights, 2)
        assert tile(page, 0)[1, 1].tolist() == [255, 128, 0, 255]
        assert (tile(page, 1) == [128, 128, 128, 255]).all()

    def test_deeper_filters_are_grids_of_signed_kernels(self) -> None:
        weights = np.random.default_rng(0).normal(size=(2, 4, 3, 3))
        page = drawing.filters_mosaic(weights, 2, order=[1])
        assert (page.tile_height, page.tile_width) == (7, 7)
        expected = drawing.table(True)[drawing.scale(weights[1], True)]
        drawn = tile(page, 0)
        assert (drawn[:3, 4:] == expected[1]).all() and (drawn[4:, :3] == expected[2]).all()
        assert (drawn[3, :, 3] == 0).all(), "a clear line between kernels"

    def test_the_strongest_kernels_are_kept_in_their_order(self) -> None:
        weights = np.zeros((1, 100, 1, 1))
        weights[0, 30:94, 0, 0] = np.arange(1, 65)
        drawn = tile(drawing.filters_mosaic(weights, 1), 0)
        assert drawn.shape == (8, 8, 4)
        expected = drawing.table(True)[drawing.scale(np.arange(1.0, 65.0), True)]
        assert (drawn.reshape(64, 4) == expected).all()

    @pytest.mark.parametrize("shape", [(4, 6), (4, 6, 5), (4, 1, 5, 5)])
    def test_linear_one_dimensional_and_depthwise(self, shape: tuple[int, ...]) -> None:
        assert drawing.filters_mosaic(np.ones(shape), 4).columns == 4

    def test_a_volume_is_refused_with_its_shape(self) -> None:
        with pytest.raises(ValueError, match=r"\(2, 3, 4, 4, 4\)"):
            drawing.filters_mosaic(np.ones((2, 3, 4, 4, 4)), 2)


class TestBars:
    def test_height_and_colour_say_the_value(self) -> None:
        page = drawing.bars(np.array([4.0, 2.0, 0.0]), 3, signed=False, tile_px=20)
        middle = [tile(page, i)[:, 10] for i in range(3)]
        background = drawing.table(False)[0]
        assert [int((m != background).any(-1).sum()) for m in middle] == [20, 10, 0]
        assert (middle[1][-1] == drawing.table(False)[126]).all()

    def test_signed_bars_stand_on_the_middle(self) -> None:
        page = drawing.bars(np.array([-1.0, 1.0]), 2, signed=True, tile_px=20)
        background = drawing.table(True)[126]
        low, high = ((tile(page, i)[:, 10] != background).any(-1) for i in range(2))
        assert not low[:10].any() and low[10:].all() and high[:10].all() and not high[10:].any()


class TestSprite:
    def cells(self, *miniatures: drawing.Miniature) -> np.ndarray:
        return opened(drawing.sprite(miniatures)).reshape(len(miniatures), 22, 22, 4)

    def test_each_on_its_own_scale(self) -> None:
        small = np.zeros((7, 7), np.float32)
        small[3, 3] = 1
        cells = self.cells(small, small * 1e-6)
        assert (cells[0] == cells[1]).all()
        assert (cells[0].reshape(-1, 4) == drawing.table(False)[LEVELS - 1]).all(-1).any()

    def test_blank_hatched_and_bad_differ(self) -> None:
        blank, negative, none, bad = self.cells(
            np.zeros((4, 4)), np.full((4, 4), -1.0), "no places", np.full((4, 4), np.nan)
        )
        assert (blank[..., 3] == 0).all() and (negative[..., 3] == 0).all()
        assert 0 < (none[..., 3] > 0).mean() < 0.5
        assert (bad == drawing.table(False)[BAD]).all()
        assert (self.cells(None)[..., 3] == 0).all()

    @pytest.mark.parametrize("shape", [(1, 1), (3, 40), (22, 22), (112, 112), (100, 5)])
    def test_any_shape_fills_the_square_and_keeps_its_place(self, shape: tuple[int, int]) -> None:
        values = np.zeros(shape, np.float32)
        values[: max(1, shape[0] // 3), : max(1, shape[1] // 3)] = 1
        light = lightness(self.cells(values)[0])
        assert light[2, 2] >= 0.9 * light.max()
        if min(shape) > 2:
            assert light[-3, -3] < 0.1 * light.max()

    def test_one_hot_pixel_survives_area_means(self) -> None:
        values = np.zeros((110, 110), np.float32)
        values[52, 7] = 1
        assert lightness(self.cells(values)[0])[10, 1] > 90


class TestOverlay:
    def test_gray_keeps_luma_and_is_opaque(self) -> None:
        picture = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]], np.uint8)
        assert drawing.gray(picture)[0].tolist() == [[n, n, n, 255] for n in (76, 150, 29, 9)]
        assert (drawing.gray(picture[..., 0]) == drawing.gray(picture[..., :1].repeat(3, -1))).all()

    def test_opacity_mixes_as_a_browser_does(self) -> None:
        picture = np.full((2, 2, 3), 100, np.uint8)
        veil = drawing.heat_rgba(np.array([[0.0, 1.0], [0.5, np.nan]]), Limits(0, 1), False)
        mixed = drawing.overlay(picture, veil, 0.6)
        assert np.abs(mixed - (0.6 * veil[..., :3] + 40.0)).max() <= 0.5
        assert (drawing.overlay(picture, veil, 0) == picture).all()
        assert (drawing.overlay(drawing.gray(picture), veil, 1) == veil[..., :3]).all()

    def test_floor_leaves_the_picture_where_there_is_little(self) -> None:
        veil = drawing.heat_rgba(np.array([[0.0, 0.2, -0.2, 1.0, -1.0]]), None, True, floor=0.5)
        assert veil[0, :, 3].tolist() == [0, 0, 0, 255, 255]

    def test_unequal_sizes_are_named(self) -> None:
        with pytest.raises(ValueError, match=r"\(2, 2\).*\(3, 3\)"):
            drawing.overlay(np.zeros((3, 3, 3), np.uint8), np.zeros((2, 2, 4), np.uint8), 0.5)

    def test_bar_runs_from_low_to_high(self) -> None:
        drawn = opened(drawing.colour_bar(150, 10, signed=True))
        colours = drawing.table(True)
        assert drawn.shape == (10, 150, 4)
        assert (drawn[:, 0] == colours[0]).all() and (drawn[:, -1] == colours[LEVELS - 1]).all()


def test_png_is_exact_for_each_kind() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 4)).astype(np.uint8)
    for kind in (pixels, pixels[..., :3], pixels[..., 0]):
        assert (np.asarray(Image.open(io.BytesIO(drawing.png(kind)))) == kind).all()
    with pytest.raises(ValueError, match="float64"):
        drawing.png(np.zeros((2, 2)))  # type: ignore[arg-type]


def test_data_url_carries_the_bytes() -> None:
    head, body = drawing.data_url(b"abc").split(",")
    assert head == "data:image/png;base64" and base64.b64decode(body) == b"abc"


def test_importing_loads_no_colour_library() -> None:
    code = "import sys, nbviz.drawing.overlay; sys.exit('cmap' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_backdrop_is_small_gray_and_keeps_its_shape() -> None:
    image = Image.open(io.BytesIO(drawing.backdrop(np.full((300, 600, 3), (200, 100, 50), np.uint8))))
    assert (image.mode, image.size) == ("L", (256, 128))
