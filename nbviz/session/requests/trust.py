"""Can a map be trusted? The four verdicts, each shown as it arrives, and the figures behind them.

Here what explains and what judges meet. Maps that were drawn already, and the forwards with parts hidden that
all maps of a picture and class share, come from the cache; everything else is stepped, so that a newer request is
served between any two passes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbviz.attribution import Attribution, explain
from nbviz.evaluation import Hidings, Verdict, converged, hiding, hidings, these_weights, this_class
from nbviz.evaluation.base import Steps
from nbviz.evaluation.detail import Detail, detail
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.subject import resolved
from nbviz.session.requests.base import Context, ExplainAnswer, ExplainRequest, PictureRequest, Request, stepped
from nbviz.session.requests.frozen import thaw

NAMES = ("converged", "this class", "these weights", "hiding")
"""The dots, in the order in which they stand."""


@dataclass(frozen=True)
class Hide(PictureRequest):
    """The target's scores of a picture with parts of it hidden."""

    target: Target

    def __call__(self, context: Context) -> Iterator[Hidings]:
        yield from hidings(context.model, self.picture, self.target)


@dataclass(frozen=True)
class TrustAnswer:
    """The verdicts so far."""

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """Name → verdict; names that are missing are still being judged."""
    done: float = 1.0
    progress: str = ""
    """What is being judged, in words."""

    @property
    def sentences(self) -> list[str]:
        """What is to be said: of tests that were not passed first, then of those that can't tell."""
        found = [self.verdicts[name] for name in NAMES if name in self.verdicts]
        states = ("not passed", "can't tell")
        return [verdict.sentence for state in states for verdict in found if verdict.state == state]


@dataclass(frozen=True)
class _Judged(Request):
    """A map to be judged."""

    explanation: ExplainRequest
    """The request that draws it."""

    def explainer(self, context: Context) -> Any:
        """Explains pictures as this map is explained; what the panel may have drawn comes from the cache."""
        drawn = self.explanation

        def maps(model: InstrumentedModel, picture: Any, target: Target) -> Iterator[Attribution]:
            if model is context.model and picture is drawn.picture:
                for answer in stepped(context, replace(drawn, target=target)):
                    yield answer.attribution
            else:
                yield from explain(model, picture, target, drawn.method, drawn.layer, **thaw(drawn.options))

        return maps


@dataclass(frozen=True)
class Trust(_Judged):
    """The four verdicts of one map."""

    def __call__(self, context: Context) -> Iterator[TrustAnswer]:
        verdicts: dict[str, Verdict] = {}
        words = ""
        work = self._judge(context, verdicts)
        for words in work:
            yield TrustAnswer(dict(verdicts), min(0.95, len(verdicts) / len(NAMES)), words)
        yield TrustAnswer(dict(verdicts))

    def _judge(self, context: Context, verdicts: dict[str, Verdict]) -> Iterator[str]:
        drawn: ExplainAnswer = yield from _said("drawing the map", _last(context, self.explanation))
        judged, maps = drawn.attribution, self.explainer(context)
        verdicts["converged"] = converged(judged)
        picture = self.explanation.picture
        target = resolved(context.model, picture, self.explanation.target)
        asked = (context.model, picture, target, judged, maps)
        verdicts["this class"] = yield from _said("looking at another class", this_class(*asked))
        found: Hidings = yield from _said("hiding parts", _last(context, Hide(picture, target)))
        verdicts["hiding"] = hiding(found, judged)
        verdicts["these weights"] = yield from _said("redrawing weights", these_weights(*asked))


@dataclass(frozen=True)
class TrustDetail(_Judged):
    """What opens below the dots: curves and figures, beside the controls."""

    def __call__(self, context: Context) -> Iterator[Detail]:
        picture = self.explanation.picture
        target = resolved(context.model, picture, self.explanation.target)
        drawn: ExplainAnswer | None = None
        for drawn in stepped(context, self.explanation):
            yield Detail(done=0.0, progress="drawing the map")
        if drawn is not None:
            yield from detail(context.model, picture, target, drawn.attribution, self.explainer(context))


def _last(context: Context, request: Request) -> Steps[Any]:
    answer = None
    for answer in stepped(context, request):
        yield
    return answer


def _said(words: str, steps: Steps[Any]) -> Generator[str, None, Any]:
    """Steps that say what they do."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
        yield words
