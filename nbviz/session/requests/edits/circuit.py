"""Requests of a circuit's step on show: the node, its channels' effects, what else it feeds, and their maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from nbviz.attention.views import BlockSeen, Query
from nbviz.circuits import Effects, Node, Step, block_before, head_layers, head_step, measuring, step
from nbviz.circuits.node import strongest
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.feature_maps import FeatureMaps
from nbviz.session.requests.base import Context, MapsRequest, PictureRequest, ScoresRequest
from nbviz.session.requests.heads import HeadsAnswer, LookFrom

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
    looks: BlockSeen | None = None
    """Where the source's heads look from the node's place; None for channels."""
    heads: tuple[tuple[str, int], ...] = ()
    """Layers with attention, and how many heads each has."""
    here: np.ndarray | None = None
    """(h, w): the node's own map; None for a score."""
    signed: bool = False
    """True if maps of the node's layer have values of both signs."""
    effects: np.ndarray | None = None
    """(classes,): every score without the node's channel − with it; None for a score."""
    scores: np.ndarray | None = None
    """(classes,): the scores with all on."""
    done: float = 0.0


@dataclass(frozen=True)
class WalkStep(PictureRequest):
    """Request of one step back from a class's score, or from a channel at one place."""

    target: Target
    layer: str = ""
    """Of the node; empty for the class's score."""
    channel: int = 0
    source: str = ""
    """The earlier layer, or ``"heads of "`` one; empty for the block before."""
    place: tuple[float, float] | None = None
    """(row, column) of the channel as fractions of the picture; None for where it is strongest."""

    def __call__(self, context: Context) -> Iterator[CircuitAnswer]:
        model = context.model
        x = model.input(self.picture)
        prediction = context.answer(ScoresRequest(self.picture)).prediction
        index = prediction.class_of(self.target)
        if index is None or self.target.other is not None:
            raise Refused("A circuit starts from one class: choose a class, without 'rather than'.")
        own: FeatureMaps | None = context.answer(MapsRequest(self.picture, self.layer)) if self.layer else None
        node = Node("", index) if own is None else self._node(model, x, own, index)
        # one block at a time: from far, neither first order nor few channels explain a node
        source = self.source or block_before(model, self.layer) or ""
        heads: dict[str, int] = context.answer(AskHeadLayers(self.picture))
        answer = CircuitAnswer(node, index, source, heads=tuple(heads.items()), done=0.1)
        if own is not None:
            effects: Effects | None = None
            # the node's own channel alone: what the layer's others do is asked by the stage *Channels*
            for effects in measuring(model, self.picture, self.layer, (index,), channels=[self.channel]):
                pass
            assert effects is not None
            here = own.values[self.channel] if own.places else None
            answer = replace(
                answer, here=here, signed=own.signed, effects=effects.measured[self.channel], scores=effects.scores
            )
        else:
            answer = replace(answer, scores=np.asarray(prediction.logits, np.float64))
        yield answer
        layer = source.removeprefix(HEADS)
        if source.startswith(HEADS) and layer in heads:
            answer = replace(answer, step=head_step(model, x, node, layer, heads[layer], TOP), done=0.9)
            yield answer  # the figures are there; the maps may need a forward of their own
            answer = replace(answer, looks=self._looks(context, layer, _query(node, own)))
        elif source:
            taken = step(model, x, node, source, TOP)
            maps: FeatureMaps = context.answer(MapsRequest(self.picture, source))
            answer = replace(answer, step=taken, sources=maps)
        yield replace(answer, done=1.0)

    def _node(self, model: InstrumentedModel, x: Tensor, own: FeatureMaps, index: int) -> Node:
        """Return the channel at the place asked for, else where it is strongest."""
        if self.place is None or not own.places:
            return strongest(model, x, self.layer, self.channel, index)
        sizes = zip(self.place, own.values.shape[1:], strict=True)
        row, column = (min(int(part * size), size - 1) for part, size in sizes)
        return Node(self.layer, self.channel, (row, column))

    def _looks(self, context: Context, layer: str, query: Query) -> BlockSeen | None:
        try:
            looks: HeadsAnswer = context.answer(LookFrom(self.picture, query))
        except Refused:
            # attention that an edit changes on its way can't be read; what heads do is measured all the same
            return None
        return next((seen for seen in looks.seen.blocks if seen.layer == layer), None)


@dataclass(frozen=True)
class AskHeadLayers(PictureRequest):
    """Request of the layers in which attention happens, with their heads."""

    def __call__(self, context: Context) -> Iterator[dict[str, int]]:
        yield head_layers(context.model, context.model.input(self.picture))


def _query(node: Node, own: FeatureMaps | None) -> Query:
    """Return who looks: the node's own patch; of a score and a class token what the score reads."""
    if node.place is None or own is None:
        return "reads"
    (row, column), (height, width) = node.place, own.values.shape[1:]
    return (row + 0.5) / height, (column + 0.5) / width


def also_feeds(answer: CircuitAnswer) -> list[tuple[int, float]]:
    """Return the other classes that lose or gain most without the channel, with what each loses."""
    if answer.effects is None:
        return []
    losses = -answer.effects
    order = np.argsort(-np.abs(losses), kind="stable")
    return [(int(index), float(losses[index])) for index in order if index != answer.index][:ALSO]
