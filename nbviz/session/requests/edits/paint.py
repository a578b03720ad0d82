"""Requests of paint: its effect on the explained score, beside the map's prediction and random patches."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nbviz.edits import Paint
from nbviz.model.edit import Edit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.picture import Picture
from nbviz.session.requests.base import Context, ExplainAnswer, ExplainRequest, Request, ScoresRequest, stepped
from nbviz.session.requests.edits.edited_request import with_edits
from nbviz.session.requests.edits.foretold import Foretold, foretold, scattered

TRIES = 20
"""Random patches of the same size and form."""


@dataclass(frozen=True)
class Painted:
    """Edited picture, and what is known of the edit so far."""

    seen: np.ndarray
    """uint8 (H, W, 3): as the network sees it."""
    score: tuple[str, float, float] | None = None
    """The class, its raw score before and after; None where the target is no class."""
    foretold: Foretold | None = None
    """Prediction of the map; None where the map isn't there yet, or nothing is painted."""
    same: bool = False
    """True if what is painted is what was there already."""
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
        # as the bars saw it a moment ago: its input is there
        seen = context.edited(self.edits).model.seen(self.picture)
        answer = Painted(seen, done=1.0 if self.brief or not self.edits else 0.1)
        yield answer
        if answer.done == 1.0:
            return
        before = context.answer(ScoresRequest(self.picture)).prediction
        after = context.answer(with_edits(ScoresRequest(self.picture), self.edits)).prediction
        index = before.class_of(Target.ensure(self.explanation.target, context.model))
        if index is None:
            yield replace(answer, done=1.0)
            return
        score = float(before.logits[index])
        # the last one is the stroke that was drawn now
        paint = next((edit for edit in reversed(self.edits) if isinstance(edit, Paint)), None)
        answer = replace(answer, score=(context.model.class_name(index), score, float(after.logits[index])))
        if paint is not None:
            answer = yield from self._painted(context, paint, answer, index)
        yield replace(answer, done=1.0)

    def _painted(
        self, context: Context, paint: Paint, answer: Painted, index: int
    ) -> Generator[Painted, None, Painted]:
        """Measure the paint alone: what the map foretells of it, and the same form at other places."""
        model, patches = context.model, scattered(paint, TRIES)
        x = model.input(self.picture)
        substrate = paint.substrate(x, model)
        known: ExplainAnswer | None = context.known(self.explanation)
        answer = replace(answer, same=bool((paint.apply(x, model) == x).all()), method=self.explanation.method)
        if known is not None:
            foresight = foretold(self.explanation, known.attribution, paint, x, substrate, patches)
            answer = replace(answer, foretold=foresight)
        yield answer
        assert answer.score is not None
        for patch in patches:
            change = _score(model, self.picture, patch, index) - answer.score[1]
            changes = (*answer.patches, change)
            answer = replace(answer, patches=changes, done=0.1 + 0.89 * len(changes) / TRIES)
            yield answer
        # the patches first: their scores are cheap, and the map may take a minute
        if known is None:  # the map of the picture without edits, where the one with them is on show
            for known in stepped(context, self.explanation):
                yield answer
            assert known is not None
            foresight = foretold(self.explanation, known.attribution, paint, x, substrate, patches)
            answer = replace(answer, foretold=foresight)
        return answer


def top_share(heat: np.ndarray, share: float) -> np.ndarray:
    """Return the mask (H, W) of the share (0…1) of pixels that a map (H, W) marks most; ties by their place."""
    count = max(1, round(share * heat.size))
    mask = np.zeros(heat.size, bool)
    mask[np.argsort(-heat.reshape(-1), kind="stable")[:count]] = True
    return mask.reshape(heat.shape)


def _score(model: InstrumentedModel, picture: Picture, edit: Edit, index: int) -> float:
    return float(model.edited(edit).logits(picture)[index])
