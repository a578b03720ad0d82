"""One piece of a data set through the network: one forward a batch, every channel of every layer ranked on the way.

Outputs are reduced inside the hooks, so none is held, and in-place operations that come after change nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from nbviz.dataset.plan import Plan, Watched
from nbviz.dataset.ranking import Ranking, merged, peaks_of, places_of
from nbviz.tensors.capture import Enough, hooked, modules_of, split
from nbviz.tensors.guest import Guest, Pass
from nbviz.tensors.items import Batch, Items, Transform

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
    """Network, preprocessing, data set and plan: all a worker needs. Travels by pickle."""

    def __init__(self, net: nn.Module, transform: Transform, items: Items, plan: Plan, device: str) -> None:
        self.net, self.transform, self.items, self.plan, self.device = net, transform, items, plan, device
        self._guest: Guest | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_guest": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def guest(self) -> Guest:
        """The network, made ready once a process."""
        with self._lock:
            if self._guest is None:
                self._guest = Guest(self.net, self.device)
                # a network that writes to itself is found out on a first batch
                x = torch.zeros(1, *self.plan.shape, device=self._guest.device, dtype=self._guest.dtype)
                self._guest.trial(lambda run: run(x) and None)
            return self._guest

    def run(self, piece: int, guest: Guest | None = None, tick: Tick | None = None) -> Found:
        """One piece, over one version of the weights."""
        return (guest or self.guest()).steady(lambda run: _Walk(self, run).over(piece, tick))


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
            self.rankings[layer.name] = [("top", Ranking(layer.channels, job.plan.depth, 1, run.device))]
            if job.plan.bottom:
                self.rankings[layer.name].append(("bottom", Ranking(layer.channels, job.plan.bottom, -1, run.device)))
            if self.columns:
                wide = (layer.channels, len(self.columns))
                self.samples[layer.name] = (torch.full(wide, -torch.inf), torch.zeros(wide, dtype=torch.int32))
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
        for number in batch.numbers[nan.cpu()].tolist():
            if number not in self.found.problems:
                self.problem(number, f"layer '{layer.name}' puts out NaN for it")
