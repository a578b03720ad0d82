"""Channels of networks of every kind against a hook by hand: grouped convolutions, half precision, timm's modules."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import nbviz
from nbviz.circuits import circuit
from nbviz.circuits.effects import measuring
from nbviz.edits import Channels
from nbviz.edits.map_attack import map_attack
from nbviz.errors import NbvizError
from nbviz.passes.resume import TOLERANCE
from tests.networks import state_hash


class NormAct(nn.BatchNorm2d):
    """Batch norm that is its own activation, as timm's BatchNormAct2d."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.drop, self.act = nn.Identity(), nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.1, self.eps)
        return self.act(self.drop(x))


class Squeeze(nn.Module):
    """Squeeze and excitation by functions between its modules, as timm's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_reduce, self.act1 = nn.Conv2d(channels, 2, 1), nn.ReLU(inplace=True)
        self.conv_expand, self.gate = nn.Conv2d(2, channels, 1), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.conv_expand(self.act1(self.conv_reduce(x.mean((2, 3), keepdim=True)))))


class Block(nn.Module):
    """Inverted residual: depthwise convolution, squeeze, a shortcut added in place, a path that is never dropped."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_dw, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels), NormAct(channels)
        self.se, self.conv_pwl = Squeeze(channels), nn.Conv2d(channels, channels, 1)
        self.drop_path = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop_path(self.conv_pwl(self.se(self.bn1(self.conv_dw(x)))))
        out += x
        return out


class LikeTimm(nn.Module):
    """Stem, blocks and head as timm's networks have them: a pool that flattens, features and head apart."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = nn.Conv2d(3, 6, 3, 2), NormAct(6)
        self.blocks = nn.Sequential(nn.Sequential(Block(6)), nn.Sequential(Block(6), nn.Identity()))
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1))
        self.classifier = nn.Linear(6, 4)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.blocks(self.bn1(self.conv_stem(x)))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.global_pool(self.forward_features(x)))


def _grouped() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, groups=3), nn.ReLU(inplace=True), nn.ChannelShuffle(3), nn.Conv2d(6, 12, 3, 2, groups=6),
        nn.GroupNorm(4, 12), nn.GELU(), nn.Conv2d(12, 8, 1, groups=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 4),
    )  # fmt: skip


KINDS: dict[str, tuple[Callable[[], nn.Module], torch.dtype]] = {
    "grouped": (_grouped, torch.float64),
    "timm": (LikeTimm, torch.float64),
    "grouped in float16": (_grouped, torch.float16),
    "timm in bfloat16": (LikeTimm, torch.bfloat16),
}
ROOM = {torch.float64: 1e-13, torch.float16: 2e-3, torch.bfloat16: 2e-2}


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor]:
    make, dtype = KINDS[request.param]
    torch.manual_seed(0)
    return make().eval().to(dtype), torch.randn(1, 3, 16, 16).to(dtype)


def by_hand(net: nn.Module, x: Tensor, layer: str, act: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Scores of a copy whose layer's output is edited by a hook."""
    copy = deepcopy(net)
    copy.get_submodule(layer).register_forward_hook(lambda _, __, output: act(output.clone()))
    with torch.no_grad():
        scores: np.ndarray = copy(x)[0].double().numpy()
    return scores


def layers(model: nbviz.InstrumentedModel) -> list[str]:
    """Layers with maps: all in double precision, each third in half."""
    names = [layer.name for layer in model.layers().walk() if layer.name and layer.places]
    assert len(names) >= 7
    return names[:: 1 if next(model.net.parameters()).dtype == torch.float64 else 3]


