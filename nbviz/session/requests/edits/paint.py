"""Requests of paint: its effect on the explained score, beside the map's prediction and random patches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, cast

import numpy as np

from nbviz.attribution import Attribution
from nbviz.edits import Mask, Paint
from nbviz.model.edit import Edit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.picture import Picture
from nbviz.session.requests.base import Context, ExplainRequest, Request, ScoresRequest
from nbviz.session.requests.edits.edited_request import with_edits

TRIES = 20
"""Random patches of the same size and form."""
PATHS = ("integrated_gradients", "blur_integrated_gradients", "expected_gradients", "input_x_gradient")
"""Methods whose map sums to what the pixels add to the score, each from a baseline of its own."""


class _Editing(Protocol):
    def known(self, request: Request) -> object | None: ...


@dataclass(frozen=True)
class Painted:
    """Edited picture, and what is known of the edit so far."""

    seen: np.ndarray
    """uint8 (H, W, 3): as the network sees it."""
    score: tuple[str, float, float] | None = None
    """The class, its raw score before and after; None where the target is no class."""
    foretold: float | None = None
    """Change of the score that the map predicts; None where it can't tell."""
    method: str = ""
    """The method of that map."""
    patches: tuple[float, ...] = ()
    """Changes of the score by the same form painted at random places."""
    done: float = 0.0


@dataclass(frozen=True)
class MeasurePaint(Request):
    """Request of a stroke's measured effect; ``explanation`` is the map of the picture without it."""

    picture: Picture
    edits: tuple[Edit, ...]
    explanation: ExplainRequest
    brief: bool = False
    """True if only the picture is wanted, as while a stroke is drawn."""

    def __call__(self, context: Context) -> Iterator[Painted]:
        model = context.model.edited(*self.edits)
        answer = Painted(model.seen(self.picture), done=1.0 if self.brief or not self.edits else 0.1)
        yield answer
        if answer.done == 1.0:
            return
        before = context.answer(ScoresRequest(self.picture)).said
        after = context.answer(with_edits(ScoresRequest(self.picture), self.edits)).said
        index = before.class_of(Target.ensure(self.explanation.target, context.model))
        if index is None:
            yield replace(answer, done=1.0)
            return
        score = float(before.logits[index])
        paint = next((edit for edit in reversed(self.edits) if isinstance(edit, Paint)), None)
        answer = replace(answer, score=(context.model.class_name(index), score, float(after.logits[index])))
        if paint is not None:
            answer = replace(answer, foretold=self._foretold(context, paint), method=self.explanation.method)
            yield answer
            changes: list[float] = []
            for moved in scattered(paint, TRIES):
                changes.append(_score(context.model, self.picture, moved, index) - score)
                yield replace(answer, patches=tuple(changes), done=0.1 + 0.89 * len(changes) / TRIES)
            answer = replace(answer, patches=tuple(changes))
        yield replace(answer, done=1.0)

    def _foretold(self, context: Context, paint: Paint) -> float | None:
        """Return the change that a map of parts of the score predicts, if it is cached; its baseline is its own."""
        known = cast(_Editing, context).known(self.explanation)
        attribution: Attribution | None = getattr(known, "attribution", None)
        if (
            attribution is None
            or self.explanation.method not in PATHS
            or attribution.values.shape[-2:] != _size(paint.mask)
        ):
            return None
        inside = paint.mask.pixels ^ paint.keep
        flat = attribution.values.double().reshape(-1, *_size(paint.mask)).sum(0).numpy()
        return -float(flat[inside].sum())


def scattered(paint: Paint, count: int) -> Iterator[Paint]:
    """Yield the same paint at random places; what leaves the picture at one edge enters at the other."""
    draw, pixels = np.random.default_rng(0), paint.mask.pixels
    for _ in range(count):
        by = int(draw.integers(pixels.shape[0])), int(draw.integers(pixels.shape[1]))
        yield replace(paint, mask=Mask.of(np.roll(pixels, by, (0, 1))))


def top_share(heat: np.ndarray, share: float) -> np.ndarray:
    """Return the mask (H, W) of the share (0…1) of pixels that a map (H, W) marks most; ties by their place."""
    count = max(1, round(share * heat.size))
    mask = np.zeros(heat.size, bool)
    mask[np.argsort(-heat.reshape(-1), kind="stable")[:count]] = True
    return mask.reshape(heat.shape)


def _score(model: InstrumentedModel, picture: Picture, edit: Edit, index: int) -> float:
    return float(model.edited(edit).logits(picture)[index])


def _size(mask: Mask) -> tuple[int, int]:
    return mask.height, mask.width
