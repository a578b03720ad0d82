"""Requests asked of an edited picture or network: a wrapper, so that whoever asks need know nothing of edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from nbviz.model.edit import Edit, NetworkEdit
from nbviz.session.requests.base import Context, Request, stepped


class _Editing(Protocol):
    """What a :class:`~nbviz.session.context.LiveContext` has beyond a :class:`Context`."""

    def edited(self, edits: tuple[Edit, ...]) -> Context: ...


@dataclass(frozen=True)
class Edited(Request):
    """A request, and the edits that are on while it is answered."""

    request: Request
    edits: tuple[Edit, ...]

    def __call__(self, context: Context) -> Iterator[Any]:
        yield from stepped(cast(_Editing, context).edited(self.edits), self.request)


def with_edits(request: Request, edits: Sequence[Edit]) -> Request:
    """Return the request with those of the edits that its answer depends on; itself where there are none."""
    if not edits or request.takes == "none":
        return request
    on = tuple(edits) if request.takes == "all" else tuple(edit for edit in edits if isinstance(edit, NetworkEdit))
    return Edited(request, on) if on else request


@dataclass(frozen=True)
class Comparison:
    """The same asked twice: without edits, and with them."""

    before: Any
    after: Any
    done: float = 1.0


@dataclass(frozen=True)
class Compare(Request):
    """A request's final answer without edits, then its answers with them."""

    request: Request
    edits: tuple[Edit, ...]

    def __call__(self, context: Context) -> Iterator[Comparison]:
        before = context.answer(self.request)
        for after in stepped(context, with_edits(self.request, self.edits)):
            yield Comparison(before, after, getattr(after, "done", 1.0))
