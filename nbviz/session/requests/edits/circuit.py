"""Requests of a circuit's step on show: the node, its channels' effects, what else it feeds, and their maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nbviz.circuits import Effects, Node, Step, block_before, head_layers, head_step, measuring, step
from nbviz.circuits.node import strongest
from nbviz.errors import Refused
from nbviz.model.target import Target
from nbviz.passes.feature_maps import FeatureMaps
from nbviz.session.requests.base import Context, MapsRequest, PictureRequest, ScoresRequest

HEADS = "heads of "
"""What stands before a source that is a layer's attention heads."""

TOP = 8
ALSO = 3
"""Further classes that a channel feeds."""


@dataclass(frozen=True)
class CircuitAnswer:
    """Node and its step so far."""

    node: Node
    index: int
    """The class that the walk started from."""
    source: str
    """The layer whose channels drive the node; empty where there is none before it."""
    step: Step | None = None
    sources: FeatureMaps | None = None
    """Maps of the source's channels; None for heads."""
    heads: tuple[tuple[str, int], ...] = ()
    """Layers with attention, and how many heads each has."""
    here: np.ndarray | None = None
    """(h, w): the node's own map; None for a score."""
    effects: np.ndarray | None = None
    """(classes,): every score without the node's channel − with it; None for a score."""
    scores: np.ndarray | None = None
    """(classes,): the scores with all on."""
    done: float = 0.0


@dataclass(frozen=True)
class WalkStep(PictureRequest):
    """Request of one step back from a class's score, or from a channel at its strongest place."""

    target: Target
    layer: str = ""
    """Of the node; empty for the class's score."""
    channel: int = 0
    source: str = ""
    """The earlier layer, or ``"heads of "`` one; empty for the block before."""

    def __call__(self, context: Context) -> Iterator[CircuitAnswer]:
        model = context.model
        x = model.input(self.picture)
        prediction = context.answer(ScoresRequest(self.picture)).prediction
        index = prediction.class_of(self.target)
        if index is None or self.target.other is not None:
            raise Refused("A circuit starts from one class: choose a class, without 'rather than'.")
        node = strongest(model, x, self.layer, self.channel, index) if self.layer else Node("", index)
        # one block at a time: from far, neither first order nor few channels explain a node
        source = self.source or block_before(model, self.layer) or ""
        heads: dict[str, int] = context.answer(AskHeadLayers(self.picture))
        answer = CircuitAnswer(node, index, source, heads=tuple(heads.items()), done=0.1)
        if self.layer:
            own: FeatureMaps = context.answer(MapsRequest(self.picture, self.layer))
            effects: Effects | None = None
            # the node's own channel alone: what the layer's others do is asked by the stage *Channels*
            for effects in measuring(model, self.picture, self.layer, (index,), channels=[self.channel]):
                pass
            assert effects is not None
            here = own.values[self.channel] if own.places else None
            answer = replace(answer, here=here, effects=effects.measured[self.channel], scores=effects.scores)
        else:
            answer = replace(answer, scores=np.asarray(prediction.logits, np.float64))
        yield answer
        layer = source.removeprefix(HEADS)
        if source.startswith(HEADS) and layer in heads:
            answer = replace(answer, step=head_step(model, x, node, layer, heads[layer], TOP))
        elif source:
            taken = step(model, x, node, source, TOP)
            maps: FeatureMaps = context.answer(MapsRequest(self.picture, source))
            answer = replace(answer, step=taken, sources=maps)
        yield replace(answer, done=1.0)


@dataclass(frozen=True)
class AskHeadLayers(PictureRequest):
    """Request of the layers in which attention happens, with their heads."""

    def __call__(self, context: Context) -> Iterator[dict[str, int]]:
        yield head_layers(context.model, context.model.input(self.picture))


def also_feeds(answer: CircuitAnswer) -> list[tuple[int, float]]:
    """Return the other classes that lose or gain most without the channel, with what each loses."""
    if answer.effects is None:
        return []
    losses = -answer.effects
    order = np.argsort(-np.abs(losses), kind="stable")
    return [(int(index), float(losses[index])) for index in order if index != answer.index][:ALSO]
