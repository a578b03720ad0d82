"""Request of which methods a network can't have, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from nbviz.attribution import METHODS, explain
from nbviz.errors import NbvizError, Refused
from nbviz.session.requests.base import Context, PictureRequest, Takes


@dataclass(frozen=True)
class RefusalsAnswer:
    """Methods that were refused so far."""

    reasons: Mapping[str, str]
    """Method's name → why, in a sentence."""
    done: float = 1.0


@dataclass(frozen=True)
class AskRefusals(PictureRequest):
    """Request that tries each method that some networks can't have on one picture, up to its first step."""

    takes: ClassVar[Takes] = "none"

    def __call__(self, context: Context) -> Iterator[RefusalsAnswer]:
        reasons: dict[str, str] = {}
        # a network with places has what most methods of a layer need: six passes are not spent to see it
        placed = any(layer.places for layer in context.model.trace().layers.values())
        limited = [one.name for one in METHODS.values() if one.limited and not (placed and one.limited == "places")]
        for place, name in enumerate(limited):
            yield RefusalsAnswer(dict(reasons), 0.999 * place / len(limited))
            try:
                # its first step alone: a refusal comes before any map
                next(explain(context.model, self.picture, "predicted", name), None)
            except Refused as refused:
                reasons[name] = str(refused)
            except NbvizError:  # another trouble, of this picture perhaps: said when the method is chosen
                continue
        yield RefusalsAnswer(reasons)
