"""Events: from the selection to the panels, who is synced, who is asked, and who paints an answer.

An act reaches the panels that read what it changed: each is synced and asked for its request, the scheduler answers
from the cache or on its worker, and the panel shows. A panel that raises says so in its own strip, and the others
carry on. All of it runs under the one lock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, ParamSpec, TypeVar

from nbviz.attribution import Attribution
from nbviz.panels.base.links import Activity
from nbviz.panels.base.panel import LOCK, Panel
from nbviz.session.context import LiveContext
from nbviz.session.edit_traits import EDIT_TRAITS
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.base import Answer, ExplainAnswer, Request
from nbviz.session.requests.edits.edited_request import Edited, with_edits
from nbviz.session.scheduler import Scheduler
from nbviz.session.selection import ACT, Selection

P = ParamSpec("P")
T = TypeVar("T")
ALL = frozenset(Selection.class_trait_names())


class Events:
    """Observer of the selection and of answers; one per Explorer."""

    def __init__(
        self,
        panels: Mapping[str, Panel],
        selection: Selection,
        context: LiveContext,
        activity: Activity,
        runner: type[Scheduler] | type[InlineRunner],
    ) -> None:
        self.panels, self.selection, self.context, self.activity = panels, selection, context, activity
        self.attribution: Attribution | None = None
        """The one on show; None until there is one for the selection."""
        background = [slot for slot, panel in panels.items() if panel.background]
        self.scheduler = runner(context, self, list(panels), LOCK, background)
        self._shown = self._versions()
        self._mixed = False
        """True if a network had changed when something of what is on show was answered."""
        self._asked: dict[str, dict[str, Panel]] = {}
        """Slot of each panel that is awake → slot → the panels that ask in it: itself and its parts."""
        self._requests: dict[str, Request | None] = {}
        """Slot → what it was asked last."""
        self._cancelled: dict[str, Request | None] = {}
        """Slot → the request that a person cancelled there."""
        self._broken: set[str] = set()
        """Slots of panels that failed at something other than their request's answer."""
        selection.observe(lambda act: self.follow(act["new"]), type=ACT)

    @property
    def contexts(self) -> dict[str, LiveContext]:
        """Contexts by name: the network's own, without one, and those beside it."""
        return {"": self.context, **self.selection.networks}

    def close(self) -> None:
        """Stop following, and forget all."""
        self.selection.unobserve_all()
        self.scheduler.close()
        self.activity.unobserve_all()
        # a notebook's Out keeps what a cell showed: let go of all that is large
        for context in self.contexts.values():
            context.cache.clear()
        self.panels, self.attribution, self._shown = {}, None, {}
        for asked in (self._asked, self._requests, self._cancelled):
            asked.clear()

    # -- following the selection ----------------------------------------------------------------------

    def follow(self, changed: frozenset[str], renew: bool = False) -> None:
        """Sync and ask the panels that read the traits changed; all of them where a network has changed."""
        with LOCK:
            if changed != {"place"}:  # where a person points asks nothing of a network
                self._follow(changed, renew)
            if "place" in changed:
                self._point()

    def _follow(self, changed: frozenset[str], renew: bool) -> None:
        with self._one_look():
            renew = self._renewed(renew)
            for panel in self.panels.values():
                self._update(panel, ALL if renew else changed, renew)
            self.activity.moved = False
            self._say_state()

    def _update(self, panel: Panel, changed: frozenset[str], renew: bool) -> None:
        if not panel.awake(self.selection):
            self._withdraw(panel)
            return
        if panel.slot not in self._asked:  # it has just come on show, and missed what changed meanwhile
            changed = ALL
        if panel.slot in self._broken:  # its strip goes when it succeeds, whatever it was that it failed at
            self._broken.discard(panel.slot)
            changed, renew = ALL, True
        if changed & panel.reads - {"place"}:
            self._guarded(panel, panel.sync, self.selection)
        asks = (panel.reads if panel.asks is None else panel.asks) | (EDIT_TRAITS if panel.edits else frozenset())
        # a panel may read more than its answer depends on: then it is redrawn, and nothing is computed
        if changed & asks - {"place"} or changed is ALL:
            self._ask(panel, renew)

    def _ask(self, panel: Panel, renew: bool = False) -> None:
        """Submit the requests of a panel and its parts; parts that are gone ask no more."""
        parts = self._guarded(panel, panel.parts) or {}
        asking, before = {panel.slot: panel, **parts}, self._asked.get(panel.slot, {})
        self._asked[panel.slot] = asking
        # parts come and go, as cards do with pins: what a part that is gone asked is dropped
        for slot in before.keys() - asking.keys():
            self._submit(slot, None)
        for slot, part in asking.items():
            request = self._guarded(part, part.request, self.selection)
            if request is not None and part.edits and self.selection.edits:
                request = with_edits(request, self.selection.edits_on)
            self._submit(slot, request, renew)

    def _submit(self, slot: str, request: Request | None, renew: bool = False) -> None:
        """Submit a request to a slot; one that was cancelled stays so until it is renewed, or another is wanted."""
        if request is not None and not renew and self._cancelled.get(slot) == request:
            return
        self._cancelled.pop(slot, None)
        self._requests[slot] = request
        self.scheduler.submit(slot, request, renew)

    def _withdraw(self, panel: Panel) -> None:
        for slot in self._asked.pop(panel.slot, {}):
            self._submit(slot, None)

    def ask_all(self) -> None:
        """Ask every panel again, after something of a panel's own has changed."""
        with LOCK, self._one_look():
            renew = self._renewed()
            for panel in self.panels.values():
                if not panel.awake(self.selection):
                    self._withdraw(panel)
                # not synced: the selection is as it was; one that has just come on show missed more than this
                elif panel.slot in self._asked:
                    self._ask(panel, renew)
                else:
                    self._update(panel, ALL, renew)
            self._say_state()

    def _point(self) -> None:
        for panel in self.panels.values():
            if "place" in panel.reads and panel.awake(self.selection):
                self._guarded(panel, panel.point, self.selection.place)

    def _renewed(self, renew: bool = False) -> bool:
        """Return whether all is asked anew, as it is where a network has changed; edits that it lacks go first."""
        if renew := self._moved() or renew:  # else every panel refuses what it lacks by now, a sentence each
            self.selection.drop_unfit()
        return renew

    def _moved(self) -> bool:
        """Return whether a network has changed since it was last looked at."""
        # of all networks, so that a pin of another one follows its weights, too
        shown, self._shown, self._mixed = self._shown, self._versions(), False
        return any(self._shown[name] != version for name, version in shown.items() if name in self._shown)

    def _versions(self) -> dict[str, Any]:
        return {name: context.version() for name, context in self.contexts.items()}

    @contextmanager
    def _one_look(self) -> Iterator[None]:
        """Answer an act from one version of each network; a look takes about a millisecond."""
        with ExitStack() as looks:
            for context in self.contexts.values():
                looks.enter_context(context.one_look())
            yield

    def _guarded(self, panel: Panel, act: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | None:
        """Call a panel's method; what it raises stands in its own strip, and the other panels carry on."""
        try:
            return act(*args, **options)
        except Exception as error:
            self._broken.add(panel.slot)
            self._fail(panel, error)
            return None

    def _fail(self, panel: Panel, error: BaseException) -> None:
        try:
            panel.fail(error)
        except Exception:  # the strip itself can't be drawn
            logging.getLogger("nbviz").exception("a panel could not say what failed: %s", error)

    def cancel(self, slot: str) -> None:
        """Cancel a slot's work and that of the panels which need it, until something else is asked, or all again."""
        with LOCK:
            if not self._stop(slot):
                return
            for panel in self.panels.values():
                if slot in panel.needs and self._stop(panel.slot):
                    self._guarded(panel, panel.stop)
            self._say_state()

    def _stop(self, slot: str) -> bool:
        stopped = self.scheduler.cancel(slot)
        if stopped:
            self._cancelled[slot] = self._requests.get(slot)
        return stopped

    # -- what the scheduler tells (always under the lock) ---------------------------------------------

    def waiting(self, slot: str) -> None:
        """Tell the panel that its slot's answer is being computed."""
        self.activity.resting = False
        if slot == "canvas":
            self.attribution = None
        self._hear(slot, None)
        panel = self._at(slot)
        if panel is not None:
            self._guarded(panel, panel.wait)

    def answered(self, slot: str, request: Request, answer: Answer, final: bool) -> None:
        """Show a slot's answer, or a better one."""
        self.activity.resting = False
        # an answer of the network in between keeps the alarm, even where the network is then again what it was
        self._mixed |= any(
            context.model.guest.changes != self._shown[name][0]
            for name, context in self.contexts.items()
            if name in self._shown
        )
        panel = self._at(slot)
        if panel is None:
            return
        try:
            panel.show(answer)
        except Exception:
            self._broken.add(panel.slot)
            raise  # the scheduler hands it to `failed`
        # who hears of an answer knows requests by their kind, which the wrapper of the edits hides
        if slot in self.panels:  # a part keeps what it shows
            if isinstance(answer, ExplainAnswer):
                self.attribution = answer.attribution
            self._follow_answer(slot)
            self._hear(slot, request.request if isinstance(request, Edited) else request, answer)

    def failed(self, slot: str, request: Request, error: BaseException) -> None:
        """Show the error that a slot's request raised."""
        panel = self._at(slot)
        if panel is not None:
            self._fail(panel, error)
            self._follow_answer(slot)
            self._hear(slot, None)

    def settled(self) -> None:
        """Note that nothing is being computed any more."""
        self._say_state()

    def idle(self) -> bool:
        """Check now and then whether a network has changed; return whether to be called again at once."""
        self.activity.resting = self.scheduler.at_rest
        if any(context.model.guest.read_on() for context in self.contexts.values()):
            return True
        as_shown = all(self._is_as_shown(name, context) for name, context in self.contexts.items())
        if not as_shown:
            self.activity.word, self.activity.moved = "weights changed", True
        elif self.activity.moved:
            self.activity.word, self.activity.moved = "computing" if self.scheduler.busy else "ready", False
        return False

    def _is_as_shown(self, name: str, context: LiveContext) -> bool:
        """Return whether a network is the one on show: that which it was all the time, or is again."""
        guest, was = context.model.guest, self._shown.get(name)
        now = context.model.fingerprint()
        if was is None or now == was:
            return True
        # a revision never comes back, a structure does: a hook put on and taken off leaves the network as it was
        if self._mixed or now[1] != was[1] or guest.structure_at(now[0]) != guest.structure_at(was[0]):
            return False
        self._shown[name] = now
        return True

    def _at(self, slot: str) -> Panel | None:
        """Return the panel that asks in a slot; None where it went while it was answered."""
        return next((asking[slot] for asking in self._asked.values() if slot in asking), None)

    def _follow_answer(self, slot: str) -> None:
        for panel in self.panels.values():
            if slot in panel.after and panel.awake(self.selection):
                self._guarded(panel, panel.sync, self.selection)
                self._ask(panel)

    def _hear(self, slot: str, request: Request | None, answer: Answer = None) -> None:
        for panel in self.panels.values():
            if slot in panel.hears:
                self._guarded(panel, panel.hear, slot, request, answer)

    def _say_state(self) -> None:
        self.activity.word = "computing" if self.scheduler.busy else "ready"
        # counted: a pass may leave a note for the title bar while the word stays "ready"
        self.activity.rounds += 1
