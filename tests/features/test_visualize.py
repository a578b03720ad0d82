"""Made pictures drive what they were made for, more than real ones do, and leave the network alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nbviz
from nbviz.errors import NbvizError, UnknownName
from nbviz.features import Recipe, channel, making, recipe_for, visualize
from nbviz.features.model_view import ModelView, colours_of
from nbviz.features.objectives import Objective, direction, logit, neuron
from nbviz.model.instrumented import InstrumentedModel
from tests.features.real_pictures import crops
from tests.networks import SIZE, build, state_hash


@pytest.fixture(scope="module")
def zoo() -> InstrumentedModel:
    return nbviz.zoo.load("efficientnet_lite0")


def small(name: str = "plain", **options: object) -> InstrumentedModel:
    net = build(name).eval()
    return InstrumentedModel(net, transform=_tensor_of, **options)


def _tensor_of(image: object) -> Tensor:
    pixels = np.asarray(image.resize((SIZE, SIZE)), np.float32)  # type: ignore[attr-defined]
    return torch.from_numpy(pixels / 255).permute(2, 0, 1)


def says(model: InstrumentedModel, pictures: Tensor, layer: str) -> Tensor:
    def work(run: object) -> Tensor:
        eye = ModelView(model, run)  # type: ignore[arg-type]
        eye.fit((pictures.shape[2], pictures.shape[3]), [layer])
        with torch.no_grad():
            return torch.cat([eye.look(part, [layer])[layer] for part in pictures.split(20)])

    model.trace()
    return model.guest.steady(work)


def test_a_made_picture_is_smooth_where_pixels_give_noise(zoo: InstrumentedModel) -> None:
    bare = {"jitter": 0, "scale": 1, "rotate": 0, "parametrisation": "pixel", "path": False}
    surface = visualize(zoo, "blocks.4", 3, steps=12, path=False)
    noise = visualize(zoo, "blocks.4", 3, steps=12, **bare)  # type: ignore[arg-type]
    assert _high_frequencies(surface) < 0.5 * _high_frequencies(noise)


def _high_frequencies(pictures: Tensor) -> float:
    """Share of the energy above a quarter of a cycle a pixel."""
    power = torch.fft.fft2(pictures - pictures.mean((2, 3), keepdim=True)).abs().square()
    size = pictures.shape[-1]
    frequency = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.fftfreq(size)[None])
    return float(power[..., frequency > 0.25].sum() / power.sum())


def test_the_same_seed_gives_the_same_picture_and_another_another() -> None:
    model = small()
    first, again = (visualize(model, "3", [1, 2], path=False) for _ in range(2))
    other = visualize(model, "3", [1, 2], seed=1, path=False)
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.01


def test_a_picture_does_not_depend_on_the_page_it_stands_on() -> None:
    model = small()
    page = visualize(model, "3", [0, 1, 2], path=False)
    alone = visualize(model, "3", 2, path=False)
    assert (page[2:] - alone).abs().max() <= 2 / 255


def test_pages_get_better_and_the_last_is_final() -> None:
    made = list(making(small(), "3", range(8), steps=40, path=False))
    assert made[-1].done == 1 and not np.isnan(made[-1].rise).any()
    assert [page.done for page in made] == sorted(page.done for page in made)
    assert (made[-1].rise[:, -1] > made[-1].rise[:, 0]).all()
    assert made[-1].pictures.shape == (8, 3, SIZE, SIZE)


@pytest.mark.parametrize("name", ["inplace", "functional", "tokens", "writes", "weight_norm", "bfloat16", "float64"])
def test_the_network_is_untouched_even_when_the_work_is_dropped(name: str) -> None:
    net = build(name)
    model = InstrumentedModel(net, transform=_tensor_of)
    layer = next(part.name for part in model.layers().walk() if part.name and part.places)
    model.predict(torch.rand(3, SIZE, SIZE))
    before = state_hash(net)
    pages: Iterator[object] = making(model, layer, [0, 1], steps=200, path=False)
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    visualize(model, layer, 0, steps=2, path=False)
    with pytest.raises(ZeroDivisionError):
        visualize(model, layer, Objective("fails", (layer,), lambda says: says[layer].sum() / (1 // 0)), path=False)
    assert state_hash(net) == before


@pytest.mark.parametrize("inplace", [False, True])
def test_a_tenth_of_the_gradient_passes_an_activation_function_that_holds_it_back(inplace: bool) -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU6(inplace), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    ).eval()  # fmt: skip
    model = InstrumentedModel(net, transform=_tensor_of)
    model.trace()

    def gradient(layer: str, straight: bool) -> Tensor:
        pictures = crops(2, SIZE).requires_grad_()
        look = model.guest.steady(lambda run: ModelView(model, run).look(pictures, [layer], straight=straight))
        return torch.autograd.grad(look[layer].mean((2, 3)).sum(), pictures)[0]

    for bias, share in ((-3.0, 0.1), (9.0, 0.1), (3.0, 1.0)):  # never on, always saturated, always between
        with torch.no_grad():
            net[0].bias.fill_(bias)
        whole = gradient("0", False)
        assert torch.allclose(gradient("1", True), share * whole, atol=1e-8)
        assert torch.allclose(gradient("3", True), share * whole, atol=1e-8)  # pooled and flattened
        assert bool(gradient("1", False).any()) == (share == 1)


def test_a_linear_channel_s_picture_is_its_colour() -> None:
    net = nn.Sequential(nn.Conv2d(3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)).eval()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([1.0, -1.0, 0.5]).view(1, 3, 1, 1))
        net[0].bias.zero_()
    model = InstrumentedModel(net, transform=_tensor_of)
    picture = visualize(model, "0", 0, steps=60, rate=0.15, path=False)[0]
    red, green, blue = picture.mean((1, 2)).tolist()
    assert red > 0.9 and green < 0.2 and blue > 0.8
    assert picture.std((1, 2)).max() < 0.02


def test_one_plain_step_in_pixels_is_the_gradient_written_by_hand() -> None:
    from nbviz.features.optimise import generator_of

    weight = torch.tensor([0.7, -0.2, 0.4])
    net = nn.Sequential(nn.Conv2d(3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)).eval()
    with torch.no_grad():
        net[0].weight.copy_(weight.view(1, 3, 1, 1))
        net[0].bias.zero_()  # one below -.45 would leave the channel below zero, which is raised by a tenth a step
    model = InstrumentedModel(net, transform=_tensor_of)
    plain = {"jitter": 0, "scale": 1, "rotate": 0, "decorrelate": False, "parametrisation": "pixel"}
    made = visualize(model, "0", 0, steps=1, optimiser="plain", rate=300.0, path=False, **plain)  # type: ignore[arg-type]
    start = 0.01 * torch.randn((3, SIZE, SIZE), generator=generator_of(0, channel("0", 0)))
    slope = torch.sigmoid(start) * (1 - torch.sigmoid(start))
    stepped = start + 300 * slope * weight.view(3, 1, 1) / SIZE**2
    assert torch.allclose(made[0], torch.sigmoid(stepped), atol=0.51 / 255)


def test_regularisers_do_what_they_say() -> None:
    model = small()
    free = {"parametrisation": "pixel", "jitter": 0, "scale": 1, "rotate": 0, "path": False}
    rough = visualize(model, "3", [0, 1], **free)  # type: ignore[arg-type]
    smooth = visualize(model, "3", [0, 1], total_variation=0.8, **free)  # type: ignore[arg-type]
    gray = visualize(model, "3", [0, 1], gray=0.8, **free)  # type: ignore[arg-type]
    assert smooth.diff(dim=-1).abs().mean() < 0.7 * rough.diff(dim=-1).abs().mean()
    assert (gray - 0.5).abs().mean() < 0.7 * (rough - 0.5).abs().mean()


@pytest.mark.parametrize("optimiser", ["normalised", "adam", "plain"])
@pytest.mark.parametrize("parametrisation", ["fourier", "pixel", "phase"])
def test_every_way_climbs(optimiser: str, parametrisation: str) -> None:
    rate = {"normalised": 0.05, "adam": 0.05, "plain": 2000.0 if parametrisation == "phase" else 50.0}[optimiser]
    pages = making(small(), "3", [0, 5], optimiser=optimiser, parametrisation=parametrisation, rate=rate, path=False)
    rise = list(pages)[-1].rise
    assert (rise[:, -5:].mean(1) > rise[:, :3].mean(1)).all()


def test_a_fixed_spectrum_stays_fixed() -> None:
    from nbviz.features.parametrisation import Canvas, Phases

    canvas = Canvas((16, 16), decorrelate=False)
    phases = Phases(canvas)
    start = phases.start(torch.Generator().manual_seed(0))[None]
    values = torch.logit(phases.pictures(start).double())
    power = torch.fft.rfft2(values, norm="ortho").abs()[..., 1:8, 1:8]
    assert torch.allclose(power, phases._amplitudes[1:8, 1:8].double().expand_as(power), rtol=1e-3)
    assert 0.9 < float(values.std()) < 1.1


def test_objectives_add_subtract_and_scale() -> None:
    maps = {"a": torch.arange(24.0).view(2, 3, 4), "b": torch.ones(3, 2, 2)}
    signed = {"a": torch.tensor([[[2.0, -1.0]]])}
    assert float(channel("a", 0).of(signed)) == pytest.approx((2 - 0.1) / 2)
    assert float((-channel("a", 0)).of(signed)) == pytest.approx((1 - 0.2) / 2)
    back = -channel("a", 0)
    assert float((-back).of(signed)) == float(channel("a", 0).of(signed))
    joint = 2 * channel("a", 1) - channel("b", 0)
    assert float(joint.of(maps)) == pytest.approx(2 * 17.5 - 0.1) and joint.layers == ("a", "b")
    assert joint.words == "2 × channel 1 of a − channel 0 of b"
    assert float(neuron("a", 0, (2, 3)).of(maps)) == 11 and float(neuron("a", 0).of(maps)) == 6
    assert float(direction("a", [3.0, 4.0]).of(maps)) == pytest.approx(0.6 * 5.5 + 0.8 * 17.5)
    assert (2 * channel("a", 1)).key != channel("a", 1).key != (-channel("a", 1)).key


def test_joint_objectives_over_layers_and_classes_are_reached() -> None:
    model = small("inplace", classes=["one", "two", "three", "four", "five"])
    classes = [logit(model, "two"), logit(model, 3) - logit(model, 0)]
    asked = [channel("0", 2) + channel("3", 1), -channel("3", 1), *classes]
    rise = list(making(model, "3", asked, path=False))[-1].rise
    assert (rise[:, -1] > rise[:, 0]).all()


def test_the_two_extremes_of_a_channel_are_apart() -> None:
    model = small()
    pictures = visualize(model, "3", [channel("3", 1), -channel("3", 1)], path=False)
    high, low = says(model, pictures, "3")[:, 1].mean((1, 2)).tolist()
    assert high > low


def test_facets_are_unlike_each_other() -> None:
    from nbviz.features.ascent import gram_cosine

    model = small()
    alone, apart = (visualize(model, "3", 1, facets=3, diversity=w, steps=60, path=False) for w in (0.0, 4.0))
    assert apart.shape[0] == 3
    assert float(gram_cosine(says(model, apart, "3"))) < float(gram_cosine(says(model, alone, "3"))) - 0.02


def test_facets_of_a_class_are_compared_where_there_are_places() -> None:
    model = small("inplace")
    page = list(making(model, "7", [0, 1], facets=2, diversity=0.5, steps=30, path=False))[-1]
    assert page.pictures.shape[0] == 4 and (page.rise[:, -1] > page.rise[:, 0]).all()


def test_gray_networks_get_gray_pictures() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
    pictures = visualize(InstrumentedModel(net), "0", [0, 1], size=24, path=False)
    assert pictures.shape == (2, 3, 24, 24) and torch.equal(pictures[:, 0], pictures[:, 2])


def test_a_network_of_one_size_sees_pictures_of_another_resized() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * SIZE * SIZE, 5)).eval()
    model = InstrumentedModel(net, transform=_tensor_of)
    made = list(making(model, "2", [0, 1], size=12, path=False))[-1]
    assert made.pictures.shape[-1] == 12 and (made.rise[:, -1] > made.rise[:, 0]).all()


def test_token_layers_are_seen_at_the_network_s_own_size() -> None:
    model = InstrumentedModel(build("tokens"), transform=_tensor_of)
    made = list(making(model, "block", [0, 1], path=False))[-1]
    assert made.pictures.shape[-1] == SIZE and (made.rise[:, -1] > made.rise[:, 0]).all()


def test_colours_go_through_the_model_s_own_preprocessing(zoo: InstrumentedModel) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    picture = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    flat = zoo.transform(Image.new("RGB", (224, 224), (10, 200, 90)))
    colour = torch.tensor([10, 200, 90]).view(1, 3, 1, 1) / 255
    assert torch.allclose(colours_of(zoo).channels(colour.expand(1, 3, 224, 224)), flat, atol=1e-6)
    assert colours_of(zoo).channels(picture).shape == (1, 3, 224, 224)


def test_recipes_follow_the_layer_s_depth_and_the_caller(zoo: InstrumentedModel) -> None:
    sizes = [recipe_for(zoo, name).size for name in ("stem", "blocks.2", "blocks.4", "blocks.8", "head", "classifier")]
    assert sizes == [32, 48, 80, 112, 128, 128]
    assert recipe_for(zoo, "blocks.2", "preview").steps == 16
    assert recipe_for(zoo, "blocks.2", "high", steps=7).size == 160
    assert recipe_for(zoo, "blocks.2", "high", steps=7).steps == 7


def test_what_is_not_there_is_said_in_words(zoo: InstrumentedModel) -> None:
    with pytest.raises(UnknownName, match=r"Nearest: 'blocks\.4'"):
        visualize(zoo, "block.4", 0)
    with pytest.raises(NbvizError, match="40 channels, 0 to 39: there is no channel 40"):
        visualize(zoo, "blocks.4", 40)
    with pytest.raises(NbvizError, match="whole number or an objective, not 1.5"):
        visualize(zoo, "blocks.4", [1.5])  # type: ignore[list-item]
    with pytest.raises(NbvizError, match="at least one channel"):
        visualize(zoo, "blocks.4", [])
    with pytest.raises(TypeError, match="did you mean 'jitter'"):
        visualize(zoo, "blocks.4", 0, jiter=3)
    with pytest.raises(NbvizError, match="steps= is a whole number of at least 1, not 0"):
        visualize(zoo, "blocks.4", 0, steps=0)
    with pytest.raises(NbvizError, match="one of 'preview', 'default', 'high', not 'best'"):
        visualize(zoo, "blocks.4", 0, preset="best")
    with pytest.raises(NbvizError, match="parametrisation is one of"):
        Recipe(parametrisation="wavelet")


def test_a_made_picture_does_not_depend_on_what_the_network_was_run_with_before() -> None:
    model = nbviz.zoo.load("fashion_cnn")
    wanted = visualize(model, "blocks.1", 3, steps=2, path=False)
    model(torch.rand(1, 1, 12, 12))
    assert model.layer("blocks.1").places == (12, 12)
    assert recipe_for(model, "blocks.1").size == 28
    model(torch.rand(1, 1, 12, 12))
    assert torch.equal(visualize(model, "blocks.1", 3, steps=2, path=False), wanted)
