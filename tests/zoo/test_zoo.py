"""The network nbviz opens on is the published one, and names lead to what they name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torch import nn

import nbviz.zoo as zoo
from nbviz.errors import NbvizError, UnknownName
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures import picture
from nbviz.pictures.load import load_pictures
from nbviz.replica.torchvision_import import torchvision
from nbviz.zoo.efficientnet_lite0 import EfficientNetLite0, MBConv, SameConv2d
from nbviz.zoo.registry import NETWORKS, ZooNetwork, network, own_networks
from nbviz.zoo.samples import CREDITS


@pytest.fixture(scope="module")
def model() -> InstrumentedModel:
    return zoo.load(device="cpu")


@pytest.fixture(scope="module")
def photographs() -> Mapping[str, Any]:
    return zoo.photographs()


@pytest.mark.parametrize("size", [224, 225, 97])
def test_the_network_is_timms_at_even_and_odd_sizes(model: InstrumentedModel, size: int) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    state = zip(theirs.state_dict(), model.net.state_dict().values(), strict=True)
    theirs.load_state_dict(dict(state))
    x = torch.randn(2, 3, size, size + 3, generator=torch.Generator().manual_seed(size))
    with torch.no_grad():
        torch.testing.assert_close(model.net(x), theirs(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cat", {"tiger cat": 0.38, "Egyptian cat": 0.36, "tabby": 0.17}),
        ("coffee", {"espresso": 0.95}),
        ("cameraman", {"tripod": 0.94}),
    ],
)
def test_it_sees_what_is_in_the_photographs(
    model: InstrumentedModel, photographs: Mapping[str, Any], name: str, wanted: dict[str, float]
) -> None:
    found = model.predict(photographs[name], top=len(wanted))
    assert [label for label, *_ in found] == list(wanted)
    for (_, _, probability, _), expected in zip(found, wanted.values(), strict=True):
        assert probability == pytest.approx(expected, abs=0.02)


def test_its_modules_have_the_names_and_kinds_people_see(model: InstrumentedModel) -> None:
    modules = dict(model.net.named_modules())
    kinds = {
        "blocks.4": MBConv,
        "blocks.4.body.2": nn.ReLU6,
        "blocks.0.body.2": nn.ReLU6,
        "blocks.1.body.3": SameConv2d,
        "classifier": nn.Linear,
    }
    assert {name: type(modules[name]) for name in kinds} == kinds
    assert list(dict(model.net.named_children())) == ["stem", "blocks", "head", "pool", "classifier"]
    assert len(model.net.blocks) == 16 and model.parameters == 4_652_008
    assert modules["blocks.4.body.3"].kernel_size == (5, 5)
    with model.capture("stem", "blocks.4.body.2", "head") as outputs:
        model(torch.zeros(1, 3, 224, 224))
    shapes = {name: tuple(output.shape[1:]) for name, output in outputs.items()}
    assert shapes == {"stem": (32, 112, 112), "blocks.4.body.2": (240, 28, 28), "head": (1280, 7, 7)}


def test_it_says_who_it_is_and_how_it_wants_its_pictures(
    model: InstrumentedModel, photographs: Mapping[str, Any]
) -> None:
    assert model.name == "EfficientNet-Lite0" and not model.net.training
    assert model.transform.sentence == "preprocessing from the network"
    assert model.transform.size == (224, 224)
    tensor = model.transform(photographs["cat"])
    assert tensor.shape == (1, 3, 224, 224) and tensor.min() >= -1 and tensor.max() <= 1
    assert (model.transform.black(tensor) == -1).all()


def test_two_loads_share_no_weights(model: InstrumentedModel) -> None:
    other = zoo.load("efficientnet_lite0", device="cpu")
    ours, theirs = next(model.net.parameters()), next(other.net.parameters())
    assert ours.equal(theirs) and ours.data_ptr() != theirs.data_ptr()
    assert ours.requires_grad and ours.device.type == "cpu"


def test_a_network_without_weights_can_be_made_too() -> None:
    assert EfficientNetLite0()(torch.zeros(2, 3, 33, 32)).shape == (2, 1000)


def test_the_class_names_are_torchvisions_in_order() -> None:
    torchvision()
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    assert list(zoo.imagenet()) == _IMAGENET_CATEGORIES and len(zoo.imagenet()) == 1000


def test_the_photographs_are_upright_colour_pictures(photographs: Mapping[str, Any]) -> None:
    assert list(photographs)[:5] == ["cat", "coffee", "astronaut", "rocket", "cameraman"] and len(photographs) >= 20
    assert {picture.mode for picture in photographs.values()} == {"RGB"}
    assert photographs["cat"].size == (451, 300)


def test_every_photograph_is_credited(photographs: Mapping[str, Any]) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert list(CREDITS) == list(photographs)
    for name, credit in CREDITS.items():
        assert credit.author and credit.licence and f"| {name} | {credit.author} | {credit.licence} |" in readme


def test_photographs_are_decoded_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = list[str]()
    real = picture.decoded

    def counting(source: Any, name: str, at_least: int | None = None) -> Any:
        decoded.append(name)
        return real(source, name, at_least)

    monkeypatch.setattr(picture, "decoded", counting)
    photographs, shown = zoo.photographs(), load_pictures(zoo.photographs().pictures)
    assert not decoded and list(shown) == list(photographs)
    photographs["coffee"].putpixel((0, 0), (1, 2, 3))
    assert decoded == ["coffee"] and photographs["coffee"].getpixel((0, 0)) == (1, 2, 3)
    assert shown["coffee"].open().getpixel((0, 0)) != (1, 2, 3)


def test_loading_imports_no_heavy_package() -> None:
    code = (
        "import sys, nbviz.zoo as zoo; zoo.load(device='cpu'); zoo.photographs();"
        "print([n for n in ('torchvision', 'timm', 'skimage', 'ipywidgets') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_torchvisions_names_load_and_random_weights_are_said() -> None:
    model = zoo.load("squeezenet1_1", num_classes=7)
    assert model.name == "squeezenet1_1 (random weights)" and model.transform.guessed
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 7) and model.classes is None


def test_chosen_weights_bring_preprocessing_and_class_names(monkeypatch: pytest.MonkeyPatch) -> None:
    models = torchvision().models
    made: list[Any] = []

    def without_download(name: str, weights: Any, **options: Any) -> nn.Module:
        made.append(weights)
        return models.squeezenet1_1(weights=None)

    monkeypatch.setattr(models, "get_model", without_download)
    model = zoo.load("squeezenet1_1", weights="DEFAULT")
    assert made == [models.SqueezeNet1_1_Weights.DEFAULT] and model.name == "squeezenet1_1"
    assert model.transform.source == "torchvision weights"
    assert model.classes is not None and model.classes[281] == "tabby"
    zoo.load("squeezenet1_1", weights=True)
    zoo.load("squeezenet1_1", weights=False)
    assert made[1:] == [models.SqueezeNet1_1_Weights.DEFAULT, None]


def test_timms_names_load() -> None:
    pytest.importorskip("timm")
    model = zoo.load("test_vit")
    assert model.name == "test_vit (random weights)" and model.transform.source == "timm"


def test_weights_that_cannot_be_had_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str, weights: Any, **options: Any) -> nn.Module:
        raise URLError("no network")

    monkeypatch.setattr(torchvision().models, "get_model", offline)
    with pytest.raises(NbvizError, match=r"'resnet18'.*no network.*weights=None"):
        zoo.load("resnet18", weights="DEFAULT")
    with pytest.raises(UnknownName, match=r"'DEFALT'.*Nearest: 'DEFAULT'"):
        zoo.load("resnet18", weights="DEFALT")
    with pytest.raises(NbvizError, match="comes with its weights"):
        zoo.load("efficientnet_lite0", weights="DEFAULT")


def test_an_unknown_network_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Nearest: 'efficientnet_lite0'") as caught:
        zoo.load("efficientnet_lit0")
    assert str(caught.value).startswith("Network 'efficientnet_lit0' is not in the zoo")
    assert zoo.names()[0] == "efficientnet_lite0" and "resnet50" in zoo.names()


def test_a_new_network_is_one_decorated_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbviz.zoo.registry.NETWORKS", dict(own_networks()))

    @network("tiny")
    def tiny(width: int = 2) -> ZooNetwork:
        return ZooNetwork(nn.Sequential(nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), "Tiny")

    assert zoo.load("tiny", width=5, device="cpu")(torch.zeros(1, 3, 8, 8)).shape == (1, 5)
    assert "tiny" in zoo.names()[: len(own_networks())] and "tiny" not in NETWORKS


def test_missing_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbviz.zoo import class_names, efficientnet_lite0, samples

    for module in (class_names, efficientnet_lite0, samples):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    class_names.imagenet.cache_clear()
    for call in (zoo.imagenet, zoo.photographs, lambda: zoo.load(device="cpu")):
        with pytest.raises(NbvizError, match="pip install"):
            call()


def test_own_networks_go_to_the_accelerator_and_only_they(monkeypatch: pytest.MonkeyPatch) -> None:
    # a machine for tests may have no accelerator: what is asked of the network is enough
    asked: list[object] = []
    monkeypatch.setattr("nbviz.zoo.loading._accelerator", lambda: torch.device("cuda", 0))
    monkeypatch.setattr(torch.nn.Module, "to", lambda net, device: asked.append(device))
    zoo.load()
    assert asked == [torch.device("cuda", 0)]
    assert zoo.load(device="cpu").device.type == zoo.load("squeezenet1_1").device.type == "cpu"
    assert len(asked) == 1
