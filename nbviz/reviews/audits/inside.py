"""Audits where the objects are known: how much of a map is on them, measured instead of asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from nbviz.attribution import Attribution, explain
from nbviz.errors import NbvizError
from nbviz.evaluation.measures.pointing import pointing
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.load import Picture
from nbviz.reviews.audits.log import AuditLog
from nbviz.reviews.audits.sample import AuditSample
from nbviz.reviews.result import Review

Truth = Callable[[int], Any] | Mapping[int, Any]
"""Item → a mask (H, W), not zero on the object, or a box (top, left, bottom, right), in the picture's own pixels."""


def explain_item(review: Review, item: int, method: str) -> tuple[Picture, Attribution]:
    """Explain the answer to an item of a review, as its audit asks about it. NbvizError where it can't be read."""
    model, items = review.model, review.items
    if model is None or items is None:
        raise NbvizError("An audit needs the review's network and data set: nbviz.reviews.load(path, model, dataset).")
    row = int(np.searchsorted(review.column("items"), item))
    index = int(review.column("prediction")[row]) if review.plan.scores > 1 else 0
    picture = items.read(item)
    *_, attribution = explain(model, picture, Target(index=index), method)
    return picture, attribution


def measure_sample(review: Review, sample: AuditSample, truth: Truth, log: AuditLog) -> Iterator[int]:
    """Measure the maps of a sample against masks or boxes, and write each down; yield how many so far.

    Pictures without a mask, and empty maps, are left out. Raises NbvizError for masks of another size.
    """
    log.begin(sample)
    there = log.read()[sample.audit].measures
    for number, item in enumerate(sample.items, 1):
        shape = truth(item) if callable(truth) else truth.get(item)
        if item not in there and shape is not None:
            picture, attribution = explain_item(review, item, sample.method)
            assert review.model is not None
            found = pointing(attribution, mask_seen(review.model, picture, shape, item), tolerance=0)
            if found is not None:
                log.measure(sample, item, (found.hit, found.inside, found.covered))
        yield number


def mask_seen(model: InstrumentedModel, picture: Picture, shape: Any, item: int) -> torch.Tensor:
    """Return a mask or box of a picture as a mask (H, W) of the network's input, cut and resized as the picture is.

    Raises NbvizError for one of another size, or that covers nothing that the network sees.
    """
    if picture.tensor is not None:
        height, width = picture.tensor.shape[-2:]
    else:
        width, height = picture.size
    mask = _mask(shape, height, width, item)
    if mask.all():
        mask = np.ones(model.input(picture).shape[-2:], bool)
    elif picture.tensor is None:
        image = Image.fromarray(np.repeat(mask[:, :, None], 3, 2).astype(np.uint8) * 255)
        seen = model.seen(image)
        mask = seen.reshape(*seen.shape[:2], -1).max(2) > 127
    if not mask.any():
        raise NbvizError(f"The object of item {item} covers nothing of what the network sees of the picture.")
    return torch.from_numpy(mask)


def _mask(shape: Any, height: int, width: int, item: int) -> np.ndarray:
    values = np.asarray(shape.detach().cpu() if isinstance(shape, torch.Tensor) else shape)
    if values.shape == (height, width):
        return values != 0
    if values.shape != (4,):
        raise NbvizError(
            f"The object of item {item} is a mask ({height}, {width}), as large as the picture, or a box (top, left, "
            f"bottom, right) in its pixels, not of shape {values.shape}."
        )
    top, left, bottom, right = values.astype(float)
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    return ((rows >= top) & (rows <= bottom))[:, None] & ((columns >= left) & (columns <= right))
