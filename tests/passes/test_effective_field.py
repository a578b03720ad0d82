"""The effective field lies inside the theoretical one, is the gradient, and is narrower where networks are deep."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.dataset import Index
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.effective_field import EffectiveField, effective_field
from nbviz.passes.receptive_field import ReceptiveFields
from tests.networks import SIZE, Functional, build, state_hash


def tower(depth: int) -> nn.Sequential:
    """Box filters, one after the other: their gradient is the box's own convolution power."""
    layers = [nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(depth)]
    with torch.no_grad():
        for layer in layers:
            layer.weight.fill_(1 / 9)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)).double().eval()


def test_of_box_filters_it_is_the_power_of_the_box() -> None:
    x = torch.zeros(1, 1, 31, 31, dtype=torch.float64)
    for depth in (1, 2, 6):
        expected = np.array([1.0])
        for _ in range(depth):
            expected = np.convolve(expected, [1 / 3] * 3)
        field = effective_field(tower(depth), x, str(depth - 1), 0)
        assert field.place == (15, 15)
        row = field.values.sum(0)
        assert row[15 - depth : 16 + depth] == pytest.approx(expected, abs=1e-6) and row.sum() == pytest.approx(1)
        assert field.box(1.0) == (15 - depth, 15 - depth, 16 + depth, 16 + depth)


def test_its_share_of_the_theoretical_field_shrinks_with_depth() -> None:
    """Luo et al.: the one grows as the root of the depth, the other with the depth."""
    x = torch.zeros(1, 1, 65, 65, dtype=torch.float64)
    shares = []
    for depth in (4, 9, 16):
        field = effective_field(tower(depth), x, str(depth - 1))
        shares.append(field.reach / (2 * depth + 1))
    assert shares[0] > 1.2 * shares[1] > 1.3 * shares[2]


@pytest.mark.parametrize("layer", ["stem", "inner", "relu"])
def test_it_lies_inside_what_can_be_seen(layer: str) -> None:
    torch.manual_seed(0)
    model = InstrumentedModel(Functional().eval())
    fields = ReceptiveFields(model, (3, SIZE, SIZE))
    for place in ((0, 0), (5, 9), (15, 15)):
        values = effective_field(model, torch.randn(1, 3, SIZE, SIZE), layer, place=place).values
        top, left, bottom, right = fields.box(layer, place)
        assert values[top:bottom, left:right].sum() == pytest.approx(values.sum(), abs=1e-6)


def test_an_example_s_is_the_gradient_at_its_place() -> None:
    torch.manual_seed(0)
    net, images = Functional().eval(), torch.randn(9, 3, SIZE, SIZE)
    example = Index.build(net, list(images), layers=["stem"], progress=False).top("stem", 2)[0]
    x = images[example.item][None].requires_grad_()
    (gradient,) = torch.autograd.grad(net.stem(x)[(0, 2, *example.place)], x)
    expected = gradient[0].abs().sum(0) / gradient.abs().sum()
    assert np.allclose(example.effective.values, expected.numpy(), atol=1e-6)


def test_a_silent_place_has_an_empty_field() -> None:
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    net(torch.zeros(1, 3, 8, 8))
    with torch.no_grad():
        net[0].bias.fill_(-1e3)
    field = effective_field(net.eval(), torch.zeros(1, 3, 8, 8), "1", 0)
    assert not field.values.any() and field.reach == 0 and field.box() == (0, 0, 8, 8)


def test_the_network_is_untouched_and_what_is_not_there_is_said() -> None:
    net = build("inplace")
    model, x = InstrumentedModel(net), torch.rand(1, 3, SIZE, SIZE)
    model.predict(x)
    before = state_hash(net)
    effective_field(model, x, "3")
    for options, words in (
        ({"layer": "33"}, "Layer '33'"),
        ({"layer": "3", "channel": 99}, "there is no channel 99"),
        ({"layer": "3", "place": (99, 0)}, r"there is no \(99, 0\)"),
    ):
        with pytest.raises(NbvizError, match=words):
            effective_field(model, x, **options)  # type: ignore[arg-type]
    assert state_hash(net) == before
    with pytest.raises(NbvizError, match="share="):
        EffectiveField(np.ones((2, 2), np.float32), "3", None, None).box(0)


def test_fields_of_a_network_that_draws_at_random_leave_the_users_generators_alone() -> None:
    net = build("drops")
    model = InstrumentedModel(net)
    x = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    layer = next(part.name for part in model.layers().walk() if part.kind == "Conv2d")
    before = state_hash(net)
    fields = [effective_field(model, x, layer, 0).values for _ in range(2)]
    assert ReceptiveFields(model, (3, SIZE, SIZE)).box(layer, (5, 5)) == (4, 4, 7, 7)
    assert state_hash(net) == before
    assert np.array_equal(*fields)
