"""Layouts: closed-form outputs whose axes are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nbviz.model.layouts.layout import AxisEvidence, Layout, evidence, infer_layouts, probe_batch


def grid(height: int, width: int, channels: int = 8, hw: tuple[int, int] = (32, 32)) -> Tensor:
    """A map (6, C, h, w) that follows a picture of `hw`: pooled, then mixed over channels."""
    torch.manual_seed(0)
    pooled = nn.functional.adaptive_avg_pool2d(probe_batch(torch.randn(1, 3, *hw)), (height, width))
    return torch.einsum("nchw,dc->ndhw", pooled, torch.randn(channels, 3))


def judge(output: Tensor, hw: tuple[int, int] = (32, 32)) -> Layout:
    return infer_layouts({"x": output}, hw)["x"]


def with_prefix(tokens: Tensor, count: int) -> Tensor:
    return torch.cat([torch.randn(1, count, tokens.shape[2]).repeat(6, 1, 1), tokens], 1)


class TestProbe:
    def test_the_first_is_the_picture_and_the_input_stays(self) -> None:
        x = torch.randn(1, 3, 20, 31)
        before = x.clone()
        batch = probe_batch(x)
        assert batch.shape == (6, 3, 20, 31)
        assert torch.equal(batch[:1], x) and torch.equal(x, before)

    def test_quarters_cover_the_picture_and_the_corner_is_small(self) -> None:
        changed = (probe_batch(torch.zeros(1, 3, 64, 96)) != 0).any(1)
        assert changed[1:5].sum(0).min() == 1 and changed[1:5].sum(0).max() == 1
        assert changed[5].sum() == 2 * 3 and changed[5, -1, -1]

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_dtype_is_kept_and_the_same_seed_gives_the_same_batch(self, dtype: torch.dtype) -> None:
        x = torch.randn(1, 1, 9, 9, dtype=dtype)
        assert probe_batch(x).dtype == dtype and torch.equal(probe_batch(x), probe_batch(x))

    def test_global_random_state_is_left_alone(self) -> None:
        state = torch.get_rng_state()
        probe_batch(torch.zeros(1, 3, 8, 8))
        assert torch.equal(state, torch.get_rng_state())


class TestKinds:
    @pytest.mark.parametrize("size", [(8, 8), (7, 7), (2, 2), (32, 32)])
    def test_maps_either_way_round(self, size: tuple[int, int]) -> None:
        output = grid(*size)
        assert judge(output) == Layout("map", *size)
        assert judge(output.permute(0, 2, 3, 1)) == Layout("map_last", *size)

    def test_channels_of_the_same_length_are_not_space(self) -> None:
        output = grid(8, 8, channels=8)
        assert judge(output).kind == "map"
        assert judge(output.permute(0, 2, 3, 1)).kind == "map_last"

    @pytest.mark.parametrize("prefix", [0, 1, 2, 5, 8])
    def test_tokens_and_their_prefix(self, prefix: int) -> None:
        tokens = with_prefix(grid(8, 8, channels=24).flatten(2).transpose(1, 2), prefix)
        assert judge(tokens) == Layout("tokens", 8, 8, prefix)
        assert judge(tokens.transpose(1, 2)) == Layout("tokens_first", 8, 8, prefix)

    @pytest.mark.parametrize("hw", [(64, 96), (96, 64), (40, 200)])
    def test_pictures_that_are_not_square(self, hw: tuple[int, int]) -> None:
        size = (hw[0] // 8, hw[1] // 8)
        output = grid(*size, channels=16, hw=hw)
        assert judge(output, hw) == Layout("map", *size)
        tokens = with_prefix(output.flatten(2).transpose(1, 2), 1)
        assert judge(tokens, hw) == Layout("tokens", *size, 1)

    def test_one_row_of_places(self) -> None:
        assert judge(grid(1, 8, hw=(8, 64)), (8, 64)) == Layout("map", 1, 8)

    @pytest.mark.parametrize("shape", [(6, 10), (6, 10, 1, 1), (6, 1, 1, 10), (6, 1, 10), (6, 1), (6, 1, 1, 1)])
    def test_one_place_is_a_vector(self, shape: tuple[int, ...]) -> None:
        layout = judge(torch.randn(shape))
        assert layout.kind == "vector" and not layout.has_places
        assert layout.maps(torch.randn(2, *shape[1:])).shape == (2, max(shape[1:]), 1, 1)
        assert layout.channels((2, *shape[1:])) == max(shape[1:])

    def test_a_trace_of_the_place_is_enough(self) -> None:
        """As behind attention: nine tenths of every place's change are the change of all places."""
        output = grid(8, 8, channels=64)
        mixed = 0.9 * output.mean((2, 3), keepdim=True) + 0.1 * output
        assert judge(mixed) == Layout("map", 8, 8)


