"""Health of channels: those that do nothing, or nothing of their own, over a stated sample of a data set.

Each finding is a fact about these pictures and says so; a channel that is silent here may speak elsewhere. A
finding goes on from layer to layer (a dead channel's norm is uniform), so rows say where it was seen before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from nbviz.arguments import at_least
from nbviz.evaluation.channel_statistics import ChannelStatistics
from nbviz.model.batches import batch_size
from nbviz.model.brief import ModelLike
from nbviz.model.inputs.edited_items import edited_items
from nbviz.model.inputs.input_size import noise
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer, with_channels
from nbviz.pictures.samples import Items, PassProgress
from nbviz.pictures.sources import DatasetLike
from nbviz.replica.hooks import modules_of, record_layers
from nbviz.replica.interruption import pause

if TYPE_CHECKING:
    import pandas as pd

    from nbviz.replica.guest import Pass

MEANINGS = {
    "dead": "its unit may have died in training, or these pictures hold nothing it looks for",
    "uniform": "it tells pictures apart as little as a bias does",
    "saturated": "its input is too large for the activation, which cuts off what it would tell",
    "duplicate": "one of the two could be left out, its weights added to the other's",
    "noise-like": "neighbouring places have nothing in common: it may answer to the input's noise, or be untrained",
    "collapsed": "its filter only sums what it sees: it has learnt nothing, or was pruned",
}
SAME, FEW = 0.9995, 8
"""Correlation from which on channels are duplicates; values of a channel, at least, to judge it."""
SATURATED, NOISE, BUSY = 0.95, 0.06, 0.25
"""Share of values at a limit; correlation below which neighbours are noise; share of values that move, at least."""
FLAT, ROUNDING = 1e-5, 1e-6
"""Spread that counts as none, of the layer's median spread, and of the channel's own largest value."""
_PASSED_ON = ("Identity", "Dropout", "Flatten", "StochasticDepth", "DropPath")
"""Kinds of layers that hand on what they are given: each finding would be told twice."""
INPUT = "."
"""Among the statistics, and no layer's name: those of the pictures themselves."""
Finding = tuple[int, str, str]
Row = tuple[str, int, str, str]
Gathered = tuple[list[Layer], dict[str, ChannelStatistics], int]


def health(
    model: ModelLike,
    dataset: DatasetLike,
    layers: Sequence[str] | None = None,
    sample: int | None = 256,
    batch: int = 32,
) -> pd.DataFrame:
    """Return a table with a row for each finding: layer, channel, finding, detail.

    model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. dataset: whatever
    ``Index.build`` takes. layers: names; None for all that have no layers inside. sample: how many of its
    pictures to look at, drawn once; None for all. Findings: "dead" (always 0), "uniform" (always the same),
    "saturated" (95 % of values at the activation's limit), "duplicate" (correlation with another channel above
    .9995), "noise-like" (no correlation between neighbouring places, where the pictures have some), "collapsed" (a
    filter of equal weights). A layer that put out fewer than 8 values per channel is judged by its weights alone.
    ``table.attrs``: pictures looked at, and ``problems``. :class:`NbvizError` for an empty data set, pictures
    none of which can be read, and unknown layers.
    """
    import pandas as pd

    judged: Judged | None = None
    for judged in judging(model, dataset, layers, sample, batch):
        pass
    assert judged is not None
    table = pd.DataFrame(judged.rows, columns=["layer", "channel", "finding", "detail"]).astype({"channel": int})
    table.attrs.update(pictures=judged.seen, problems=judged.problems)
    return table


@dataclass(frozen=True, eq=False)
class Judged(PassProgress):
    """Progress of a health check, and at the end its findings."""

    rows: list[Row] = field(default_factory=list)
    """(layer, channel, finding, detail), in the order of the layers."""
    layers: tuple[str, ...] = ()
    """Layers that were judged; empty before the end."""
    problems: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return bool(self.layers)


def judging(
    model: ModelLike,
    dataset: DatasetLike,
    layers: Sequence[str] | None = None,
    sample: int | None = 256,
    batch: int = 32,
) -> Iterator[Judged]:
    """Run :func:`health` step by step, one batch per step; the last step has the findings."""
    model, items = edited_items(InstrumentedModel.ensure(model), Items.ensure(dataset))
    sample, batch = len(items) if sample is None else at_least("sample", sample, 1), at_least("batch", batch, 1)
    problems: list[str] = []
    for step in _gathering(model, items, layers, sample, batch, problems):
        if isinstance(step, Judged):
            yield step
        else:
            chosen, statistics, pictures = step
            rows = _rows(model, chosen, statistics, pictures)
            sentences = [*problems, *_not_judged(chosen, statistics)]
            yield Judged(pictures, pictures, rows, tuple(layer.name for layer in chosen), sentences)


