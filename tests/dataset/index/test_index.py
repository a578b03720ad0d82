"""The index is what looking at every picture alone finds, however it was built: batches, pieces, stops, restarts.

Whole-number weights and pictures make float arithmetic exact whatever the batch, and ties plentiful.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import nbviz
from nbviz.dataset import Index, Stopped
from nbviz.dataset.index.plan import Plan
from nbviz.dataset.shards import plan as plans
from nbviz.replica.hooks import hooked, modules_of
from tests.networks import CLASSES, SIZE, Functional, Tokens, state_hash

COUNT = 61


def whole(net: nn.Module) -> nn.Module:
    """The network with small whole weights; norms pass on what they get."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 0.0
            elif isinstance(module, (nn.Conv2d, nn.Linear)):
                for parameter in module.parameters():
                    parameter.copy_(torch.randint(-1, 2, parameter.shape, generator=generator))
    return net.eval()


def pictures(count: int = COUNT) -> torch.Tensor:
    return torch.randint(-2, 3, (count, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(1)).float()


class Labelled(torch.utils.data.Dataset):
    """Pictures with labels, some of which can't be read."""

    def __init__(self, broken: tuple[int, ...] = ()) -> None:
        self.images, self.broken, self.reads = pictures(), broken, 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> Any:
        self.reads += 1
        if number in self.broken:
            raise OSError("truncated file")
        return self.images[number], number % CLASSES


def output_of(net: nn.Module, name: str, image: torch.Tensor, call: int) -> torch.Tensor:
    kept: dict[int, torch.Tensor] = {}
    watched = {name: modules_of(net)[name]}
    with torch.no_grad(), hooked(watched, lambda _, number, out: kept.update({number: out.clone()})):
        net(image[None])
    return kept[call][0]


def one_by_one(
    net: nn.Module, name: str, channel: int, images: torch.Tensor, call: int
) -> list[tuple[float, int, int]]:
    """(activation, item, place) of every picture alone, in the total order, by plain Python."""
    rows = []
    for item, image in enumerate(images):
        values = output_of(net, name, image, call)[channel].flatten().tolist()
        best = max(values)
        rows.append((best, item, values.index(best)))
    return sorted(rows, key=lambda row: (-row[0], row[1]))


@pytest.mark.parametrize("batch", [1, 4, 7, 64])
def test_equals_looking_at_each_picture_alone(batch: int) -> None:
    net, data = whole(Functional()), Labelled()
    index = Index.build(net, data, k=6, batch=batch, progress=False)
    for name, call, channel in [("stem", 1, 2), ("norm", 1, 0), ("relu", 2, 3), ("relu#1", 1, 5), ("head", 1, 4)]:
        expected = one_by_one(net, name.split("#")[0], channel, data.images, call)[:6]
        found = index.top(name, channel)
        width = SIZE if found[0].place else 1
        at = [(e.place or (0, 0))[0] * width + (e.place or (0, 0))[1] for e in found]
        assert [(e.activation, e.item, p) for e, p in zip(found, at, strict=True)] == expected
        assert [e.label for e in found] == [item % CLASSES for _, item, _ in expected]


def test_pieces_done_in_any_order_and_deep_ranks_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other pieces came to spares work; of equals the earlier item must still win."""
    net, labels = whole(Functional()), [n % CLASSES for n in range(COUNT)]
    options: dict[str, Any] = {"k": 3, "batch": 1, "bottom": 2, "labels": labels, "profile": 10, "progress": False}
    straight = Index.build(net, list(pictures()), **options)
    whole_set = Index.build(net, list(pictures()), **{**options, "batch": 64})
    numbers = Plan.numbers
    monkeypatch.setattr(Plan, "numbers", lambda plan, piece: numbers(plan, plan.pieces - 1 - piece))
    backwards = Index.build(net, list(pictures()), **options)
    assert straight.plan.pieces > 4 and whole_set.plan.pieces == 1
    for index in (backwards, whole_set):
        assert all(torch.equal(t, index._rankings.tensors[key]) for key, t in straight._rankings.tensors.items())
    deep = [(row.value, row.item) for row in straight._lookup.rows("relu", 1, "top")]
    assert deep == [(v, i) for v, i, _ in one_by_one(net, "relu", 1, pictures(), 2)[:10]]


def after(batches: int) -> Any:
    """Cancels when asked for the last time of so many."""
    asked = iter(range(batches))
    return lambda: next(asked, None) is None


def test_least_pictures_mirror_the_greatest_of_the_negated() -> None:
    net = whole(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 14 * 14, CLASSES)))
    index = Index.build(net, list(pictures()), layers=["0"], k=3, bottom=3, progress=False)
    with torch.no_grad():
        net[0].weight.neg_()
        net[0].bias.neg_()
    negated = Index.build(net, list(pictures()), layers=["0"], k=3, progress=False)
    for channel in range(4):
        least = [(e.item, -e.activation, e.place) for e in index.bottom("0", channel)]
        assert least == [(e.item, e.activation, e.place) for e in negated.top("0", channel)]


def test_quantiles_are_the_sorted_sample() -> None:
    net, data = whole(Functional()), Labelled()
    index = Index.build(net, data, layers=["stem"], k=COUNT, sample=20, progress=False)
    peak = {e.item: (e.activation, e.place) for e in index.top("stem", 1)}
    found = index.quantiles("stem", 1, n=20)
    assert sorted(e.item for e in found) == list(index.plan.sample)
    assert all((e.activation, e.place) == peak[e.item] for e in found)
    assert [e.activation for e in found] == sorted((e.activation for e in found), reverse=True)


def test_token_layers_leave_the_class_token_out() -> None:
    torch.manual_seed(0)
    net, images = Tokens().eval(), pictures(12)
    index = Index.build(net, list(images), layers=["block"], k=12, progress=False)
    model = nbviz.InstrumentedModel(net)
    model.trace(images[:1])
    with model.capture("block") as outputs:
        model(images)
    tokens = outputs["block"][:, 1:, 5]
    assert len(index.top("block", 5)) == 12
    for example in index.top("block", 5):
        row, column = example.place or (-1, -1)
        assert tokens[example.item].argmax() == row * 4 + column
        assert example.activation == pytest.approx(float(tokens[example.item].max()), abs=1e-5)


def test_stopped_anywhere_it_goes_on_to_the_identical_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbviz.dataset.shards.store.MANY", 2)
    net, options = whole(Functional()), {"k": 3, "batch": 1, "bottom": 2, "sample": 9, "progress": False}
    Index.build(net, Labelled((5, 40)), path=tmp_path / "straight", **options)
    for stop in (1, 17, 43):
        with pytest.raises(Stopped, match="goes on from there"):
            Index.build(net, Labelled((5, 40)), path=tmp_path / "cut", cancel=after(stop), **options)
    data = Labelled((5, 40))
    Index.build(net, data, path=tmp_path / "cut", **options)
    assert data.reads < COUNT + 2 * plans.PROBES + 1 - 40
    for file in ("index.safetensors", "manifest.json"):
        assert (tmp_path / "cut" / file).read_bytes() == (tmp_path / "straight" / file).read_bytes()
    assert {p.name for p in (tmp_path / "cut").iterdir()} == {"index.safetensors", "manifest.json"}


def test_a_half_written_part_is_done_again(tmp_path: Path) -> None:
    net, options = whole(Functional()), {"layers": ["stem"], "k": 3, "batch": 1, "progress": False}
    straight = Index.build(net, Labelled(), **options)
    with pytest.raises(Stopped):
        Index.build(net, Labelled(), path=tmp_path, cancel=after(30), **options)
    parts = sorted((tmp_path / "parts").iterdir())
    parts[0].write_bytes(parts[0].read_bytes()[:100])
    resumed = Index.build(net, Labelled(), path=tmp_path, **options)
    assert all(resumed.top("stem", c) == straight.top("stem", c) for c in range(6))


def test_loaded_is_what_was_built(tmp_path: Path) -> None:
    net, data = whole(Functional()), Labelled()
    built = Index.build(net, data, k=3, path=tmp_path, progress=False)
    loaded = Index.load(tmp_path, net, data)
    assert loaded.top("inner", 2) == built.top("inner", 2)
    assert loaded.profile("inner", 2) == built.profile("inner", 2)
    assert set(load_file(tmp_path / "index.safetensors")) >= {"inner/top/values", "inner/top/places"}
    assert json.loads((tmp_path / "manifest.json").read_text())["plan"]["k"] == 3
    reads = data.reads
    Index.build(net, data, k=3, path=tmp_path, progress=False)
    assert data.reads <= reads + 2 * plans.PROBES + 1, "a finished index is not built again"


def test_the_network_is_left_as_it_was() -> None:
    net = whole(Functional()).train()
    before = state_hash(net)
    Index.build(net, Labelled(), k=2, progress=False)
    with pytest.raises(nbviz.NbvizError):
        Index.build(net, Labelled(), layers=["nowhere"], progress=False)
    assert state_hash(net) == before


def test_class_profile_counts_the_strongest_pictures() -> None:
    net = whole(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(2 * SIZE * SIZE, CLASSES)))
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[0].bias.zero_()
    images = torch.zeros(40, 3, SIZE, SIZE)
    images[:8, :, 3, 4] = torch.arange(8, 0, -1).view(-1, 1)
    labels = [0, 0, 0, 1, 0, 0, 1, 0] + [2] * 32
    index = Index.build(net, list(images), labels=labels, layers=["1"], k=3, progress=False)
    assert index.profile("1", 0) == [("class 0", 0.75), ("class 1", 0.25)]
    assert 0 < (index.selectivity("1", 0) or 0) < 1
    assert index.top("1", 0)[0].place == (3, 4)


def test_torch_s_defaults_change_nothing() -> None:
    net = whole(Functional())
    options: dict[str, Any] = {"k": 4, "bottom": 2, "sample": 9, "progress": False}
    plain = Index.build(net, Labelled(), **options)._rankings.tensors
    labelled = Labelled()
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        found = Index.build(net, labelled, **options)._rankings.tensors
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert plain.keys() == found.keys() and all(torch.equal(plain[key], found[key]) for key in plain)
