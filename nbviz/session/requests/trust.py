"""Requests of trust: every verdict on a map, shown as it arrives, and the figures behind them.

Here what explains and what judges meet. Maps that were drawn already, and what a measure computes once for all maps
of a picture and class, come from the cache; everything else is stepped, so that a newer request is
served between any two passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbviz.attribution import Attribution, explain
from nbviz.evaluation import MEASURES, Case, Verdict
from nbviz.evaluation.base import Explain, Steps, accompany
from nbviz.evaluation.detail import Detail, detail
from nbviz.evaluation.registry import Measure, verdicts
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.subject import resolved
from nbviz.pictures.picture import PictureLike
from nbviz.session.requests.base import Context, ExplainAnswer, ExplainRequest, PictureRequest, Request, stepped
from nbviz.session.requests.frozen import thaw


@dataclass(frozen=True)
class Common(PictureRequest):
    """Request of a measure's common part for all maps of a picture and target, such as scores with parts hidden."""

    target: Target
    measure: str

    def __call__(self, context: Context) -> Iterator[Any]:
        compute = MEASURES[self.measure].common
        if compute is not None:
            yield from compute(context.model, self.picture, self.target)


@dataclass(frozen=True)
class TrustAnswer:
    """Verdicts so far."""

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """Name → verdict; names that are missing are still being judged."""
    done: float = 1.0
    progress: str = ""
    """Test under way, in a phrase."""

    @property
    def sentences(self) -> list[str]:
        """Sentences of tests that were not passed, then of those that can't tell."""
        verdicts = list(self.verdicts.values())
        states = ("not passed", "can't tell")
        return [verdict.sentence for state in states for verdict in verdicts if verdict.state == state]


@dataclass(frozen=True)
class _Judged(Request):
    """Map to be judged."""

    takes = "all"

    explanation: ExplainRequest
    """The request that draws it."""

    def explainer(self, context: Context) -> Explain:
        """Return what explains pictures as this map is explained; cached maps are used again."""
        drawn = self.explanation

        def maps(model: InstrumentedModel, picture: PictureLike, target: Target) -> Iterator[Attribution]:
            # a redrawn network and a moved picture are of this test alone, and not worth a place in the cache
            if model is context.model and picture is drawn.picture:
                for answer in stepped(context, replace(drawn, target=target)):
                    yield answer.attribution
            else:
                yield from explain(model, picture, target, drawn.method, drawn.layer, **thaw(drawn.options))

        return maps


@dataclass(frozen=True)
class Trust(_Judged):
    """Request of the verdicts on one map."""

    def __call__(self, context: Context) -> Iterator[TrustAnswer]:
        judged: dict[str, Verdict] = {}
        measures = verdicts()
        for words in self._judge(context, measures, judged):
            yield TrustAnswer(dict(judged), min(0.95, len(judged) / len(measures)), words)
        yield TrustAnswer(dict(judged))

    def _judge(self, context: Context, measures: Iterable[Measure], judged: dict[str, Verdict]) -> Iterator[str]:
        drawn: ExplainAnswer = yield from accompany(_last(context, self.explanation), "drawing the map")
        picture = self.explanation.picture
        # a redrawn network predicts another class: it is judged by the class that was explained
        target = resolved(context.model, picture, self.explanation.target)
        case = Case(context.model, picture, target, drawn.attribution, self.explainer(context))
        # the cheapest first, as they are registered: a dot after a second says more than four after ten
        for one in measures:
            known = None
            if one.common is not None:
                known = yield from accompany(_last(context, Common(picture, target, one.name)), one.progress)
            measured = yield from accompany(one.of(replace(case, common=known)), one.progress)
            if measured.verdict is not None:
                judged[one.name] = measured.verdict


@dataclass(frozen=True)
class TrustDetail(_Judged):
    """Request of the details below the dots: curves and figures, beside the controls."""

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
