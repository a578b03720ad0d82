"""10,000 random events on two networks: what was raised unseen, what was stale, and what memory did.

    python -m tests.bench events

``NBVIZ_EVENTS`` is another number of events for each network, ``NBVIZ_SEED`` another storm.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import torch
from torch import nn

from nbviz import zoo
from tests.storm import Storm, resident

EVENTS, ROUNDS = 10_000, 5
GROWTH = 40.0
"""MiB that the process may grow after its first fifth, once caches are full."""


def tiny() -> nn.Module:
    """A network with batch norms and a hook that changes what a layer puts out."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip
    net[3].register_forward_hook(lambda module, inputs, output: output * 1.5)
    return net.eval()


def storms(seed: int = 0) -> Iterator[tuple[str, Storm]]:
    """The two networks under storm."""
    yield "tiny, batch norm and a hook", Storm(tiny(), seed=seed)
    yield "Fashion CNN", Storm(zoo.load("fashion_cnn").net, mode="L", side=28, seed=seed)


def rows() -> Iterator[str]:
    """A line a round, then what was at fault."""
    count = int(os.environ.get("NBVIZ_EVENTS", EVENTS)) // ROUNDS
    for name, storm in storms(int(os.environ.get("NBVIZ_SEED", 0))):
        levels, seen = [], 0
        for _ in range(ROUNDS):
            begun = time.monotonic()
            storm.run(count)
            levels.append(resident())
            yield (
                f"{name}: {count} events in {time.monotonic() - begun:.0f} s, {storm.checks} checks, "
                f"{len(storm.faults)} faults, {levels[-1]:.0f} MiB"
            )
            yield from (f"! {fault}" for fault in storm.faults[seen:])
            seen = len(storm.faults)
        growth = levels[-1] - levels[0]
        yield f"{name}: memory {growth:+.0f} MiB after the first round {'≤' if growth <= GROWTH else '!'} {GROWTH:.0f}"
        yield f"{name}: {dict(sorted(storm.events.items()))}"
        storm.close()
