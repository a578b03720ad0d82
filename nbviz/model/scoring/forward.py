"""One pass of a network, read: its output and, where the logits are before its last step, what a layer put out."""

from __future__ import annotations

import torch

from nbviz.model.scoring.heads import Head
from nbviz.model.scoring.outputs import Output, OutputReader
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import record_layers


def evaluate(run: Pass, batch: torch.Tensor, read: OutputReader, head: Head) -> Output:
    """Run a network on a batch (N, C, H, W) and read its output by its head; differentiable if gradients are on."""
    if head.before is None:
        return read(run(batch), len(batch), head)
    before: list[torch.Tensor] = []
    # as a clone: a sigmoid may overwrite it
    with record_layers(run.net, {head.before: None}, lambda _, tensor: before.append(tensor), {head.before}):
        raw = run(batch)
    return read(raw, len(batch), head, before[0] if before else None)
