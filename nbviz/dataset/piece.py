"""One piece of a data set through the network: one forward a batch, every channel of every layer ranked on the way.

Outputs are reduced inside the hooks, so none is held, and in-place operations that come after change nothing.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from nbviz.dataset.plan import Plan, Watched
from nbviz.dataset.ranking import Ranking, merged, peaks_of, places_of
from nbviz.tensors.capture import Enough, hooked, modules_of, split
from nbviz.tensors.errors import NbvizError
from nbviz.tensors.examples import noise
from nbviz.tensors.guest import Guest, Pass
from nbviz.tensors.items import Batch, Items, Transform
from nbviz.tensors.replica import replicate

MAX_REASONS = 20
Tick = Callable[[int], Any]


@dataclass
class Found:
    """What some pieces of a data set came to; two of them merge into one."""

    pieces: tuple[int, ...]
    tensors: dict[str, torch.Tensor]
    """``"layer/top/values"`` … on the CPU."""
    problems: dict[int, str] = field(default_factory=dict)
    """The first items left out, and why."""
    left_out: int = 0
    seen: int = 0

    def merge(self, other: Found) -> Found:
        """Both together; the same whatever the order."""
        made: dict[str, torch.Tensor] = {}
        for key in self.tensors:
            stem, _, last = key.rpartition("/")
            if last == "values" and not stem.endswith("/sample"):
                pair = ({n: part.tensors[f"{stem}/{n}"] for n in ("values", "items", "places", "labels")}
                        for part in (self, other))
                made.update({f"{stem}/{name}": value for name, value in merged(*pair).items()})
            elif last == "values":
                # an item is in one piece only; elsewhere its column is -∞
                mine = self.tensors[key] > other.tensors[key]
                for name in ("values", "places"):
                    one, two = self.tensors[f"{stem}/{name}"], other.tensors[f"{stem}/{name}"]
                    made[f"{stem}/{name}"] = torch.where(mine, one, two)
        problems = dict(sorted({**self.problems, **other.problems}.items())[:MAX_REASONS])
        pieces = tuple(sorted(self.pieces + other.pieces))
        return Found(pieces, made, problems, self.left_out + other.left_out, self.seen + other.seen)


class Job:
    """Network, preprocessing, data set and plan: all that a piece needs."""

    def __init__(self, guest: Guest, transform: Transform, items: Items, plan: Plan) -> None:
        self.guest, self.transform, self.items, self.plan = guest, transform, items, plan
        self._packed: bytes | None = None

    def run(self, piece: int, tick: Tick | None = None) -> Found:
        """One piece, over one version of the weights."""
        return self.guest.steady(lambda run: _Walk(self, run).over(piece, tick))

    def packed(self) -> bytes:
        """Everything, the network as it is now, for another process. NbvizError where it can't travel."""
        import cloudpickle

        def pack(run: Pass) -> bytes:
            net = replicate(run.net, lambda tensor: tensor.detach().cpu())
            return cloudpickle.dumps((net, self.transform, self.items, self.plan))

        try:
            self._packed = self._packed or self.guest.steady(pack)
        except Exception as error:  # a reader's own objects can fail in any way
            raise NbvizError(
                f"Network, transform and data set must travel to the workers, and one can't be pickled: {error}"
            ) from error
        return self._packed

    @classmethod
    def unpacked(cls, packed: bytes) -> Job:
        """On a worker: the network on its accelerator, if it has one."""
        net, transform, items, plan = pickle.loads(packed)
        guest = Guest(net, torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "auto")
        # a network that writes to itself is found out on a first batch
        guest.trial(lambda run: run(noise(guest, plan.shape)) is None)
        return cls(guest, transform, items, plan)

    def __reduce__(self) -> tuple[Any, ...]:
        return Job.unpacked, (self.packed(),)


