"""The attack on the map: the answer stays, the map goes to another; ReLUs are softplus only while steps are taken."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.edits import Attack, Transform
from nbviz.edits import map_attack as room
from nbviz.edits.map_attack import Softplus, correlation, map_attack
from nbviz.errors import NbvizError, Refused
from nbviz.explorer import Explorer
from nbviz.panels.whatif.attack_map import led
from nbviz.session.inline import InlineRunner
from tests.networks import state_hash
from tests.panels.rig import say

SIDE = 20


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU6(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * (SIDE // 2) ** 2, 3),
    ).eval()  # fmt: skip


def image(seed: int) -> torch.Tensor:
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("act", [
    functional.relu, torch.relu, lambda x: x.clone().relu_(), nn.ReLU(), nn.ReLU(inplace=True), functional.relu6,
    nn.ReLU6(), nn.Hardtanh(-1.0, 2.0),
])  # fmt: skip
def test_a_relu_is_a_softplus_and_near_it_at_great_sharpness(act: object) -> None:
    x = torch.linspace(-4, 9, 200).double()
    plain = act(x.clone())  # type: ignore[operator]
    with Softplus(1000.0):
        sharp = act(x.clone())  # type: ignore[operator]
    with Softplus(2.0):
        smooth = act(x.clone())  # type: ignore[operator]
    torch.testing.assert_close(sharp, plain, atol=2e-3, rtol=0)
    assert float((smooth - plain).abs().max()) > 0.2
    torch.testing.assert_close(act(x.clone()), plain)  # type: ignore[operator]


@pytest.mark.parametrize("method", room.METHODS)
def test_the_answer_stays_and_the_map_goes_where_noise_does_not_take_it(method: str) -> None:
    net, here = network(), torch.get_rng_state()
    before = state_hash(net)
    made = map_attack(net, image(1), image(2), method, size=16.0, steps=40)
    assert made.stays and made.largest <= 16.5 + 1e-3  # the picture itself was on no whole grey levels
    alike = made.likeness
    assert alike["after"] > alike["before"] + 0.15 and alike["after"] > alike["noisy"] + 0.15
    assert state_hash(net) == before and torch.equal(torch.get_rng_state(), here)
    # judged on the real network, as the 8-bit picture
    pixels = torch.from_numpy(np.array(made.picture)).permute(2, 0, 1).float() / 255
    label = made.before[0][1]
    heat = nbviz.attribute(net, pixels, label, method).heat().double()
    assert correlation(heat, made.wanted) == pytest.approx(alike["after"], abs=1e-3)
    assert nbviz.InstrumentedModel(net).predict(pixels, 1)[0][1] == made.after[0][1]


@pytest.mark.parametrize(("before", "noisy", "after", "words"), [
    (0.1, 0.1, 0.9, "The map is now nearly"), (0.1, 0.1, 0.4, "The map has moved towards"),
    (0.2, 0.35, 0.4, "The map was hardly led towards"), (0.9, 0.9, 0.91, "The map was hardly led towards"),
])  # fmt: skip
def test_the_words_follow_the_figures(before: float, noisy: float, after: float, words: str) -> None:
    assert led({"before": before, "noisy": noisy, "after": after}) == words


def test_what_cannot_be_led_is_refused() -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 3))
    for bad in (
        lambda: map_attack(linear, image(1), image(2)),
        lambda: map_attack(network(), image(1), image(2), "grad_cam"),
        lambda: map_attack(network(), image(1), torch.zeros(SIDE, SIDE)),
        lambda: map_attack(network(), image(1), torch.ones(3, 3)),
        lambda: map_attack(network(), image(1), image(2), size=-1.0),
    ):
        with pytest.raises(NbvizError, match=r"\w+ \w+"):
            bad()


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    pictures = {"one": image(1), "two": image(2)}
    with Explorer(network(), pictures, runner=InlineRunner, method="saliency") as made:
        made.selection.tool = "attack"
        yield made


class Attending(nn.Module):
    """Fused attention between the rows of a picture; scaled by hand, or causal."""

    def __init__(self, **options: object) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.read, self.options = nn.Linear(SIDE, 3), options

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.read(functional.scaled_dot_product_attention(x, 3 * x, x, **self.options).sin().sum((1, 2)))


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 2.0}])
def test_a_map_of_fused_attention_is_led_as_one_that_is_written_out(options: dict[str, object]) -> None:
    net = Attending(**options).eval()
    with Softplus(10.0):
        written = net(image(1)[None])
    torch.testing.assert_close(written, net(image(1)[None]))
    made = map_attack(net, image(1), image(2), size=16.0, steps=10)
    assert made.likeness["after"] > made.likeness["before"] + 0.1


def test_the_zoos_transformer_has_a_map_that_can_be_led() -> None:
    pictures = nbviz.zoo.fashion()
    made = map_attack(nbviz.zoo.load("fashion_vit"), pictures[0][0], pictures[1][0], steps=6)
    assert made.stays and made.likeness["after"] > made.likeness["noisy"]


def test_an_operation_without_a_second_derivative_is_refused_with_torchs_own_words() -> None:
    class Distances(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return -torch.cdist(x.square().flatten(1)[:, None], torch.eye(3, x[0].numel())[None])[:, 0]

    with pytest.raises(Refused, match=r"need a second gradient.*cdist_backward' is not implemented"):
        map_attack(Distances().eval(), image(1), image(2), steps=2)


def test_the_desk_shows_it_with_its_figures_and_forgets_it_with_another_picture(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbviz.panels.whatif.attack_map.STEPS", 8)
    view = explorer.panels["attack"].view
    assert view.others == [["two", "the map of two"]] and view.map_words == []
    say(view, event="map", like="two")
    made = map_attack(explorer.model, explorer.pictures["one"], explorer.pictures["two"], "saliency", 4.0, 8)
    said = "".join(run if isinstance(run, str) else run[0] for run in view.map_words).replace("−", "-")
    alike = made.likeness
    assert f"r {alike['before']:.2f} → {alike['after']:.2f}" in said
    assert f"noise of the same size {alike['noisy']:.2f}" in said
    assert len(view.map_pictures) == 4 and all(view.map_pictures)
    assert view.map_captions[3] == "wanted: the map of two" and said.startswith("The answer ")
    pixels = (image(2).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(made.like), pixels)
    view.state = "computing"
    explorer.panels["attack"].parts()["map attack"].show(made)
    assert view.state == "computing"  # a part's answer leaves the desk dimmed
    view.state = "ready"
    explorer.selection.edits = (Attack("pgd", 2.0),)
    assert len(view.map_pictures) == 4  # the attack on the answer is not beneath it
    explorer.selection.edits = (Transform("flip", 1),)
    assert view.map_pictures == [] and view.map_words == []
    explorer.selection.edits = ()
    assert len(view.map_pictures) == 4
    explorer.selection.image = "two"
    assert view.map_pictures == [] and view.others == [["one", "the map of one"]]
