"""Pass of a data set through the network, one forward per batch, every channel of every layer ranked on the way.

Outputs are reduced inside the hooks, so none is held but the last, which the next module is given anyway, and
in-place operations that come after change nothing.
"""

from __future__ import annotations

import torch

from nbviz.dataset.index.partial import Known, PartialIndex
from nbviz.dataset.index.peaks import Peaks, follows, rule_of
from nbviz.dataset.index.plan import Plan, Watched
from nbviz.dataset.index.ranking import Ranking
from nbviz.pictures.samples import Batch
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import Arguments, Enough, hooked_calls, modules_of, split

Call = tuple[str, int]
"""Module and which of its calls, from 1."""


class IndexWalk:
    """Rankings while batches pass; the channels of all layers stand in one row."""

    def __init__(self, plan: Plan, run: Pass, known: Known | None = None) -> None:
        """known: what other pieces came to, from :meth:`Found.known`."""
        self.run = run
        self.columns = {item: column for column, item in enumerate(plan.sample)}
        self.calls: dict[Call, tuple[Watched, slice]] = {}
        total = 0
        for layer in plan.layers:
            self.calls[split(layer.name)[0], layer.call] = layer, slice(total, total + layer.channels)
            total += layer.channels
        modules = modules_of(run.net)
        self.modules = {stem: modules[stem] for stem, _ in self.calls}
        self.rules = {stem: rule for stem, module in self.modules.items() if (rule := rule_of(module)) is not None}
        self.proven = set[tuple[str, int]]()
        """Modules, and signs, whose rule agreed with their maps."""
        self.rankings: dict[str, Ranking] = {}
        for which, depth, placed, sign in (("top", plan.depth, plan.k, 1), ("bottom", plan.bottom, plan.bottom, -1)):
            if placed:
                values = [known[f"{layer.name}/{which}/values"] for layer in plan.layers] if known else None
                others = None if values is None else torch.cat(values)
                self.rankings[which] = Ranking(total, depth, placed, sign, run.device, others)
        wide = (total, len(self.columns))
        values = torch.full(wide, -torch.inf, dtype=torch.float32, device="cpu")
        self.sampled = values, torch.zeros_like(values, dtype=torch.int32)
        self.nan = set[int]()
        self.part = PartialIndex((), {})

    def gathered(self, piece: int) -> PartialIndex:
        """Return the rankings of the batches so far, as a piece."""
        self.part.pieces = (piece,)
        results = {which: ranking.fields for which, ranking in self.rankings.items()}
        if self.columns:
            results["sample"] = dict(zip(("values", "places"), self.sampled, strict=True))
        for layer, channels in self.calls.values():
            for which, fields in results.items():
                for part, tensor in fields.items():
                    # a copy: a view would take the whole row of channels with it wherever it is sent
                    self.part.tensors[f"{layer.name}/{which}/{part}"] = tensor[channels].cpu().clone()
        return self.part

    def forward(self, batch: Batch) -> None:
        """Run one batch: every watched layer's output is read as it comes; nothing after the last is computed."""
        looks = _Looks(self, batch)
        with torch.no_grad(), hooked_calls(self.modules, looks.take):
            try:
                self.run(inputs_of(self.run, batch))
            except Enough as enough:
                enough.__traceback__ = None  # it holds the frames of the forward, and so its tensors
        for which, ranking in self.rankings.items():
            values, places = looks.row(which)
            self.lost(values, batch)
            ranking.update(values, places, batch.numbers, batch.labels)
        self.part.seen += len(batch.numbers)

    def peaks(self, stem: str, given: Peaks | None, maps: torch.Tensor, sign: int) -> Peaks:
        """Return a layer's peaks, by its module's rule if the input's are at hand; the first time, by both."""
        if given is None or stem not in self.rules:
            return Peaks.of(maps, sign)
        followed = self.rules[stem].follow(given, maps, sign)
        if (stem, sign) not in self.proven:
            looked = Peaks.of(maps, sign)
            self.proven.add((stem, sign))
            if not torch.equal(followed.values, looked.values):
                # one disagreement is enough: this kernel rounds otherwise than the rule
                del self.rules[stem]
                return looked
        return followed

    def sample(self, channels: slice, maps: torch.Tensor, peaks: Peaks, drawn: dict[int, int]) -> None:
        """Keep the peaks of the items drawn for the sample. drawn: row of the batch → column of the sample."""
        rows, columns = list(drawn), list(drawn.values())
        drawn_rows = torch.zeros_like(peaks.values, dtype=torch.bool)
        drawn_rows[rows] = True
        peaks_drawn = peaks.values[rows]
        values, places = self.sampled
        # + 0.0 makes 0 of −0, so that equal values are equal on disk
        values[channels, columns] = torch.where(peaks_drawn.isnan(), -torch.inf, peaks_drawn).T.cpu() + 0.0
        places[channels, columns] = peaks.locate(maps, drawn_rows, 1)[rows].T.cpu()

    def lost(self, peaks: torch.Tensor, batch: Batch) -> None:
        """Note which items a layer answers with NaN; they rank nowhere in those channels."""
        nan = peaks.isnan()
        if not nan.any():
            return
        for layer, channels in self.calls.values():
            for number in set(batch.numbers[nan[:, channels].any(1).cpu()].tolist()) - self.nan:
                self.nan.add(number)
                self.part.leave_out(number, f"layer '{layer.name}' puts out NaN for it")
        peaks[nan] = -torch.inf


