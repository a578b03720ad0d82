"""Resumed forwards equal whole ones: to the bit in float64, on networks of every make, or whole ones are run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import nbviz
from nbviz.circuits.switches import one_off_each
from nbviz.passes.resume import Resumed
from nbviz.replica.guest import Pass
from nbviz.replica.torchvision_import import torchvision
from tests.networks import NETWORKS, build, picture

models = torchvision().models


def _vit() -> nn.Module:
    return models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5)


def _googlenet() -> nn.Module:
    return models.googlenet(num_classes=5, aux_logits=False, init_weights=False)


def _swin() -> nn.Module:
    return models.SwinTransformer([2, 2], 12, [2, 2], [2, 2], [4, 4], num_classes=5)


LARGE: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "resnet18": (lambda: models.resnet18(num_classes=5), ["layer1.0", "layer2.1.conv2", "layer3.0.relu#1"]),
    "resnet50": (lambda: models.resnet50(num_classes=5), ["layer2.3.bn2", "layer3.2.conv2"]),
    "densenet121": (lambda: models.densenet121(num_classes=5), ["features.denseblock3.denselayer5"]),
    "mobilenet_v3": (lambda: models.mobilenet_v3_small(num_classes=5), ["features.4", "features.6.block.2"]),
    "efficientnet_b0": (lambda: models.efficientnet_b0(num_classes=5), ["features.3.0"]),
    "googlenet": (
        lambda: models.googlenet(num_classes=5, aux_logits=False, init_weights=False),
        ["inception4b.branch2"],
    ),
    "convnext": (lambda: models.convnext_tiny(num_classes=5), ["features.3.1"]),
    "vit": (_vit, ["encoder.layers.encoder_layer_1.mlp.0", "encoder.layers.encoder_layer_0"]),
    "swin": (_swin, ["features.1.1", "features.3.0.mlp.1"]),
}
SMALL = [name for name in NETWORKS if name not in ("segments", "detects")]


def compared(net: nn.Module, x: Tensor, layer: str) -> tuple[Resumed, float]:
    """Switch channels off in batches of three, resumed and whole; return the largest difference."""
    model = nbviz.InstrumentedModel(net)
    model.trace(x)
    known = model.layer(layer)
    assert known.layout is not None and known.channels is not None
    layout, count = known.layout, min(known.channels, 7)

    def work(run: Pass) -> tuple[Resumed, float]:
        with torch.no_grad():
            resumed, worst = Resumed(model, run, x, layer), 0.0
            for first in range(0, count, 3):
                channels = list(range(first, min(first + 3, count)))
                edit = one_off_each(layout, channels, "zero")
                one, other = (model.find_logits(f(len(channels), edit)) for f in (resumed, resumed._whole))
                worst = max(worst, float((one - other).abs().max()))
        return resumed, worst

    return model.guest.steady(work)


@pytest.mark.parametrize(("name", "layer"), [(name, layer) for name, (_, layers) in LARGE.items() for layer in layers])
def test_equal_to_the_bit_in_double_precision(name: str, layer: str) -> None:
    torch.manual_seed(0)
    net = LARGE[name][0]().double().eval()
    x = torch.randn(1, 3, 32 if name in ("vit", "swin") else 64, 32 if name in ("vit", "swin") else 64).double()
    resumed, worst = compared(net, x, layer)
    assert resumed.exact and worst == 0.0
    assert resumed.calls  # something was replayed


@pytest.mark.parametrize("name", SMALL)
def test_every_layer_of_small_networks(name: str) -> None:
    net = build(name)
    x = picture(dtype=next((p.dtype for p in net.parameters()), torch.float32))
    model = nbviz.InstrumentedModel(net)
    if model.trace(x).kind != "classes":
        pytest.skip("puts out something else")
    names = [layer.name for layer in model.layers().walk() if layer.name and layer.channels]
    assert names, "there is no layer to resume at"
    for name in names:
        resumed, worst = compared(net, x, name)
        assert worst <= room(x) * max(1.0, float(model(x).abs().max())), name


def room(x: Tensor) -> float:
    """What adding up in another order may cost, relative to the scores."""
    return {torch.float64: 0.0, torch.float32: 1e-6}.get(x.dtype, 0.02)


def test_a_forward_that_mixes_pictures_is_run_whole() -> None:
    class Sequences(nn.Module):
        """Attention over (tokens, batch, width): the batch is not the first axis of what its parts put out."""

        def __init__(self) -> None:
            super().__init__()
            self.patch = nn.Conv2d(3, 8, 4, 4)
            self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
            self.head = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.patch(x).flatten(2).permute(2, 0, 1)
            tokens = self.first(tokens).relu()
            return self.head(self.second(tokens.transpose(0, 1).flatten(1)[:, :8]))

    torch.manual_seed(0)
    resumed, worst = compared(Sequences().double().eval(), torch.randn(1, 3, 16, 16).double(), "second")
    assert worst == 0.0 and resumed.exact is False


class Flat(nn.Module):
    """Between its modules it folds places into the batch, which no view of one row can be."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        shortcut = first.view(-1, first.shape[-1])[:, :1].view(len(x), -1)[:, :3]
        return self.head(self.second(first.relu()).mean((2, 3))) + shortcut


def test_outputs_are_views_and_copies_only_where_a_view_is_not_enough() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 3, 16, 16).double()
    resumed, worst = compared(Flat().double().eval(), x, "second")
    several = resumed._ways[True]
    assert resumed.exact and worst == 0.0 and several is not None and several.form == "copies"
    resumed, worst = compared(build("plain").double(), x, "2")
    assert resumed.exact and worst == 0.0 and all(way and way.form == "views" for way in resumed._ways.values())
    memory = {call.repeated(3, "views").untyped_storage().data_ptr() for call in resumed.calls if call.intact}
    assert memory and memory <= {call.output.untyped_storage().data_ptr() for call in resumed.calls}


class Narrow(nn.Module):
    """Convolutions of 1 × 1 with a shortcut; where ``flat``, a view that maps laid out channels last do not allow."""

    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.flat = flat
        self.first, self.second, self.third = (nn.Conv2d(a, b, 1) for a, b in ((3, 6), (6, 6), (6, 6)))
        self.head = nn.Linear(6 * 25, 3)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        third = first + self.third(self.second(first).relu())
        return self.head(third.view(len(x), -1) if self.flat else third.flatten(1))


@pytest.mark.parametrize("flat", [False, True])
def test_maps_lie_channels_last_where_that_is_faster_and_the_forward_allows_it(flat: bool) -> None:
    torch.manual_seed(0)
    net, x = Narrow(flat).eval(), torch.randn(1, 3, 5, 5)
    resumed, worst = compared(net, x, "second")
    ways = [way for way in resumed._ways.values() if way]
    assert resumed.exact and worst <= room(x) * float(net(x).detach().abs().max())
    assert [way.form for way in ways] == ["views" if flat else "channels last"]
    # another order of adding up is none of float64's: there the results are equal to the bit
    resumed, worst = compared(net.double(), x.double(), "second")
    assert resumed.exact and worst == 0.0 and all(way and way.form == "views" for way in resumed._ways.values())


def test_nothing_stays_on_the_replica() -> None:
    net, x = build("functional"), picture()
    model = nbviz.InstrumentedModel(net)
    model.trace(x)
    before = model(x)
    compared(net, x, "inner")

    def left(run: Pass) -> list[str]:
        return [
            name for name, m in run.net.named_modules() if m._forward_hooks or m.__dict__.get("_compiled_call_impl")
        ]

    assert model.guest.steady(left) == []
    assert torch.equal(model(x), before)
