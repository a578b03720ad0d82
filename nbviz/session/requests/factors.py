"""Requests of a picture's parts: the factors, their effect on the target, pictures made for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nbviz.features import Made, direction, making
from nbviz.features.factors import Factors, factorised
from nbviz.model.target import Target
from nbviz.passes.evidence import EvidenceMaps
from nbviz.passes.subject import Subject
from nbviz.replica.guest import Pass
from nbviz.session.requests.base import Context, EvidenceRequest, MapsRequest, PictureRequest, stepped


@dataclass(frozen=True)
class Factorise(PictureRequest):
    """Request of a layer's activation of the picture as parts; they depend on no target."""

    layer: str
    count: int

    def __call__(self, context: Context) -> Iterator[Factors]:
        yield factorised(context.answer(MapsRequest(self.picture, self.layer)), self.count)


@dataclass(frozen=True)
class MakeParts(PictureRequest):
    """Request of pictures that go far along each part's direction."""

    layer: str
    count: int
    preset: str = "default"

    def __call__(self, context: Context) -> Iterator[Made]:
        parts: Factors = context.answer(Factorise(self.picture, self.layer, self.count))
        objectives = [direction(self.layer, vector) for vector in parts.directions]
        yield from making(context.model, self.layer, objectives, self.preset)


@dataclass(frozen=True)
class PartsAnswer:
    """Parts so far, over the picture as the network saw it."""

    parts: Factors
    seen: np.ndarray
    """(H, W, 3) uint8."""
    target: str = ""
    """The target as text, once known."""
    contributions: np.ndarray | None = None
    """(k,) what each part adds to the target's score, to first order; None where not known (yet)."""
    total: float | None = None
    """Contribution of the whole layer, in the same way."""
    made: Made | None = None
    done: float = 1.0
    progress: str = ""

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.parts.nbytes + self.seen.nbytes + (self.made.nbytes if self.made else 0)


@dataclass(frozen=True)
class ShowParts(PictureRequest):
    """Request of all that the stage of parts shows; ``made`` asks for their pictures too."""

    layer: str
    target: Target
    count: int = 6
    made: bool = False

    def __call__(self, context: Context) -> Iterator[PartsAnswer]:
        parts: Factors = context.answer(Factorise(self.picture, self.layer, self.count))
        answer = PartsAnswer(parts, context.model.seen(self.picture), done=0.1, progress="what each does for the class")
        yield answer
        answer = self._for_target(context, answer)
        if self.made:
            for pictures in stepped(context, MakeParts(self.picture, self.layer, self.count)):
                yield replace(
                    answer, made=pictures, done=min(0.99, 0.2 + 0.8 * pictures.done), progress=pictures.progress
                )
                # kept, so that the last answer has the pictures though the loop has ended
                answer = replace(answer, made=pictures)
        yield replace(answer, done=1.0, progress="")

    def _for_target(self, context: Context, answer: PartsAnswer) -> PartsAnswer:
        maps: EvidenceMaps = context.answer(EvidenceRequest(self.picture, self.target))
        answer = replace(answer, target=maps.target)
        # a layer behind the score, or beside its way, has no gradient to share out
        if self.layer not in maps.contributions:
            return answer
        gradient, activation = self._gradient(context)
        total = float((gradient * activation).sum())
        return replace(answer, contributions=answer.parts.contributions(gradient), total=total)

    def _gradient(self, context: Context) -> tuple[np.ndarray, np.ndarray]:
        """Return the target's gradient at the layer and the layer's activation, each (C, h, w)."""
        model = context.model
        x = model.input(self.picture)

        def work(run: Pass) -> tuple[np.ndarray, np.ndarray]:
            activation, gradient = Subject(model, run, x, self.target, self.layer).at_layer()
            return gradient.float().cpu().numpy(), activation.float().cpu().numpy()

        return model.guest.steady(work)
