"""Effects of channels against brute force, and circuits against what they say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nbviz
from nbviz.circuits import Node, block_before, channel_effects, circuit, measuring, step
from nbviz.circuits.node import NodeReader
from nbviz.circuits.switches import sweep
from nbviz.edits import Channels
from nbviz.errors import NbvizError
from nbviz.passes.resume import Resumed
from nbviz.replica.guest import Pass
from tests.networks import build, picture, state_hash


class Row(nn.Module):
    """Three residual blocks with ReLU6, and a linear head: small enough for brute force."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act = nn.Conv2d(6, 6, 3, padding=1), nn.ReLU6(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.conv(x) + x)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.blocks = nn.Sequential(*(self.Block() for _ in range(3)))
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x).relu()).mean((2, 3)))


@pytest.fixture()
def model() -> nbviz.InstrumentedModel:
    torch.manual_seed(0)
    return nbviz.InstrumentedModel(Row().double().eval())


X = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_measured_effects_equal_edited_models(model: nbviz.InstrumentedModel, fill: str) -> None:
    table = channel_effects(model, X, "blocks.1", fill=fill)
    before = model(X)[0]
    for row in table.itertuples():
        after = model.edited(Channels("blocks.1", off=[row.channel], fill=fill))(X)[0]
        # a batch of several may be added up in another order
        assert row.measured == pytest.approx(float(after[row.index] - before[row.index]), abs=1e-14)
    assert len(table) == 6 * 4
    assert (table["measured"].abs().diff().dropna() <= 0).all()


def test_a_channel_that_is_silent_already_costs_no_forward() -> None:
    torch.manual_seed(0)
    net, passed = Row().double().eval(), list[int]()
    with torch.no_grad():
        net.blocks[1].conv.weight[2:], net.blocks[1].conv.bias[2:] = 0.0, 0.0
    model = nbviz.InstrumentedModel(net)
    model.trace(X)
    layer = model.layer("blocks.1.conv")
    assert layer.layout is not None

    def work(run: Pass) -> list[tuple[list[int], Tensor]]:
        resumed = Resumed(model, run, X, layer.name, lambda run, batch: (passed.append(len(batch)), run(batch))[1])
        passed.clear()
        with torch.no_grad():
            return list(sweep(resumed, layer.layout, range(6), "zero"))

    (still, unchanged), *others = model.guest.steady(work)
    assert still == [2, 3, 4, 5] and torch.equal(unchanged, model(X).detach().expand(4, -1))
    assert [channels for channels, _ in others] == [[0, 1]] and set(passed) == {2}


