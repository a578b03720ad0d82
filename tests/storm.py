"""Random events on an Explorer: clicks, edits, surgery, exceptions and interrupts, checked now and then.

Nothing may be raised but to whoever caused it, nothing on show may be of other weights than those the network has,
and the network may change by the edits made alone.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import traitlets
from PIL import Image
from torch import nn

import nbviz
from nbviz.explorer import Explorer
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.base.close_tree import reach
from nbviz.panels.base.front import Front
from nbviz.passes.feature_maps import feature_maps
from nbviz.session.requests.base import MapsRequest
from tests.networks import state_hash
from tests.storm_edits import Edits
from tests.storm_sentry import Sentry

TORN = "torn"
"""Name of a picture that the transform raises at."""
CHEAP = {"samples": 2, "maximum": 8, "masks": 8, "batch": 4}
WAIT = 60.0
"""Seconds until an Explorer that has not answered is taken to hang."""


class OnPurpose(RuntimeError):
    """Raised by a user's target or transform."""


class Transform:
    """A user's transform, which raises at a picture whose first pixel is white."""

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def __call__(self, image: Image.Image) -> torch.Tensor:
        values = np.asarray(image.convert(self.mode), np.float32) / 255
        if values.flat[0] == 1:
            raise OnPurpose("a picture that can't be read")
        values = values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
        return torch.from_numpy(np.ascontiguousarray(values)) - 0.3


def pictures(mode: str, side: int, count: int = 10) -> dict[str, Image.Image]:
    """Pictures of noise, one of which the transform raises at."""
    random_state = np.random.default_rng(0)
    shape = (side, side) if mode == "L" else (side, side, 3)
    made = {str(i): random_state.integers(0, 250, shape, np.uint8) for i in range(count)}
    made[TORN] = np.full(shape, 255, np.uint8)
    return {name: Image.fromarray(values) for name, values in made.items()}


def raising(scores: torch.Tensor) -> torch.Tensor:
    """Raise in a target, as a bug of the user's would."""
    raise OnPurpose("a target that raises")


def leaving(scores: torch.Tensor) -> torch.Tensor:
    """Leave the interpreter in a target."""
    sys.exit("a target that leaves")


def interrupting(scores: torch.Tensor) -> torch.Tensor:
    """Interrupt in a target."""
    raise KeyboardInterrupt("a target that interrupts")


def margin(scores: torch.Tensor) -> torch.Tensor:
    """Return the first class's score over the second's, of each picture."""
    return scores[:, 0] - scores[:, 1]


BAD_TARGETS = (raising, leaving, interrupting)


