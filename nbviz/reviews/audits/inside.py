"""Audits where the objects are known: how much of a map is on them, measured instead of asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbviz.attribution import Attribution, explain
from nbviz.errors import NbvizError
from nbviz.evaluation.measures.pointing import pointing
from nbviz.model.target import Target
from nbviz.pictures.load import Picture
from nbviz.reviews.audits.log import AuditLog
from nbviz.reviews.audits.sample import AuditSample
from nbviz.reviews.masks import Truth, mask_seen, truth_of
from nbviz.reviews.result import Review


def explain_item(review: Review, item: int, method: str) -> tuple[Picture, Attribution]:
    """Explain the answer to an item of a review, as its audit asks about it. NbvizError where it can't be read."""
    model, items = review.model, review.items
    if model is None or items is None:
        raise NbvizError("An audit needs the review's network and data set: nbviz.reviews.load(path, model, dataset).")
    row = int(np.searchsorted(review.column("items"), item))
    # right or wrong: an audit asks what the network looked at for what it said
    index = int(review.explained[row])
    picture = items.read(item)
    *_, attribution = explain(model, picture, Target(index=index), method)
    return picture, attribution


def measure_sample(review: Review, sample: AuditSample, truth: Truth, log: AuditLog) -> Iterator[int]:
    """Measure the maps of a sample against masks or boxes, and write each down; yield how many so far.

    Pictures without a mask, and empty maps, are left out. Raises NbvizError for masks of another size.
    """
    log.begin(sample)
    # an audit that was stopped goes on: what its log has is not measured again
    there = log.read()[sample.audit].measures
    for number, item in enumerate(sample.items, 1):
        shape = truth_of(truth, item)
        if item not in there and shape is not None:
            picture, attribution = explain_item(review, item, sample.method)
            assert review.model is not None
            found = pointing(attribution, mask_seen(review.model, picture, shape, item), tolerance=0)
            if found is not None:
                log.measure(sample, item, (found.hit, found.inside, found.covered))
        yield number