class TestRefusals:
    @pytest.mark.parametrize(
        ("output", "word"),
        [
            (torch.randn(24, 49, 8), "batch"),
            (torch.randn(6, 2, 4, 4, 8), "axes"),
            (torch.zeros(6, 4, 8, 8, dtype=torch.long), "int64"),
            (torch.randn(6, 8, 5, 30), "proportions"),
            (torch.zeros(6, 8, 8, 8), "told"),
            (torch.full((6, 8, 8, 8), torch.nan), "told"),
            (torch.randn(6, 64, 64), "told"),
            (torch.randn(6), "batch"),
        ],
    )
    def test_each_says_why(self, output: Tensor, word: str) -> None:
        layout = judge(output)
        assert layout.kind == "none" and word in layout.reason
        assert layout.channels(tuple(output.shape)) == 0
        with pytest.raises(ValueError, match=word):
            layout.maps(output)

    def test_tokens_before_a_suffix(self) -> None:
        tokens = grid(8, 8, channels=24).flatten(2).transpose(1, 2)
        assert judge(torch.cat([tokens, torch.randn(1, 1, 24).repeat(6, 1, 1)], 1)).kind == "none"

    def test_shuffled_tokens(self) -> None:
        tokens = grid(8, 8, channels=24).flatten(2).transpose(1, 2)
        assert judge(tokens[:, torch.randperm(64, generator=torch.Generator().manual_seed(1))]).kind == "none"

    def test_attention_between_tokens_is_no_map(self) -> None:
        tokens = grid(8, 8, channels=24).flatten(2).transpose(1, 2)
        assert judge((tokens @ tokens.transpose(1, 2)).softmax(-1)[:, None]).kind == "none"

    def test_windows_are_no_map(self) -> None:
        """Windows side by side have two axes of like length, as a grid has."""
        windows = grid(64, 64, channels=16, hw=(64, 64)).unfold(2, 8, 8).unfold(3, 8, 8)
        folded = windows.permute(0, 2, 3, 4, 5, 1).reshape(6, 64, 64, 16)
        assert judge(folded, (64, 64)).kind == "none"


class TestInheriting:
    def test_the_unsure_inherit_from_their_shape_alone(self) -> None:
        silent = torch.zeros(6, 12, 8, 8)
        found = infer_layouts({"a": grid(8, 8, 12), "b": silent, "c": torch.zeros(6, 9, 8, 8)}, (32, 32))
        assert (found["b"].kind, found["c"].kind) == ("map", "none")
        assert "same shape" in found["b"].reason

    def test_not_where_layers_of_the_shape_differ(self) -> None:
        output = grid(8, 8)
        both = {"a": output, "b": output.permute(0, 2, 3, 1), "c": torch.zeros(6, 8, 8, 8)}
        assert infer_layouts(both, (32, 32))["c"].kind == "none"

    def test_not_where_the_shape_reads_two_ways(self) -> None:
        """Sixteen windows of sixteen tokens with sixteen channels look like sixteen maps of 16 × 16."""
        found = infer_layouts({"a": grid(16, 16, 16), "b": torch.zeros(6, 16, 16, 16)}, (32, 32))
        assert (found["a"].kind, found["b"].kind) == ("map", "none")

    def test_a_convolution_needs_no_evidence(self) -> None:
        silent = torch.zeros(6, 12, 8, 8)
        found = infer_layouts({"a": silent, "b": silent}, (32, 32), {"a": nn.Conv2d(3, 12, 1), "b": nn.ReLU()})
        assert found["a"] == Layout("map", 8, 8) and found["b"].kind == "map"

    def test_evidence_taken_in_a_hook_is_as_good_as_the_output(self) -> None:
        output = grid(8, 8).requires_grad_()
        seen = evidence(output, (32, 32))
        assert isinstance(seen, AxisEvidence) and seen.shape == (6, 8, 8, 8)
        assert infer_layouts({"x": seen}, (32, 32)) == infer_layouts({"x": output}, (32, 32))


class TestMaps:
    """`maps` of a known tensor: each value where it belongs, as a view, with gradients."""

    values = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).reshape(2, 3, 4, 5)

    @pytest.mark.parametrize(
        ("layout", "spread"),
        [
            (Layout("map", 4, 5), lambda v: v),
            (Layout("map_last", 4, 5), lambda v: v.permute(0, 2, 3, 1)),
            (Layout("tokens", 4, 5, 2), lambda v: nn.functional.pad(v.flatten(2), (2, 0)).transpose(1, 2)),
            (Layout("tokens_first", 4, 5, 1), lambda v: nn.functional.pad(v.flatten(2), (1, 0))),
        ],
    )
    def test_back_to_channels_and_places(self, layout: Layout, spread: Callable[[Tensor], Tensor]) -> None:
        output = spread(self.values)
        assert torch.equal(layout.maps(output), self.values)
        assert torch.equal(layout.places(output), self.values.flatten(2))
        assert layout.channels(tuple(output.shape)) == 3
        assert layout.maps(output).untyped_storage().data_ptr() == output.untyped_storage().data_ptr()

    def test_gradients_reach_the_output_but_not_the_prefix(self) -> None:
        tokens = torch.randn(1, 6, 3, requires_grad=True)
        (gradient,) = torch.autograd.grad(Layout("tokens", 2, 2, 2).maps(tokens).sum(), tokens)
        assert (gradient[:, :2] == 0).all() and (gradient[:, 2:] == 1).all()
