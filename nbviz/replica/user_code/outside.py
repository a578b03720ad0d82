"""State outside of a network that its forward writes to: globals, attributes of classes, settings of the process.

No replica can have these of its own. A first contact sees each function of the user's as it is called, before it has
written: what its code can write to is noted, compared afterwards and put back; what differed is put back after every
pass from then on.
"""

from __future__ import annotations

import dis
import functools
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from nbviz.replica.copying.arrays import MOST_BYTES
from nbviz.replica.copying.classes import parts
from nbviz.replica.copying.holders import Cached
from nbviz.replica.copying.iterators import UNCOPIABLE, StandIn, is_iterator, make, recipe
from nbviz.replica.copying.reach import SEARCHED, reached
from nbviz.replica.user_code.calls import STANDARD, is_installed, is_own
from nbviz.replica.user_code.draws import possible_draws
from nbviz.replica.user_code.settings import SETTINGS, set_by
from nbviz.replica.user_code.state import State
from nbviz.replica.user_code.streams import is_of_global_stream

Namespace = dict[str, Any] | type | types.ModuleType
_MISSING = object()


class Place(NamedTuple):
    """Name in a module's globals, or attribute of a class or a module."""

    home: Namespace
    name: str

    def read(self) -> object:
        """Return what is there; a mark where nothing is."""
        return (self.home if isinstance(self.home, dict) else vars(self.home)).get(self.name, _MISSING)

    def write(self, value: object) -> None:
        """Put something there, or nothing."""
        if isinstance(self.home, dict):
            self.home.pop(self.name, None) if value is _MISSING else self.home.update({self.name: value})
        elif value is not _MISSING:
            type.__setattr__(self.home, self.name, value) if isinstance(self.home, type) else setattr(*self, value)
        elif self.read() is not _MISSING:
            type.__delattr__(self.home, self.name) if isinstance(self.home, type) else delattr(*self)

    def __str__(self) -> str:
        return self.name if isinstance(self.home, dict) else f"{self.home.__name__}.{self.name}"


class Outside:
    """Places outside of one network that its forward writes to, for all its replicas."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._places: dict[tuple[int, str], Place] = {}
        self._caches: dict[tuple[int, str], Place] = {}
        self._objects: dict[int, object] = {}
        self._settings: set[str] = set()

    @property
    def written(self) -> frozenset[tuple[int, str]]:
        """Places that the network's own forward writes to, by the ``id`` of their home and their name."""
        return frozenset((*self._places, *self._caches))

    @contextmanager
    def restored(self, sight: Sight | None) -> Iterator[None]:
        """Put back in the end what a pass writes; ``sight`` notes its places in a first contact."""
        if sight is None and not (self._places or self._caches or self._objects or self._settings):
            yield
            return
        with self._lock:  # two passes at once would put back each other's
            # all of them once; from then on those that this network was seen to change
            names = set(SETTINGS) if sight is not None else self._settings
            settings = {name: SETTINGS[name].read() for name in names}
            places = [(place, place.read()) for place in self._places.values()]
            caches = [(place, _renewed(place)) for place in self._caches.values()]
            state = State(list(self._objects.values()), ())
            try:
                yield
            finally:
                state.put_back_objects()
                for place, value in (*places, *caches):
                    place.write(value)
                if sight is not None:
                    self._learn(sight)
                for name, value in settings.items():
                    # another thread may have set it meanwhile
                    may_have_set = sight is None or name in sight.settings or not SETTINGS[name].setters
                    if may_have_set and SETTINGS[name].read() != value:
                        SETTINGS[name].write(value)
                        self._settings.add(name)

    def _learn(self, sight: Sight) -> None:
        for key, (place, value) in sight.places.items():
            if place.read() is not value:
                place.write(value)
                self._places[key] = place
        for key, (place, value) in sight.caches.items():
            place.write(value)
            self._caches[key] = place
        for state, objects in sight.states:
            state.put_back_objects()
            if state.written:
                self._objects.update({id(item): item for item in objects})

    @property
    def note(self) -> str:
        """Sentence about what is put back after each pass; "" where there is nothing."""
        places = [*map(str, self._places.values()), *sorted(self._settings)]
        places += sorted({type(item).__name__ for item in self._objects.values()}) if not places else []
        if not places:
            return ""
        return (
            f"the network writes to what is not its own ({', '.join(places)}), which is put back after each pass: what "
            "other threads write there meanwhile is lost"
        )