class _Walk:
    """The rankings of one piece while its batches pass."""

    def __init__(self, job: Job, run: Pass) -> None:
        self.job, self.run = job, run
        self.columns = {item: column for column, item in enumerate(job.plan.sample)}
        self.rankings: dict[str, list[tuple[str, Ranking]]] = {}
        self.samples: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self.calls: dict[tuple[str, int], Watched] = {}
        for layer in job.plan.layers:
            self.calls[split(layer.name)[0], layer.call] = layer
            self.rankings[layer.name] = [
                ("top", Ranking(layer.channels, job.plan.depth, job.plan.k, 1, run.device))
            ]
            if bottom := job.plan.bottom:
                self.rankings[layer.name].append(("bottom", Ranking(layer.channels, bottom, bottom, -1, run.device)))
            if self.columns:
                wide = (layer.channels, len(self.columns))
                self.samples[layer.name] = (torch.full(wide, -torch.inf), torch.zeros(wide, dtype=torch.int32))
        self.nan: set[int] = set()
        self.found = Found((), {})

    def over(self, piece: int, tick: Tick | None) -> Found:
        """All batches of a piece."""
        plan, job = self.job.plan, self.job
        numbers = plan.numbers(piece)
        for batch in job.items.batches(numbers, plan.batch, job.transform, plan.shape, self.problem):
            self.forward(batch)
            self.found.seen += len(batch.numbers)
            if tick is not None:
                tick(len(batch.numbers))
        self.found.pieces = (piece,)
        for name, kept in self.rankings.items():
            for which, ranking in kept:
                for part, tensor in ranking.fields.items():
                    self.found.tensors[f"{name}/{which}/{part}"] = tensor.cpu()
        for name, (values, places) in self.samples.items():
            self.found.tensors.update({f"{name}/sample/values": values, f"{name}/sample/places": places})
        return self.found

    def problem(self, number: int, sentence: str) -> None:
        """An item that is left out."""
        self.found.left_out += 1
        if len(self.found.problems) < MAX_REASONS:
            self.found.problems[number] = sentence

    def forward(self, batch: Batch) -> None:
        """One batch: every watched layer's output is ranked as it comes; nothing after the last is computed."""
        device = self.run.device
        numbers, labels = batch.numbers.to(device), batch.labels.to(device)
        waiting = set(self.calls)

        def rank(stem: str, call: int, tensor: torch.Tensor) -> None:
            layer = self.calls.get((stem, call))
            if layer is None:
                return
            self.take(layer, layer.layout.maps(tensor), numbers, labels, batch)
            waiting.discard((stem, call))
            if not waiting:
                raise Enough

        modules, dtype = modules_of(self.run.net), next(self.run.net.parameters(), torch.zeros(0)).dtype
        watched = {stem: modules[stem] for stem, _ in self.calls}
        with torch.no_grad(), hooked(self.run.net, watched, rank):
            try:
                self.run(batch.inputs.to(device, dtype))
            except Enough as enough:
                enough.__traceback__ = None  # it holds the frames of the forward, and so its tensors

    def take(
        self, layer: Watched, maps: torch.Tensor, numbers: torch.Tensor, labels: torch.Tensor, batch: Batch
    ) -> None:
        """A layer's output of a batch."""
        for which, ranking in self.rankings[layer.name]:
            peaks = peaks_of(maps, ranking.sign)
            ranking.update(maps, peaks, numbers, labels)
            if which == "top" and self.columns:
                self.sample(layer, maps, peaks, batch)
            if which == "top":
                self.lost(layer, peaks, batch)

    def sample(self, layer: Watched, maps: torch.Tensor, peaks: torch.Tensor, batch: Batch) -> None:
        """Keep the peaks of the items drawn for the sample."""
        numbers = batch.numbers.tolist()
        inside = [place for place, number in enumerate(numbers) if number in self.columns]
        if not inside:
            return
        columns = [self.columns[numbers[place]] for place in inside]
        pictures = torch.tensor(inside, device=maps.device).repeat(layer.channels)
        channels = torch.arange(layer.channels, device=maps.device).repeat_interleave(len(inside))
        values, places = self.samples[layer.name]
        values[:, columns] = peaks[:, inside].nan_to_num(nan=-torch.inf).cpu()
        places[:, columns] = places_of(maps, pictures, channels, 1).view(layer.channels, -1).cpu()

    def lost(self, layer: Watched, peaks: torch.Tensor, batch: Batch) -> None:
        """Say which items a layer answers with NaN; they rank nowhere in those channels."""
        nan = peaks.isnan().any(0)
        if not nan.any():
            return
        for number in set(batch.numbers[nan.cpu()].tolist()) - self.nan:
            self.nan.add(number)
            self.problem(number, f"layer '{layer.name}' puts out NaN for it")
