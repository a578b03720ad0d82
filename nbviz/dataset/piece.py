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
Known = dict[str, torch.Tensor]


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

    def known(self, before: Known) -> Known:
        """Values a rank, at least, of all pieces so far: what stays under them enters no ranking any more."""
        ours = {key: t for key, t in self.tensors.items() if key.endswith(("/top/values", "/bottom/values"))}
        return {key: torch.maximum(t, before[key]) if key in before else t for key, t in ours.items()}

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

    def run(self, piece: int, tick: Tick | None = None, known: Known | None = None) -> Found:
        """One piece, over one version of the weights. known: what other pieces came to, from :meth:`Found.known`."""
        return self.guest.steady(lambda run: Walk(self, run, known).over(piece, tick))

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
        x = noise(guest, plan.shape)  # outside: drawn within, the network would pass for one that draws at random
        guest.trial(lambda run: run(x) is None)
        return cls(guest, transform, items, plan)

    def __reduce__(self) -> tuple[Any, ...]:
        return Job.unpacked, (self.packed(),)


class Walk:
    """The rankings of one piece while its batches pass; the channels of all layers stand in one row."""

    def __init__(self, job: Job, run: Pass, known: Known | None = None) -> None:
        self.job, self.run = job, run
        plan = job.plan
        self.columns = {item: column for column, item in enumerate(plan.sample)}
        self.calls: dict[tuple[str, int], tuple[Watched, slice]] = {}
        total = 0
        for layer in plan.layers:
            self.calls[split(layer.name)[0], layer.call] = layer, slice(total, total + layer.channels)
            total += layer.channels
        self.rankings = {}
        for which, depth, placed, sign in (("top", plan.depth, plan.k, 1), ("bottom", plan.bottom, plan.bottom, -1)):
            if placed:
                values = [known[f"{layer.name}/{which}/values"] for layer in plan.layers] if known else None
                others = None if values is None else torch.cat(values)
                self.rankings[which] = Ranking(total, depth, placed, sign, run.device, others)
        wide = (total, len(self.columns))
        self.sampled = torch.full(wide, -torch.inf), torch.zeros(wide, dtype=torch.int32)
        self.total, self.nan = total, set[int]()
        self.found = Found((), {})

    def over(self, piece: int, tick: Tick | None) -> Found:
        """All batches of a piece."""
        plan, job = self.job.plan, self.job
        numbers = plan.numbers(piece)
        for batch in job.items.batches(numbers, plan.batch, job.transform, plan.shape, self.problem):
            self.forward(batch)
            if tick is not None:
                tick(len(batch.numbers))
        return self.gathered(piece)

    def gathered(self, piece: int) -> Found:
        """What the batches so far came to, as a piece."""
        self.found.pieces = (piece,)
        kept = {which: ranking.fields for which, ranking in self.rankings.items()}
        if self.columns:
            kept["sample"] = dict(zip(("values", "places"), self.sampled, strict=True))
        for layer, channels in self.calls.values():
            for which, fields in kept.items():
                for part, tensor in fields.items():
                    # a copy: a view would take the whole row of channels with it wherever it is sent
                    self.found.tensors[f"{layer.name}/{which}/{part}"] = tensor[channels].cpu().clone()
        return self.found

    def problem(self, number: int, sentence: str) -> None:
        """An item that is left out."""
        self.found.left_out += 1
        if len(self.found.problems) < MAX_REASONS:
            self.found.problems[number] = sentence

    def forward(self, batch: Batch) -> None:
        """One batch: every watched layer's output is looked at as it comes; nothing after the last is computed."""
        device, count = self.run.device, len(batch.numbers)
        waiting = set(self.calls)
        seen = {which: _Seen(count, self.total, device) for which in self.rankings}

        def look(stem: str, call: int, tensor: torch.Tensor) -> None:
            if (stem, call) in waiting:
                layer, channels = self.calls[stem, call]
                self.look(seen, layer, channels, layer.layout.maps(tensor), batch)
                waiting.discard((stem, call))
                if not waiting:
                    raise Enough

        modules, dtype = modules_of(self.run.net), next(self.run.net.parameters(), torch.zeros(0)).dtype
        watched = {stem: modules[stem] for stem, _ in self.calls}
        with torch.no_grad(), hooked(self.run.net, watched, look):
            try:
                self.run(batch.inputs.to(device, dtype))
            except Enough as enough:
                enough.__traceback__ = None  # it holds the frames of the forward, and so its tensors
        for which, ranking in self.rankings.items():
            ranking.update(seen[which].peaks, seen[which].places, batch.numbers, batch.labels)
        self.found.seen += count

    def look(self, seen: dict[str, _Seen], layer: Watched, channels: slice, maps: torch.Tensor, batch: Batch) -> None:
        """A layer's output of a batch: its peaks, and the places of those that may enter a ranking."""
        for which, ranking in self.rankings.items():
            peaks = peaks_of(maps, ranking.sign)
            if peaks.max().isnan():
                self.lost(layer, peaks, batch)
                peaks = torch.where(peaks.isnan(), -torch.inf, peaks)
            may = ranking.candidates(peaks, channels)
            if which == "top" and self.columns:
                self.sample(channels, maps, peaks, batch)
            seen[which].take(channels, maps, peaks, may, ranking.sign)

    def sample(self, channels: slice, maps: torch.Tensor, peaks: torch.Tensor, batch: Batch) -> None:
        """Keep the peaks of the items drawn for the sample."""
        numbers = batch.numbers.tolist()
        inside = [place for place, number in enumerate(numbers) if number in self.columns]
        if not inside:
            return
        columns = [self.columns[numbers[place]] for place in inside]
        pictures = torch.tensor(inside, device=maps.device).repeat(maps.shape[1])
        every = torch.arange(maps.shape[1], device=maps.device).repeat_interleave(len(inside))
        values, places = self.sampled
        values[channels, columns] = peaks[inside].T.cpu() + 0.0
        places[channels, columns] = places_of(maps, pictures, every, 1).view(maps.shape[1], -1).cpu()

    def lost(self, layer: Watched, peaks: torch.Tensor, batch: Batch) -> None:
        """Say which items a layer answers with NaN; they rank nowhere in those channels."""
        nan = peaks.isnan().any(1)
        for number in set(batch.numbers[nan.cpu()].tolist()) - self.nan:
            self.nan.add(number)
            self.problem(number, f"layer '{layer.name}' puts out NaN for it")


class _Seen:
    """Peaks of all channels in one batch, and places where they were looked for."""

    def __init__(self, count: int, total: int, device: torch.device) -> None:
        self.peaks = torch.full((count, total), -torch.inf, device=device)
        self.places = torch.zeros((count, total), dtype=torch.int32, device=device)

    def take(self, channels: slice, maps: torch.Tensor, peaks: torch.Tensor, may: torch.Tensor, sign: int) -> None:
        """One layer's."""
        self.peaks[:, channels] = peaks
        pictures, chosen = may.nonzero(as_tuple=True)
        if len(pictures):
            self.places[:, channels][pictures, chosen] = places_of(maps, pictures, chosen, sign)