class Sight:
    """Places that the user's functions can write to, as they were before each was called.

    protect: is handed the tensors that globals hold. hooks: code of hooks that the user wants to be run, which may
    write where they like.
    """

    def __init__(self, protect: Callable[[Iterable[torch.Tensor]], None], hooks: Iterable[types.CodeType] = ()) -> None:
        self.places: dict[tuple[int, str], tuple[Place, object]] = {}
        self.caches: dict[tuple[int, str], tuple[Place, object]] = {}
        self.states: list[tuple[State, list[object]]] = []
        self.tensors: dict[int, str] = {}
        """Names of tensors that globals hold, by ``id``."""
        self.settings: set[str] = set()
        """Settings of the process that calls of this thread set."""
        self.draws: set[str] = set()
        """Random streams that the functions called may draw from."""
        self._protect = protect
        # by the ids of what is held here: one code, called with another class, writes to another place
        self._foreign: dict[int, types.CodeType] = {}
        self._seen: dict[tuple[int, int], tuple[types.CodeType, type]] = {}
        self._hooks = {id(code): code for code in hooks}
        self._met: set[int] = set()

    def see_native(self, function: object, frame: types.FrameType) -> None:
        """Note the setting that a native function, called in this frame, is about to change."""
        name = set_by(function)
        # what a module sets as it is imported it sets once, and for good
        if name is not None and not _in_import(frame):
            self.settings.add(name)

    def see_nothing(self) -> None:
        """Note that no call can be seen, so that any setting that differs may be this thread's doing."""
        self.settings.update(SETTINGS)

    def see(self, frame: types.FrameType) -> None:
        """Note what a function that is about to run can write to."""
        code = frame.f_code
        # what a hook of the user's writes the user has asked for
        if id(code) in self._foreign or self._hooks and self._in_hook(frame):
            return
        if is_installed(code.co_filename) or code.co_filename.startswith((STANDARD, "<frozen")):
            self._foreign[id(code)] = code
            return
        first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
        owner = first if isinstance(first, type) else type(first)
        if (id(code), id(owner)) in self._seen:
            return
        # held, so that neither address becomes another's
        self._seen[id(code), id(owner)] = code, owner
        variables, attributes = writes(code)
        self.draws |= possible_draws(code, frame.f_globals, owner.__mro__)
        named = [(name, frame.f_globals[name]) for name in code.co_names if name in frame.f_globals]
        for name in variables:
            self._place(Place(frame.f_globals, name))
        classes = [*(value for _, value in named if isinstance(value, type)), *owner.__mro__]
        modules = [value for _, value in named if isinstance(value, types.ModuleType) and is_own(value.__name__)]
        homes: list[Namespace] = [*modules, *(kind for kind in classes if is_own(kind.__module__))]
        for home in homes:
            for name in attributes:
                self._place(Place(home, name))
        for kind in classes:
            if is_own(kind.__module__):
                self._class(kind)
        for name, value in named:
            self._contents(Place(frame.f_globals, name), value)

    def _in_hook(self, frame: types.FrameType | None) -> bool:
        while frame is not None and id(frame.f_code) not in self._hooks:
            frame = frame.f_back
        return frame is not None

    def _place(self, place: Place) -> None:
        self.places.setdefault((id(place.home), place.name), (place, place.read()))

    def _class(self, kind: type) -> None:
        for name, value in list(vars(kind).items()):
            for part in parts(value) if not name.startswith("__") else ():
                self._contents(Place(kind, name), part)

    def _contents(self, place: Place, value: object) -> None:
        """Note what a value holds that can change in place; of what can't be put back there is another meanwhile."""
        if _is_replaced(value) and place.read() is value:
            key = id(place.home), place.name
            if key not in self.caches:
                self.caches[key] = place, _renewed(place)
            return
        if id(value) in self._met or isinstance(value, (type, types.ModuleType, nn.Module)):
            return
        if is_of_global_stream(value):  # forwarded: what the stream holds is for others to move
            return
        held = [*islice(reached(value), SEARCHED)]
        held += [cell for part in held if isinstance(part, types.FunctionType) for cell in part.__closure__ or ()]
        held = [part for part in held if id(part) not in self._met]
        self._met.update(map(id, held))
        tensors = [part for part in held if isinstance(part, torch.Tensor)]
        self.tensors.update({id(tensor): str(place) for tensor in tensors})
        self._protect(tensors)
        objects = [part for part in held if not isinstance(part, _NOT_CONTENTS) and not _is_large(part)]
        if objects:
            self.states.append((State(objects, ()), objects))


def _in_import(frame: types.FrameType | None) -> bool:
    """Return whether a frame is of a module that is being imported, within a forward."""
    while frame is not None and frame.f_code is not nn.Module._call_impl.__code__:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


_NOT_CONTENTS = (nn.Module, torch.Tensor, type, types.ModuleType)


def _is_large(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.nbytes > MOST_BYTES


def _is_replaced(value: object) -> bool:
    kinds = (Cached, torch.Generator, *UNCOPIABLE)
    return isinstance(value, kinds) or is_iterator(type(value)) and recipe(value) is not None


def _renewed(place: Place) -> object:
    """Put another function with an empty cache, iterator or generator into a place; return what was there."""
    before = place.read()
    place.write(_another(before))
    return before


def _another(value: object) -> object:
    if isinstance(value, Cached):
        return functools.lru_cache(**value.cache_parameters())(value.__wrapped__)
    if isinstance(value, torch.Generator):
        return value.clone_state()
    parts_of = recipe(value) if is_iterator(type(value)) else None
    if parts_of is None:
        return StandIn(type(value)) if isinstance(value, UNCOPIABLE) else value
    function, arguments, position = parts_of
    return make(function, tuple(_another(argument) for argument in arguments), position)


@functools.lru_cache(maxsize=1024)
def writes(code: types.CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of global variables and of attributes that a function's code writes to."""
    variables, attributes = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            variables.add(step.argval)
        elif step.opname in ("STORE_ATTR", "DELETE_ATTR"):
            attributes.add(step.argval)
        # setattr's name is a constant of the code, if it is known at all
        elif step.opname == "LOAD_CONST" and isinstance(step.argval, str) and "setattr" in code.co_names:
            attributes.add(step.argval)
    return frozenset(variables), frozenset(attributes)
