"""Inference of layouts: which axes are space, found by one probing batch instead of a list of architectures.

The batch holds the picture six times: as it is, with one of its four quarters perturbed, and with its last
corner perturbed. Where an output has places, the change follows: the share that the lower quarters have in
the change is larger in the lower places, and likewise on the right. That holds also where attention has
spread every change everywhere, for shares need only a trace of the place. An axis of channels shows no such
order, and neither do windows or attention maps whose shape may look like a grid's.

Tokens are assumed to stand row by row behind their prefix (class token, registers); the last corner must
then change the last token as much as any. What can't be told this way inherits from layers of the identical
shape, else it is refused with a reason (kind "none"): a wrong map is worse than none. A convolution, a 2-D
norm or pooling needs no probe: torch defines what its axes are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from nbviz.model.layouts.axes import Kind, Layout
from nbviz.model.layouts.probe import AxisEvidence, evidence, probe_batch

__all__ = ["AxisEvidence", "Kind", "Layout", "evidence", "infer_layouts", "probe_batch"]


def infer_layouts(
    outputs: Mapping[str, Tensor | AxisEvidence],
    input_hw: tuple[int, int],
    modules: Mapping[str, nn.Module] | None = None,
) -> dict[str, Layout]:
    """Return the layout of each output of one forward over a probing batch.

    ``modules``, by the same names, tells which outputs need no probe. Where memory counts, or where outputs are
    overwritten in place, give instead of an output its ``evidence``, taken in the hook.
    """
    known = modules or {}
    candidates = {
        name: output if isinstance(output, AxisEvidence) else evidence(output, input_hw, known.get(name))
        for name, output in outputs.items()
    }
    agreed = _agreed(candidates)
    sure: dict[tuple[int, ...], set[Layout]] = {}
    for name, layout in agreed.items():
        # by shape, for layers that the probe can't read: they lie as those of the same shape that it can
        if layout.kind != "none":
            sure.setdefault(candidates[name].shape, set()).add(layout)
    return {
        name: agreed.get(name) or _inherited(item.shape, sure.get(item.shape, set()))
        for name, item in candidates.items()
    }


def _agreed(candidates: Mapping[str, AxisEvidence]) -> dict[str, Layout]:
    """Return the layouts of the outputs that are sure; equally many tokens lie as most layers say.

    One layer in hundreds fits a wrong grid by chance.
    """
    sure = {name: item.layout for name, item in candidates.items() if item.layout is not None}
    votes: dict[tuple[Kind, int], Counter[Layout]] = {}
    for layout in sure.values():
        votes.setdefault((layout.kind, layout.tokens), Counter())[layout] += 1
    most = {key: count.most_common(1)[0][0] for key, count in votes.items()}
    in_rows = ("tokens", "tokens_first")
    return {
        name: most[layout.kind, layout.tokens] if layout.kind in in_rows else layout for name, layout in sure.items()
    }


def _inherited(shape: tuple[int, ...], same_shape: set[Layout]) -> Layout:
    """Return the one layout that layers of this shape have, unless the shape reads two ways."""
    if len(same_shape) == 1:
        layout = next(iter(same_shape))
        lengths = (layout.height, layout.width) if len(shape) == 4 else (layout.tokens,)
        # as many channels as places: either axis could be the one
        if layout.channels(shape) not in lengths:
            return replace(layout, reason="as layers of the same shape")
    return Layout("none", reason="which axis is space can't be told: its output does not follow the picture")
