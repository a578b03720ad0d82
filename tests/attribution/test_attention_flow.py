"""Attention flow: networkx on the same graph, a case by hand, partial results, the limit."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import nbviz
from nbviz.attribution import explain
from nbviz.attribution.methods import attention_flow as module
from nbviz.model.layouts.layout import Layout
from tests.attention_networks import build, picture, reference
from tests.networks import build as plain
from tests.networks import picture as plain_picture

Flows = NDArray[np.float64]


def _by_networkx(source: Flows, capacities: list[Flows], token: int) -> float:
    graph, depth = nx.DiGraph(), len(capacities)
    for index, capacity in enumerate(source):
        graph.add_edge("source", (depth, index), capacity=float(capacity))
    for level, block in enumerate(capacities):
        for (above, below), capacity in np.ndenumerate(block):
            graph.add_edge((level + 1, above), (level, below), capacity=float(capacity))
    return float(nx.maximum_flow_value(graph, "source", (0, token)))


def _flow(source: Flows, capacities: list[Flows], token: int) -> float:
    ((_, _, flow),) = module._flows(source, capacities, [token])
    return flow


def test_a_case_by_hand() -> None:
    # from node 0 through .5 | .5, then into node 1: .2 from 0 and .9 from 1, of which only .5 arrives
    late, early = np.array([[0.5, 0.5], [0.1, 0.9]]), np.array([[0.8, 0.2], [0.1, 0.9]])
    source = np.array([1.0, 0.0])
    assert _flow(source, [early, late], 1) == pytest.approx(0.2 + 0.5, abs=1e-8)
    assert _flow(source, [early, late], 0) == pytest.approx(0.5 + 0.1, abs=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_networkx(seed: int) -> None:
    random = np.random.default_rng(seed)
    capacities = [random.dirichlet(np.full(6, 0.3), size=6) for _ in range(3)]
    source = random.dirichlet(np.ones(6))
    for token in range(6):
        assert _flow(source, capacities, token) == pytest.approx(_by_networkx(source, capacities, token), abs=1e-7)


@pytest.mark.parametrize(("prefix", "read"), [(1, 1), (0, 0), (2, 2)])
def test_is_the_maximum_flow_through_the_networks_attention(prefix: int, read: int) -> None:
    found = nbviz.attribute(build("Fused", prefix=prefix, read=read), picture(), 0, "attention_flow")
    probabilities, _ = reference(build("Written", prefix=prefix, read=read), picture(), 0)
    tokens = 16 + prefix
    capacities = [(p.mean(0).numpy() + np.eye(tokens)) / 2 for p in probabilities]
    source = np.zeros(tokens)
    source[: read or tokens] = 1 / (read or tokens)
    for place in (0, 5, 15):
        wanted = _by_networkx(source, capacities, prefix + place)
        assert float(found.values.flatten()[place]) == pytest.approx(wanted, abs=1e-7)
    most = np.minimum(1, capacities[0].sum(0))[prefix:]
    assert found.facts["unhindered"] == pytest.approx((found.values.flatten().numpy() > most - 1e-6).mean())


def test_it_sharpens_from_an_upper_bound_to_the_answer() -> None:
    partials = list(explain(nbviz.InstrumentedModel(build("Fused")), picture(), 0, "attention_flow"))
    assert [partial.done for partial in partials] == [0.25, 0.5, 0.75, 1.0]
    assert partials[0].progress == "4 flows of 16"
    for earlier, later in zip(partials, partials[1:], strict=False):
        assert (earlier.values >= later.values - 1e-8).all()


def test_coarse_places_come_first() -> None:
    order = module._coarse_first(Layout("tokens", 4, 4, 1))
    assert sorted(order) == list(range(1, 17))
    assert order[:4] == [1, 1 + 2, 1 + 8, 1 + 10]


def test_too_large_a_graph_is_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EDGES", 500)
    with pytest.raises(nbviz.NbvizError, match="17 maximum flows .* rollout asks the same question in one pass"):
        nbviz.attribute(build("Fused"), picture(), 0, "attention_flow")


def test_attention_that_is_not_finite_is_refused() -> None:
    net = build("Fused")
    net.blocks[1].into.weight.data[0, 0] = torch.nan
    with pytest.raises(nbviz.NbvizError, match="needs finite attention"):
        nbviz.attribute(net, picture(), 0, "attention_flow")


def test_a_network_without_attention_is_refused() -> None:
    with pytest.raises(nbviz.NbvizError, match=r"^Attention flow needs self-attention; this network has none\.$"):
        nbviz.attribute(plain("inplace"), plain_picture(), 0, "attention_flow")