def put(channels: list[int], value: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def act(output: Tensor) -> Tensor:
        output[:, channels] = value(output[:, channels]).to(output.dtype)
        return output

    return act


def test_edits_are_those_made_by_hand(case: tuple[nn.Module, Tensor]) -> None:
    net, x = case
    model, before = nbviz.InstrumentedModel(net), state_hash(net)
    model.trace(x)
    room = ROOM[x.dtype] * max(1.0, float(net(x).detach().abs().max()))
    for name in layers(model):
        edits = {
            Channels(name, off=[1, 2]): put([1, 2], torch.zeros_like),
            Channels(name, only=[0]): put(list(range(1, model.layer(name).channels or 0)), torch.zeros_like),
            Channels(name, scale={1: -2.0}): put([1], lambda values: -2 * values),
            Channels(name, clamp={0: (-0.25, 0.25)}): put([0], lambda values: values.clamp(-0.25, 0.25)),
            Channels(name, off=[1], fill="mean"): put(
                [1], lambda values: values.float().mean((2, 3), keepdim=True).expand_as(values)
                if values.dtype != torch.float64 else values.mean((2, 3), keepdim=True).expand_as(values)
            ),
        }  # fmt: skip
        for edit, act in edits.items():
            np.testing.assert_allclose(
                model.edited(edit)(x)[0].double().numpy(),
                by_hand(net, x, name, act),
                rtol=0,
                atol=room,
                err_msg=edit.words,
            )
    assert state_hash(net) == before


def test_measured_effects_are_those_of_each_channel_off(case: tuple[nn.Module, Tensor]) -> None:
    net, x = case
    model = nbviz.InstrumentedModel(net)
    model.trace(x)
    whole = net(x)[0].detach().double().numpy()
    room = max(ROOM[x.dtype], TOLERANCE * (x.dtype != torch.float64)) * max(1.0, float(np.abs(whole).max()))
    for name in layers(model):
        *_, effects = measuring(model, x, name, (1,))
        assert effects.exact or x.dtype != torch.float64, name
        for channel in range(len(effects.measured)):
            off = by_hand(net, x, name, put([channel], torch.zeros_like))
            np.testing.assert_allclose(effects.measured[channel], off - whole, rtol=0, atol=2 * room, err_msg=name)


def test_a_softmax_at_the_end_leaves_an_edit_of_its_logits_one_meaning() -> None:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    net, x = nn.Sequential(body, nn.Softmax(1)).double().eval(), torch.rand(1, 3, 8, 8).double()
    known = nbviz.InstrumentedModel(net)
    before = known.logits(x)
    for layer in ("0", "0.4"):  # the container puts out its last layer's tensor: one of them was without effect
        edit = Channels(layer, off=[1])
        for model in (known, nbviz.InstrumentedModel(net)):  # traced before it was edited, and after
            np.testing.assert_allclose(model.edited(edit).logits(x), before * [1, 0, 1, 1], rtol=1e-6)


def test_effects_are_changes_of_the_scores_that_are_shown() -> None:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    x, model = torch.rand(1, 3, 8, 8).double(), nbviz.InstrumentedModel(nn.Sequential(body, nn.Softmax(1)).double())
    *_, effects = measuring(model, x, "0.4", (0,))
    off = model.edited(Channels("0.4", off=[0])).logits(x) - model.logits(x)
    # of a logit that is off the others stay; of log-probabilities all would move
    np.testing.assert_allclose(effects.measured[0], off, atol=1e-6)
    assert effects.exact and not effects.measured[0, 1:].any()
    assert effects.foretold[0] == pytest.approx(effects.measured[:, 0], abs=1e-6)


def test_a_score_that_is_walked_from_is_the_score_that_is_shown() -> None:
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    net = nn.Sequential(*body, nn.Linear(6, 4), nn.Softmax(1)).double().eval()
    x, model = torch.rand(1, 3, 9, 9).double(), nbviz.InstrumentedModel(net)
    made = circuit(model, x, 2, layers=["3"], top=2)
    assert made.nodes["value"][0] == pytest.approx(float(model.logits(x)[2]), rel=1e-6)
    top = [int(channel) for channel in made.edges["channel"]]
    alone = model.edited(Channels("3", only=top)).logits(x)[2]
    assert made.nodes["alone"][0] == pytest.approx(float(alone), rel=1e-6)


class Mapped(nn.Module):
    """Background nearly everywhere by a hair, and a class that is strong where it is."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x[:, 0] * 0 + 0.6, x[:, 0], x[:, 1] * 9 - 8], 1)


def test_an_attack_leaves_the_class_that_is_said_first_which_is_no_background() -> None:
    model = nbviz.InstrumentedModel(Mapped(), classes=["background", "one", "two"])
    x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    said = model.predict(x, 1)[0][1]
    assert said != int(model.logits(x).argmax()), "the network is such that both differ"
    with pytest.raises(NbvizError, match="says one already"):
        nbviz.attack(model, x, into="one")


@pytest.mark.parametrize("end", [nn.Identity(), nn.Sigmoid()])
def test_one_score_has_no_other_class_and_with_both_names_it_has(end: nn.Module) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1), end)
    x = torch.rand(1, 3, 8, 8)
    for attack in ("fgsm", "pgd"):
        with pytest.raises(NbvizError, match="one score"):
            nbviz.attack(net, x, attack)  # type: ignore[arg-type]
    both = nbviz.InstrumentedModel(net, classes=["no", "yes"])
    made = nbviz.attack(both, x, "pgd", 40.0)
    assert made.after[0][2] < made.before[0][2] or made.flipped


@pytest.mark.parametrize("size", [1e30, 1e39, 1e300])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_attack_farther_than_any_picture_is_a_picture(size: float, norm: str) -> None:
    for method in ("fgsm", "pgd", "noise"):
        made = nbviz.attack(_grouped().eval(), torch.rand(3, 16, 16), method, size, norm=norm)  # type: ignore[arg-type]
        assert 0 <= float(made.inputs["attacked"].min()) and float(made.inputs["attacked"].max()) <= 1


@pytest.mark.parametrize("make", [lambda: _grouped().half(), lambda: nn.Sequential(_grouped(), nn.Linear(4, 1))])
def test_the_map_of_a_network_in_half_precision_or_of_one_score_can_be_led(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    made = map_attack(make().eval(), torch.rand(3, 16, 16), torch.rand(3, 16, 16), size=16.0, steps=2)
    assert made.largest > 1 and np.isfinite(made.after[0][3]) and np.isfinite(list(made.likeness.values())).all()


class Checkpointed(nn.Module):
    """Blocks that a checkpoint computes again in the backward."""

    def __init__(self, twice: bool = False) -> None:
        super().__init__()
        self.block, self.head = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()), nn.Linear(3, 4)
        self.twice = twice

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(1 + self.twice):
            x = checkpoint(self.block, x, use_reentrant=False)
        return self.head(x.mean((2, 3)))


def test_an_edit_within_a_checkpoint_is_made_in_the_backward_too() -> None:
    torch.manual_seed(0)
    net, x = Checkpointed().double().eval(), torch.rand(1, 3, 8, 8).double()
    bare = nn.Sequential(net.block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), net.head)
    for mine, theirs in (("block.0", "0.0"), ("block.1", "0.1"), ("block", "0")):
        one, other = (
            nbviz.attribute(nbviz.InstrumentedModel(of).edited(Channels(layer, scale={1: 3.0})), x, 0, "saliency")
            for of, layer in ((net, mine), (bare, theirs))
        )
        torch.testing.assert_close(one.values, other.values)
    twice = nbviz.InstrumentedModel(Checkpointed(twice=True).eval())
    with pytest.raises(NbvizError, match="called 2 times"):
        nbviz.attribute(twice.edited(Channels("block.0", off=[1])), x.float(), 0, "saliency")
