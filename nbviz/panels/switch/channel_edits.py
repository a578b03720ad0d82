"""Edits of a layer's channels as the switch makes them: several channels put alike are one edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nbviz.edits import Channels
from nbviz.edits.channels import Fill
from nbviz.model.edit import Edit

FILLS: dict[str, Fill] = {"off": "zero", "mean": "mean"}
"""How a channel is off → what it puts out then; ``"data"`` is put with values, one per channel of the layer."""


def state_of(edits: Sequence[Edit], layer: str, channel: int) -> tuple[str, Any]:
    """Return the edits' effect on a channel: (how it is put, its factor or limits).

    How: ``"on"``, ``"off"``, ``"mean"``, ``"data"``, ``"scale"`` or ``"clamp"``.
    """
    # the last one decides: edits act in order, and a later one overwrites
    for edit in reversed(edits):
        if isinstance(edit, Channels) and edit.layer == layer:
            if channel in edit.off or (edit.only is not None and channel not in edit.only):
                return _how_off(edit.fill), 1.0
            for how, pairs in (("scale", edit.scale), ("clamp", edit.clamp)):
                if channel in dict(pairs):
                    return how, dict(pairs)[channel]
    return "on", 1.0


def put(
    edits: Sequence[Edit],
    layer: str,
    channels: Sequence[int],
    how: str,
    value: float | tuple[float, ...] | None = None,
) -> tuple[Edit, ...]:
    """Return the edits with channels on, off, at their mean, scaled or clamped, and only so.

    value: a factor, limits (low, high), or with ``"data"`` a value per channel of the layer. What others of the layer
    are put to stays, and where *all but these* was off, it is so no more.
    """
    # taken out of all others first: a channel that is off in one edit and scaled in another would be neither
    named = set(channels)
    others = [_without(edit, named) if isinstance(edit, Channels) and edit.layer == layer else edit for edit in edits]
    others = [edit for edit in others if not (isinstance(edit, Channels) and _empty(edit))]
    if how == "on":
        return tuple(others)
    fill = value if how == "data" and isinstance(value, tuple) else FILLS.get(how, "zero")
    # into an edit that is there: one chip for ten channels, not ten
    place = next((at for at, edit in enumerate(others) if _takes(edit, layer, fill)), None)
    edit = Channels(layer, fill=fill) if place is None else others[place]
    assert isinstance(edit, Channels)
    if how in FILLS or how == "data":
        edit = replace(edit, off=[*edit.off, *named])
    else:
        values: dict[str, Any] = {how: {**dict(getattr(edit, how)), **dict.fromkeys(named, value)}}
        edit = replace(edit, **values)
    return (*others, edit) if place is None else (*others[:place], edit, *others[place + 1 :])


def all_but(edits: Sequence[Edit], layer: str, channels: Sequence[int]) -> tuple[Edit, ...]:
    """Return the edits with all channels of a layer off but these; without that where it is so already.

    These are off no more, for else nothing would be left; what they are scaled or clamped to stays.
    """
    only, named = Channels(layer, only=channels), set(channels)
    if only in edits:
        return tuple(edit for edit in edits if edit != only)
    others = [
        replace(edit, off=[channel for channel in edit.off if channel not in named])
        if isinstance(edit, Channels) and edit.layer == layer
        else edit
        for edit in edits
    ]
    return (*(edit for edit in others if not (isinstance(edit, Channels) and _empty(edit))), only)


def _how_off(fill: Fill) -> str:
    return next((how for how, known in FILLS.items() if known == fill), "data")


def _takes(edit: Edit, layer: str, fill: Fill) -> bool:
    return isinstance(edit, Channels) and edit.layer == layer and edit.fill == fill and edit.only is None


def _without(edit: Channels, channels: set[int]) -> Channels:
    """Return an edit that leaves channels as they are."""
    kept: dict[str, Any] = {
        name: {other: value for other, value in getattr(edit, name) if other not in channels}
        for name in ("scale", "clamp")
    }
    only = None if edit.only is None else [*edit.only, *channels]
    return replace(edit, off=[other for other in edit.off if other not in channels], only=only, **kept)


def _empty(edit: Channels) -> bool:
    return not (edit.off or edit.scale or edit.clamp) and edit.only is None
