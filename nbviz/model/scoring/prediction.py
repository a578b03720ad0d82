"""Prediction for one picture as plain arrays: a score per class, the class at each place, the boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbviz.errors import NbvizError
from nbviz.model.classes import Classes, order_of
from nbviz.model.scoring.heads import Scale
from nbviz.model.scoring.outputs import Boxes, ClassMaps, ClassScores, Detection, Kind, Output
from nbviz.model.target import Target


@dataclass(frozen=True, eq=False)
class Prediction:
    """Prediction for one picture."""

    kind: Kind
    logits: np.ndarray
    """float32 (classes,): the raw score; of maps the mean over the picture, of boxes the best one's score."""
    shares: np.ndarray
    """float64 (classes,) in 0…1: the probability; of maps the share of the picture, of boxes the best one's score."""
    order: np.ndarray
    """Class indices, said most first; the background after all others that are said."""
    regions: np.ndarray | None = None
    """int (h, w), the class said at each place, at the resolution of the network's maps."""
    boxes: tuple[Detection, ...] = ()
    """The boxes found, best score first."""
    size: tuple[int, int] = (1, 1)
    """(H, W) of the network's input."""
    scale: Scale | None = None
    """How the scores became probabilities; None where the shares are none."""

    def at(self, place: tuple[float, float]) -> int | None:
        """Return the class predicted at a place, (row, column) as shares of the picture, or the number of the
        smallest box around it; None where there is neither.
        """
        if self.regions is not None:
            row, column = (min(int(part * n), n - 1) for part, n in zip(place, self.regions.shape, strict=True))
            return int(self.regions[row, column])
        row, column = (part * n for part, n in zip(place, self.size, strict=True))
        enclosing = [number for number, one in enumerate(self.boxes) if one.box.holds(row, column)]
        # the smallest: a box within a box is what the pointer means
        return min(enclosing, key=lambda number: self.boxes[number].box.area, default=None)

    def chosen(self, target: Target) -> int | None:
        """Return the class, or the box, that a target means here; None where it is neither or isn't there."""
        if target.function is not None or target.unit is not None:
            return None
        if self.kind != "boxes":
            return int(self.order[0]) if target.index is None else target.index
        if target.number is not None:
            return target.number if target.number < len(self.boxes) else None
        # boxes come best first: the first that fits is the one with the best score
        fitting = (number for number, one in enumerate(self.boxes) if target.index in (None, one.label))
        return next(fitting, None)

    def class_of(self, target: Target) -> int | None:
        """Return the target's class in this prediction: a box's label for a box; None for a target without a class."""
        number = self.chosen(target)
        if self.kind != "boxes" or number is None:
            return target.index if self.kind == "boxes" else number
        return self.boxes[number].label

    def checked(self) -> Prediction:
        """Return itself; raise NbvizError where the scores are not finite."""
        if not np.isfinite(self.logits).all():
            nan, infinite = int(np.isnan(self.logits).sum()), int(np.isinf(self.logits).sum())
            raise NbvizError(
                f"The network's scores of this picture are not finite numbers ({nan} NaN, {infinite} infinite). "
                "Check the weights and the preprocessing; of classes masked by infinite scores, pass output= with a "
                "callable that leaves them out."
            )
        return self


def prediction(output: Output, model: Classes, size: tuple[int, int]) -> Prediction:
    """Read the prediction for one picture from the network's output; size: (H, W) of its input."""
    logits = output.logits[0].detach().float().cpu()
    if isinstance(output, ClassMaps):
        shares = output.shares()
        order = np.array(order_of(shares, model))
        return Prediction("maps", logits.numpy(), shares.numpy(), order, output.labels[0].cpu().numpy(), (), size)
    boxes = tuple(output.detections()) if isinstance(output, Boxes) else ()
    shares = output.probabilities[0].detach().cpu() if isinstance(output, ClassScores) else logits.double()
    scale = output.scale if isinstance(output, ClassScores) else None
    # by logits: shares of scores far apart round to equals, and would be in the order of their numbers
    order = np.argsort(-logits.numpy(), kind="stable")
    return Prediction(output.kind, logits.numpy(), shares.numpy(), order, None, boxes, size, scale)
