"""Preparation of a detector's review: its classes, and a first look at the true boxes."""

from __future__ import annotations

from nbviz.dataset.shards.plan import PROBES, cut
from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.reviews.dense.plan import DensePlan, truths_digest
from nbviz.reviews.dense.recording import Preparation
from nbviz.reviews.dense.samples import Truths, first
from nbviz.reviews.detection.job import BoxReader, DetectionJob
from nbviz.reviews.detection.review import DetectionReview
from nbviz.reviews.detection.targets import Targets
from nbviz.reviews.records.presence import LabelsLike


def prepared(
    network: InstrumentedModel,
    items: Items,
    labels: LabelsLike | None,
    batch: int | None,
    ignore: int | None,  # noqa: ARG001 - of masks
) -> Preparation:
    """Look at network and data set once and fix everything. Raises Refused for what are no boxes in pixels."""
    truths = Truths.ensure(labels, len(items))
    base, _ = cut(network, items, batch)
    # 0 where neither the network nor classes= tells: then any label is taken, and its number is its name
    count = network.read.classes or len(network.classes or ())
    names = tuple(network.class_name(index) for index in range(count))
    # kept: −1, for 0 would be every score of a network that doesn't tell its classes
    plan = DensePlan(
        **{**vars(base), "data": truths_digest(base.data, items, network, truths)},
        scores=count, kept=-1, scale="independent", head="", labels=None, names=names, task="boxes", ignore=None,
    )  # fmt: skip
    targets, resized = Targets(network.transform, count), False
    for sample in first(items, network.transform, truths, PROBES):
        try:
            targets.read(sample)
        except Refused:
            raise
        except NbvizError:  # named when its turn comes
            continue
        width, height = sample.picture.size
        resized = resized or (sample.truth is not None and sample.size != (height, width))
    notes = ["True boxes are resized and cropped as their pictures are."] if resized else []
    job = DetectionJob(network.guest, network.transform, items, plan, truths, BoxReader(network.read))
    return Preparation(network, items, job, notes, truths, DetectionReview)
