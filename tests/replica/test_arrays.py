"""Numpy arrays that a network holds: over its own tensors, large, mapped from a file, of objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.copying import arrays
from tests.networks import build, picture, state_hash

Use = Callable[[Any], float]


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MOST_BYTES", 400)


class Uses(nn.Module):
    """Scales its picture by what ``use`` makes of one of its arrays."""

    def __init__(self, use: Use, file: Path) -> None:
        super().__init__()
        self.body, self.use = build("plain"), use
        self.weight, self.large = nn.Parameter(torch.ones(2, 3)), np.ones((20, 20))
        self.register_buffer("seen", torch.zeros(4))
        self.view = self.weight.detach().numpy()[:, ::-1][1:]  # backwards, and not from its beginning
        self.held = {"seen": [self.seen.numpy()]}
        self.mapped = np.memmap(file, np.float32, "w+", shape=(200,))
        self.objects = np.array([[1.0], [2.0, 3.0], None], dtype=object)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x * (1 + self.use(self)))


def _written(array: np.ndarray) -> float:
    array += 1
    return float(array.sum())


def _written_through_a_tensor(net: Any) -> float:
    return float(torch.from_numpy(net.large).add_(1).sum())


def _objects(net: Any) -> float:
    net.objects[0].append(2.0)
    net.objects[2] = net.objects[1]
    return float(sum(map(len, net.objects)))


def _through_the_tensor(net: Any) -> float:
    with torch.no_grad():
        net.weight.add_(1)
    return float(net.view.sum())


USES: dict[str, Use] = {
    "large, read": lambda net: float(net.large.sum()),
    "large, written": lambda net: _written(net.large),
    "large, written through a tensor": _written_through_a_tensor,
    "over a weight, read": lambda net: float(net.view.sum()),
    "over a weight, written": lambda net: _written(net.view) + float(net.weight.sum()),
    "over a buffer, written": lambda net: _written(net.held["seen"][0]) + float(net.seen.sum()),
    "over a weight that is written": _through_the_tensor,
    "mapped from a file, written": lambda net: _written(net.mapped),
    "of objects": _objects,
}


@pytest.mark.parametrize("how", USES)
def test_answers_repeat_and_the_users_arrays_stay(how: str, tmp_path: Path) -> None:
    net, twin = (Uses(USES[how], tmp_path / name).eval() for name in ("a", "b"))
    with torch.no_grad():
        wanted = twin(picture())
    before = state_hash(net), _held(net)
    model = InstrumentedModel(net)
    assert all(torch.equal(model(picture()), wanted) for _ in range(3))
    assert (state_hash(net), _held(net)) == before


def _held(net: Uses) -> list[Any]:
    arrays = [net.large, net.view, net.held["seen"][0], net.mapped]
    return [[array.tobytes() for array in arrays], net.objects.tolist(), net.large.flags.writeable]


@pytest.mark.parametrize("how", ["over a weight, read", "over a weight, written"])
def test_an_array_over_a_weight_follows_it(how: str, tmp_path: Path) -> None:
    """Catches an array copied apart from its tensor, in a replica that shares the tensor and in one that does not."""
    net, twin = (Uses(USES[how], tmp_path / name).eval() for name in ("a", "b"))
    model = InstrumentedModel(net)
    said = model(picture()).detach()
    with torch.no_grad():
        for one in (net, twin):
            one.weight.mul_(3)
        answer = model(picture())
        assert torch.equal(answer, twin(picture())) and not torch.equal(answer, said)


def test_a_large_array_that_is_only_read_costs_no_memory(tmp_path: Path) -> None:
    net = Uses(USES["large, read"], tmp_path / "a").eval()
    model = InstrumentedModel(net)
    model(picture())
    assert np.shares_memory(model.guest.steady(lambda run: run.net.large), net.large)
