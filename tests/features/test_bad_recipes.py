"""Recipes, channels and objectives in any usual form; those that can't be are refused in words by the first step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.errors import NbvizError
from nbviz.features import Recipe, channel, direction, dream, logit, neuron, visualize
from nbviz.model.instrumented import InstrumentedModel
from tests.features.test_visualize import small
from tests.networks import SIZE, picture


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"steps": 2.5}, "steps= is a whole number of at least 1, not 2.5"),
        ({"size": (32, 32)}, r"size= is a whole number of at least 8, not \(32, 32\)"),
        ({"facets": "2"}, "facets= is a whole number of at least 1, not '2'"),
        ({"seed": "a"}, "seed= is a whole number, not 'a'"),
        ({"rate": float("nan")}, "rate= is a number of at least 0, not nan"),
        ({"rate": "fast"}, "rate= is a number of at least 0, not 'fast'"),
        ({"decay": "a"}, "decay= is a number, not 'a'"),
        ({"jitter": [1]}, r"jitter= is a number of at least 0, not \[1\]"),
        ({"total_variation": -1}, "total_variation= is a number of at least 0, not -1"),
        ({"gray": float("inf")}, "gray= is a number of at least 0, not inf"),
        ({"diversity": None}, "diversity= is a number of at least 0, not None"),
        ({"parametrisation": torch.sigmoid}, r"wrapped: nbviz\.features\.Latent\(decode, shape\)"),
    ],
)
def test_a_recipe(recipe: dict[str, Any], words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        Recipe(**recipe)


def test_numbers_of_numpys_and_tensors_are_the_same_recipe() -> None:
    plain = Recipe(size=32, steps=7, seed=-3, rate=0.5)
    given = Recipe(size=np.int64(32), steps=torch.tensor(7), seed=np.int32(-3), rate=np.float32(0.5))  # type: ignore[arg-type]
    assert given == plain and repr(given.key) == repr(plain.key)


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        (channel("3", 99), "Layer '3' has 8 channels, 0 to 7: there is no channel 99"),
        (channel("3", -1), "there is no channel -1"),
        (-channel("3", 8), "there is no channel 8"),
        (channel("3", "a"), "is a whole number from 0 to 7, not 'a'"),  # type: ignore[arg-type]
        (neuron("3", 99), "there is no channel 99"),
        (neuron("3", 0, (-1, 0)), r"none at \(-1, 0\)"),
        (direction("3", [float("nan")] * 8), "What is to be raised, a direction of 3, is nan for a made picture"),
    ],
)
def test_an_objective(objective: Any, words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        visualize(small(), "3", objective, steps=2, path=False)


def test_a_network_that_answers_with_nan_is_told() -> None:
    class Roots(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x - 2).sqrt()

    net = nn.Sequential(nn.Conv2d(3, 4, 3), Roots(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(NbvizError, match="channel 1 of 1, is nan for a made picture"):
        visualize(net, "1", 1, steps=2, size=SIZE, path=False)


def test_a_network_without_gradients_is_told() -> None:
    class Detaches(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.detach()

    net = nn.Sequential(nn.Conv2d(3, 4, 3), Detaches(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    for layer in ("1", "4"):
        with pytest.raises(NbvizError, match=f"No gradient leads from the picture to channel 1 of {layer}"):
            visualize(net, layer, 1, steps=2, size=SIZE, path=False)
    assert visualize(net, "0", 1, steps=2, size=SIZE, path=False).isfinite().all()


def test_places_and_classes_are_checked_when_they_are_named() -> None:
    for place in (3, (1,), (0.5, 1), "ab"):
        with pytest.raises(NbvizError, match="A place is .row, column., two whole numbers"):
            neuron("3", 0, place)  # type: ignore[arg-type]
    model = small()
    assert logit(model.net, np.int64(2)).words == "class 2"
    for target, words in ((None, "by its index or its name, not by None"), (1.5, "not by 1.5"), (9, "0 to 4")):
        with pytest.raises(NbvizError, match=words):
            logit(model, target)  # type: ignore[arg-type]


def test_octaves_are_checked() -> None:
    for options, words in (({"octaves": 2.5}, "octaves= is a whole number"), ({"ratio": "a"}, "ratio= is a number")):
        with pytest.raises(NbvizError, match=words):
            dream(small(), picture(), "3", **options)


def test_objectives_sum_up_and_divide_and_leave_other_sums_to_python() -> None:
    maps = {"a": torch.tensor([[[2.0]], [[4.0]]])}
    assert float(sum([channel("a", 0), channel("a", 1)]).of(maps)) == 6  # type: ignore[union-attr]
    assert float((channel("a", 1) / 2).of(maps)) == 2
    for wrong in (lambda: channel("a", 0) + 1, lambda: 1 + channel("a", 0), lambda: channel("a", 0) - "b"):
        with pytest.raises(TypeError, match="unsupported operand"):
            wrong()


def test_a_layer_is_given_by_its_name() -> None:
    net = small().net
    for layer in (3, None, ["3"], net[3]):
        with pytest.raises(NbvizError, match="A layer is given by its name, a string, not by"):
            InstrumentedModel(net).layer(layer)  # type: ignore[arg-type]


def test_channels_are_asked_for_in_any_usual_form() -> None:
    model = small()
    wanted = visualize(model, "3", [1, 2], steps=2, path=False)
    for channels in (range(1, 3), slice(1, 3), np.array([1, 2]), torch.tensor([1, 2]), (np.int64(1), torch.tensor(2))):
        assert torch.equal(visualize(model, "3", channels, steps=2, path=False), wanted)  # type: ignore[arg-type]
    for one in (np.int64(1), torch.tensor(1), torch.tensor([1])):
        assert torch.equal(visualize(model, "3", one, steps=2, path=False), wanted[:1])  # type: ignore[arg-type]
