"""State of a selection as plain data that JSON holds, to be kept, sent and opened again; classes by name."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from nbviz.errors import NbvizError, unknown
from nbviz.model.boxes import Box
from nbviz.model.classes import Classes, class_index
from nbviz.model.region import Region
from nbviz.model.target import Target, TargetLike
from nbviz.session.pins.pin import Pin
from nbviz.session.plain import Json, plain, value_of

PASSING = frozenset(("place", "draft", "original", "tool", "dropped"))
"""Traits that say what a hand does at the moment: no part of a state."""
State = dict[str, Any]


def state_of(values: Mapping[str, Any], model: Classes) -> State:
    """Return the values of a selection's traits as plain data, but for those that pass.

    Raises NbvizError where one is a function, or another object, of the reader's own.
    """
    # sorted: the same selection is the same text, which can be compared and kept under version control
    return {name: _plain(name, values[name], model) for name in sorted(values) if name not in PASSING}


def changes_of(state: State | str, known: Collection[str], model: Classes) -> dict[str, Any]:
    """Return a state, or its JSON, as values of the traits ``known``. Raises NbvizError for what is none."""
    if isinstance(state, str):
        try:
            state = json.loads(state)
        except json.JSONDecodeError as error:
            raise NbvizError(f"This state is no JSON: {error}.") from error
    if not isinstance(state, Mapping):
        raise NbvizError(f"A state is what selection.state() gives, or its JSON, not {state!r:.60}.")
    for name in state:
        if name not in known or name in PASSING:
            raise unknown("Entry", name, [one for one in known if one not in PASSING], "a state")
    return {name: _value(name, data, model) for name, data in state.items()}


def target_data(target: TargetLike, model: Classes) -> Json:
    """Return a target as plain data: a class's name, ``"predicted"``, a pair of names, or a mapping of its parts."""
    whole = Target.ensure(target, model)
    if whole.function is not None:
        raise NbvizError(
            f"The target is {whole.words(model)!r}, a function of your own, which can't be written down as plain data: "
            "set selection.target in code instead."
        )
    # by name: indices of another head, or of another order of classes, would mean another class
    chosen = "predicted" if whole.index is None else class_data(whole.index, model)
    if whole.unit is not None:
        return {"channel": [whole.unit.layer, whole.unit.channel, plain(whole.unit.place, "target")]}
    if whole.other is not None:
        return [chosen, class_data(whole.other, model)]
    if whole.number is not None or whole.found is not None:
        return {"box": whole.number, "class": chosen, "found": None if whole.found is None else list(whole.found)}
    return chosen if whole.part is None else {"region": _region_data(whole.part), "class": chosen}


def target_of(data: object, model: Classes) -> Any:  # noqa: ANN401 - what the state says: the trait checks it
    """Return the target that :func:`target_data` wrote, or what may be written as one."""
    if isinstance(data, list):
        return tuple(data)
    if not isinstance(data, Mapping):
        return data
    try:
        if "channel" in data:
            layer, channel, place = data["channel"]
            return Target.channel(layer, channel, value_of(place))
        chosen = data["class"]
        index = None if chosen == "predicted" else class_index(chosen, model)
        if "box" in data:
            box = data.get("found")
            return Target(number=data["box"], found=None if box is None else Box(*box), index=index)
        return Target(part=_region(data["region"]), index=index)
    except (KeyError, TypeError, ValueError) as error:
        raise NbvizError(f"The target of this state can't be read: {data!r:.80}.") from error


def class_data(index: int, model: Classes) -> str | int:
    """Return a class's name where it names this class alone, else its index."""
    name = model.class_name(index)
    try:
        return name if name != "predicted" and class_index(name, model) == index else index
    except NbvizError:
        return index


def _plain(name: str, value: Any, model: Classes) -> Json:  # noqa: ANN401 - of the trait's own type
    if name == "target":
        return target_data(value, model)
    if name == "pins":
        return [_pin_data(pin, model) for pin in value]
    if name == "options":
        return {option: plain(given, f"The option '{option}'") for option, given in value.items()}
    return plain(value, f"selection.{name}")


def _value(name: str, data: object, model: Classes) -> object:
    if name == "target":
        return target_of(data, model)
    if name == "pins":
        return tuple(_pin(one, model) for one in (data if isinstance(data, (list, tuple)) else [data]))
    if name == "options":
        return {option: _option(given) for option, given in data.items()} if isinstance(data, Mapping) else data
    return value_of(data)


def _option(data: object) -> object:
    value = value_of(data)
    # JSON has no tuples: options hold lists where a person writes one
    return list(value) if isinstance(value, tuple) else value


def _pin_data(pin: Pin, model: Classes) -> State:
    # as they are, not by digest: another process has to make the same request of them
    options = {name: plain(getattr(value, "value", value), f"The option '{name}'") for name, value in pin.options}
    return {
        "picture": pin.picture, "target": target_data(pin.target, model), "method": pin.method, "layer": pin.layer,
        "options": options, "channel": pin.channel, "network": pin.network,
    }  # fmt: skip


def _pin(data: object, model: Classes) -> object:
    if not isinstance(data, Mapping):
        return data
    given = {**data, "target": Target.ensure(target_of(data.get("target", "predicted"), model), model)}
    try:
        given["options"] = {name: _option(value) for name, value in given.get("options", {}).items()}
        return Pin(**given)
    except (TypeError, AttributeError) as error:
        raise NbvizError(f"A pin of this state can't be read: {error}.") from error


def _region_data(part: Region) -> dict[str, Json]:
    if part.box is not None:
        return {"box": list(part.box)}
    return {"mask": plain(part.mask().astype(np.uint8), "region"), "words": part.words}


def _region(data: Mapping[str, Any]) -> Region:
    return Region.of_box(data["box"]) if "box" in data else Region.of_mask(value_of(data["mask"]), data["words"])
