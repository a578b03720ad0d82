"""Requests of an edited picture or network: a wrapper, so that panels need know nothing of edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

from nbviz.model.edit import Edit, NetworkEdit
from nbviz.model.target import Target
from nbviz.session.requests.base import Answer, Context, Request, ScoresAnswer, ScoresRequest, stepped


@dataclass(frozen=True)
class Edited(Request):
    """Request with the edits that are on while it is answered."""

    request: Request
    edits: tuple[Edit, ...]

    def __call__(self, context: Context) -> Iterator[Answer]:
        yield from stepped(context.edited(self.edits), self.request)

    @property
    def undecided(self) -> ScoresRequest | None:
        """Request to answer first: the scores without edits, where "the predicted class" is explained."""
        request = _explained(self.request)
        predicted = isinstance(target := getattr(request, "target", None), Target) and target.predicted
        picture = getattr(request, "picture", None)
        return ScoresRequest(picture) if predicted and picture is not None else None

    def decided(self, scores: ScoresAnswer) -> Edited:
        """Return the request for the class that is predicted without edits, so that before and after are of one class.

        scores: the answer of ``undecided``.
        """
        target: Target = getattr(_explained(self.request), "target")  # noqa: B009  a request of any kind
        index = scores.prediction.class_of(target)
        return self if index is None else replace(self, request=_retargeted(self.request, Target(index=index)))


def _explained(request: Request) -> Request:
    """Return the request that has the target: the one that draws the map, for one that judges it."""
    return getattr(request, "explanation", request)


def _retargeted(request: Request, target: Target) -> Request:
    if any(field.name == "explanation" for field in fields(request)):
        return replace(request, explanation=_retargeted(_explained(request), target))  # type: ignore[call-arg]
    return replace(request, target=target)  # type: ignore[call-arg]


def with_edits(request: Request, edits: Sequence[Edit]) -> Request:
    """Return the request with those of the edits that its answer depends on; itself where there are none."""
    if not edits or request.takes == "none":
        return request
    # only those that the answer depends on: a layer's maps are not computed again for edits that can't reach them
    on = tuple(edits) if request.takes == "all" else tuple(edit for edit in edits if isinstance(edit, NetworkEdit))
    return Edited(request, on) if on else request


@dataclass(frozen=True)
class BeforeAfter:
    """Answers of one request: without edits, and with them."""

    before: Answer
    after: Answer
    done: float = 1.0


@dataclass(frozen=True)
class Compare(Request):
    """Request of another's final answer without edits, then its answers with them."""

    request: Request
    edits: tuple[Edit, ...]

    def __call__(self, context: Context) -> Iterator[BeforeAfter]:
        before = context.answer(self.request)
        for after in stepped(context, with_edits(self.request, self.edits)):
            yield BeforeAfter(before, after, getattr(after, "done", 1.0))