def _rows(
    model: InstrumentedModel, chosen: list[Layer], statistics: dict[str, ChannelStatistics], pictures: int
) -> list[Row]:
    rows, before = list[Row](), dict[tuple[int, str], str]()
    likeness = statistics[INPUT].likeness
    # pictures that are noise themselves make every early channel look so
    smooth = likeness is None or float(likeness.median()) >= 2 * NOISE
    for layer in chosen:
        # a whole network takes seconds here, and somebody may have cancelled
        pause()
        for channel, finding, detail in _findings(model, layer, statistics[layer.name], smooth, pictures):
            earlier = before.get((channel, _kind(finding)))
            where = f" Seen before in '{earlier}'." if earlier else ""
            rows.append((layer.name, channel, finding, f"{detail}: {MEANINGS[finding]}.{where}"))
        before = _carried(before, rows, layer)
    return rows


def _not_judged(chosen: list[Layer], statistics: dict[str, ChannelStatistics]) -> Iterator[str]:
    for layer in chosen:
        channels = statistics[layer.name]
        if not channels.finite:
            yield f"layer '{layer.name}' puts out NaN or infinite values: it is judged by its weights alone."
        elif channels.count < FEW:
            yield f"layer '{layer.name}' put out {channels.count} values per channel, {FEW} are needed to judge it."


def _gathering(
    model: InstrumentedModel,
    items: Items,
    names: Sequence[str] | None,
    sample: int,
    batch: int,
    problems: list[str],
) -> Iterator[Judged | Gathered]:
    shape = items.shape(model.transform)
    x = noise(model.guest, shape)
    batch = batch_size(model, shape, batch)
    chosen = _chosen(model.trace(x).layers, names)
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(0), device="cpu")
    # ascending: data sets read fastest in order
    numbers = sorted(order[:sample].tolist())

    def work(run: Pass) -> Iterator[Judged | Gathered]:
        # a second attempt, after the weights moved, reads the items again
        problems.clear()
        modules = modules_of(run.net)
        statistics = {
            layer.name: ChannelStatistics(layer.channels or 0, len(numbers), limit_of(modules[layer.address[0]]))
            for layer in chosen
        }
        statistics[INPUT] = ChannelStatistics(shape[0], len(numbers), None)
        watched, pictures = {layer.address: layer for layer in chosen}, 0

        def take(layer: Layer, tensor: torch.Tensor) -> None:
            if layer.layout is not None:
                statistics[layer.name].update(layer.layout.maps(tensor))

        for part in items.batches(numbers, batch, model.transform, shape, _teller(problems)):
            statistics[INPUT].update(part.inputs)
            with torch.no_grad(), record_layers(run.net, watched, take):
                run(part.inputs.to(run.device, x.dtype))
            pictures += len(part.numbers)
            yield Judged(pictures, len(numbers))
        yield chosen, statistics, pictures

    return model.guest.steadily(work)


def _teller(problems: list[str]) -> Callable[[int, str], None]:
    return lambda number, sentence: problems.append(f"item {number}: {sentence}")


def _chosen(known: dict[str, Layer], names: Sequence[str] | None) -> list[Layer]:
    if names is not None:
        return with_channels(known, names)
    leaves = [layer for layer in known.values() if not layer.children and layer.channels]
    leaves = [layer for layer in leaves if layer.name and not layer.kind.startswith(_PASSED_ON)]
    return sorted(leaves, key=lambda layer: layer.first_call or 0)


def limit_of(module: nn.Module) -> float | None:
    """Return the value that counts as the upper limit of a bounded activation; None for others."""
    if isinstance(module, (nn.Sigmoid, nn.Tanh)):
        # they come near their limit and never reach it
        return 0.99
    if isinstance(module, nn.Hardtanh):  # ReLU6 is one
        return float(module.max_val)
    return 1.0 if isinstance(module, nn.Hardsigmoid) else None


def _findings(
    model: InstrumentedModel, layer: Layer, seen: ChannelStatistics, smooth: bool, pictures: int
) -> list[Finding]:
    if not seen.finite or seen.count < FEW:
        return [*_collapsed(model, layer)]
    constant = _constant(seen)
    findings = [*_collapsed(model, layer), *_still(seen, constant, pictures), *_saturated(seen, constant)]
    return sorted([*findings, *_duplicates(seen.sample, constant), *(_noise(seen, constant) if smooth else ())])


