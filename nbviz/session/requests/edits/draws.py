"""Request of draws of a random transform: the answer and the map for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nbviz.attribution import Attribution
from nbviz.edits import PRESETS, TRANSFORMS, Augmentation, Draw, Transform
from nbviz.model.edit import Edit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import Picture
from nbviz.session.requests.base import Context, ExplainAnswer, ExplainRequest, Request, ScoresRequest, stepped
from nbviz.session.requests.edits.edited_request import with_edits
from nbviz.session.requests.edits.likeness import Likeness, likeness, mean_likeness

DRAWS = 12


@dataclass(frozen=True, eq=False)
class PictureDraw:
    """One draw, and what the network makes of it."""

    edits: tuple[Edit, ...]
    """The edits that make it; none where a preset's draw changes nothing."""
    seen: np.ndarray
    """uint8 (H, W, 3)."""
    index: int
    """The predicted class."""
    share: float
    """Its share, 0…1."""
    attribution: Attribution | None = None
    """The map for the class that is explained; None while it is still to come."""
    likeness: Likeness | None = None
    """Of the map moved as the draw moves the picture with this one; None for a transform of one's own."""


@dataclass(frozen=True, eq=False)
class DrawsAnswer:
    """Draws so far."""

    index: int
    """The class that is predicted without a draw."""
    draws: tuple[PictureDraw, ...] = ()
    done: float = 0.0

    @property
    def stays(self) -> int:
        """Number of draws on which the answer is the same."""
        return sum(one.index == self.index for one in self.draws)

    @property
    def likeness(self) -> Likeness | None:
        """Mean likeness of the moved maps with the maps of the moved pictures; None where no draw has one."""
        return mean_likeness([one.likeness for one in self.draws if one.likeness is not None])


@dataclass(frozen=True)
class MeasureDraws(Request):
    """Request of draws of a transform, for the picture after earlier edits."""

    edits: tuple[Edit, ...]
    """Those before it."""
    source: Augmentation | str
    """A transform of one's own, or the name of a preset."""
    explanation: ExplainRequest
    count: int = DRAWS

    def __call__(self, context: Context) -> Iterator[DrawsAnswer]:
        picture = self.explanation.picture
        model = context.model.edited(*self.edits)
        side = min(model.input(picture).shape[2:])
        answer = DrawsAnswer(int(context.answer(with_edits(ScoresRequest(picture), self.edits)).order[0]))
        for seed in range(self.count):
            drawn = answered(model, picture, drawn_edits(self.source, seed, side))
            answer = replace(answer, draws=(*answer.draws, drawn), done=0.3 * (seed + 1) / self.count)
            yield answer
        # all answers before the first map: whether the class stays is what is looked at first
        for shown in stepped(context, with_edits(self.explanation, self.edits)):
            yield answer
        assert isinstance(shown, ExplainAnswer)
        plain = shown.attribution
        for place, drawn in enumerate(answer.draws):
            for shown in stepped(context, with_edits(self.explanation, (*self.edits, *drawn.edits))):
                yield answer
            assert isinstance(shown, ExplainAnswer)
            # how a transform of one's own moves pixels isn't known, so neither is where the map should lie
            like = None if isinstance(self.source, Augmentation) else moved_likeness(plain, drawn, shown.attribution)
            drawn = replace(drawn, attribution=shown.attribution, likeness=like)
            draws = (*answer.draws[:place], drawn, *answer.draws[place + 1 :])
            answer = replace(answer, draws=draws, done=min(0.99, 0.3 + 0.7 * (place + 1) / self.count))
            yield answer
        yield replace(answer, done=1.0)


def drawn_edits(source: Augmentation | str, seed: int, side: int) -> tuple[Edit, ...]:
    """Return the edits of one draw; side: the shorter side of the network's input, pixels."""
    return (Draw(source, seed),) if isinstance(source, Augmentation) else PRESETS[source].draw(seed, side)


def answered(model: InstrumentedModel, picture: Picture, edits: tuple[Edit, ...]) -> PictureDraw:
    """Return a draw with the network's prediction for it."""
    edited = model.edited(*edits)
    prediction = edited.prediction(picture)
    index = int(prediction.order[0])
    return PictureDraw(edits, edited.seen(picture), index, float(prediction.shares[index]))


def moved_likeness(plain: Attribution, drawn: PictureDraw, shown: Attribution) -> Likeness | None:
    """Compare the map moved as a preset's draw moves the picture with the map of the moved picture."""
    heat = plain.heat().double()[None, None]
    for edit in drawn.edits:
        # colours leave a map where it is: only what moves pixels moves it
        if isinstance(edit, Transform) and TRANSFORMS[edit.kind].moves:
            heat = TRANSFORMS[edit.kind].act(heat, edit.amount)
    return likeness(heat[0, 0], shown.heat())
