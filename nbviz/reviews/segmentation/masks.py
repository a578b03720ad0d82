"""Masks of classes as people have them, as class numbers (H, W) of the network's input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.preprocessing import Preprocessing
from nbviz.replica.guest import Pass
from nbviz.reviews.dense.geometry import Geometries
from nbviz.reviews.dense.plan import DensePlan
from nbviz.reviews.dense.samples import Sample, plain_array
from nbviz.reviews.segmentation.maps import MapReader

UNKNOWN = -1
"""Class of a pixel that is not counted."""
Numbers = NDArray[np.int64]


@dataclass
class Masks:
    """Reader of masks: the values they may have, and how they follow their pictures."""

    classes: int
    ignore: int | None
    labels: tuple[int, ...] | None
    """Data set's class → network's, −1 where it has none; None where they are the same."""
    transform: Preprocessing
    _geometries: Geometries = field(init=False)

    def __post_init__(self) -> None:
        self._geometries = Geometries(self.transform)

    @classmethod
    def of(cls, plan: DensePlan, transform: Preprocessing) -> Masks:
        """Return the reader that a plan asks for."""
        return cls(len(plan.names), plan.ignore, plan.labels, transform)

    def read(self, sample: Sample, output: tuple[int, int]) -> Numbers | None:
        """Return a sample's mask, int64 as large as the input, or as the output (h, w) where it came so; −1: ignored.

        None where there is no mask. Raises Refused for what are no classes, and NbvizError for a mask of another size.
        """
        if sample.truth is None:
            return None
        values = self._classes(class_numbers(sample.truth, self.classes, sample.number), sample.number)
        return self._fitted(values, sample, output)

    def _classes(self, values: Numbers, number: int) -> Numbers:
        """Return the network's class of each pixel."""
        ignored = np.zeros(values.shape, bool) if self.ignore is None else values == self.ignore
        count = self.classes if self.labels is None else len(self.labels)
        strange = ~ignored & ((values < 0) | (values >= count))
        if strange.any():
            value = int(values[strange][0])
            said = "no value is ignored" if self.ignore is None else f"{self.ignore} is ignored"
            raise Refused(
                f"The mask of item {number} has the value {value}, and classes are 0 to {count - 1} ({said}): pass "
                f"masks of the network's own class numbers, or ignore={value} if such pixels are not to be counted."
            )
        # any class there is: an ignored value, 255 as a rule, is no place in the table
        known = np.where(ignored, 0, values)
        classes = known if self.labels is None else np.array(self.labels)[known]
        return np.where(ignored, UNKNOWN, classes).astype(np.int64)

    def _fitted(self, values: Numbers, sample: Sample, output: tuple[int, int]) -> Numbers:
        width, height = sample.picture.size
        if sample.picture.tensor is None and values.shape == (height, width):
            return self._geometries.of((height, width)).sampled(values, UNKNOWN).astype(np.int64)
        # as large as its picture first: where that is the network's input, too, resizing changes nothing
        if values.shape in (sample.size, output):
            return values
        sizes = dict.fromkeys(((height, width), sample.size, output))
        listed = " or ".join(f"{high} × {wide}" for high, wide in sizes)
        raise NbvizError(
            f"its mask is {values.shape[0]} × {values.shape[1]}, and neither as large as its picture nor as what the "
            f"network sees or puts out ({listed})."
        )


def class_numbers(mask: object, classes: int, number: int) -> Numbers:
    """Return a mask as whole numbers (h, w): of an array, a tensor, a PIL picture or a file; one-hot ones by class.

    Raises Refused for colours, fractions, several classes at once, and what is no mask.
    """

    def wrong(reason: str) -> Refused:
        words = "a mask has one whole number per pixel (H, W), the class"
        return Refused(f"The mask of item {number} can't be read: {reason}; {words}.")

    values = plain_array(mask, wrong)
    if values.ndim > 2:
        values = _flat(values, classes, wrong)
    if values.ndim != 2 or not values.size:
        raise wrong(f"its shape is {values.shape}")
    if values.dtype.kind == "f":
        return _whole(values, classes, wrong)
    if values.dtype.kind not in "biu":
        raise wrong(f"it holds {values.dtype}")
    return values.astype(np.int64)


def _flat(values: NDArray[Any], classes: int, wrong: Callable[[str], NbvizError]) -> NDArray[Any]:
    """Return (h, w) of a mask with an axis more: of length one, or one-hot over the classes."""
    values = values[0] if values.ndim == 4 and len(values) == 1 else values
    if values.ndim == 3 and 1 in values.shape:
        return values.squeeze(values.shape.index(1))
    axes = [axis for axis in (0, 2) if values.ndim == 3 and values.shape[axis] == classes]
    for axis in axes:
        # one-hot for certain: any other reading of such a mask would be an accident
        if np.isin(values, (0, 1)).all() and (values.sum(axis) == 1).all():
            return values.argmax(axis)
    if axes and np.isin(values, (0, 1)).all():
        raise wrong("it has one map per class, and pixels of several classes or of none")
    if values.ndim == 3 and {values.shape[0], values.shape[2]} & {3, 4}:
        raise wrong(
            "it has colours, and a colour is no class: make the numbers of them, as "
            "np.select([(mask == colour).all(-1) for colour in colours], range(len(colours)), 255), or open a palette "
            "PNG without .convert('RGB')"
        )
    raise wrong(f"its shape is {values.shape}, and one map per class would have {classes}")


def _whole(values: NDArray[Any], classes: int, wrong: Callable[[str], NbvizError]) -> Numbers:
    """Return a mask of floats as numbers, where no one can have meant anything else: 0 and 1 of two classes."""
    if classes == 2 and np.isin(values, (0.0, 1.0)).all():
        return values.astype(np.int64)
    raise wrong(
        f"it holds fractions ({values.dtype}, up to {np.nanmax(values):.4g}), as ToTensor() makes them, which divides "
        "by 255: use torch.from_numpy(np.array(mask)), or PILToTensor()"
    )


def check_object_value(samples: list[tuple[int, Numbers]], ignore: int | None) -> None:
    """Raise Refused for masks of two classes that write the object as the value that is ignored.

    samples: (item, values) of some masks. Boundaries are ignored as 255, and many masks of one object have no other 1.
    """
    values = {int(value) for _, mask in samples for value in np.unique(mask)}
    if ignore is not None and ignore in values and values <= {0, ignore}:
        raise Refused(
            f"The masks have 0 and {ignore} only, and {ignore} is ignored (ignore={ignore}): if it is the object, pass "
            "masks of 0 and 1; if there is none but background, there is nothing to tell right from wrong."
        )


def masks_of(
    model: InstrumentedModel, sample: Sample, reader: MapReader, masks: Masks
) -> tuple[Numbers, Numbers | None]:
    """Return a sample's mask as the network says it, and the true one; of one size."""

    def work(run: Pass) -> tuple[Numbers, Numbers | None]:
        with torch.no_grad():
            maps = reader.maps(run, sample.input.to(run.device, model.guest.dtype))[0]
            truth = masks.read(sample, (maps.shape[-2], maps.shape[-1]))
            size = sample.size if truth is None else (truth.shape[0], truth.shape[1])
            return reader.scores(maps, size).argmax(0).cpu().numpy(), truth

    return model.guest.steady(work)


def as_tensor(mask: Numbers | None) -> torch.Tensor | None:
    """Return a mask as a tensor."""
    return None if mask is None else torch.from_numpy(np.ascontiguousarray(mask))
