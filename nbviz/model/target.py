"""Target: the scalar that is explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import SupportsIndex, TypeAlias

import torch

from nbviz.errors import NbvizError
from nbviz.model.boxes import Box, ious
from nbviz.model.classes import Classes, class_index, order_of
from nbviz.model.neuron import Neuron, Place
from nbviz.model.region import PREDICTED, MaskLike, Region
from nbviz.model.scoring.outputs import Boxes, ClassMaps, Detection, Kind, Output
from nbviz.model.scoring.scores import describe
from nbviz.replica.hooks import RawOutput
from nbviz.replica.memory import out_of_memory

SAME = 0.5
"""Overlap (IoU) from which on a box on a changed picture is the one that was found, as in PASCAL VOC."""


@dataclass(frozen=True)
class Target:
    """Scalar of a network: a class, a class over a region, a box, a channel, a contrast, or a callable.

    ``Target.ensure`` makes one from whatever a person writes. Scores are what the network puts out: raw logits,
    never softmax; of a segmentation network the mean of the class's map over a region; of a detector the score of
    a box, on a changed picture that of the box of its class that overlaps it most (IoU ≥ 0.5, else 0).
    """

    index: int | None = None
    """Class index; None with nothing else said is the predicted class, or the best box."""
    other: int | None = None
    """The class it is contrasted with: logit(index) − logit(other)."""
    function: Callable[[RawOutput], torch.Tensor] | None = None
    """The network's own output → (N,)."""
    part: Region | None = None
    """Segmentation: over which part of the picture; None is where the network says the class."""
    number: int | None = None
    """Detection: which box, 0 the best; None is the best one of the class."""
    found: Box | None = None
    """Detection: where it lies, once looked for."""
    unit: Neuron | None = None
    """A channel of a layer, instead of a class."""
    name: str | None = None
    """A class by name, until a model has been asked for its index."""

    # -- making one -----------------------------------------------------------------------------------

    @classmethod
    def region(
        cls, target: TargetLike = "predicted", mask: MaskLike | None = None, box: Sequence[float] | None = None
    ) -> Target:
        """Explain a class of a segmentation network over a region: the mean of its map there.

        target: class index or name, or "predicted" (the class said most often in the region). mask: (H, W) of any
        resolution, laid over the network's input, non-zero in the region. box: (top, left, bottom, right) in
        pixels of the network's input. Neither: where the network says the class.
        """
        if mask is not None and box is not None:
            raise NbvizError("A region is a mask or a box, not both.")
        base = cls(name=target) if isinstance(target, str) and target != "predicted" else cls.ensure(target)
        part = Region.of_mask(mask) if mask is not None else Region.of_box(box) if box is not None else None
        return replace(base, part=part)

    @classmethod
    def box(cls, number: int = 0) -> Target:
        """Explain the score of one box that a detector finds in the picture; 0 is the one with the best score."""
        if isinstance(number, bool) or not hasattr(number, "__index__") or number < 0:
            raise NbvizError(f"A box is told by its number, from 0 (the best) on, not {number!r}.")
        return cls(number=int(number))

    @classmethod
    def channel(cls, layer: str, channel: int, place: Place = "mean") -> Target:
        """Explain one channel of a layer: its mean over places, its "max", or its value at one place (row, column)
        of the layer's own grid; of a layer without places, its one value.
        """
        return cls(unit=Neuron.of(layer, channel, place))

    @classmethod
    def ensure(cls, value: TargetLike, model: Classes | None = None) -> Target:
        """Return a Target from an index, a class name, ``"predicted"``, a pair (a tuple), a callable or a Target.

        Raises :class:`NbvizError` for an unknown class name (with the nearest), an ambiguous one, an index
        out of range, a layer, channel or box that can't be, or anything else.
        """
        result = cls._from(value, model)
        # a region may be made by name before there is a model to ask
        if result.name is not None and model is not None:
            result = replace(result, index=class_index(result.name, model), name=None)
        if model is not None:
            result._check(model)  # noqa: SLF001 - our own
        return result

    @classmethod
    def _from(cls, value: TargetLike, model: Classes | None) -> Target:
        if isinstance(value, Target):
            return value
        if isinstance(value, str) and value == "predicted":
            return cls()
        if isinstance(value, list):
            raise NbvizError(
                f"One target is wanted here, not the list {value!r:.60}; nbviz.attribute takes a list. "
                "A contrast of two classes is a tuple: (281, 282)."
            )
        if isinstance(value, tuple) and len(value) == 2:
            first, second = (class_index(item, model) for item in value)
            if first == second:
                raise NbvizError(f"A contrast needs two different classes, not {value[0]!r} twice.")
            return cls(first, second)
        if callable(value):
            return cls(function=value)
        return cls(class_index(value, model))

    def _check(self, model: Classes) -> None:
        if self.unit is not None:
            self.unit.check(model.layer(self.unit.layer))
        needed: Kind | None = "boxes" if self.number is not None else "maps" if self.part is not None else None
        kind = None if model.known is None else model.known.kind
        if model.known is not None and model.known.problem and self.function is None and self.unit is None:
            raise model.known.problem
        if needed is not None and kind not in (None, needed):
            what = "boxes, so it has none" if needed == "boxes" else "a map per class, so it has no class over a region"
            raise NbvizError(f"This network does not put out {what} to explain: it gives {_WORDS[kind]}.")

    # -- what it says of itself -----------------------------------------------------------------------

    @property
    def predicted(self) -> bool:
        """True if the class is the one the network predicts, known only after a forward."""
        return (self.index, self.function, self.unit, self.name, self.number) == (None,) * 5

    def settled(self, kind: Kind) -> bool:
        """True if the scalar is the same for any picture; else it is looked for in the picture first."""
        if self.function is not None or self.unit is not None:
            return True
        if kind == "maps":
            return self.index is not None and self.part is not None
        return self.found is not None if kind == "boxes" else self.index is not None

    def instead(self, index: int) -> Target | None:
        """Return the same target of another class; None where that makes no sense: of boxes, channels and functions."""
        odd = self.function is not None or self.unit is not None or self.found is not None or self.number is not None
        return None if odd else replace(self, index=index, other=None, name=None)

    def words(self, model: Classes) -> str:
        """Target in a phrase: ``"tabby"``, ``"tabby rather than tiger cat"``, a function's name."""
        if self.function is not None:
            return getattr(self.function, "__name__", type(self.function).__name__)
        if self.unit is not None:
            return self.unit.words
        text = "the predicted class" if self.index is None else model.class_name(self.index)
        text = self.name or text
        if self.other is not None:
            text += f" rather than {model.class_name(self.other)}"
        if self.number is not None:
            return f"box {self.number}" if self.index is None else f"{text}, box {self.number}"
        return text if self.part is None else f"{text}, {self.part.words}"

    # -- the scalar -----------------------------------------------------------------------------------

    def resolved(self, output: Output, model: Classes, size: tuple[int, int] | None = None) -> Target:
        """This target with what depends on the picture made certain: the predicted class, where it is said, which
        box. output: the network's of the picture alone. size: (H, W) of its input. Raises where a box isn't there.
        """
        if self.settled(output.kind):
            return self
        if isinstance(output, ClassMaps):
            return self._placed(output, model, size)
        if isinstance(output, Boxes):
            return self._matched(output.detections(), model)
        return replace(self, index=int(output.logits[0].argmax()))

    def _placed(self, output: ClassMaps, model: Classes, size: tuple[int, int] | None) -> Target:
        places = (output.maps.shape[2], output.maps.shape[3])
        weights = None if self.part is None else self.part.weights(places, size or places)
        index = order_of(output.shares(weights), model)[0] if self.index is None else self.index
        if self.part is not None:
            return replace(self, index=index)
        region = output.labels[0] == index
        return replace(
            self, index=index, part=Region.of_mask(region, PREDICTED) if bool(region.any()) else Region.whole()
        )

    def _matched(self, detections: list[Detection], model: Classes) -> Target:
        fitting = [i for i, one in enumerate(detections) if self.index in (None, one.label)]
        if self.number is not None:
            fitting = [i for i in fitting if i == self.number]
        if not fitting:
            raise NbvizError(_no_such_box(self, detections, model))
        one = detections[fitting[0]]
        return replace(self, index=one.label, number=fitting[0], found=one.box)

    def of(self, output: Output, size: tuple[int, int] | None = None) -> torch.Tensor:
        """Return the scalar of each picture of a batch, (N,); the target is resolved. size: (H, W) of the input."""
        if self.function is not None:
            return _vector(_called(self.function, output.raw))
        if isinstance(output, Boxes) and self.found is not None:
            return torch.stack([self._score(one, self.found) for one in output.raw])
        scores = self._over(output, size) if isinstance(output, ClassMaps) and self.part is not None else output.logits
        if self.index is None:
            return scores.max(dim=1).values
        last = self.index if self.other is None else max(self.index, self.other)
        if not last < scores.shape[1]:  # the head may have been replaced since the target was chosen
            raise NbvizError(f"Class {last} is not among the network's {scores.shape[1]} scores.")
        chosen = scores[:, self.index]
        return chosen if self.other is None else chosen - scores[:, self.other]

    def _over(self, output: ClassMaps, size: tuple[int, int] | None) -> torch.Tensor:
        assert self.part is not None
        places = (output.maps.shape[2], output.maps.shape[3])
        return torch.einsum("nchw,hw->nc", output.maps, self.part.weights(places, size or places).to(output.maps))

    def _score(self, one: Mapping[str, torch.Tensor], box: Box) -> torch.Tensor:
        overlap = torch.where(one["labels"] == self.index, ious(one["boxes"].detach(), box), 0)
        if not len(overlap) or float(overlap.max()) < SAME:
            return one["scores"].sum() * 0  # not found at a step of a path: 0, without cutting the graph off
        return one["scores"][overlap.argmax()]


