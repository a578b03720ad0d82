"""Recording of single pictures: scores, loss, features and a few facts, gathered a batch at a time.

Tensors, one row per picture, ascending by item: ``items`` and ``labels`` (int64; −1 without label), ``scores``
(float32, as the network puts them out; above 1,000 classes the 50 largest and the label's, with their ``classes``),
``probability``, ``second``, ``entropy``, ``label_probability``, ``loss`` (float64; NaN without label),
``prediction`` (int64), ``features`` (float32), ``brightness``, ``contrast``, ``saturation`` (float32, of the
network's input), ``width``, ``height`` (int64, pixels of the picture as it came).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from nbviz.dataset.shards import Part, Problems, ShardJob
from nbviz.dataset.shards.job import Tick
from nbviz.errors import Refused
from nbviz.model.scoring.forward import evaluate
from nbviz.model.scoring.heads import Head
from nbviz.model.scoring.outputs import ClassScores, OutputReader
from nbviz.pictures.colours import Colours
from nbviz.pictures.load import Picture
from nbviz.pictures.samples import Batch, Items, Transform
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.hooks import Arguments, hooked_calls, modules_of
from nbviz.reviews.records.plan import ReviewPlan
from nbviz.reviews.records.scores import predictions

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a gray, ITU-R 601's, as Pillow takes them."""
INTEGERS = ("items", "labels", "prediction", "width", "height")
FIGURES = ("probability", "second", "entropy", "label_probability", "loss")
APPEARANCE = ("brightness", "contrast", "saturation")


@dataclass
class ReviewPart(Part):
    """Records of some pieces of a data set."""

    def merge_tensors(self, other: Self) -> dict[str, Tensor]:
        """Merge the rows of both, in the order of their items."""
        both = {name: torch.cat([tensor, other.tensors[name]]) for name, tensor in self.tensors.items()}
        order = both["items"].argsort()
        return {name: tensor[order] for name, tensor in both.items()}


@dataclass(frozen=True)
class Reading:
    """Rules by which a network's output and input are read."""

    reader: OutputReader
    head: Head
    colours: Colours | None


class RecordJob(ShardJob[ReviewPlan, ReviewPart]):
    """Maker of the records of a piece."""

    def __init__(self, guest: Guest, transform: Transform, items: Items, plan: ReviewPlan, reading: Reading) -> None:
        super().__init__(guest, transform, items, plan)
        self.reading = reading

    def more(self) -> tuple[Any, ...]:
        """Rules by which the network is read."""
        return (self.reading,)

    def run(self, piece: int, tick: Tick | None = None) -> ReviewPart:
        """Record one piece, over one version of the weights."""

        def work(run: Pass) -> ReviewPart:
            problems, rows = Problems(), [no_rows(self.plan)]
            for row in self.rows(run, self.plan.numbers(piece), problems):
                rows.append(row)
                if tick is not None:
                    tick(len(row["items"]))
            return together(piece, rows, problems)

        return self.guest.steady(work)

    def rows(self, run: Pass, numbers: Iterable[int], problems: Problems) -> Iterator[dict[str, Tensor]]:
        """Yield the records of items, a batch at a time; those that can't be read or scored go to ``problems``."""
        sizes: dict[int, tuple[int, int]] = {}

        def sized(picture: Picture) -> Tensor:
            x = self.transform(picture)
            # the item's number is all that a batch's worker knows it by
            sizes[int(picture.name.rpartition(" ")[2])] = picture.size
            return x

        for batch in self.items.batches(numbers, self.plan.batch, sized, self.plan.shape, problems.add):
            row = self._forward(run, batch)
            size = torch.tensor([sizes.pop(number) for number in batch.numbers.tolist()], device="cpu").view(-1, 2)
            row.update(width=size[:, 0], height=size[:, 1])
            yield _finite(row, problems)

    def _forward(self, run: Pass, batch: Batch) -> dict[str, Tensor]:
        plan, features = self.plan, list[Tensor]()

        def keep(_: str, __: int, inputs: Arguments, ___: Tensor) -> None:
            features[:] = [inputs[0].detach().clone()]

        head = {plan.head: modules_of(run.net)[plan.head]} if plan.head else {}
        with torch.no_grad(), hooked_calls(head, keep):
            inputs = batch.inputs.to(run.device, self.guest.dtype)
            output = evaluate(run, inputs, self.reading.reader, self.reading.head)
        # a network may put out one thing for some sizes of picture and another for others
        if not isinstance(output, ClassScores) or output.logits.shape[1] != plan.scores:
            raise Refused("The network puts out other scores for this batch than for the first picture.")
        labels = self._labels(batch)
        record = {"items": batch.numbers, "labels": labels, **scored(output, labels, plan)}
        if plan.head:
            record["features"] = features[0].float().cpu()
        return {**record, **appearance(batch.inputs, self.reading.colours)}

    def _labels(self, batch: Batch) -> Tensor:
        labels, count = batch.labels, len(self.plan.names)
        if self.plan.labels is not None and len(labels):
            table = torch.tensor([*self.plan.labels, -1], device="cpu")  # the last for those without label
            labels = table[labels.clamp(-1, len(table) - 1)]
        if len(labels) and int(labels.max()) >= count:
            place = int(labels.argmax())
            raise Refused(
                f"Item {int(batch.numbers[place])} is labelled {int(labels[place])}, but the network has {count} "
                f"classes, 0 to {count - 1}: pass labels= with its own class numbers."
            )
        return labels


