"""Batches that can't be: networks that mix the pictures of a batch, or pass one picture at a time only."""

from __future__ import annotations

import torch

from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layouts.layout import probe_batch
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import first_tensor

CLOSE = 1e-3
"""Largest difference, as a share of the largest value, that rounding alone makes between batches."""
CLOSE_HALF = 3e-2


def mixes_batch(model: InstrumentedModel, run: Pass, x: torch.Tensor) -> bool:
    """Return whether a picture (1, C, H, W) must pass alone: another in its batch changes its output.

    Found out once per structure and size of pictures, by three pictures' forwards.
    """
    found = model.trace()
    if found.mixes is None:
        # a detector's boxes, and what is drawn at random, are not the same twice
        found.mixes = found.kind != "boxes" and not run.random and not _alike(model, run, x)
    return found.mixes


def _alike(model: InstrumentedModel, run: Pass, x: torch.Tensor) -> bool:
    pair = probe_batch(x)[[0, 1]]
    with torch.no_grad():
        alone = _values(model, run, pair[:1])
        try:
            together = _values(model, run, pair)
        except torch.OutOfMemoryError:
            raise
        except Exception:
            return False
    if alone is None or together is None or together.shape[1:] != alone.shape[1:] or len(together) != 2:
        return alone is None
    close = CLOSE if alone.dtype in (torch.float32, torch.float64) else CLOSE_HALF
    difference = (together[:1] - alone).abs().max()
    return not bool(difference > close * alone.abs().max())


def _values(model: InstrumentedModel, run: Pass, batch: torch.Tensor) -> torch.Tensor | None:
    """Return the scores of a batch; of an output that can't be read, its first tensor."""
    output = model.evaluate(run, batch)
    return first_tensor(output.raw) if output.kind == "unknown" else output.logits
