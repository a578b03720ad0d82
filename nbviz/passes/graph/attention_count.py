"""Number of attention blocks of a network, noted from the graph of any score that was computed anyway."""

from __future__ import annotations

from torch import Tensor

from nbviz.model.by_model import ByModel
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.graph.attention_nodes import attentions

_seen: ByModel[InstrumentedModel, tuple[int, int]] = ByModel()


def note_attention(model: InstrumentedModel, score: Tensor) -> None:
    """Note how many attention blocks a score's graph has, once per network; as cheap as walking its graph."""
    revision = model.guest.revision
    if _seen.get(model, (-1, 0))[0] != revision:
        _seen[model] = revision, (blocks := len(attentions(score)[0]))
        plain = model.origin
        # while edits are on, no pass of the network without them need come, and its attention is the same
        if plain is not None and blocks and attention_blocks(plain) is None:
            _seen[plain] = plain.guest.revision, blocks


def attention_blocks(model: InstrumentedModel) -> int | None:
    """Return the number of blocks with readable probabilities; None before a graph of the network was seen."""
    revision, blocks = _seen.get(model, (-1, 0))
    return blocks if revision == model.guest.revision else None
