"""What a network holds in unusual ways is copied or refused: nbviz never calls a module of the user's."""

from __future__ import annotations

import gc
import types
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.replica import replicate
from tests.holding import HOLDING, holding
from tests.networks import build, picture, state_hash


@pytest.mark.parametrize("name", HOLDING)
def test_a_layer_is_the_replicas_however_it_is_held(name: str) -> None:
    net = holding(name)
    twin = holding(name)
    x = picture()
    model = InstrumentedModel(net)
    layers = model.trace(x).layers
    # a call of its forward alone is no call of the module, for torch's hooks neither
    assert (layers["bn"].shape == (4, 14, 14)) == (name != "bound method")
    wanted = x.clone().requires_grad_()
    logits = twin(wanted)
    assert torch.equal(model(x), logits)

    net.train()  # the user's next cell trains
    before = state_hash(net)
    values = nbviz.attribute(model, x, 1, "saliency").values
    assert state_hash(net) == before
    assert torch.equal(values, torch.autograd.grad(logits[0, 1], wanted)[0])


out_of_reach = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3 * 16 * 16, 5))


class CallsGlobal(nn.Module):
    """A notebook's network that goes through a global variable."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return out_of_reach(x)


@pytest.mark.parametrize(("training", "act"), [(True, "writes to its own weights in"), (False, "calls")])
def test_a_module_out_of_reach_is_refused_with_what_to_do(training: bool, act: str) -> None:
    out_of_reach.train(training)
    before = state_hash(out_of_reach)
    with pytest.raises(Refused, match=f"{act} a Sequential that it does not hold .* Make it an attribute"):
        InstrumentedModel(CallsGlobal()).predict(picture())
    assert state_hash(out_of_reach) == before


def test_modules_made_in_the_forward_are_no_ones_to_protect() -> None:
    class Makes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = build("inplace")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            smooth = nn.Conv2d(3, 3, 1, bias=False)
            with torch.no_grad():
                smooth.weight.copy_(torch.eye(3)[:, :, None, None])
            return self.net(nn.Upsample(scale_factor=2)(smooth(x)))

    assert len(InstrumentedModel(Makes()).predict(picture())) == 5


def test_state_beside_the_modules_is_the_replicas_own() -> None:
    class Counter:
        def __init__(self) -> None:
            self.calls, self.log = 0, ["start"]

    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = build("inplace")
            self.counter, self.space = Counter(), types.SimpleNamespace(n=0)
            self.add = _adder()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.counter.calls += 1
            self.counter.log.append("forward")
            self.space.n += 1
            self.add()
            return self.net(x)

    net = Counts()
    nbviz.attribute(net, picture(), 1, "occlusion", stride=8, window=8)
    assert (net.counter.calls, net.counter.log, net.space.n, net.add()) == (0, ["start"], 0, 1)


def _adder() -> Any:
    total = 0

    def add() -> int:
        nonlocal total
        total += 1
        return total

    return add


def test_a_cell_that_two_functions_share_is_shared_by_their_copies() -> None:
    def pair() -> tuple[Any, Any]:
        kept = [nn.Identity()]

        def put(item: Any) -> None:
            nonlocal kept
            kept = [item]

        return put, lambda: kept[0]

    net = build("inplace")
    net.put, net.get = pair()
    twin: Any = replicate(net)
    twin.put("other")
    assert twin.get() == "other" and isinstance(net.get(), nn.Identity)


def test_no_code_of_the_users_runs_for_a_copy() -> None:
    ran: list[str] = []

    class Careful(nn.Sequential):
        def __init_subclass__(cls) -> None:
            ran.append("subclass")

        def __deepcopy__(self, memo: Any) -> Any:
            ran.append("deepcopy")

        def __setstate__(self, state: Any) -> None:
            ran.append("setstate")

        def __del__(self) -> None:
            ran.append("del")

        def close(self) -> None:
            ran.append("close")

        def __exit__(self, *error: object) -> None:
            ran.append("exit")

    net = Careful(*build("inplace"))
    twin = replicate(net)
    assert isinstance(twin, Careful) and type(twin).__name__ == "Careful"
    with torch.no_grad():
        assert torch.equal(twin(picture()), net.eval()(picture()))
    del twin
    gc.collect()
    assert ran == []


def test_a_service_with_a_finaliser_is_shared() -> None:
    class Rows:
        def __init__(self) -> None:
            self.rows = [[number] for number in range(1000)]

        def __del__(self) -> None:
            self.rows.clear()

    net: Any = build("inplace")
    net.service = Rows()
    twin: Any = replicate(net)
    assert twin.service is net.service
    del twin
    gc.collect()
    assert len(net.service.rows) == 1000


def test_a_copys_finaliser_leaves_the_networks_hooks() -> None:
    class Keeper:
        def __init__(self, part: nn.Module) -> None:
            self.kept: torch.Tensor | None = None
            self.handle = part.register_forward_hook(lambda module, inputs, output: setattr(self, "kept", output))

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.out = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU()), nn.Linear(7, 5)
            self.keepers = [Keeper(self.encoder[1])]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.encoder(x)
            kept = self.keepers[0].kept
            assert kept is not None
            return self.out(torch.cat([x.mean((2, 3)), kept.mean((2, 3))], 1))

        def __del__(self) -> None:
            for keeper in self.keepers:
                keeper.handle.remove()

    net = UNet().eval()
    with torch.no_grad():
        wanted = net(picture(1))
    kept = net.keepers[0].kept
    model = InstrumentedModel(net)
    nbviz.attribute(model, picture(), "predicted", "saliency")
    del model
    gc.collect()
    assert len(net.encoder[1]._forward_hooks) == 1 and net.keepers[0].kept is kept
    with torch.no_grad():
        net(picture(2))
        assert torch.equal(net(picture(1)), wanted)


def test_a_copys_handle_takes_the_hook_off_the_copy() -> None:
    net: Any = build("inplace")
    net.handles = [net[0].register_forward_hook(lambda *args: None, with_kwargs=False)]
    twin: Any = replicate(net)
    twin.handles[0].remove()
    assert len(net[0]._forward_hooks) == 1 and not twin[0]._forward_hooks


def test_containers_keep_their_kind() -> None:
    class Named(OrderedDict[str, int]):
        label = "class"

    net: Any = build("inplace")
    net.named = Named(b=1, a=2)
    net.named.label = "own"
    net.shape = torch.Size([1, 2])
    twin: Any = replicate(net)
    assert type(twin.named) is Named and list(twin.named) == ["b", "a"] and twin.named.label == "own"
    assert twin.named is not net.named and twin.shape is net.shape