class Storm:
    """An Explorer of a network under random events; counts them, and lists what must not have happened."""

    def __init__(self, net: nn.Module, mode: str = "RGB", side: int = 20, seed: int = 0) -> None:
        self.net, self.transform = net, Transform(mode)
        self.random = random.Random(seed)
        self.edits = Edits(net, self.random)
        self.explorer = Explorer(net, pictures(mode, side), transform=self.transform)
        self.faults: list[str] = []
        self.sentry = Sentry(self.faults)
        self.events: Counter[str] = Counter()
        self.checks = 0
        self.hash = state_hash(net)
        for panel in self.explorer.panels.values():
            panel.fail = self._overheard(panel.fail)  # type: ignore[method-assign]

    def run(self, count: int, every: int = 100) -> None:
        """Do ``count`` events and check after each ``every``; the Explorer stays open."""
        with self._unseen(), self.sentry:
            for number in range(1, count + 1):
                self._event()
                if number % every == 0:
                    self.check()

    def close(self) -> None:
        """Close the Explorer."""
        self.explorer.close()

    def _event(self) -> None:
        kinds = {"click": 70, "edit": 12, "surgery": 4, "interrupt": 6, "pin": 4, "refresh": 1, "still": 1, "rest": 2}
        kind = self.random.choices(list(kinds), list(kinds.values()))[0]
        self.events[kind] += 1
        try:
            getattr(self, f"_{kind}")()
        except (nbviz.NbvizError, traitlets.TraitError, OnPurpose, SystemExit, KeyboardInterrupt):
            self.events[f"{kind}, refused"] += 1
        except Exception as error:
            if isinstance(error, TypeError) and "has no option" in str(error):
                return
            self.faults.append(f"{kind} raised {type(error).__name__}: {error}")

    def _click(self) -> None:
        values = self._values()
        names = self.random.sample(list(values), self.random.choice((1, 1, 1, 2)))
        self.explorer.selection.change(**{name: values[name]() for name in names})

    def _values(self) -> dict[str, Callable[[], Any]]:
        pick, chosen, model = self.random.choice, self.explorer.selection, self.explorer.model
        place = (self.random.random(), self.random.random())
        scores = model.scores or 1
        targets = ("predicted", self.random.randrange(scores), (0, scores - 1), margin, pick(BAD_TARGETS), scores + 3)
        return {
            "image": lambda: pick(list(self.explorer.pictures)),
            "layer": lambda: pick([layer.name for layer in model.layers().walk() if layer.name]),
            "channel": lambda: pick((None, 0, 1, 2, 5, 99)),
            "target": lambda: pick(targets),
            "method": lambda: pick(list(nbviz.METHODS)),
            "options": lambda: self._options(chosen.method),
            "canvas": lambda: pick(("explanation", "channel")),
            "stage": lambda: pick(chosen.stages),
            "place": lambda: pick((None, place)),
            "pinned_place": lambda: pick((None, place)),
        }

    def _options(self, method: str) -> dict[str, Any]:
        names = [option.name for option in nbviz.METHODS[method].options]
        return {name: value for name, value in CHEAP.items() if name in names}

    def _edit(self) -> None:
        self._moved(self.edits.weights)

    def _surgery(self) -> None:
        self._moved(self.edits.surgery)

    def _moved(self, act: Callable[[], str]) -> None:
        self._untouched()
        with self.sentry.paused(), torch.random.fork_rng(devices=[]):
            self.events[act()] += 1
        self.hash = state_hash(self.net)

    def _untouched(self) -> None:
        if state_hash(self.net) != self.hash:
            self.faults.append("the network changed by itself")
            self.hash = state_hash(self.net)

    def _interrupt(self) -> None:
        """Wait, and be interrupted by the person at the keyboard."""
        self._click()
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, self.random.uniform(0.001, 0.03))
            self.explorer.wait(0.1)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            self.events["interrupted"] += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _pin(self) -> None:
        if len(self.explorer.selection.pins) > 3:
            self.explorer.selection.pins = ()
        elif self.random.random() < 0.2:
            self.explorer.beside(self.edits.twin())
        else:
            self.explorer.pin()

    def _refresh(self) -> None:
        self.explorer.refresh()

    def _still(self) -> None:
        self.explorer.snapshot()

    def _rest(self) -> None:
        self.explorer.wait(0.2)

    # -- checks ---------------------------------------------------------------------------------------

    def check(self) -> None:
        """Compare what is on show with what a fresh model computes now, after an act as small as one can be."""
        self.checks += 1
        chosen = self.explorer.selection
        chosen.image = self.random.choice([name for name in self.explorer.pictures if name not in (TORN, chosen.image)])
        chosen.canvas = "explanation"
        if chosen.target in BAD_TARGETS:
            chosen.target = "predicted"
        if not self.explorer.wait(WAIT):
            self.faults.append(f"no answer within {WAIT:.0f} s: {chosen.method}, {chosen.target}")
            return
        self._untouched()
        fresh = InstrumentedModel(self.net, transform=self.transform)
        self._same_map(fresh)
        self._same_channels(fresh)

    def _same_map(self, fresh: InstrumentedModel) -> None:
        chosen, shown = self.explorer.selection, self.explorer.attribution
        picture = self.explorer.pictures[chosen.image]
        layer = chosen.layer if nbviz.METHODS[chosen.method].uses_layer else None
        try:
            right = nbviz.attribute(fresh, picture, chosen.target, chosen.method, layer, **chosen.options)
        except nbviz.NbvizError as refusal:
            if shown is not None:
                self.faults.append(f"{chosen.method} on show, while a fresh model refuses: {refusal}")
            return
        if shown is None:
            self.faults.append(f"{chosen.method} for {chosen.target} is not on show: {self._strip()}")
        elif shown.values.shape != right.values.shape or not np.allclose(
            shown.values, right.values, 1e-4, 1e-5, equal_nan=True
        ):
            self.faults.append(f"stale: {chosen.method} for {chosen.target}")

    def _same_channels(self, fresh: InstrumentedModel) -> None:
        chosen = self.explorer.selection
        picture = self.explorer.pictures[chosen.image]
        known = self.explorer._context.known(MapsRequest(picture, chosen.layer))
        if known is None:
            return
        right = feature_maps(fresh, picture, chosen.layer)
        if not np.allclose(known.values, right.values, 1e-4, 1e-5, equal_nan=True):
            self.faults.append(f"stale: maps of {chosen.layer}")

    def _strip(self) -> str:
        """Return the sentence in the canvas's strip."""
        fronts = [widget for widget in reach(self.explorer.panels["canvas"].view) if isinstance(widget, Front)]
        return " ".join(front.message for front in fronts if front.message)

    # -- overhearing ----------------------------------------------------------------------------------

    def _overheard(self, fail: Callable[[BaseException], None]) -> Callable[[BaseException], None]:
        def heard(error: BaseException) -> None:
            purpose = isinstance(error, (nbviz.NbvizError, OnPurpose, SystemExit, KeyboardInterrupt))
            if not purpose:
                self.faults.append(f"a strip says {type(error).__name__}: {error}")
            self.events["strip" if purpose else "strip, a crash"] += 1
            fail(error)

        return heard

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        """Hear of what is raised where nobody looks: in threads, in finalisers, in the log."""
        faults = self.faults

        class Log(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                faults.append(f"logged: {record.getMessage()}: {record.exc_info and record.exc_info[1]!r}")

        log, handler = logging.getLogger("nbviz"), Log(logging.WARNING)
        hooks = threading.excepthook, sys.unraisablehook
        threading.excepthook = lambda args: faults.append(f"in a thread: {args.exc_value!r}")
        sys.unraisablehook = lambda args: faults.append(f"unraisable: {args.exc_value!r} in {args.object!r}")
        log.addHandler(handler)
        try:
            yield
        finally:
            log.removeHandler(handler)
            threading.excepthook, sys.unraisablehook = hooks


def resident() -> float:
    """Return MiB of memory that this process holds, after what is free was given back."""
    gc.collect()
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
