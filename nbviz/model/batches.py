"""Batches that can't be: networks that mix the pictures of a batch, or pass one picture at a time only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from nbviz.model.inputs.input_size import noise
from nbviz.model.layouts.layout import probe_batch
from nbviz.model.scoring.outputs import Output
from nbviz.model.trace import Trace
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.hooks import first_tensor

CLOSE = 1e-3
"""Largest difference, as a share of the largest value, that rounding alone makes between batches."""
CLOSE_DOUBLE = 1e-9
CLOSE_HALF = 3e-2


class Evaluated(Protocol):
    """A model, as far as it is needed here."""

    guest: Guest

    def trace(self, x: torch.Tensor | None = None) -> Trace: ...
    def evaluate(self, run: Pass, batch: torch.Tensor) -> Output: ...


def mixes_batch(model: Evaluated, run: Pass, x: torch.Tensor) -> bool:
    """Return whether a picture (1, C, H, W) must pass alone: another in its batch changes its output.

    Found out once per structure and size of pictures, by three pictures' forwards.
    """
    trace = model.trace()
    if trace.mixes is None:
        # a detector's boxes, and what is drawn at random, are not the same twice
        trace.mixes = trace.kind != "boxes" and not run.random and not _independent(model, run, x.detach()[:1])
    return trace.mixes


def passes_alone(model: Evaluated, run: Pass, x: torch.Tensor) -> bool:
    """Return whether pictures must pass one by one to be compared: the network mixes them, or draws numbers.

    What it draws begins anew with each forward, so that two forwards draw alike, and two pictures of a batch don't.
    """
    return run.random or mixes_batch(model, run, x)


def parts(model: Evaluated, run: Pass, batch: torch.Tensor) -> Sequence[torch.Tensor]:
    """Return the batches that a batch passes in: itself, or its pictures where the network would mix them."""
    return batch.split(1) if len(batch) > 1 and mixes_batch(model, run, batch) else [batch]


def batch_size(model: Evaluated, shape: tuple[int, ...], most: int) -> int:
    """Return how many pictures (C, H, W) pass at once: ``most``, or one where the network would mix them."""
    x = noise(model.guest, shape)
    model.trace(x)
    mixed = most > 1 and model.guest.steady(lambda run: mixes_batch(model, run, x))
    return 1 if mixed else most


def _independent(model: Evaluated, run: Pass, x: torch.Tensor) -> bool:
    # two pictures that differ: two alike would not show that they are mixed
    pair = probe_batch(x)[[0, 1]]
    with torch.no_grad():
        alone = model.evaluate(run, pair[:1])
        try:
            together = model.evaluate(run, pair)
        except torch.OutOfMemoryError:
            raise
        except Exception:
            return False
    if together.kind != alone.kind:  # a batch's scores can't be read, or as those of something else
        return False
    one, both = _values(alone), _values(together)
    if one is None or both is None or both.shape[1:] != one.shape[1:] or len(both) != 2:
        # no tensor to compare, and so none that another picture could change
        return one is None
    close = {torch.float64: CLOSE_DOUBLE, torch.float32: CLOSE}.get(one.dtype, CLOSE_HALF)
    difference = (both[:1] - one).abs().max()
    # so, and not <=, for NaN counts as independent: it has another cause
    return not bool(difference > close * one.abs().max())


def _values(output: Output) -> torch.Tensor | None:
    """Return the scores of a batch; of an output that can't be read, its first tensor."""
    return first_tensor(output.raw) if output.kind == "unknown" else output.logits
