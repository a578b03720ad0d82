"""Activations at some places of every picture, and their contribution to the class that the network sees in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from nbviz.dataset.atlas.plan import AtlasPlan
from nbviz.dataset.shards.part import Problems
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.subject import Subject, record
from nbviz.pictures.samples import Batch, Items
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import RawOutput


@dataclass
class Points:
    """Sampled places, one row each."""

    items: torch.Tensor
    """int64 (N,): number of the picture in the data set."""
    places: torch.Tensor
    """int64 (N,): place counted by rows; 0 for a layer without places."""
    labels: torch.Tensor
    """int64 (N,): the picture's class in the data set; −1 where it has none."""
    predicted: torch.Tensor
    """int64 (N,): the class the network sees in the picture."""
    gains: torch.Tensor
    """float32 (N,): gradient of that class's score × activation, at the place."""
    values: torch.Tensor
    """float32 (N, C): the activation there."""

    def __len__(self) -> int:
        return len(self.items)


@dataclass
class Sampler:
    """Collects points over batches; memory is that of one batch and of the points."""

    model: InstrumentedModel
    items: Items
    plan: AtlasPlan
    problems: Problems = field(default_factory=Problems)
    """Pictures left out."""
    silent: int = 0
    """Places at which every channel is zero: they have no direction."""
    broken: int = 0
    """Places with values that are not finite."""
    _rows: list[Points] = field(default_factory=list)

    def walk(self, run: Pass) -> Iterator[int]:
        """One forward and one backward per batch; yield how many pictures are done."""
        self.__init__(self.model, self.items, self.plan)  # type: ignore[misc]  # weights moved: from the start
        done = 0
        plan, transform = self.plan, self.model.transform
        for batch in self.items.batches(plan.numbers, plan.batch, transform, plan.shape, self.problems.add):
            self._rows.append(self._batch(run, batch))
            done += len(batch.numbers)
            yield done

    @property
    def points(self) -> Points:
        """Return all points."""
        return joined(self._rows)

    def _batch(self, run: Pass, batch: Batch) -> Points:
        x = batch.inputs.to(run.device, self.model.guest.dtype)
        predictions: list[torch.Tensor] = []

        def own(output: RawOutput) -> torch.Tensor:
            # each picture is explained for its own prediction: one backward for all of them
            best = self.model.find_logits(output).max(1)
            predictions.append(best.indices.cpu())
            return best.values

        subject = Subject(self.model, run, x[:1], Target(function=own), self.plan.layer)
        if not subject.together(x):
            return joined([self._batch(run, single) for single in _singles(batch)])
        scores, activations = record(subject, x.detach().requires_grad_(), self.plan.layer)
        predicted, activation = predictions[-1], activations[self.plan.layer]
        values = activation.maps.flatten(2)
        try:
            gradient = activation.gradient(scores).flatten(2)
        except Refused:  # the map needs none: its cells speak for no class, which its notes say
            gradient = torch.zeros_like(values)
        # drawn by number, not in turn: a build in other batches draws the same
        places = torch.stack([self.plan.places_of(int(number)) for number in batch.numbers])
        rows = torch.arange(len(x), device="cpu").repeat_interleave(places.shape[1])
        at = (rows.to(values.device), slice(None), places.flatten().to(values.device))
        taken, slopes = values[at].float().cpu(), gradient[at].float().cpu()
        return self._usable(Points(
            batch.numbers[rows], places.flatten(), batch.labels[rows], predicted[rows], (taken * slopes).sum(1), taken
        ))  # fmt: skip

    def _usable(self, points: Points) -> Points:
        finite = points.values.isfinite().all(1)
        spoken = points.values.abs().amax(1) > 0
        self.broken += int((~finite).sum())
        self.silent += int((finite & ~spoken).sum())
        keep = finite & spoken
        return Points(**{name: getattr(points, name)[keep] for name in Points.__dataclass_fields__})


def joined(rows: Sequence[Points]) -> Points:
    """Join points in their order."""
    return Points(**{name: torch.cat([getattr(row, name) for row in rows]) for name in Points.__dataclass_fields__})


def _singles(batch: Batch) -> Iterator[Batch]:
    for row in zip(*(part.split(1) for part in (batch.numbers, batch.labels, batch.inputs)), strict=True):
        yield Batch(*row)
