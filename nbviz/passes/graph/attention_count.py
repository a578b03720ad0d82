"""How many attentions a network has, noted from the graph of any score that was computed anyway."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from torch import Tensor

from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.graph.attention_nodes import attentions

_seen: WeakKeyDictionary[InstrumentedModel, tuple[int, int]] = WeakKeyDictionary()


def note_attention(model: InstrumentedModel, score: Tensor) -> None:
    """Remember how many attentions a score's graph has; once a network, and about as cheap as walking its graph."""
    revision = model.guest.revision
    if _seen.get(model, (-1, 0))[0] != revision:
        _seen[model] = revision, len(attentions(score)[0])


def attention_blocks(model: InstrumentedModel) -> int | None:
    """Attentions whose probabilities can be read; None while no graph of this network has been seen."""
    revision, blocks = _seen.get(model, (-1, 0))
    return blocks if revision == model.guest.revision else None
