"""Outputs of a batch of pictures: one score per class, one map per class, or boxes.

``reader`` makes of whatever a network puts out one of four outputs. All have ``logits`` (N, classes), one figure
a class and picture: the score itself, the mean of the class's map, the score of its best box. An output that
can't be read says why when its logits are asked for: a function or a channel can still be explained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import nn

from nbviz.errors import NbvizError
from nbviz.model.boxes import Box
from nbviz.model.scoring.heads import PLAIN, Head, Scale, find_head
from nbviz.model.scoring.place import ModuleCall, ScoreHints
from nbviz.model.scoring.scores import OutputKey as OutputKey
from nbviz.model.scoring.scores import find, scores_or_maps
from nbviz.pictures.network_hints import attribute
from nbviz.replica.hooks import RawOutput

Kind = Literal["classes", "maps", "boxes", "unknown"]
KEYS = frozenset(("boxes", "labels", "scores"))
QUERIES = (
    "The network puts out a score and a box per query ({}), as DETR does, and which boxes these mean only its own "
    "processor knows. Wrap it:\n"
    "  class Boxes(torch.nn.Module):\n"
    "      def __init__(self, net): super().__init__(); self.net = net\n"
    "      def forward(self, x): return processor.post_process_object_detection(\n"
    "          self.net(x), threshold=0.0, target_sizes=[x.shape[-2:]] * len(x))\n"
    "or let forward return a list with 'boxes' (left, top, right, bottom in pixels of x), 'labels' and 'scores' per "
    "picture."
)


class Output(Protocol):
    """Base of all outputs."""

    @property
    def kind(self) -> Kind: ...
    @property
    def raw(self) -> RawOutput: ...
    @property
    def logits(self) -> torch.Tensor: ...


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Output of one score per class and picture."""

    raw: RawOutput
    logits: torch.Tensor
    """(N, classes)."""
    kind: Kind = "classes"
    scale: Scale = "softmax"

    @property
    def probabilities(self) -> torch.Tensor:
        """Probabilities (N, classes) in 0…1, double, that the network means by its scores."""
        logits = self.logits.double()
        if self.scale == "softmax":
            return logits.softmax(1)
        return logits.sigmoid() if self.scale == "sigmoid" else logits


@dataclass(frozen=True, eq=False)
class ClassMaps:
    """Output of one map per class and picture, as segmentation networks have."""

    raw: RawOutput
    maps: torch.Tensor
    """(N, classes, h, w)."""
    kind: Kind = "maps"

    @property
    def logits(self) -> torch.Tensor:
        """Return each map's mean over the picture, (N, classes)."""
        return self.maps.mean((2, 3))

    @property
    def labels(self) -> torch.Tensor:
        """Class with the highest score at each place, (N, h, w)."""
        return self.maps.detach().argmax(1)

    def shares(self, weights: torch.Tensor | None = None) -> torch.Tensor:
        """Share of the first picture predicted as each class, float64 (classes,); of ``weights`` (h, w), sum 1."""
        classes = self.labels[0].flatten().cpu()
        counts = None if weights is None else weights.flatten().cpu()
        return torch.bincount(classes, counts, self.maps.shape[1]).double() / (
            1 if weights is not None else len(classes)
        )


@dataclass(frozen=True)
class Detection:
    """Box that a detector found."""

    label: int
    score: float
    box: Box


@dataclass(frozen=True, eq=False)
class Boxes:
    """Output of a detector: per picture boxes with labels and scores, differentiable."""

    raw: Sequence[Mapping[str, torch.Tensor]]
    classes: int
    """How many it distinguishes; 0 where that isn't known."""
    kind: Kind = "boxes"

    @property
    def logits(self) -> torch.Tensor:
        """Return the score of each class's best box, (N, classes), 0 where there is none."""
        most = [int(one["labels"].max()) + 1 for one in self.raw if len(one["labels"])]
        count = max([self.classes, 1, *most])
        # scatter, not a loop: it is differentiable in the scores
        rows = [one["scores"].new_zeros(count).scatter_reduce(0, one["labels"], one["scores"], "amax")
                for one in self.raw]  # fmt: skip
        return torch.stack(rows)

    def detections(self) -> list[Detection]:
        """Return the boxes of the batch's first picture, best score first."""
        one = {key: self.raw[0][key].detach().cpu() for key in KEYS}
        order = one["scores"].argsort(descending=True, stable=True).tolist()
        boxes, labels, scores = one["boxes"].tolist(), one["labels"].tolist(), one["scores"].tolist()
        return [Detection(labels[i], scores[i], Box(boxes[i][1], boxes[i][0], boxes[i][3], boxes[i][2])) for i in order]


