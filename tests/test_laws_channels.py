"""Laws of the calls that look for what channels answer to: the network is a guest's host, whatever happens.

Every call, on every network of the tests', from inside any of torch's modes, failing or dropped at any point.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import nbviz
from nbviz.features import caricature, dream
from nbviz.model.instrumented import InstrumentedModel
from tests.features.test_visualize import _tensor_of
from tests.networks import NETWORKS, SIZE, build, state_hash
from tests.test_laws_anywhere import Broken, Counter, hooks, untouched

COUNT = 6
POINTS = 4
Call = Callable[[Any, str], list[Tensor]]


def pictures() -> list[Tensor]:
    return list(torch.rand(COUNT, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2)))


def _index(model: Any, layer: str) -> list[Tensor]:
    labels = [item % 2 for item in range(COUNT)]
    index = nbviz.Index.build(model, pictures(), k=4, bottom=2, sample=3, labels=labels, progress=False)
    best = index.top(layer, 0)[0]
    pixels = [torch.from_numpy(best.crop.copy()), torch.from_numpy(best.effective.values.copy())]
    return [*(index._rankings.tensors[key] for key in sorted(index._rankings.tensors)), *pixels]


def _health(model: Any, layer: str) -> list[Tensor]:
    table = nbviz.health(model, pictures())
    rows = [hash(row) for row in table.itertuples(index=False, name=None)]
    return [torch.tensor(rows, dtype=torch.int64, device="cpu")]


def _atlas(model: Any, layer: str) -> list[Tensor]:
    images = pictures() * 10
    atlas = nbviz.Atlas.build(model, images, layer, layout="pca", least=1, progress=False)
    return [torch.from_numpy(cell.direction) for cell in atlas.cells]


CALLS: dict[str, Call] = {
    "visualize": lambda model, layer: [nbviz.visualize(model, layer, [0, 1], steps=3, path=False)],
    "invert": lambda model, layer: [nbviz.invert(model, pictures()[0], layer, steps=3)],
    "dream": lambda model, layer: [dream(model, pictures()[0], layer, steps=2)],
    "caricature": lambda model, layer: [caricature(model, pictures()[0], layer, steps=3)],
    "index": _index,
    "health": _health,
    "atlas": _atlas,
}
EVERY_CALL = pytest.mark.parametrize("call", CALLS)


def layer_of(net: Any) -> str:
    """The last layer with places, so that all of the network runs."""
    model = InstrumentedModel.ensure(net)
    model.trace(model.input(pictures()[0]))
    return [part.name for part in model.layers().walk() if part.name and part.places and not part.children][-1]


@EVERY_CALL
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_left_as_it_was_and_answers_the_same_again(name: str, call: str) -> None:
    net = build(name)
    layer = layer_of(net)
    with untouched(net):
        first = CALLS[call](net, layer)
    again = CALLS[call](InstrumentedModel(net), layer)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


@EVERY_CALL
@pytest.mark.parametrize("where", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", torch.bfloat16)])
def test_a_call_gives_the_same_from_inside_any_mode(call: str, where: Callable[[], Any]) -> None:
    net = build("inplace")
    layer = layer_of(net)
    wanted = CALLS[call](net, layer)
    with where():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")
        found = CALLS[call](net, layer)
        after = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")
    assert before == after
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


# an index's pieces are not there yet
@pytest.mark.parametrize("call", [name for name in CALLS if name != "index"])
@pytest.mark.parametrize("set_default", [
    lambda: torch.set_default_dtype(torch.float64), lambda: torch.set_default_dtype(torch.bfloat16),
    lambda: torch.set_default_device("meta"),
])  # fmt: skip
def test_a_call_gives_the_same_whatever_torchs_defaults_are(
    call: str, set_default: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The meta device holds no numbers, so whatever is left to the default fails, as on an accelerator it may."""
    net, images = build("inplace"), pictures()
    layer = layer_of(net)
    wanted = CALLS[call](net, layer)
    monkeypatch.setattr("tests.test_laws_channels.pictures", lambda: images)
    set_default()
    try:
        found = CALLS[call](net, layer)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


@EVERY_CALL
@pytest.mark.parametrize("name", ["functional", "writes", "weight_norm"])
def test_an_exception_anywhere_comes_out_and_leaves_everything_as_it_was(call: str, name: str) -> None:
    draw = random.Random(f"{call} {name}")
    net = build(name)
    model = InstrumentedModel(net)
    layer = layer_of(model)
    wanted = CALLS[call](model, layer)
    own = hooks(model.guest._local.net)
    with Counter() as counted:
        CALLS[call](model, layer)
    for _ in range(POINTS):
        point, error = draw.randrange(1, counted.count + 1), draw.choice([Broken, KeyboardInterrupt])
        with untouched(net):
            with pytest.raises((error, nbviz.NbvizError), match="at a random point"), Counter(point, error):
                CALLS[call](model, layer)
            assert hooks(model.guest._local.net) == own
    found = CALLS[call](model, layer)
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


def test_calls_in_threads_beside_each_other_give_what_they_give_alone() -> None:
    net = build("functional")
    layer = layer_of(net)
    # of a known size: a guessed one is that of whatever ran last
    model, other = (InstrumentedModel(net, transform=_tensor_of) for _ in range(2))
    wanted = {name: call(other, layer) for name, call in CALLS.items()}
    before, found, errors = state_hash(net), dict[str, list[Tensor]](), list[Exception]()

    def answer(name: str) -> None:
        try:
            found[name] = CALLS[name](model, layer)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=answer, args=(name,)) for name in CALLS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert state_hash(net) == before
    for name, answers in wanted.items():
        assert all(torch.equal(one, other) for one, other in zip(found[name], answers, strict=True)), name
