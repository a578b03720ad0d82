"""Attention flow: how much could flow from the class token to each patch if attention were pipes.

One maximum flow a patch through a graph of (blocks + 1) × tokens nodes. SciPy's solver takes whole numbers:
capacities are counted in 2⁻³⁰, so a flow is exact to the number of edges it crosses in that unit. It takes a
thirtieth of the time of a solver in Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from nbviz.attention.blocks import NetworkAttention
from nbviz.attribution.base import Attribution, register, result
from nbviz.errors import NbvizError, Refused
from nbviz.model.layouts.layout import Layout
from nbviz.passes.subject import Subject

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Flows = NDArray[np.float64]
UNIT = 2**30
EDGES = 5_000_000
"""The most edges: twelve blocks of 577 tokens have four million, and a flow then takes most of a second."""
SHOWN = 4
"""Flows between two partial results."""
SAME = 1e-6


@register(
    "Attention flow", "Abnar & Zuidema 2020, arXiv:2005.00928", family="attention", uses_target=False, limited=True
)
def attention_flow(subject: Subject) -> Iterator[Attribution]:
    """Attention that can flow to each patch; the same for any class.

    values: the maximum flow from the class token after the last block to each patch before the first, on
    the patch grid (h, w), in 0…1; capacities are Â = (A + I) with rows normalised, A the mean over heads.
    Where no class token is read, the source feeds the tokens that are, said in ``facts["reads"]``. Coarse
    first; patches not yet computed show what they could take at most. ``facts["unhindered"]``: share of the
    patches that get all that the first block can pass on to them, whatever the others do. heat: values,
    interpolated bilinearly. Refused where attention is windowed, tokens change between blocks, or the graph
    has over five million edges.
    """
    network = NetworkAttention(subject, "Attention flow")
    capacities = [_capacities(block.probabilities()[0]) for block in network.trunk]
    _check(capacities)
    layout, source = network.layout(network.trunk[-1]), network.reads.double().cpu().numpy()
    # what the first block passes on bounds each flow from above: a map from the first moment, which can only shrink
    most = np.minimum(1.0, capacities[0].sum(0))
    flows, facts = most.copy(), network.facts()
    for count, token, flow in _flows(source, capacities, _coarse_first(layout)):
        flows[token] = flow
        total = layout.tokens - layout.prefix
        if count % SHOWN == 0 and count < total:
            yield _shown(network, flows, count / total, f"{count} flows of {total}", facts)
    patches = slice(layout.prefix, None)
    unhindered = float(np.mean(flows[patches] > most[patches] - SAME))
    yield _shown(network, flows, 1.0, "", {**facts, "unhindered": unhindered})


def _shown(network: NetworkAttention, flows: Flows, done: float, progress: str, facts: dict[str, Any]) -> Attribution:
    values = network.on_grid(torch.from_numpy(flows)).to(network.reads.dtype)
    return result(network.subject, values, values, done=done, progress=progress, **facts)


def _capacities(probabilities: torch.Tensor) -> Flows:
    mixing = probabilities.mean(0).double().cpu().numpy()
    mixing = mixing + np.eye(len(mixing))
    rows: Flows = mixing / mixing.sum(1, keepdims=True)
    return rows


def _check(capacities: list[Flows]) -> None:
    if not all(np.isfinite(block).all() for block in capacities):
        raise NbvizError("Attention flow needs finite attention; this network's holds NaN for this picture.")
    edges = sum(block.size for block in capacities)
    if edges > EDGES:
        raise Refused(
            f"Attention flow would need {len(capacities[0])} maximum flows through {edges / 1e6:.0f} million "
            "edges; rollout asks the same question in one pass, and a smaller picture has fewer tokens."
        )


def _coarse_first(layout: Layout) -> list[int]:
    """Order the patches' tokens, those of a coarse grid first."""
    places = [(row, column) for row in range(layout.height) for column in range(layout.width)]
    # by the lowest bit set in row or column: (0, 0) first, then every 16th, 8th … place, a grid that gets finer
    places.sort(key=lambda place: -((place[0] | place[1] | 1 << 30) & -(place[0] | place[1] | 1 << 30)))
    return [layout.prefix + row * layout.width + column for row, column in places]


def _flows(source: Flows, capacities: list[Flows], tokens: list[int]) -> Iterator[tuple[int, int, float]]:
    """Return (count, token, maximum flow) for each token: from the source, the last block first, to the token."""
    from scipy.sparse.csgraph import maximum_flow

    graph = _graph(source, capacities)
    first = graph.shape[0] - len(source)
    for count, token in enumerate(tokens, start=1):
        # a flow per patch, each with the whole network to itself: the paper asks what could reach it, not how they
        # share
        yield count, token, maximum_flow(graph, 0, first + token).flow_value / UNIT


def _graph(source: Flows, capacities: list[Flows]) -> csr_array:
    """Capacities in whole units; node 0 is the source, then come the tokens after the last block, the one
    before, …, and before the first."""
    from scipy.sparse import csr_array

    tokens = len(source)
    before, after = (axis.ravel() for axis in np.indices((tokens, tokens)))
    starts, ends, sizes = [np.zeros(tokens, int)], [1 + np.arange(tokens)], [source]
    for depth, block in enumerate(reversed(capacities)):
        starts.append(1 + depth * tokens + before)
        ends.append(1 + (depth + 1) * tokens + after)
        sizes.append(block.ravel())
    whole = (np.concatenate(sizes) * UNIT).astype(np.int32)
    nodes = 1 + (len(capacities) + 1) * tokens
    graph = csr_array((whole, (np.concatenate(starts), np.concatenate(ends))), shape=(nodes, nodes))
    # the solver looks along every edge that is stored, one of no capacity too
    graph.eliminate_zeros()
    return graph