@dataclass(frozen=True, eq=False)
class Unknown:
    """Output in which no scores can be found."""

    raw: RawOutput
    problem: NbvizError
    kind: Kind = "unknown"

    @property
    def logits(self) -> torch.Tensor:
        """Raise NbvizError: nothing can be read."""
        raise self.problem


@dataclass(frozen=True)
class OutputReader:
    """Reading of a network's own output as an :class:`Output`, by its head (:func:`find_head`)."""

    hints: ScoreHints = ScoreHints()
    classes: int = 0
    """How many a detector has, if known."""

    def __call__(
        self, raw: RawOutput, rows: int | None = None, head: Head = PLAIN, before: torch.Tensor | None = None
    ) -> Output:
        """Read an output. rows: pictures in the batch. before: what ``head.before`` put out in the same pass."""
        if self.hints.output is None and _is_boxes(raw):
            return Boxes(raw, self.classes)
        if self.hints.output is None and (pair := _queries(raw)):
            return Unknown(raw, NbvizError(QUERIES.format(pair)))
        if head.problem is not None:
            return Unknown(raw, head.problem)
        try:
            where = head.place if self.hints.output is None else self.hints.output
            scores = scores_or_maps(find(raw, where), rows)
        except NbvizError as problem:
            return Unknown(raw, problem)
        if scores.dim() != 2:
            return ClassMaps(raw, head.logits(scores, before))
        return ClassScores(raw, head.logits(scores, before), scale=head.scale)

    def head(self, raw: RawOutput, calls: Sequence[ModuleCall], probe: Callable[[Head], torch.Tensor]) -> Head:
        """Find the scores in the first output, of one picture, and what they mean; see :func:`find_head`."""
        detector = self.hints.output is None and (_is_boxes(raw) or bool(_queries(raw)))
        return PLAIN if detector else find_head(raw, calls, self.hints, probe)


def reader(output: OutputKey | None, classes: int = 0) -> OutputReader:
    """From the network's own output to an :class:`Output`. output: a key, an attribute, a place or a callable that
    takes the scores or maps out of it; left out, they are looked for. classes: what a detector has, if known.
    """
    return OutputReader(ScoreHints(output), classes)


def reader_of(
    net: nn.Module,
    output: OutputKey | None,
    given: int,
    names: int,
    multilabel: bool,
) -> OutputReader:
    """Return the reader for a network; given: class names from a person; names: these, or those that it carries."""
    config = attribute(net, "config")
    labels, problem = attribute(config, "num_labels"), attribute(config, "problem_type")
    hints = ScoreHints(
        output,
        multilabel or problem == "multi_label_classification",
        given,
        labels if isinstance(labels, int) else 0,
        problem == "regression",
    )
    return OutputReader(hints, given or classes_of(net) or names)


def _is_boxes(raw: object) -> bool:
    if not isinstance(raw, (list, tuple)) or not raw:
        return False
    return all(isinstance(one, Mapping) and one.keys() >= KEYS for one in raw)


def _queries(raw: object) -> str:
    """Return the names of scores and boxes per query in an output; empty where it has none."""
    given = raw if isinstance(raw, Mapping) else getattr(raw, "__dict__", {})
    names = [name for name in ("logits", "pred_logits") if isinstance(given.get(name), torch.Tensor)]
    boxes = given.get("pred_boxes")
    return f"'{names[0]}' and 'pred_boxes'" if names and isinstance(boxes, torch.Tensor) else ""


def classes_of(net: nn.Module) -> int:
    """Return how many classes a detector distinguishes, its background included; 0 where it doesn't say."""
    # the names under which torchvision's detectors keep it
    heads = [(module, "num_classes") for module in net.modules()]
    heads += [(module, "out_features") for name, module in net.named_modules() if name.endswith("cls_score")]
    heads += [(module, "num_columns") for name, module in net.named_modules() if name.endswith("classification_head")]
    counts = [getattr(module, attribute, None) for module, attribute in heads]
    return next((n for n in counts if isinstance(n, int) and not isinstance(n, bool) and n > 0), 0)
