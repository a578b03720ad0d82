"""Maps of classes as a network puts them out, and the pixels counted of one picture.

Maps smaller or larger than the mask are resized to it, bilinear with ``align_corners=False``, as torchvision's networks
and Hugging Face's ``post_process_semantic_segmentation`` do; then the class of the highest is said. One map alone is of
two classes: its sigmoid, or itself where the network ends in one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.autograd_graph import kind, origin
from nbviz.model.scoring.forward import evaluate
from nbviz.model.scoring.heads import Head, Scale
from nbviz.model.scoring.outputs import ClassMaps, Output, OutputReader, Unknown
from nbviz.model.scoring.scores import find
from nbviz.model.scoring.squash import SIGMOIDS, squash
from nbviz.replica.guest import Pass

BINS = 15
"""Bins of equal width that confidences of pixels are counted in."""


@dataclass(frozen=True)
class MapReader:
    """Reader of a network's maps (N, classes, h, w); of one map two."""

    reader: OutputReader
    head: Head
    scale: Scale = "softmax"
    """Of one map alone: "sigmoid" for a logit, "independent" for a probability."""

    def maps(self, run: Pass, batch: Tensor) -> Tensor:
        """Run the network on a batch and return its maps."""
        maps = maps_in(evaluate(run, batch, self.reader, self.head), self.reader, batch.shape)
        if maps is None:
            raise Refused("The network puts out no maps for this batch, as it did for the first picture.")
        return maps

    def scores(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """Return scores (classes, H, W), float32, of one picture's maps (1 or classes, h, w)."""
        wide = maps.float()[None]
        if wide.shape[-2:] != size:
            wide = functional.interpolate(wide, size=size, mode="bilinear", align_corners=False)
        one = wide[0]
        if len(one) > 1:
            return one
        if self.scale == "independent":
            # of a probability, logs: then one rule reads both kinds of map
            tiny = torch.finfo(one.dtype).tiny
            return torch.cat([(1 - one).clamp(min=tiny), one.clamp(min=tiny)]).log()
        return torch.cat([torch.zeros_like(one), one])


def maps_in(output: Output, reader: OutputReader, shape: torch.Size) -> Tensor | None:
    """Return the maps (N, classes, h, w) in an output; those of one map, too, which no target can be read from.

    shape: (N, C, H, W) of the batch; one map as large as the picture may lack its axis of classes.
    """
    if isinstance(output, ClassMaps):
        return output.maps
    if not isinstance(output, Unknown):
        return None
    try:
        found = find(output.raw, reader.hints.output)
    except NbvizError:
        return None
    if not isinstance(found, Tensor) or not found.is_floating_point():
        return None
    found = found[:, None] if found.shape == (shape[0], *shape[2:]) else found
    alone = found.dim() == 4 and len(found) == shape[0] and found.shape[1] == 1 and found[0, 0].numel() > 1
    return found if alone else None


def map_reader(model: InstrumentedModel, x: Tensor) -> tuple[MapReader, int] | None:
    """Return the reader of a network's maps and their number, asked with one input; None where it puts out no maps."""
    head = model.trace(x).head

    def work(run: Pass) -> tuple[Tensor, Scale] | None:
        # with a graph, which shows whether a sigmoid came last
        maps = maps_in(evaluate(run, x.detach().requires_grad_(), model.read, head), model.read, x.shape)
        if maps is None:
            return None
        last = squash(origin(maps.grad_fn))
        squashed = last is not None and kind(last) in SIGMOIDS
        return maps.detach(), "independent" if squashed and _within(maps) else "sigmoid"

    found = model.guest.steady(work)
    if found is None:
        return None
    maps, single = found
    scale: Scale = single if maps.shape[1] == 1 else head.scale
    return MapReader(model.read, head, scale), maps.shape[1]


def _within(maps: Tensor) -> bool:
    return bool(((maps >= 0) & (maps <= 1)).all())


def pixel_counts(scores: Tensor, mask: Tensor | None) -> dict[str, Tensor]:
    """Return counts of one picture from its scores (classes, H, W) and its mask (H, W), −1 where not counted.

    ``pair_label``, ``pair_prediction``, ``pair_count``: pixels by class and answer, −1 for those without class;
    ``confidence``: mean probability of the answer; ``loss``: mean negative log probability of the class, in nats;
    ``bin_count``, ``bin_right``, ``bin_confidence``: counted pixels by the probability of the answer.
    """
    classes, flat = len(scores), scores.flatten(1)
    truth = torch.full(flat.shape[1:], -1, device=flat.device) if mask is None else mask.flatten().to(flat.device)
    total, prediction = flat.logsumexp(0), flat.argmax(0)
    share = (flat.gather(0, prediction[None])[0] - total).exp().double().clamp(max=1)
    # one count of pairs gives all figures: truths of −1 make the first row
    counts = torch.bincount((truth + 1) * classes + prediction, minlength=(classes + 1) * classes)
    cells = counts.nonzero()[:, 0]
    known = truth >= 0
    right = known & (truth == prediction)
    own = flat.gather(0, truth.clamp(min=0)[None])[0]
    loss = (total - own).double()[known].mean()
    bins = (share * BINS).long().clamp(max=BINS - 1)
    figures = {
        "confidence": share.mean()[None], "loss": loss[None],
        "bin_count": torch.bincount(bins[known], minlength=BINS)[None],
        "bin_right": torch.bincount(bins[right], minlength=BINS)[None],
        "bin_confidence": torch.bincount(bins[known], share[known], minlength=BINS)[None],
        "pair_label": cells // classes - 1, "pair_prediction": cells % classes, "pair_count": counts[cells],
    }  # fmt: skip
    return {name: tensor.cpu() for name, tensor in figures.items()}