def together(piece: int, rows: list[dict[str, Tensor]], problems: Problems) -> ReviewPart:
    """Return the records of one piece in one part."""
    tensors = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
    return ReviewPart((piece,), tensors, problems.reasons, problems.count, len(tensors["items"]))


def scored(output: ClassScores, labels: Tensor, plan: ReviewPlan) -> dict[str, Tensor]:
    """Return prediction, probabilities, loss (nats) and the scores to keep of a batch."""
    logits, shares = output.logits.float().cpu(), output.probabilities.cpu()
    if plan.scores == 1:
        shares = torch.cat([1 - shares, shares], 1)
    best = shares.topk(2, 1)
    row, known = labels.clamp(min=0)[:, None], labels >= 0
    missing = torch.full((len(labels),), torch.nan, dtype=torch.float64, device="cpu")
    right = torch.where(known, shares.gather(1, row)[:, 0], missing)
    record = {
        "prediction": predictions(output),
        "probability": best.values[:, 0], "second": best.values[:, 1],
        "entropy": torch.special.entr(shares).sum(1), "label_probability": right,
        "loss": torch.where(known, _loss(logits, right, row, plan), missing), "scores": logits,
    }  # fmt: skip
    if not plan.every:
        top = logits.topk(plan.kept, 1)
        record["scores"] = torch.cat([top.values, logits.gather(1, row)], 1)
        record["classes"] = torch.cat([top.indices, row], 1)
    return record


def _loss(logits: Tensor, right: Tensor, row: Tensor, plan: ReviewPlan) -> Tensor:
    """Return the negative log probability of the label, from the scores where that is more exact."""
    # a label of probability 1e-40 is 0 in float32, and its loss would be infinite
    if plan.scale == "softmax" and plan.scores > 1:
        return -logits.double().log_softmax(1).gather(1, row)[:, 0]
    if plan.scale == "sigmoid":
        own = logits.double().gather(1, row)[:, 0] if plan.scores > 1 else logits[:, 0].double() * (2 * row[:, 0] - 1)
        return -torch.nn.functional.logsigmoid(own)
    return -right.clamp(min=torch.finfo(torch.float32).tiny).log()


def appearance(inputs: Tensor, colours: Colours | None) -> dict[str, Tensor]:
    """Return brightness (mean), contrast (spread) and saturation of network inputs (N, C, H, W), in 0…1 where known.

    colours: the preprocessing's; None where it has no way back, and then figures are in the input's own units.
    """
    x = inputs.float()
    if colours is None or len(colours.offset) != x.shape[1]:
        gray, rgb = x.mean(1), None
    else:
        # a preprocessing to gray has no way back to three colours: the one gray that gives this input
        full = torch.linalg.matrix_rank(colours.matrix, rtol=1e-3) == 3
        back = torch.linalg.pinv(colours.matrix) if full else (1 / colours.matrix.sum(1) / x.shape[1]).expand(3, -1)
        rgb = torch.einsum("rc,nchw->nrhw", back.float(), x - colours.offset.float().view(-1, 1, 1))
        gray = torch.einsum("r,nrhw->nhw", torch.tensor(LUMA, device="cpu"), rgb)
    saturation = x.new_zeros(len(x)) if rgb is None else (rgb.amax(1) - rgb.amin(1)).mean((1, 2))
    return {"brightness": gray.mean((1, 2)), "contrast": gray.flatten(1).std(1, correction=0), "saturation": saturation}


def _finite(record: dict[str, Tensor], problems: Problems) -> dict[str, Tensor]:
    """Leave out, and name, pictures whose scores are not finite."""
    finite = record["scores"].isfinite().all(1)
    for number in record["items"][~finite].tolist():
        problems.add(number, "its scores are not finite numbers")
    return {name: tensor[finite] for name, tensor in record.items()}


def no_rows(plan: ReviewPlan) -> dict[str, Tensor]:
    """Return the tensors of no picture, for a piece of which none can be read."""
    kinds = {torch.int64: INTEGERS, torch.float64: FIGURES, torch.float32: APPEARANCE}
    empty = {name: torch.empty(0, dtype=kind, device="cpu") for kind, names in kinds.items() for name in names}
    wide = {"scores": (plan.scores, torch.float32)} if plan.every else {
        "scores": (plan.kept + 1, torch.float32), "classes": (plan.kept + 1, torch.int64)
    }  # fmt: skip
    wide |= {"features": (plan.features, torch.float32)} if plan.head else {}
    return empty | {n: torch.empty(0, width, dtype=kind, device="cpu") for n, (width, kind) in wide.items()}
