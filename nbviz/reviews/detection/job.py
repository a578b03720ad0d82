"""Recording of a detector's answers: its boxes beside the true ones, picture by picture.

Tensors, see :mod:`nbviz.reviews.dense.part`. One row per picture: ``items``, ``width``, ``height`` (int64),
``labelled`` (int64, 1 where the true boxes are known, if only that there is none), ``brightness``, ``contrast``,
``saturation`` (float32). One row per found box: ``box_items``, ``box_label`` (int64), ``box_score`` (float64),
``box_match`` (int8, (n, 10)), ``box_taken`` (int64), and per true one ``object_items``, ``object_label``,
``object_said`` (int64), see :class:`nbviz.reviews.detection.matching.Matches`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from nbviz.errors import NbvizError, Refused
from nbviz.model.scoring.forward import evaluate
from nbviz.model.scoring.heads import PLAIN
from nbviz.model.scoring.outputs import Boxes, OutputReader
from nbviz.replica.guest import Pass
from nbviz.reviews.dense.job import DenseJob, Record, empty
from nbviz.reviews.dense.samples import Sample
from nbviz.reviews.detection.matching import THRESHOLDS, matched
from nbviz.reviews.detection.targets import Targets, TrueBoxes

Found = Mapping[str, Tensor]


@dataclass(frozen=True)
class BoxReader:
    """Reader of a detector's boxes."""

    reader: OutputReader

    def boxes(self, run: Pass, inputs: Tensor) -> Sequence[Found]:
        """Run the network on a batch; return boxes, labels and scores of each picture."""
        output = evaluate(run, inputs, self.reader, PLAIN)
        if not isinstance(output, Boxes):
            raise Refused("The network puts out no boxes for this batch, as it did for the first picture.")
        return output.raw


def arrays(found: Found) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return boxes (n, 4), labels (n,) and scores (n,) of one picture. NbvizError where they are not finite."""
    boxes, labels, scores = (found[name].detach().cpu() for name in ("boxes", "labels", "scores"))
    if not (boxes.isfinite().all() and scores.isfinite().all()):
        raise NbvizError("its boxes are not finite numbers")
    # in float64, as pycocotools computes: average precision agrees with its to twelve digits
    return boxes.double().numpy().reshape(-1, 4), labels.long().numpy(), scores.double().numpy()


class DetectionJob(DenseJob):
    """Maker of the records of a piece."""

    reader: BoxReader

    @cached_property
    def targets(self) -> Targets:
        """Reader of the true boxes."""
        return Targets(self.transform, len(self.plan.names))

    def outputs(self, run: Pass, inputs: Tensor) -> Sequence[Found]:
        return self.reader.boxes(run, inputs)

    def record(self, output: Found, sample: Sample) -> Record:
        return box_record(output, self.targets.read(sample), sample.number)

    @staticmethod
    def no_rows() -> Record:
        boxes, objects = ("items", "label", "taken"), ("items", "label", "said")
        names = (*(f"box_{name}" for name in boxes), *(f"object_{name}" for name in objects))
        match = {"box_match": torch.empty(0, len(THRESHOLDS), dtype=torch.int8, device="cpu")}
        return {**empty(("labelled", *names), ("box_score",)), **match}


def box_record(found: Found, target: TrueBoxes | None, number: int) -> Record:
    """Return the tables of one picture's boxes."""
    one = matched(*arrays(found), target)
    columns = {
        "labelled": np.array([int(target is not None)]),
        "box_items": np.full(len(one.label), number), "box_label": one.label, "box_score": one.score,
        "box_match": one.match, "box_taken": one.taken,
        "object_items": np.full(len(one.objects), number), "object_label": one.objects, "object_said": one.said,
    }  # fmt: skip
    return {name: torch.from_numpy(np.ascontiguousarray(column)) for name, column in columns.items()}
