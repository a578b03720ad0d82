"""Subject of an attribution method: one picture, one target and one network."""

from __future__ import annotations

from collections.abc import Container
from functools import partial

import torch

from nbviz.errors import NbvizError, Refused
from nbviz.model.batches import mixes_batch
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer, grid_layers, output_order
from nbviz.model.layouts.layout import probe_batch
from nbviz.model.scoring.outputs import Output
from nbviz.model.target import Target
from nbviz.model.trace import leads
from nbviz.passes.activations import Activation
from nbviz.passes.feature_maps import layer_output
from nbviz.passes.precision import at_least_single
from nbviz.passes.reach import GRADIENT_FREE, backward, cut, quantised
from nbviz.passes.shared_forwards import Shared
from nbviz.pictures.picture import PictureLike
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import record_layers


class Subject:
    """Picture and target as a method sees them: scores and gradients of batches, a layer's activation and gradient.

    Hooks never outlive a call, so a method can yield between any two of them. ``calls`` counts evaluations,
    pictures through the network.
    """

    def __init__(
        self,
        model: InstrumentedModel,
        run: Pass,
        x: torch.Tensor,
        target: Target,
        layer: str | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.model, self.run, self.layer, self.shared = model, run, layer, shared
        self.x = x.detach().to(run.device)
        """(1, C, H, W), the network's input."""
        self.target = target
        self.calls = 0
        self.score: float | None = None
        """The target's score of ``x``, known after its first evaluation."""
        self._constant: bool | None = None

    def scores(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the target's scalar for each picture of a batch (N, C, H, W): (N,), differentiable."""
        self.calls += len(batch)
        batch = batch.to(self.run.device)
        scores = (
            self._scores(batch) if self.together(batch) else torch.cat([self._scores(row) for row in batch.split(1)])
        )
        if len(scores) != len(batch):
            raise NbvizError(
                f"The target gives {len(scores)} scores for {_pictures(len(batch))}; one per picture is needed."
            )
        if self.score is None and len(batch) == 1:
            self.score = float(scores.detach()[0])
        return scores

    def together(self, batch: torch.Tensor) -> bool:
        """Return whether a batch passes as one, see :func:`mixes_batch`; found by forwards once per structure.

        Who counts calls of modules asks before hooking them.
        """
        return len(batch) == 1 or not mixes_batch(self.model, self.run, self.x)

    def leaf(self, batch: torch.Tensor) -> torch.Tensor:
        """Return a batch (N, C, H, W) as the leaf of a graph; where targets share forwards, the leaf they share."""
        return batch.detach().requires_grad_() if self.shared is None else self.shared.leaf(batch)

    @property
    def retain(self) -> bool:
        """True if other targets still need the graph after a backward from a :meth:`leaf`'s scores."""
        return self.shared is not None

    def resolve(self) -> Target:
        """Return the target with what depends on the picture settled: the predicted class, a region, a box."""
        with torch.no_grad():
            self.scores(self.x)
        return self.target

    def _scores(self, batch: torch.Tensor) -> torch.Tensor:
        return self._channel(batch) if self.target.unit is not None else self._score(batch)

    def _score(self, batch: torch.Tensor) -> torch.Tensor:
        size = (batch.shape[2], batch.shape[3])
        output = self._output(batch)
        if not self.target.settled(output.kind):
            if self._is_picture(batch):
                self.target = self.target.resolved(output, self.model, size)
            else:
                self.resolve()
        return self.target.of(output, size)

    def _output(self, batch: torch.Tensor) -> Output:
        run = partial(self.model.evaluate, self.run)
        return run(batch) if self.shared is None else self.shared.output(batch, run)

    def _is_picture(self, batch: torch.Tensor) -> bool:
        return batch.shape == self.x.shape and torch.equal(batch.detach(), self.x)

    def _channel(self, batch: torch.Tensor) -> torch.Tensor:
        unit = self.target.unit
        assert unit is not None
        layout = self.model.layer(unit.layer).layout
        assert layout is not None
        return unit.of_maps(layout.maps(layer_output(self.model, self.run, batch, unit.layer)))

    def gradient(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scores (N,) of a batch and the gradient of each in its own picture (N, C, H, W); one backward."""
        batch = self.leaf(batch)
        scores = self.scores(batch)
        return scores.detach(), self.slopes(scores, batch)

    def slopes(self, scores: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        """Return ∂ Σ scores/∂ batch, (N, C, H, W).

        Raises :class:`Refused` where no gradient leads there; of a score that is the same for any picture it is zero.
        """
        (gradient,) = backward(scores, [batch], self.retain)
        if gradient is None:
            self.check_constant(scores, "the picture")
            return torch.zeros_like(batch)
        return gradient

    def check_constant(self, scores: torch.Tensor, where: str) -> None:
        """Raise :class:`Refused` unless the score is the same for another picture, and so rightly has no gradient."""
        if self._constant is None:
            with torch.no_grad():
                # tried on other pictures: a missing gradient alone can't tell a constant from a graph that was cut
                picture, *others = probe_batch(self.x).split(1)
                score = self.scores(picture)
                same = all(torch.equal(score, self.scores(other)) for other in others)
            # the steps of quantised layers swallow small changes
            self._constant = same and quantised(self.run.net) is None
        if not self._constant:
            raise cut(self.run.net, scores, f"the score of {self.target_words}", where, GRADIENT_FREE)

    def at_layer(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return activation and gradient of the chosen layer as maps, each (C, h, w); backward ends there.

        In single precision where the network computes in half, for methods multiply and square them.
        """
        assert self.layer is not None
        scores, activations = record(self, self.leaf(self.x), self.layer)
        layer = activations[self.layer]
        return at_least_single(layer.maps[0]), at_least_single(layer.gradient(scores[:1])[0])

    def black(self) -> torch.Tensor:
        """Return a black picture pushed through the same preprocessing, (1, C, H, W)."""
        return self.model.transform.black(self.x)

    @property
    def target_words(self) -> str:
        """Target in a phrase."""
        return self.target.words(self.model)


def resolved(model: InstrumentedModel, picture: PictureLike, target: Target) -> Target:
    """Return the target with what depends on the picture settled: other pictures and weights would say otherwise."""
    x = model.input(picture)
    if target.settled(model.trace(x).kind):
        return target
    return model.guest.steady(lambda run: Subject(model, run, x, target).resolve())


def last_spatial_layer(model: InstrumentedModel, through: Container[tuple[str, int]] | None = None) -> Layer:
    """Return the layer that puts out last of all with places that the class scores come through.

    through: (name, call) of outputs that another score comes through. Where no graph shows any, all layers count.
    A block counts, for what it puts out joins its branches; of a Sequential it is the last layer in it.
    """
    trace = model.trace()
    spatial = grid_layers(trace.root)
    spatial = [layer for layer in spatial if leads(layer, trace.through if through is None else through)] or spatial
    steps = quantised(model.guest.module)
    if not spatial and steps is not None:
        raise Refused(
            f"No layer of {model.name} can be read as maps: layer '{steps}' is quantised. Explain the network as it "
            "was before. Occlusion and RISE work with quantised layers.",
            instead=GRADIENT_FREE,
        )
    if not spatial:
        raise Refused(f"No layer of {model.name} has an output with places: there is nowhere to draw a map.")
    last = max(spatial, key=output_order)
    # its output is its last child's: the child has a name that says what it is
    while last.kind == "Sequential" and any(child.order is not None for child in last.children):
        last = max(last.children, key=output_order)
    return last


def record(subject: Subject, batch: torch.Tensor, *names: str) -> tuple[torch.Tensor, dict[str, Activation]]:
    """Return the scores of a batch (N, C, H, W) and the named layers' outputs on the way."""
    trace, shared = subject.model.trace(), subject.shared
    if shared is not None and shared.has(batch, *names):
        return subject.scores(batch), {name: shared.layers[name] for name in names}
    if shared is not None:
        shared.again()
    # looked up here: whether the network is still the same is asked a pass, not a layer
    layers = {name: trace.layers[name] if name in trace.layers else subject.model.layer(name) for name in names}
    names_by_address = {layer.address: name for name, layer in layers.items()}
    activations: dict[str, Activation] = {}

    def keep(name: str, output: torch.Tensor) -> None:
        activation = output.detach()
        if layers[name].address in trace.overwritten:
            activation = activation.clone()
        # of the output as it is: a clone's edge would have no consumers
        edge = torch.autograd.graph.get_gradient_edge(output) if output.requires_grad else None
        activations[name] = Activation(layers[name], activation, edge, subject.check_constant, subject.retain)

    # before the hooks are on: it may run forwards, whose calls they would count
    subject.together(batch)
    with record_layers(subject.run.net, names_by_address, keep):
        scores = subject.scores(batch)
    for name in names:
        if name not in activations:
            raise _unreached(name, subject)
    if shared is not None:
        shared.layers.update(activations)
    return scores, activations


def _unreached(name: str, subject: Subject) -> NbvizError:
    if subject.target.unit is None:
        return NbvizError(f"Layer '{name}' was not reached in this forward.")
    words = subject.target_words
    return Refused(f"Layer '{name}' comes after the channel that is explained ({words}): choose an earlier one.")


def _pictures(count: int) -> str:
    return f"{count} picture" + "s" * (count != 1)