def _constant(seen: ChannelStatistics) -> torch.Tensor:
    """Return which channels have one value in every place of every picture, within rounding."""
    spread, scale = seen.high - seen.low, torch.maximum(seen.low.abs(), seen.high.abs())
    return spread <= torch.maximum(FLAT * spread.median(), ROUNDING * scale)


def _still(seen: ChannelStatistics, constant: torch.Tensor, pictures: int) -> Iterator[Finding]:
    for channel in constant.nonzero()[:, 0].tolist():
        value = float(seen.high[channel])
        if abs(value) <= FLAT * float(seen.high.abs().median()):
            yield channel, "dead", f"0 in every place of {pictures} pictures"
        # one that always stands at its limit is told as saturated
        elif seen.limit is None or value < seen.limit:
            yield channel, "uniform", f"{value:.3g} in every place of {pictures} pictures"


def _saturated(seen: ChannelStatistics, constant: torch.Tensor) -> Iterator[Finding]:  # noqa: ARG001 - findings have one signature
    for channel in (seen.at_limit >= SATURATED).nonzero()[:, 0].tolist():
        yield channel, "saturated", f"{float(seen.at_limit[channel]):.0%} of its values are at the limit {seen.limit:g}"


def _duplicates(values: torch.Tensor, constant: torch.Tensor) -> Iterator[Finding]:
    """Find each channel that follows an earlier one; channels that moved in a few samples only can't be judged."""
    judged = ((_moved(values).sum(1) >= FEW) & ~constant).nonzero()[:, 0]
    if len(judged) < 2:
        return
    centred = values[judged] - values[judged].mean(1, keepdim=True)
    unit = centred / centred.norm(dim=1, keepdim=True)
    # below the diagonal: each pair once, told of the later channel
    correlations = (unit @ unit.T).tril(-1)
    best, first = correlations.max(1)
    for place in (best > SAME).nonzero()[:, 0].tolist():
        other = int(judged[first[place]])
        yield int(judged[place]), "duplicate", f"follows channel {other} (correlation {float(best[place]):.4f})"


def _moved(values: torch.Tensor) -> torch.Tensor:
    """Return which of a channel's values differ from its commonest."""
    middle = values.median(1, keepdim=True).values
    return (values - middle).abs() > FLAT * values.abs().amax(1, keepdim=True)


def _noise(seen: ChannelStatistics, constant: torch.Tensor) -> Iterator[Finding]:
    likeness = seen.likeness
    if likeness is None or constant.all() or float(likeness[~constant].median()) < 2 * NOISE:
        return  # where most channels are so, it is the pictures that are noise
    # a channel that rarely speaks has neighbours of nothing to be like
    busy = _moved(seen.sample).float().mean(1) >= BUSY
    for channel in ((likeness < NOISE) & busy & ~constant).nonzero()[:, 0].tolist():
        yield channel, "noise-like", f"neighbouring places correlate by {float(likeness[channel]):.2f} at most"


def _collapsed(model: InstrumentedModel, layer: Layer) -> Iterator[Finding]:
    weights = model.guest.steady(lambda run: _weights(modules_of(run.net)[layer.address[0]]))
    # of two or three weights some filter is equal by chance
    if weights is None or weights.shape[1] < 4:
        return
    spread = weights.amax(1) - weights.amin(1)
    for channel in (spread <= 1e-4 * weights.abs().max()).nonzero()[:, 0].tolist():
        yield channel, "collapsed", f"all {weights.shape[1]} weights of its filter are {float(weights[channel, 0]):.3g}"


def _weights(module: nn.Module) -> torch.Tensor | None:
    """Return the weights of each filter, (out, …), of plain convolutions and linear layers."""
    if not isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)):
        return None
    return module.weight.detach().float().cpu().flatten(1)


def _kind(finding: str) -> str:
    return "still" if finding in ("dead", "uniform", "saturated") else finding


def _carried(before: dict[tuple[int, str], str], rows: list[Row], layer: Layer) -> dict[tuple[int, str], str]:
    """Return channel and finding → the first of the layers in a row that had it."""
    pairs = [(channel, _kind(finding)) for name, channel, finding, _ in rows if name == layer.name]
    return {key: before.get(key, layer.name) for key in pairs}