class _Looks:
    """State of one forward as the hooks see it."""

    def __init__(self, walk: IndexWalk, batch: Batch) -> None:
        self.walk, self.batch = walk, batch
        self.entries = {which: ranking.entry for which, ranking in walk.rankings.items()}
        numbers = enumerate(batch.numbers.tolist())
        self.drawn = {row: walk.columns[number] for row, number in numbers if number in walk.columns}
        self.seen: dict[tuple[Call, str], Peaks] = {}
        self.last: tuple[Call, torch.Tensor, int] | None = None

    def take(self, stem: str, number: int, inputs: Arguments, tensor: torch.Tensor) -> None:
        """Read a module's output."""
        walk, call = self.walk, (stem, number)
        if call not in walk.calls:
            return
        layer, channels = walk.calls[call]
        maps = layer.layout.maps(tensor)
        before = self.before(stem, inputs, maps)
        for which, ranking in walk.rankings.items():
            given = None if before is None else self.seen[before, which]
            peaks = self.seen[call, which] = walk.peaks(stem, given, maps, ranking.sign)
            peaks.locate(maps, ranking.candidates(peaks.values, self.entries[which][channels]), ranking.sign)
        if self.drawn:
            walk.sample(channels, maps, self.seen[call, "top"], self.drawn)
        self.last = call, tensor, _version(tensor)
        # every watched output has come: what the network computes after is for nobody
        if len(self.seen) == len(walk.calls) * len(walk.rankings):
            raise Enough

    def before(self, stem: str, inputs: Arguments, maps: torch.Tensor) -> Call | None:
        """Return the layer read last, where a module with a rule was given its output as it was then."""
        if self.last is None or stem not in self.walk.rules or not inputs or inputs[0] is not self.last[1]:
            return None
        call, given, version = self.last
        module = self.walk.modules[stem]
        # in place, the module's own write is the one that is expected
        own = 1 if getattr(module, "inplace", False) else 0
        as_it_was = version >= 0 and _version(given) == version + own
        return call if as_it_was and follows(module, given, maps) else None

    def row(self, which: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return values and places (N, channels of all layers); a layer that was not reached says -∞."""
        values, places = [], []
        for call, (layer, _) in self.walk.calls.items():
            peaks = self.seen.get((call, which)) or _nothing(len(self.batch.numbers), layer.channels, self.walk.run)
            values.append(peaks.values)
            places.append(torch.zeros_like(peaks.values, dtype=torch.int32) if peaks.places is None else peaks.places)
        return torch.cat(values, 1), torch.cat(places, 1)


def inputs_of(run: Pass, batch: Batch) -> torch.Tensor:
    """Return a batch's inputs as the network takes them."""
    # a network in half precision takes its pictures so; one of whole numbers alone as they are
    floats = (weight.dtype for weight in run.net.parameters() if weight.is_floating_point())
    return batch.inputs.to(run.device, next(floats, torch.float32))


def _nothing(count: int, channels: int, run: Pass) -> Peaks:
    return Peaks(torch.full((count, channels), -torch.inf, dtype=torch.float32, device=run.device))


def _version(tensor: torch.Tensor) -> int:
    """Return the version counter of a tensor; -1 for inference tensors, which have none."""
    return -1 if tensor.is_inference() else tensor._version
