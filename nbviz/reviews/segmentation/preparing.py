"""Preparation of a segmentation network's review: its classes, its maps, and a first look at the masks."""

from __future__ import annotations

import numpy as np

from nbviz.arguments import whole
from nbviz.dataset.shards.plan import PROBES, cut
from nbviz.errors import NbvizError, Refused
from nbviz.model.inputs.input_size import noise
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.matching import matched
from nbviz.pictures.samples import Items
from nbviz.reviews.dense.plan import DensePlan, truths_digest
from nbviz.reviews.dense.recording import Preparation
from nbviz.reviews.dense.samples import Truths, first
from nbviz.reviews.records.plan import class_names
from nbviz.reviews.records.presence import LabelsLike
from nbviz.reviews.segmentation.job import SegmentationJob
from nbviz.reviews.segmentation.maps import MapReader, map_reader
from nbviz.reviews.segmentation.masks import Masks, check_object_value, class_numbers
from nbviz.reviews.segmentation.review import SegmentationReview


def prepared(
    network: InstrumentedModel, items: Items, labels: LabelsLike | None, batch: int | None, ignore: int | None
) -> Preparation:
    """Look at network and data set once and fix everything.

    Raises Refused for maps of classes that overlap, and for masks that are no classes of the network's.
    """
    truths = Truths.ensure(labels, len(items))
    base, _ = cut(network, items, batch)
    found = map_reader(network, noise(network.guest, base.shape))
    if found is None:
        raise Refused(f"{network.name} puts out no maps of classes.")
    reader, maps = found
    if network.read.hints.multilabel:
        raise Refused("Masks of one class per pixel are reviewed, and multilabel=True says that classes overlap.")
    # two names of one map are both of its classes; one name is of the high side alone
    both = network.classes if maps == 1 and len(network.classes or ()) == 2 else None
    names = both or class_names(network, maps)
    table, notes = matched(items.classes, names, network.classes is not None)
    plan = DensePlan(
        **{**vars(base), "data": truths_digest(base.data, items, network, truths)},
        scores=maps, kept=0, scale=reader.scale, head="", labels=table, names=names, ignore=_ignored(ignore),
    )  # fmt: skip
    notes += _notes(network, items, truths, plan, reader)
    job = SegmentationJob(network.guest, network.transform, items, plan, truths, reader)
    return Preparation(network, items, job, notes, truths, SegmentationReview)


def _ignored(ignore: int | None) -> int | None:
    if ignore is not None and whole(ignore) is None:
        raise NbvizError(
            f"ignore= is the value of pixels that are not counted, a whole number or None, not {ignore!r}."
        )
    return ignore


def _notes(network: InstrumentedModel, items: Items, truths: Truths, plan: DensePlan, reader: MapReader) -> list[str]:
    """Check the masks of some items, and return sentences on how masks and maps are read."""
    masks = Masks.of(plan, network.transform)
    notes, values = [], []
    resized = False
    for sample in first(items, network.transform, truths, PROBES):
        if sample.truth is None:
            continue
        try:
            masks.read(sample, sample.size)
        except Refused:
            raise
        except NbvizError:  # of another size: named when its turn comes
            continue
        values.append((sample.number, class_numbers(sample.truth, masks.classes, sample.number)))
        resized = resized or values[-1][1].shape != sample.size
    if len(plan.names) == 2:
        check_object_value(values, plan.ignore)
    if plan.ignore is not None and any(np.any(one == plan.ignore) for _, one in values):
        notes.append(f"Pixels whose mask is {plan.ignore} are not counted.")
    if resized:
        notes.append("Masks are resized and cropped as their pictures are, by the nearest pixel.")
    if plan.scores == 1:
        kind = "a probability" if reader.scale == "independent" else "a logit"
        notes.append(f"The one map is read as {kind} of '{plan.names[1]}', which is said from one half on.")
    return notes
