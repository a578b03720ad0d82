"""The instrumented model: predictions, inputs of every kind, and what bad input gets."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.errors import NbvizError, UnknownName
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.preprocessing import GUESSED_SIZES
from tests.counting import counted
from tests.networks import CLASSES, build, picture, state_hash


def _channels(count: int) -> nn.Sequential:
    torch.manual_seed(0)  # of weights as they come, a few make ReLUs that no picture opens
    return nn.Sequential(nn.Conv2d(count, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def test_predictions_are_softmax_of_the_logits_best_first() -> None:
    net = build("inplace")
    found = InstrumentedModel(net, classes="a b c d e".split()).predict(picture(), top=3)
    logits = net.eval()(picture())[0].detach().double()
    order = logits.argsort(descending=True)[:3].tolist()
    assert [index for _, index, _, _ in found] == order
    assert [name for name, *_ in found] == ["abcde"[i] for i in order]
    for _, index, probability, logit in found:
        assert probability == pytest.approx(float(logits.softmax(0)[index]))
        assert logit == pytest.approx(float(logits[index]), abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_reach_networks_of_one_and_three_channels(channels: int) -> None:
    model = InstrumentedModel(_channels(channels))
    image = Image.effect_noise((64, 48), 50)
    assert len(model.predict(image)) == 3
    assert model.input(image).shape[1] == channels
    for method in ("saliency", "integrated_gradients", "grad_cam"):
        assert nbviz.attribute(model, image, 1, method).facts["status"] in ("ok", "no positive evidence")


def test_five_channels_take_tensors() -> None:
    model = InstrumentedModel(_channels(5))
    x = picture(channels=5)
    assert len(model.predict(x)) == 3
    assert nbviz.attribute(model, x, 1).values.shape == (1, 5, 16, 16)
    with pytest.raises(NbvizError, match="5 channels"):
        model.predict(Image.effect_noise((64, 48), 50))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.full((3, 16, 16), torch.nan), "NaN"),
        (torch.zeros(16, 16), r"\(16, 16\)"),
        (torch.zeros(2, 3, 16, 16), r"\(2, 3, 16, 16\)"),
        (torch.zeros(1, 7, 16, 16), r"fails on an input of shape \(1, 7, 16, 16\): RuntimeError: .*to have 3 channels"),
        (torch.zeros(3, 16, 16, dtype=torch.int64), "int64"),
        ("nowhere.jpg", "nowhere.jpg"),
        (17, "int"),
    ],
)
def test_what_is_no_picture_is_said(x: object, words: str) -> None:
    net = build("inplace")
    before = state_hash(net)
    for call in (lambda: InstrumentedModel(net).predict(x), lambda: nbviz.attribute(net, x, 1, "saliency")):
        with pytest.raises(NbvizError, match=words):
            call()
    assert state_hash(net) == before


def test_integer_inputs_of_a_uint8_tensor_are_pictures() -> None:
    x = torch.randint(0, 256, (3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    model = InstrumentedModel(build("inplace"))
    assert model.input(x).is_floating_point() and len(model.predict(x)) == CLASSES


def test_another_dtype_or_device_of_the_input_is_the_networks() -> None:
    model = InstrumentedModel(build("float64"))
    assert model.input(picture()).dtype == torch.float64
    assert InstrumentedModel(build("inplace")).input(picture(dtype=torch.float64)).dtype == torch.float32


def test_unknown_names_carry_the_nearest() -> None:
    model = InstrumentedModel(build("functional"), classes=["cat", "dog", "cow", "hen", "pig"])
    model.predict(picture())
    for call, words in (
        (lambda: model.layer("innr"), "Layer 'innr' is not in this model. Nearest: 'inner'"),
        (lambda: model.class_index("hne"), "Nearest: 'hen'"),
        (lambda: nbviz.attribute(model, picture(), "pgi"), "Nearest: 'pig'"),
        (
            lambda: nbviz.attribute(model, picture(), 1, "salency"),
            "Method 'salency' is not in nbviz. Nearest: 'saliency'",
        ),
        (lambda: nbviz.attribute(model, picture(), 1, "grad_cam", layer="hed"), "Nearest: 'head'"),
    ):
        with pytest.raises(UnknownName, match=words):
            call()
    with pytest.raises(TypeError, match="did you mean 'tolerance'"):
        nbviz.attribute(model, picture(), 1, tolerence=0.1)
    with pytest.raises(NbvizError, match="No map can be drawn at layer 'head'"):
        nbviz.attribute(model, picture(), 1, "grad_cam", layer="head")
    with pytest.raises(NbvizError, match="Class 5 does not exist"):
        nbviz.attribute(model, picture(), 5)


def test_a_class_list_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(NbvizError, match="classes= has 2 names, but the network puts out 5 scores"):
        InstrumentedModel(build("inplace"), classes=["cat", "dog"]).predict(picture())
    with pytest.raises(NbvizError, match="one text"):
        InstrumentedModel(build("inplace"), classes="cat dog")


def test_scores_that_are_not_numbers_are_said() -> None:
    net = build("inplace")
    nn.init.constant_(net[7].bias, torch.nan)
    with pytest.raises(NbvizError, match=r"not finite numbers \(5 NaN, 0 infinite\)"):
        InstrumentedModel(net).predict(picture())
    assert np.isnan(InstrumentedModel(net).logits(picture())).all()
    found = nbviz.attribute(net, picture(), 1, "saliency")
    assert np.isnan(found.facts["score"])
    nn.init.constant_(net[0].weight, torch.nan)
    assert nbviz.attribute(net, picture(), 1, "saliency").facts["status"] == "non-finite"
    found = nbviz.attribute(net, picture(), 1, "integrated_gradients")
    assert found.facts["status"] == "non-finite" and found.facts["calls"] <= 8


def test_a_network_without_scores_is_said() -> None:
    tokens = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(2))
    with pytest.raises(NbvizError, match=r"shape \(1, 4, 196\), not one score per class"):
        InstrumentedModel(tokens).predict(picture())
    with pytest.raises(NbvizError, match="not one score per class"):
        nbviz.attribute(tokens, picture(), 1, "saliency")
    assert nbviz.attribute(tokens, picture(), lambda raw: raw.mean((1, 2)), "saliency").facts["status"] == "ok"
    model = InstrumentedModel(tokens, output=lambda raw: raw.mean(2))
    assert len(model.predict(picture())) == 4


def test_a_network_that_raises_says_what_it_said() -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("no forward today")

    with pytest.raises(NbvizError, match=r"fails on an input of shape \(1, 3, 16, 16\): ValueError: no forward today"):
        InstrumentedModel(Broken()).predict(picture())
    with pytest.raises(NbvizError, match="takes none of the usual square inputs .*no forward today"):
        InstrumentedModel(Broken()).layers()


def _of_one_size(channels: int, side: int) -> nn.Module:
    conv = nn.Conv2d(channels, 4, 3, padding=1)
    return nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(side * side, 3))


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32), (3, 16), (1, 8), (3, 48)])
def test_a_guess_learns_the_size_of_the_network_from_its_first_picture(channels: int, side: int) -> None:
    photograph = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8))
    model = InstrumentedModel(_of_one_size(channels, side))
    assert model.transform(photograph).shape == (1, channels, side, side)
    assert model.transform.guessed and model.transform.size == (side, side)
    assert len(InstrumentedModel(_of_one_size(channels, side)).predict(photograph)) == 3
    travelled = pickle.loads(pickle.dumps(InstrumentedModel(_of_one_size(channels, side)).transform))
    assert travelled.guessed, "a guess goes to another process without its network"


def test_a_size_that_the_network_shows_is_tried_first() -> None:
    model = InstrumentedModel(nn.Sequential(nn.Flatten(), nn.Linear(3 * 22 * 22, 4)))
    assert model.transform(Image.new("RGB", (9, 9))).shape == (1, 3, 22, 22)


def test_a_network_that_takes_no_size_is_asked_once() -> None:
    class Picky(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("no forward today")

    model = InstrumentedModel(Picky())
    with counted(nn.Module) as asked:
        for _ in range(3):
            with pytest.raises(NbvizError, match=r"takes none of the usual .*Pass transform="):
                model.predict(Image.new("RGB", (9, 9)))
    assert len(asked) == len(GUESSED_SIZES)


def test_the_layers_of_a_network_never_run_are_there_for_a_usual_input() -> None:
    model = InstrumentedModel(build("inplace"))
    assert model.layers().children[0].places == (224, 224)


def test_a_layer_deleted_since_is_unknown() -> None:
    net = build("functional")
    model = InstrumentedModel(net)
    nbviz.attribute(model, picture(), 1, "grad_cam", layer="norm")
    net.norm = nn.Identity()
    assert model.layer("norm").kind == "Identity"
    del net.norm
    net.forward = lambda x: net.head(net.stem(x).mean((2, 3)))
    with pytest.raises(UnknownName, match="'norm'"):
        nbviz.attribute(model, picture(), 1, "grad_cam", layer="norm")
    assert nbviz.attribute(model, picture(), 1, "grad_cam").facts["layer"] == "stem"


def test_filters_are_the_weights() -> None:
    net = build("functional")
    model = InstrumentedModel(net)
    model.predict(picture())
    np.testing.assert_array_equal(model.filters("stem"), net.stem.weight.detach().numpy())
    assert model.filters("head") is None and model.filters("relu#2") is None


def test_a_batch_gives_logits_and_gradients() -> None:
    net = build("functional")
    model = InstrumentedModel(net)
    batch = torch.cat([picture(seed) for seed in range(3)]).requires_grad_()
    logits = model(batch)
    assert logits.shape == (3, CLASSES)
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), batch)
    assert gradient.shape == batch.shape and gradient.any()
    assert all(p.grad is None for p in net.parameters())
    with torch.no_grad():
        assert not model(batch).requires_grad


def test_a_dict_of_pictures_of_one_is_one() -> None:
    model = InstrumentedModel(build("inplace"))
    assert torch.equal(model.input(picture()), model.input({"noise": picture()}))


def test_what_is_known_of_a_model() -> None:
    model = InstrumentedModel(build("shared"), name="mine")
    assert (model.name, model.parameters, str(model.device)) == ("mine", 104, "cpu")
    assert repr(model) == "InstrumentedModel(mine, 104 parameters, cpu)"
    assert model.scores is None
    model.predict(picture())
    assert model.scores == CLASSES
    assert InstrumentedModel.ensure(model) is model
