"""Job of a piece of a dense review: pictures through the network, each with its truth, to records of several tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from nbviz.dataset.shards import Problems, ShardJob
from nbviz.dataset.shards.job import Tick
from nbviz.errors import NbvizError, Refused
from nbviz.pictures.preprocessing import Preprocessing
from nbviz.pictures.samples import Items
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.hooks import RawOutput
from nbviz.reviews.dense.part import DensePart, together
from nbviz.reviews.dense.plan import DensePlan
from nbviz.reviews.dense.samples import Sample, Truths, groups
from nbviz.reviews.records.job import appearance

Record = dict[str, Tensor]


class DenseJob(ShardJob[DensePlan, DensePart]):
    """Maker of the records of a piece."""

    transform: Preprocessing

    def __init__(
        self, guest: Guest, transform: Preprocessing, items: Items, plan: DensePlan, truths: Truths, reader: object
    ) -> None:
        """reader: of the network's output; its kind is the job's own."""
        super().__init__(guest, transform, items, plan)
        self.truths, self.reader = truths, reader

    def more(self) -> tuple[Any, ...]:
        """Truths beside the data set, and the rules by which the network is read."""
        return self.truths, self.reader

    @staticmethod
    @abstractmethod
    def no_rows() -> Record:
        """Return the tensors of no picture, for a piece of which none can be read."""

    @abstractmethod
    def outputs(self, run: Pass, inputs: Tensor) -> Iterable[RawOutput]:
        """Run the network on a batch; return what it says of each picture."""

    @abstractmethod
    def record(self, output: RawOutput, sample: Sample) -> Record:
        """Return the record of one picture, without its looks. NbvizError where it can't be used."""

    def run(self, piece: int, tick: Tick | None = None) -> DensePart:
        """Record one piece, over one version of the weights."""

        def work(run: Pass) -> DensePart:
            problems, rows = Problems(), [self.no_rows()]
            for group in self.rows(run, self.plan.numbers(piece), problems):
                rows += group
                if tick is not None:
                    tick(len(group))
            return together(piece, rows, problems)

        return self.guest.steady(work)

    def rows(self, run: Pass, numbers: Iterable[int], problems: Problems) -> Iterator[list[Record]]:
        """Yield the records of items, a batch at a time; those that can't be read or scored go to ``problems``."""
        for group in groups(self.items, numbers, self.plan.batch, self.transform, self.truths, problems):
            inputs = torch.cat([sample.input for sample in group]).to(run.device, self.guest.dtype)
            records = []
            with torch.no_grad():
                for output, sample in zip(self.outputs(run, inputs), group, strict=True):
                    try:
                        records.append(self._whole(output, sample))
                    except Refused:  # of the whole data set, not of this picture
                        raise
                    except NbvizError as error:
                        problems.add(sample.number, str(error))
            # outside no_grad, which is the thread's: whoever is handed the records would go on without gradients
            yield records

    def _whole(self, output: RawOutput, sample: Sample) -> Record:
        width, height = sample.picture.size
        sizes = {"items": sample.number, "width": width, "height": height}
        return {
            **{name: torch.tensor([value], device="cpu") for name, value in sizes.items()},
            **self.record(output, sample), **appearance(sample.input, self.transform.colours),
        }  # fmt: skip


def empty(integers: Iterable[str], floats: Iterable[str]) -> Record:
    """Return tensors of no rows: those of every dense review, and these."""
    whole = {name: torch.empty(0, dtype=torch.int64, device="cpu") for name in ("items", "width", "height", *integers)}
    figures = {name: torch.empty(0, dtype=torch.float64, device="cpu") for name in floats}
    looks = {name: torch.empty(0, device="cpu") for name in ("brightness", "contrast", "saturation")}
    return {**whole, **figures, **looks}
