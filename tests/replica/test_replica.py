"""The replica: modules of its own, tensors of the user's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.replica import instrumentable, replica, replicate, tensors
from tests.aliases import check_aliases
from tests.networks import NETWORKS, build, picture, state_hash


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "inference"])
def test_modules_are_its_own_and_parameters_the_users(name: str) -> None:
    net = build(name)
    before = state_hash(net)
    inner = instrumentable(net)
    twin = replicate(inner)
    assert not {id(m) for m in twin.modules()} & {id(m) for m in net.modules()}
    mine, theirs = dict(twin.named_parameters()), dict(inner.named_parameters())
    assert mine.keys() == theirs.keys()
    assert all(mine[key] is theirs[key] for key in mine)
    assert not any(m.training for m in twin.modules())
    assert state_hash(net) == before


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "inference"])
def test_aliases_are_the_users_memory_version_and_name(name: str) -> None:
    """Passes run on aliases: a tensor apart from the user's would go on with old values, or hide a write to it."""
    inner = instrumentable(build(name))
    twin = replica(inner, aliases=True).net
    check_aliases(dict(twin.named_parameters()), dict(inner.named_parameters()))
    check_aliases(dict(twin.named_buffers()), dict(inner.named_buffers()))
    for mine, theirs in zip(twin.parameters(), inner.parameters(), strict=True):
        mine.data, mine.grad = mine.data.clone(), torch.ones_like(mine)
        assert theirs.grad is None and mine.data_ptr() != theirs.data_ptr()


def test_tied_and_shared_things_stay_tied() -> None:
    net = build("shared")
    net.add_module("tied", nn.Conv2d(3, 3, 3))
    net.tied.weight = net[0][0].weight
    twin = replicate(net)
    assert twin[0] is twin[1]
    assert twin.tied.weight is twin[0][0].weight


def test_what_holds_modules_holds_the_replicas() -> None:
    net = build("helper")
    twin = replicate(net)
    assert twin.helper.net is twin.net
    assert twin.run.__closure__[0].cell_contents[0] is twin.net
    twin.net = None
    assert net.helper.net is net.net is not None


def test_hooks_and_lists_on_the_replica_are_not_on_the_network() -> None:
    net = build("hooked")
    net.seen = []
    twin = replicate(net)
    twin[0].register_forward_hook(lambda *args: None)
    twin.seen.append(1)
    assert len(net[0]._forward_hooks) == 1 and net.seen == []


def test_a_real_copy_shares_nothing() -> None:
    net = build("inplace")
    twin = replicate(net, torch.clone)
    theirs = {t.data_ptr() for t in tensors(net)}
    assert not theirs & {t.data_ptr() for t in tensors(twin)}
    with torch.no_grad():
        assert torch.equal(twin(picture()), net.eval()(picture()))


def test_tensors_of_every_kind_are_found_once() -> None:
    net = build("inplace")
    net.plain = torch.zeros(2)
    net.many = {"a": [torch.zeros(3)], "again": net[0].weight}
    found = tensors(net)
    assert len({id(t) for t in found}) == len(found)
    assert len(found) == len(list(net.parameters())) + len(list(net.buffers())) + 2


def test_wrappers_are_looked_through() -> None:
    net = build("inplace")
    assert instrumentable(nn.DataParallel(torch.compile(net, backend="eager"))) is net


def test_what_cannot_be_hooked_is_refused_in_words() -> None:
    with pytest.raises(NbvizError, match="TorchScript"):
        instrumentable(torch.jit.trace(build("eval"), picture()))
    with pytest.raises(NbvizError, match="not str: 'resnet50'"):
        instrumentable("resnet50")
    with pytest.raises(NbvizError, match="lazy"):
        replicate(nn.Sequential(nn.LazyLinear(3)))
    with pytest.raises(NbvizError, match="lazy modules without weights yet: run one batch through it first"):
        InstrumentedModel(nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(3)))