TargetLike: TypeAlias = (
    Target | str | SupportsIndex | tuple[str | SupportsIndex, str | SupportsIndex] | Callable[[RawOutput], torch.Tensor]
)
"""Target as a person writes it: the index or name of a class, "predicted", a contrast as a pair of classes, or a
callable from the network's own output to one score per picture, (N,)."""
_WORDS: dict[Kind | None, str] = {"classes": "one score per class", "maps": "one map per class", "boxes": "boxes"}
_WORDS["unknown"] = "what nbviz can't read"


def _no_such_box(target: Target, detections: list[Detection], model: Classes) -> str:
    if not detections:
        return "The network finds no box in this picture, so there is none to explain."
    kinds = ", ".join(dict.fromkeys(model.class_name(one.label) for one in detections))
    if target.number is not None:
        count = f"{len(detections)} box{'es' if len(detections) != 1 else ''}"
        return f"The network finds {count} in this picture, numbered from 0; there is no box {target.number}."
    assert target.index is not None
    return f"The network finds no {model.class_name(target.index)} in this picture. It finds: {kinds}."


def _called(function: Callable[[RawOutput], object], raw: RawOutput) -> object:
    try:
        return function(raw)
    except Exception as error:  # it stays the person's own, with what explains it
        if not isinstance(error, NbvizError) and not out_of_memory(error):
            error.add_note(f"The target function was handed the network's own output, which is {describe(raw)}.")
        raise


def _vector(scores: object) -> torch.Tensor:
    if not isinstance(scores, torch.Tensor) or scores.dim() not in (0, 1):
        shape = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise NbvizError(f"A target function gives one score per picture, shape (N,), not {shape}.")
    if not scores.is_floating_point():
        kind = str(scores.dtype).removeprefix("torch.")
        raise NbvizError(
            f"A target function gives one score per picture, not {kind} as argmax and comparisons do: nothing explains "
            "a step. Return a class's score, such as lambda out: out[:, 3]."
        )
    return scores.reshape(-1)
