"""Optimisation of a page of pictures: chunks that climb in turn, so that the whole page sharpens together.

Every picture has its own generator, drawn from the seed and what is asked of it, so that it doesn't depend on
which others stand on its page.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbviz.drawing.photos import photo_mosaic, reencoded
from nbviz.features.ascent import Ascent
from nbviz.features.model_view import ModelView
from nbviz.features.objectives import Objective
from nbviz.features.parametrisation import PARAMETRISATIONS, Canvas, Parametrisation
from nbviz.features.recipe import Recipe
from nbviz.features.transforms import draw_warps
from nbviz.replica.heap import kept_heap

NAMED, SHOWN, ACROSS, SIDE = 3, 48, 8, 128
"""Objectives that a page names; pictures that it shows, in rows of so many, of so many pixels at most."""
INTERVAL = 0.1
"""Seconds between partial pages."""
# More pictures at once than these are slower on a CPU: their maps leave its caches.
_CHUNK, _SMALL_CHUNK, _SMALL = 4, 24, 112
# Steps at which one chunk hands over to the next.
_TURNS = (2, 5, 10, 18)


@dataclass(frozen=True, eq=False)
class Made:
    """Page of made pictures so far."""

    pictures: Tensor
    """(N, 3, H, W), float32 in 0…1; mid-gray where not begun. A channel's facets follow each other."""
    words: tuple[str, ...]
    """Each picture's objective as text."""
    rise: np.ndarray
    """(N, steps) float32: the objective at every step, on the picture as warped there; NaN where not taken."""
    recipe: Recipe
    done: float = 1.0
    """0…1; 1 is final."""
    progress: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    """"seconds" it took; "weights", where they were a snapshot of a network in training."""

    @property
    def pixels(self) -> np.ndarray:
        """Pictures to be drawn: uint8 (N, H, W, 3)."""
        return (self.pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()

    def __repr__(self) -> str:
        count, size = len(self.pictures), "{} × {}".format(*self.pictures.shape[-2:])
        named = ", ".join(dict.fromkeys(self.words[:NAMED])) + (" …" if len(self.words) > NAMED else "")
        part = "" if self.done >= 1 else f", {self.done:.0%} done".replace("%", " %")
        return f"Made({count} picture{'' if count == 1 else 's'} {size}: {named}{part})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """Return the pictures side by side, for a notebook, and as text."""
        count, side = len(self.pictures), min(SIDE, max(self.pictures.shape[-2:]))
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if not count:
            return bundle
        page = photo_mosaic(list(self.pixels[:SHOWN]), min(ACROSS, count), side)
        return bundle | {"image/png": reencoded(page.data)}

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.pictures.numel() * self.pictures.element_size() + self.rise.nbytes


def pages(eye: ModelView, objectives: Sequence[Objective], recipe: Recipe) -> Iterator[Made]:
    """Yield pages of one picture per objective (or of ``recipe.facets``), which get better; the last is final."""
    rows = [objective for objective in objectives for _ in range(recipe.facets)]
    layers = tuple(dict.fromkeys(name for objective in objectives for name in objective.layers))
    size = (recipe.size, recipe.size)
    eye.fit(size, layers)
    parametrisation = parametrisation_of(recipe, Canvas(size, eye.colours.seen, recipe.decorrelate, recipe.decay))
    chunks = _chunks(eye, rows, recipe, parametrisation)
    yield from climbing(chunks, [objective.words for objective in rows], recipe)


def parametrisation_of(recipe: Recipe, canvas: Canvas) -> Parametrisation:
    """Return the recipe's parametrisation on a canvas."""
    if isinstance(recipe.parametrisation, str):
        return PARAMETRISATIONS[recipe.parametrisation](canvas)
    return recipe.parametrisation


def climbing(chunks: Sequence[Ascent], words: Sequence[str], recipe: Recipe) -> Iterator[Made]:
    """Let chunks climb in turn, and yield their page at most ten times a second."""
    started = yielded = time.perf_counter()
    page = _Page(chunks, recipe)
    for chunk in _turns(chunks):
        chunk.advance()
        page.changed.add(chunk)
        now = time.perf_counter()
        # a page takes as long to draw as some steps: ten a second look continuous
        if now - yielded >= INTERVAL and not page.complete:
            yield page.answer(words, now - started)
            yielded = now
    yield page.answer(words, time.perf_counter() - started)


def _turns(chunks: Sequence[Ascent]) -> Iterator[Ascent]:
    """Yield which chunk takes the next step: those of a page in turn, then those of the next page."""
    for page in _grouped(chunks):
        for until in (*_TURNS, float("inf")):
            for chunk in page:
                while not chunk.done and chunk.step < until:
                    yield chunk


def _grouped(chunks: Sequence[Ascent]) -> Iterator[list[Ascent]]:
    page: list[Ascent] = []
    for chunk in chunks:
        # a screen's worth sharpens together; the next page would only slow it
        if page and sum(len(other.objectives) for other in [*page, chunk]) > _SMALL_CHUNK:
            yield page
            page = []
        page.append(chunk)
    yield page


class _Page:
    """Pictures of the chunks; only those that have moved are drawn again."""

    def __init__(self, chunks: Sequence[Ascent], recipe: Recipe) -> None:
        self.chunks, self.recipe = chunks, recipe
        self.changed = set(chunks)
        self._drawn: dict[Ascent, Tensor] = {}

    @property
    def complete(self) -> bool:
        return all(chunk.done for chunk in self.chunks)

    def answer(self, words: Sequence[str], seconds: float) -> Made:
        for chunk in self.changed:
            # To 8 bits, which is what is kept on disk: fresh and kept pictures are the same.
            pictures = (chunk.pictures().float().cpu() * 255).round() / 255
            self._drawn[chunk] = pictures.expand(-1, 3, -1, -1)
        self.changed.clear()
        taken = sum(chunk.step * len(chunk.objectives) for chunk in self.chunks)
        steps = self.recipe.steps
        least = min(chunk.step for chunk in self.chunks)
        return Made(
            torch.cat([self._drawn[chunk] for chunk in self.chunks]),
            tuple(words),
            np.concatenate([_rise(chunk, steps) for chunk in self.chunks]),
            self.recipe,
            done=taken / (steps * sum(len(chunk.objectives) for chunk in self.chunks)),
            progress=f"step {least} of {steps}",
            facts={"seconds": seconds} | _weights(self.chunks[0].eye),
        )


def _weights(eye: ModelView) -> dict[str, Any]:
    return {"weights": "a snapshot: the network is being trained"} if eye.run.snapshot else {}


def _rise(chunk: Ascent, steps: int) -> np.ndarray:
    rise = np.full((len(chunk.objectives), steps), np.nan, np.float32)
    for step, values in enumerate(chunk.rise):
        rise[:, step] = values.float().numpy()
    return rise


def _chunks(
    eye: ModelView, objectives: Sequence[Objective], recipe: Recipe, parametrisation: Parametrisation
) -> list[Ascent]:
    size = (recipe.size, recipe.size)
    starts, warps = [], []
    for index, objective in enumerate(objectives):
        generator = generator_of(recipe.seed, objective, index % recipe.facets)
        starts.append(parametrisation.start(generator))
        warps.append(draw_warps(recipe, size, generator))
    long = _chunk_length(eye, recipe)
    chunks = []
    for rows in (slice(first, first + long) for first in range(0, len(objectives), long)):
        turned = [matrices for matrices in warps[rows] if matrices is not None]
        chunks.append(
            Ascent(
                eye,
                objectives[rows],
                parametrisation,
                recipe,
                torch.stack(starts[rows]),
                torch.stack(turned) if turned else None,
            )  # fmt: skip
        )
    return chunks


def _chunk_length(eye: ModelView, recipe: Recipe) -> int:
    small = max(eye.resized or (recipe.size,)) < _SMALL or eye.run.device.type != "cpu"
    length = _SMALL_CHUNK if small else _CHUNK
    return max(length // recipe.facets, 1) * recipe.facets


def generator_of(seed: int, objective: Objective, facet: int = 0) -> torch.Generator:
    """Return the random generator of one picture."""
    name = f"{seed}|{objective.layers}|{objective.key or objective.words}|{facet}"
    # crc32, not hash(): that one differs from process to process
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))


def last_pictures(pages: Iterator[Made]) -> Tensor:
    """Return the pictures at the end, for callers who need none in between."""
    page: Made | None = None
    with kept_heap():
        for page in pages:
            pass
    assert page is not None
    return page.pictures
