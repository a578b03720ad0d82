"""Every way a network can change is seen; what changes nothing is not."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Guest
from tests.networks import build, picture


def _fused(net: nn.Module) -> None:
    optimizer = torch.optim.Adam(net.parameters(), 0.01, fused=True)
    net(picture()).sum().backward()
    optimizer.step()


def _numpy(net: nn.Module) -> None:
    net[7].bias.detach().numpy()[3] += 1


def _data(net: nn.Module) -> None:
    net[3].weight.data *= 1.01


WEIGHTS: dict[str, Callable[[nn.Module], object]] = {
    "load_state_dict": lambda net: net.load_state_dict(build("inplace", seed=1).state_dict()),
    "in place": lambda net: nn.init.zeros_(net[7].bias),
    "data in place": _data,
    "numpy": _numpy,
    "fused": _fused,
    "buffer": lambda net: net[1].running_mean.add_(1),
}
STRUCTURE: dict[str, Callable[[nn.Module], object]] = {
    "data": lambda net: setattr(net[7].bias, "data", torch.ones(5)),
    "half": lambda net: net.half(),
    "double": lambda net: net.double(),
    "layer": lambda net: net.__setitem__(4, nn.Tanh()),
    "parameter": lambda net: setattr(net[7], "bias", nn.Parameter(torch.ones(5))),
    "deleted": lambda net: net.__delitem__(4),
    "attribute": lambda net: setattr(net[1], "eps", 0.1),
    "flag": lambda net: setattr(net, "flag", True),
    "hook": lambda net: net[0].register_forward_hook(lambda *args: None),
    "stride": lambda net: setattr(net[3], "stride", (1, 1)),
}


@pytest.mark.parametrize("how", WEIGHTS)
def test_moved_weights_change_the_fingerprint_and_the_answer(how: str) -> None:
    net = build("inplace")
    model = InstrumentedModel(net)
    before, said = model.fingerprint(), model.logits(picture())
    WEIGHTS[how](net)
    assert model.fingerprint() != before
    assert model.fingerprint()[0] == before[0]  # the structure is as it was
    assert not np.array_equal(model.logits(picture()), said)
    with torch.no_grad():
        np.testing.assert_array_equal(model.logits(picture()), net.eval()(picture())[0])


@pytest.mark.parametrize("how", STRUCTURE)
def test_a_changed_structure_changes_the_revision_and_is_followed(how: str) -> None:
    net = build("inplace")
    model = InstrumentedModel(net)
    model.predict(picture())
    before = model.fingerprint()
    STRUCTURE[how](net)
    assert model.fingerprint()[0] == before[0] + 1
    assert [layer.kind for layer in model.layers().children] == [type(m).__name__ for m in net]
    x = picture().to(next(net.parameters()).dtype)
    with torch.no_grad():
        np.testing.assert_array_equal(model.logits(picture()), net.eval()(x)[0].float())


def _hook_and_back(net: nn.Module) -> Iterator[None]:
    handle = net[3].register_forward_hook(lambda module, inputs, output: output * 2)
    yield
    handle.remove()


def _attribute_and_back(net: nn.Module) -> Iterator[None]:
    net.forward = lambda x: net[7](net[:7](x) * 3)  # type: ignore[method-assign]
    yield
    del net.forward


def _head_and_back(net: nn.Module) -> Iterator[None]:
    head, net[7] = net[7], nn.Identity()
    yield
    net[7] = head


@pytest.mark.parametrize("change", [_hook_and_back, _attribute_and_back, _head_and_back], ids=lambda act: act.__name__)
def test_a_structure_that_comes_back_is_the_one_before(change: Callable[[nn.Module], Iterator[None]]) -> None:
    """Catches a network that counts as changed for ever by what a cell puts on and takes off again."""
    net = build("inplace").eval()
    guest = Guest(net)
    model = InstrumentedModel(net)
    first, before, said = guest.revision, model.fingerprint(), model.logits(picture())
    for _ in range(2):
        act = change(net)
        next(act)
        between, other = guest.revision, model.logits(picture())
        assert guest.structure_at(between) != guest.structure_at(first)
        assert not np.array_equal(other, said)
        next(act, None)
        assert guest.structure_at(guest.revision) == guest.structure_at(first)
        # a revision never comes back: an answer from in between would be taken for one of now
        assert guest.revision > between > first
        np.testing.assert_array_equal(model.logits(picture()), said)
    after = model.fingerprint()
    assert after[1] == before[1]
    net[3].register_forward_hook(lambda module, inputs, output: output * 2)
    assert guest.structure_at(guest.revision) not in (guest.structure_at(first), guest.structure_at(between))


def test_what_a_network_held_before_is_not_kept_in_case_it_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbviz.replica.watching.watch.SMALL", 20)
    net = build("inplace").eval()
    guest = Guest(net)
    recorder = nn.Identity()  # stands for what a hook has recorded
    net[3].register_forward_hook(lambda module, inputs, output, to=recorder: to(output) * 2)
    revision, held, head = guest.revision, weakref.ref(recorder), weakref.ref(net[7].weight)
    net[3]._forward_hooks.clear()
    net[7] = nn.Linear(8, 3)
    del recorder
    assert guest.revision == revision + 1
    gc.collect()
    assert held() is None and head() is None


def test_functions_of_a_class_are_structure() -> None:
    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.scale(x).mean((2, 3))

        def scale(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    model = InstrumentedModel(Scaled())
    before, said = model.fingerprint(), model.logits(picture())
    assert model.fingerprint() == before
    Scaled.scale = lambda self, x: 3 * x  # type: ignore[method-assign]
    assert model.fingerprint()[0] == before[0] + 1
    np.testing.assert_allclose(model.logits(picture()), 1.5 * said, rtol=1e-5)
    Scaled.forward = lambda self, x: x.amax((2, 3))  # type: ignore[method-assign]
    assert model.fingerprint()[0] == before[0] + 2


def test_a_module_under_another_name_is_another_structure() -> None:
    parts = nn.ModuleDict({"a": nn.Conv2d(3, 4, 3)})
    model = InstrumentedModel(nn.Sequential(parts))
    before = model.fingerprint()
    parts._modules["b"] = parts._modules.pop("a")
    assert model.fingerprint() != before


def test_looking_training_modes_and_gradients_change_nothing() -> None:
    net = build("inplace")
    model = InstrumentedModel(net)
    before = model.fingerprint()
    model.predict(picture())
    net.eval()
    with torch.no_grad():
        net(picture())
    net(picture()).sum().backward()
    net.train()
    assert model.fingerprint() == before


def test_networks_without_weights_have_a_fingerprint() -> None:
    model = InstrumentedModel(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    assert model.fingerprint() == model.fingerprint()
    assert len(model.predict(picture(size=224))) == 3


@pytest.mark.parametrize(
    "make", [torch.t, lambda t: t[:, ::2], lambda t: t[0, 0], torch.Tensor.to_sparse, lambda t: t[:0]]
)
def test_tensors_of_every_layout_are_watched(make: Callable[[torch.Tensor], torch.Tensor]) -> None:
    net = build("inplace")
    net.register_buffer("odd", make(torch.randn(4, 6)))
    model = InstrumentedModel(net)
    before = model.fingerprint()
    assert model.fingerprint() == before
    net.odd.mul_(2)
    assert model.fingerprint() != before