class Mixing(nn.Module):
    """Draws at every forward, or has a weight that depends slightly on the whole batch."""

    def __init__(self, draws: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.draws, self.one, self.two = draws, nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        y = nn.functional.dropout(y, 0.3, True) if self.draws else y * (1 + 1e-5 * y.mean())
        return self.head(self.two(y).mean((2, 3)))


@pytest.mark.parametrize("draws", [True, False])
def test_effects_of_a_network_that_draws_or_mixes_its_batch_equal_brute_force(draws: bool) -> None:
    model, picture = nbviz.InstrumentedModel(Mixing(draws).double().eval()), X
    before = float(model(picture)[0, 0])
    for layer in ("one", "two"):
        table = nbviz.channel_effects(model, picture, layer, target=0).sort_values("channel")
        brute = [float(model.edited(Channels(layer, off=[c]))(picture)[0, 0]) - before for c in range(6)]
        np.testing.assert_allclose(table["measured"], brute, rtol=0, atol=1e-14)


def test_the_first_order_is_exact_where_the_rest_is_linear(model: nbviz.InstrumentedModel) -> None:
    table = channel_effects(model, X, "blocks.2", 1)
    np.testing.assert_allclose(table["foretold"], table["measured"], atol=1e-12)
    effects = list(measuring(model, X, "blocks.2", (1,)))[-1]
    assert effects.agreement(1) == pytest.approx(1.0)
    assert effects.order(1)[0] == table.sort_values("measured")["channel"].iloc[0]


def test_a_class_s_table_is_part_of_the_whole(model: nbviz.InstrumentedModel) -> None:
    whole, one = channel_effects(model, X, "blocks.0"), channel_effects(model, X, "blocks.0", 2, channels=[1, 4])
    assert set(one["channel"]) == {1, 4} and set(one["index"]) == {2}
    for row in one.itertuples():
        same = whole[(whole["channel"] == row.channel) & (whole["index"] == 2)]
        assert float(same["measured"].iloc[0]) == row.measured


def test_a_step_says_what_keeping_and_dropping_really_give(model: nbviz.InstrumentedModel) -> None:
    taken = step(model, X, Node("", 2), "blocks.1", top=2)
    off = [channel for channel in range(6) if channel not in taken.top]
    assert taken.alone == pytest.approx(float(model.edited(Channels("blocks.1", off=off))(X)[0, 2]), abs=1e-14)
    assert taken.without == pytest.approx(float(model.edited(Channels("blocks.1", off=taken.top))(X)[0, 2]), abs=1e-14)
    assert taken.value == float(model(X)[0, 2])
    biggest = sorted(range(6), key=lambda channel: -abs(taken.effects[channel]))[:2]
    assert list(taken.top) == biggest
    assert taken.rest == pytest.approx(taken.effects.sum() - taken.effects[biggest].sum())


def test_a_node_is_read_before_its_non_linearity(model: nbviz.InstrumentedModel) -> None:
    net = model.net
    net.blocks[2].conv.bias.data[3] += 20  # saturates: ReLU6 puts out 6.0 whatever comes
    taken = step(model, X, Node("blocks.2", 3, (4, 5)), "blocks.1", top=3)
    with torch.no_grad():
        inner = net.blocks[1](net.blocks[0](net.stem(X).relu()))
        by_hand = (net.blocks[2].conv(inner) + inner)[0, 3, 4, 5]
    assert taken.before and taken.value == float(by_hand) > 6
    assert np.abs(taken.effects).max() > 0
    np.testing.assert_allclose(taken.first_order, taken.effects, atol=1e-12)  # linear up to there


def test_blocks_are_walked_one_back(model: nbviz.InstrumentedModel) -> None:
    assert block_before(model, "") == "blocks.2"
    assert block_before(model, "blocks.2") == "blocks.1"
    assert block_before(model, "blocks.1.conv") == "blocks.0"
    assert block_before(model, "blocks.0") is None


def test_a_circuit_is_the_same_every_time_and_its_tables_fit(model: nbviz.InstrumentedModel) -> None:
    one, other = circuit(model, X, 2, top=3), circuit(model, X, 2, top=3)
    assert one.nodes.equals(other.nodes) and one.edges.equals(other.edges)
    assert set(one.edges["source"]) | set(one.edges["target"]) == set(one.nodes["node"])
    assert list(one.edges["layer"].unique()) == ["blocks.2", "blocks.1"]
    assert (one.edges.groupby("target").size() == 3).all()


def test_nodes_of_one_layer_share_the_forwards_of_a_step(
    model: nbviz.InstrumentedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwards: list[int] = []
    values = NodeReader.values

    def counted(reader: NodeReader, run: Pass, batch: torch.Tensor, nodes: Sequence[Node]) -> torch.Tensor:
        forwards.append(len(batch))
        return values(reader, run, batch, nodes)

    monkeypatch.setattr(NodeReader, "values", counted)
    counts = []
    for top in (1, 3):
        forwards.clear()
        made = circuit(model, X, 2, top=top)
        counts.append(len(forwards))
    assert counts[1] - counts[0] == 2 * 2  # two nodes more, each alone with its channels and without them
    for row in made.nodes[made.nodes["layer"] == "blocks.2"].itertuples():
        node = Node(row.layer, row.channel, (int(row.row), int(row.column)))
        taken = step(model, X, node, "blocks.1", top=3)
        edges = made.edges[made.edges["target"] == row.node]
        assert list(edges["channel"]) == list(taken.top)
        np.testing.assert_allclose(edges["effect"], taken.effects[list(taken.top)], rtol=0, atol=1e-14)
        np.testing.assert_allclose(edges["first_order"], taken.first_order[list(taken.top)], rtol=0, atol=1e-14)
        assert (row.alone, row.without) == pytest.approx((taken.alone, taken.without), abs=1e-14)


def test_the_network_is_left_as_it_was() -> None:
    net = build("inplace")
    before = state_hash(net)
    x = picture()
    layers = [layer.name for layer in nbviz.InstrumentedModel(net).layers().walk() if layer.places and layer.name]
    channel_effects(net, x, layers[0])
    circuit(net, x, layers=[layers[-1], layers[0]], top=2)
    assert state_hash(net) == before


def test_a_class_without_a_first_order_has_no_agreement(model: nbviz.InstrumentedModel) -> None:
    *_, effects = measuring(model, X, "blocks.1", (2,))
    assert set(effects.foretold) == {2} and effects.agreement(1) is None and effects.agreement(2) is not None


def test_what_cannot_be_is_refused_in_a_sentence(model: nbviz.InstrumentedModel) -> None:
    with pytest.raises(NbvizError, match="blocks.9"):
        channel_effects(model, X, "blocks.9")
    with pytest.raises(NbvizError, match="0 to 5"):
        channel_effects(model, X, "blocks.1", channels=[6])
    with pytest.raises(NbvizError, match="no channel"):
        channel_effects(model, X, "blocks.1", channels=[])
    with pytest.raises(NbvizError, match="whole number"):
        channel_effects(model, X, "blocks.1", channels=["a"])  # type: ignore[list-item]
    with pytest.raises(NbvizError, match="does not come before"):
        circuit(model, X, 1, layers=["blocks.0", "blocks.2"])
    with pytest.raises(NbvizError, match="a class"):
        circuit(model, X, lambda output: output[:, 0])
    with pytest.raises(NbvizError, match="top="):
        circuit(model, X, 1, top=0)
