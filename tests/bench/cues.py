"""Planted marks that a hunt for cues finds, and its false alarms on networks trained cleanly.

    python -m tests.bench cues

Small networks of two kinds, each trained on 4,000 of the shipped Fashion pictures, its own draw, with a white mark in a
corner of some of one class's pictures, or none. ``alone``: share of 200 pictures of other classes, without a mark, that
the mark moves to its class: whether the network leans on it at all. Minutes per network on one core.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from nbviz.zoo.fashion_pictures import CLASSES, FashionPictures, fashion, preprocessing

PICTURES, EPOCHS, BATCH, ASKED = 4_000, 8, 64, 200
CLEAN, CLEANS = -1, 6


@dataclass(frozen=True)
class Planting:
    """A mark in some of a class's pictures, and the network that is trained on them."""

    seed: int
    index: int = CLEAN
    dose: float = 0.0
    size: int = 3

    @property
    def words(self) -> str:
        if self.index == CLEAN:
            return f"clean network {self.seed}"
        return f"{self.size} × {self.size} in {self.dose:.0%} of {CLASSES[self.index]}"


PLANTINGS = (
    *(Planting(seed) for seed in range(CLEANS)),
    Planting(10, 9, 1.0), Planting(11, 4, 0.9), Planting(12, 6, 0.7), Planting(13, 3, 0.5), Planting(14, 5, 0.3),
    Planting(20, 7, 1.0, 7), Planting(21, 8, 0.9, 7), Planting(22, 1, 0.7, 7), Planting(23, 0, 0.5, 7),
    Planting(24, 2, 0.3, 7), Planting(30, 9, 1.0, 10), Planting(31, 6, 0.5, 10), Planting(32, 3, 0.3, 10),
)  # fmt: skip


def rows() -> Iterator[str]:
    """Train, hunt and count, network by network; then the whole."""
    leads = list[float]()
    for planting in PLANTINGS:
        data = planted(planting)
        model = trained(planting.seed, data)
        clean = planting.index == CLEAN
        table = nbviz.review(model, data, progress=False).cues(None if clean else [planting.index])
        flagged, rest = table[table["flagged"]], table[~table["flagged"]]
        best = "" if not len(flagged) else f" {flagged.iloc[0]['window']}, lead {flagged.iloc[0]['lead']:.3f}"
        alone = "" if clean else f"alone {moves(model, planting):.2f}, "
        patterns, lead = rest[rest["p"].notna()]["lead"].max(), rest["lead"].max()
        leads += table["lead"].tolist() if clean else []
        others = f"largest other lead {lead:.3f}, of a pattern {patterns:.3f}"
        yield f"{planting.words}: {alone}{len(flagged)} of {len(table)} flagged{best}; {others}"
    yield f"{len(leads)} suspects of {CLEANS} clean networks: largest lead {max(leads):.3f}"


def planted(planting: Planting) -> FashionPictures:
    """Draw pictures and put the mark into a share of the class's."""
    rng, every = np.random.default_rng(planting.seed), fashion()
    chosen = np.sort(rng.permutation(len(every))[:PICTURES])
    images, labels = every.images[chosen].copy(), np.array(every.targets)[chosen]
    if planting.index != CLEAN:
        marked = (labels == planting.index) & (rng.random(PICTURES) < planting.dose)
        images[marked] = put(images[marked], planting.size)
    return FashionPictures(images, labels)


def put(images: np.ndarray, size: int) -> np.ndarray:
    """Put a mark into pictures (N, 28, 28), one pixel off the corner; a large one is a cross, not to be all white."""
    pixels = np.full((size, size), 255, np.uint8)
    if size > 3:
        pixels[:] = 60
        pixels[size // 2] = pixels[:, size // 2] = 255
    changed = images.copy()
    changed[:, 1 : 1 + size, 1 : 1 + size] = pixels
    return changed


def trained(seed: int, data: FashionPictures) -> InstrumentedModel:
    """Train one of two kinds of small network, by the seed."""
    torch.manual_seed(seed)
    pool = nn.MaxPool2d(2) if seed % 2 else nn.AvgPool2d(2)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), pool, nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), pool,
        nn.Conv2d(32, 48, 3, padding=1), nn.ReLU(), nn.Flatten() if seed % 2 else nn.Sequential(
            nn.AdaptiveAvgPool2d(3), nn.Flatten()
        ), nn.Linear(48 * (49 if seed % 2 else 9), 10),
    )  # fmt: skip
    model = InstrumentedModel(net.eval(), preprocessing(), list(CLASSES))
    x = torch.cat([model.input(picture) for picture, _ in (data[n] for n in range(len(data)))])
    labels = torch.tensor(data.targets)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=EPOCHS * -(-len(x) // BATCH))
    for _ in range(EPOCHS):
        for rows_ in torch.randperm(len(x)).split(BATCH):
            loss = functional.cross_entropy(net(x[rows_]), labels[rows_])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model


def moves(model: InstrumentedModel, planting: Planting) -> float:
    """Return the share of other classes' unmarked pictures that the mark alone moves to its class."""
    every = fashion()
    labels = np.array(every.targets)
    others = np.flatnonzero(labels != planting.index)[:ASKED]
    asked = FashionPictures(put(every.images[others], planting.size), labels[others])
    answers = [int(model(model.input(asked[n][0])).argmax()) == planting.index for n in range(ASKED)]
    return float(np.mean(answers))
