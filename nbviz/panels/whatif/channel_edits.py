"""Edits of a layer's channels as the switch makes them: several channels put alike are one edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nbviz.edits import Channels
from nbviz.model.edit import Edit

FILLS = {"off": "zero", "mean": "mean"}
"""How a channel is off → what it puts out then."""


def state_of(edits: Sequence[Edit], layer: str, channel: int) -> tuple[str, Any]:
    """Return the edits' effect on a channel: ("on" | "off" | "mean" | "scale" | "clamp", its factor or limits)."""
    for edit in reversed(edits):
        if isinstance(edit, Channels) and edit.layer == layer:
            if channel in edit.off or (edit.only is not None and channel not in edit.only):
                return ("mean" if edit.fill == "mean" else "off"), 1.0
            for how, pairs in (("scale", edit.scale), ("clamp", edit.clamp)):
                if channel in dict(pairs):
                    return how, dict(pairs)[channel]
    return "on", 1.0


def put(edits: Sequence[Edit], layer: str, channels: Sequence[int], how: str, value: object = None) -> tuple[Edit, ...]:
    """Return the edits with channels on, off, at their mean, scaled (a factor) or clamped ((low, high)), and only so.

    What others of the layer are put to stays, and where *all but these* was off, it is so no more.
    """
    named = set(channels)
    others = [_without(edit, named) if isinstance(edit, Channels) and edit.layer == layer else edit for edit in edits]
    others = [edit for edit in others if not (isinstance(edit, Channels) and _empty(edit))]
    if how == "on":
        return tuple(others)
    fill = FILLS.get(how, "zero")
    place = next((at for at, edit in enumerate(others) if _takes(edit, layer, fill)), None)
    edit = Channels(layer, fill=fill) if place is None else others[place]
    assert isinstance(edit, Channels)
    if how in FILLS:
        edit = replace(edit, off=[*edit.off, *named])
    else:
        values: dict[str, Any] = {how: {**dict(getattr(edit, how)), **dict.fromkeys(named, value)}}
        edit = replace(edit, **values)
    return (*others, edit) if place is None else (*others[:place], edit, *others[place + 1 :])


def all_but(edits: Sequence[Edit], layer: str, channels: Sequence[int]) -> tuple[Edit, ...]:
    """Return the edits with all channels of a layer off but these; without that where it is so already."""
    only = Channels(layer, only=channels)
    return tuple(edit for edit in edits if edit != only) if only in edits else (*edits, only)


def _takes(edit: Edit, layer: str, fill: str) -> bool:
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
