"""Evidence for a target at every layer, from one forward and one backward.

Each output's gradient hook reduces at once: Grad-CAM (Selvaraju et al. 2017) is one matrix product a layer,
a channel's contribution the sum over places of gradient × activation. Nothing large is kept beyond the pass;
the backward goes to the input alone, so no weight gets a gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layouts.layout import Layout
from nbviz.model.layouts.tree import version
from nbviz.model.target import Target
from nbviz.model.trace import Trace
from nbviz.passes.graph.attention_count import note_attention
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject
from nbviz.pictures.load import Picture
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import hooked, modules_of


@dataclass(frozen=True, eq=False)
class EvidenceMaps:
    """Signed Grad-CAM and channel contributions of every layer, for one picture and target."""

    target: str
    """The target as text."""
    index: int | None
    score: float
    maps: dict[str, np.ndarray | None] = field(default_factory=dict)
    """Layer → float32 (h, w), signed; None where the layer has no places, absent where it doesn't reach the target."""
    contributions: dict[str, np.ndarray] = field(default_factory=dict)
    """Layer → float32 (C,), sum over places of gradient × activation."""

    @property
    def nbytes(self) -> int:
        """Memory the maps take."""
        arrays = [*self.contributions.values(), *(m for m in self.maps.values() if m is not None)]
        return sum(a.nbytes for a in arrays)


def evidence(model: InstrumentedModel, picture: Picture, target: Target) -> EvidenceMaps:
    """Compute Grad-CAM at every layer and every channel's contribution: one forward, one backward."""
    x = model.input(picture)
    trace = model.trace(x)
    return model.guest.steady(lambda run: _walk(model, run, Reducer(trace), x, target))


def _walk(model: InstrumentedModel, run: Pass, reduced: Reducer, x: torch.Tensor, target: Target) -> EvidenceMaps:
    subject = Subject(model, run, x, target)
    leaf = subject.leaf(subject.x)
    with hooked(modules_of(run.net), reduced.keep):
        score = subject.scores(leaf)[0]
    reduced.release()
    # the graph is at hand now: the backward frees it as it goes
    note_attention(model, score)
    subject.slopes(score, leaf)
    maps, contributions = reduced.results()
    return EvidenceMaps(subject.target_words, subject.target.index, float(score.detach()), maps, contributions)


class Reducer:
    """Reduction of activations and gradients layer by layer, as the backward pass reaches them."""

    def __init__(self, trace: Trace) -> None:
        # looked up before the network is hooked: where nobody has asked for them yet it is run to find them
        self._layers, self._overwritten = trace.layers, trace.overwritten
        self._maps: dict[str, torch.Tensor | None] = {}
        self._contributions: dict[str, torch.Tensor] = {}
        self._first: dict[tuple[int, int], str] = {}
        self._same: dict[str, str] = {}
        self._held: list[torch.Tensor] = []

    def keep(self, name: str, call: int, tensor: torch.Tensor) -> None:
        """Keep the activation until its gradient comes; a forward hook."""
        layer = self._layers.get(name)
        if layer is None or call != layer.calls or layer.layout is None or layer.layout.kind == "none":
            return
        # a Sequential puts out the object its last child did: reduce it once
        key = (id(tensor), version(tensor))
        if key in self._first:
            self._same[name] = self._first[key]
            return
        self._first[key] = name
        self._held.append(tensor)  # else its id may be another tensor's before the forward ends
        if not tensor.requires_grad:
            return
        overwritten = (name, call) in self._overwritten
        # only those that a later operation overwrites cost a copy
        activation = tensor.detach().clone() if overwritten else tensor.detach()
        tensor.register_hook(self._reducer(name, activation, layer.layout))

    def release(self) -> None:
        """Release, after the forward, the memory that the backward no longer needs held."""
        self._held.clear()

    def _reducer(self, name: str, activation: torch.Tensor, layout: Layout) -> Callable[[torch.Tensor | None], None]:
        # not self: the hook lives in C++, where Python's collector finds no circle, and self holds the tensor it is on
        activations, maps, contributions = [activation], self._maps, self._contributions

        # autograd calls it with gradients disabled
        def reduce(gradient: torch.Tensor | None) -> None:
            if gradient is None:  # a quantised layer in between passes none
                return
            slopes = at_least_single(layout.maps(gradient)[0])
            # popped: the hook lives as long as the graph, and would hold the activation as long
            a, g = at_least_single(layout.maps(activations.pop())[0]).flatten(1), slopes.flatten(1)
            contributions[name] = torch.linalg.vecdot(g, a)  # a batched product takes four times as long
            maps[name] = (g.mean(1) @ a).view(slopes.shape[1:]) if layout.has_places else None

        return reduce

    def results(self) -> tuple[dict[str, np.ndarray | None], dict[str, np.ndarray]]:
        """Return maps and sums, on the CPU; layers the target does not reach have neither."""
        maps = {name: None if m is None else m.float().cpu().numpy() for name, m in self._maps.items()}
        sums = {name: c.float().cpu().numpy() for name, c in self._contributions.items()}
        for name, first in self._same.items():
            if first in maps:
                maps[name] = maps[first]
            if first in sums:
                sums[name] = sums[first]
        return maps, sums
