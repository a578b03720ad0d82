"""Names that a network or its weights carry are its classes' only where there is one per score."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

import nbviz
from nbviz import InstrumentedModel
from nbviz.errors import NbvizError
from nbviz.session.inline import InlineRunner
from tests.networks import picture

ANIMALS = ("ant", "bee", "cat", "dog")


def _net(scores: int = 4, **carried: Any) -> nn.Module:
    pool = nn.AdaptiveAvgPool2d(1)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), pool, nn.Flatten(), nn.Linear(4, scores)).eval()
    for name, value in carried.items():
        setattr(net, name, value)
    return net


def _config(names: Any) -> SimpleNamespace:
    return SimpleNamespace(id2label=dict(enumerate(names)))


class Weights:
    """The shape of a member of a torchvision weights enum."""

    url = ""

    def __init__(self, names: Any) -> None:
        self.meta = {"categories": list(names)}

    def transforms(self) -> Any:
        return lambda image: torch.rand(3, 16, 16)


@pytest.mark.parametrize(
    ("net", "transform"),
    [
        (_net(config=_config(ANIMALS)), None),
        (_net(config=SimpleNamespace(id2label={str(i): name for i, name in enumerate(ANIMALS)})), None),
        (_net(names=dict(enumerate(ANIMALS))), None),
        (_net(), Weights(ANIMALS)),
    ],
    ids=["id2label", "id2label of a JSON file", "ultralytics", "weights"],
)
def test_names_that_are_carried_are_shown(net: nn.Module, transform: Any) -> None:
    model = InstrumentedModel(net, transform)
    (name, index, _, _), *_ = model.predict(picture())
    assert name == ANIMALS[index]
    assert nbviz.attribute(model, picture(), "bee", "saliency").facts["target"] == "bee"


@pytest.mark.parametrize(
    ("net", "transform"),
    [
        (_net(config=_config(f"LABEL_{i}" for i in range(4))), None),
        (_net(config=_config(map(str, range(4)))), None),
        (_net(config=_config(("LABEL_0", "LABEL_1"))), None),
        (_net(config=_config(ANIMALS[:3])), None),
        (_net(), Weights(f"name {i}" for i in range(1000))),
        (_net(names="resnet"), None),
    ],
    ids=["placeholders", "numbers", "two placeholders", "another count", "weights of another head", "a text"],
)
def test_names_of_another_head_and_placeholders_are_none(net: nn.Module, transform: Any) -> None:
    model = InstrumentedModel(net, transform)
    assert [name for name, *_ in model.predict(picture())] == [f"class {i}" for _, i, _, _ in model.predict(picture())]
    assert model.classes is None


def test_names_given_beat_those_that_are_carried_and_must_fit() -> None:
    net = _net(config=_config(ANIMALS))
    assert InstrumentedModel(net, classes=list("wxyz")).class_name(1) == "x"
    with pytest.raises(NbvizError, match="classes= has 3 names, but the network puts out 4 scores"):
        InstrumentedModel(net, classes=list("xyz")).predict(picture())


def test_a_data_set_names_the_classes_of_a_head_that_its_weights_do_not() -> None:
    class Animals(Dataset[Any]):
        classes = list(ANIMALS)

        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Any:
            return Image.new("RGB", (16, 16)), 1

    weights = Weights(f"name {i}" for i in range(1000))
    with nbviz.Explorer(_net(), Animals(), transform=weights, runner=InlineRunner) as explorer:
        assert explorer.model.classes == ANIMALS
