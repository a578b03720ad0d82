"""The Explorer: four linked panels over one network, live in a notebook.

One event goes one way: widget → ``Selection`` → the single observer here asks each panel for its request → the
scheduler answers from the cache or on its worker → the panel shows. Panels never call each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import torch
from PIL import Image

from nbviz import zoo
from nbviz.attribution import Attribution
from nbviz.dataset import Atlas, Index
from nbviz.panels.assembly import BACKGROUND, STAGES, Links, assemble, laid_out
from nbviz.panels.atlas.atlas_stage import AtlasStage
from nbviz.panels.base.close_tree import close_tree
from nbviz.panels.base.panel import LOCK, Panel
from nbviz.panels.base.stage import StageTabs
from nbviz.panels.pins.pins_stage import PinsStage
from nbviz.panels.question.title_bar import TitleBar
from nbviz.panels.snapshot import compose
from nbviz.panels.still import saved, still_parts
from nbviz.pictures.load import Picture, load_pictures
from nbviz.replica.user_hooks import Hooks
from nbviz.session.cells import NotebookCell
from nbviz.session.context import LiveContext
from nbviz.session.inline import InlineRunner
from nbviz.session.library import Library
from nbviz.session.pins.pin import Pin
from nbviz.session.requests.base import ExplainAnswer, Request
from nbviz.session.scheduler import Scheduler
from nbviz.session.selection import ACT
from nbviz.session.start import check_start, first_selection, name_classes, open_model

P = TypeVar("P", bound=Panel)
FIRST_STILL_SECONDS = 2.0
"""How long the display of a cell waits, at most, so that its still picture is not empty."""


class Explorer:
    """Open a network: layer tree, channel grid, saliency canvas and class dropdown, all live and linked.

    model: any ``nn.Module`` or an :class:`InstrumentedModel`; left out, the embedded EfficientNet-Lite0. images:
    a path or folder, list, dict name → image, data set, PIL images, uint8 arrays or preprocessed float tensors
    (C, H, W); left out, a few photographs. classes: class names in the order of the scores. transform: picture →
    tensor; left out, it is read from the network where it carries one, else guessed, and the header says so.
    device: ``"auto"`` is where the weights are. output: where the scores are in the network's output. multilabel:
    whether each score has a sigmoid of its own. hooks: whether yours on it run, see :class:`InstrumentedModel`.
    index: an :class:`Index` of this network; left out, the Explorer looks through its own pictures when asked to.
    atlas: an :class:`Atlas` of it. Further keywords are the start of the selection (``layer=``, ``method=`` …).

    The network is left untouched. ``close()`` frees everything; running the cell again closes the Explorer it
    made before. Raises :class:`NbvizError` in words for anything that cannot be opened.
    """

    def __init__(
        self,
        model: Any = None,
        images: Any = None,
        *,
        classes: Sequence[str] | None = None,
        transform: Any = None,
        device: str | torch.device = "auto",
        output: str | int | Callable[[Any], torch.Tensor] | None = None,
        multilabel: bool = False,
        hooks: Hooks = "auto",
        index: Index | None = None,
        atlas: Atlas | None = None,
        runner: type[Scheduler] | type[InlineRunner] = Scheduler,
        **selection: Any,
    ) -> None:
        check_start(selection)
        self.closed = False
        given = {"classes": classes, "transform": transform, "device": device, "output": output, "hooks": hooks}
        self.model = open_model(model, **given, multilabel=multilabel)
        loaded = load_pictures(zoo.photographs().pictures if images is None else images)
        self.pictures: dict[str, Picture] = dict(loaded)
        # A model that was given is its owner's; a network that was wrapped here is named here.
        named = [] if self.model is model else name_classes(self.model, loaded)
        self.library = Library(self.model, self.pictures, index, None if images is None else loaded.source)
        self.selection = first_selection(self.model, self.pictures, selection, [stage.slot for stage in STAGES])
        self._context = LiveContext(self.model)
        self.panels = self._build([*loaded.problems, *loaded.notes, *named])
        if atlas is not None:
            self._part(AtlasStage).give(atlas)
        self.view = laid_out(self.panels, f"nbviz: {self.model.name}")
        self._answers: dict[str, Any] = {}
        self._attribution: Attribution | None = None
        self._scheduler = runner(self._context, self, list(self.panels), LOCK, BACKGROUND)
        self._shown = {name: context.version() for name, context in self._contexts.items()}
        self._slots: set[str] = set()
        self.selection.observe(self._follow, type=ACT)
        self._cell = NotebookCell.current()
        self._cell.enter(self)
        self._follow(None)

    # -- public ---------------------------------------------------------------------------------------

    @property
    def attribution(self) -> Attribution | None:
        """The attribution on show; None until there is one for the selection."""
        return self._attribution

    def wait(self, timeout: float | None = None) -> bool:
        """Until every picture is that of the selection; False when ``timeout`` (seconds) ran out first."""
        return self._scheduler.wait(timeout)

    def refresh(self) -> None:
        """Compute everything on show again, from nothing: what was computed before is dropped."""
        for context in self._contexts.values():
            context.forget()
        self._renew(force=True)

    def pin(self, **changes: Any) -> Pin:
        """Keep the map on show to look at others beside it, or the one with other values: ``pin(target="lynx")``.

        changes: image, target, method, layer, options or channel. ``selection.pins`` holds all; writing it unpins.
        """
        return self._part(PinsStage).pinning.keep(changes)

    def beside(self, model: Any, name: str | None = None, **options: Any) -> Pin:
        """Pin what another network makes of what is on show, such as this one before it was trained further.

        model: a module (a deep copy, if this one goes on training) or an :class:`InstrumentedModel`; options: those
        of InstrumentedModel; ``transform`` and ``classes`` are this network's unless given. name: on its card. The
        class is matched by name; :class:`NbvizError` in words where the other network has none of that name.
        """
        return self._part(PinsStage).pinning.beside(model, name, options)

    def snapshot(self, scale: int = 1) -> Image.Image:
        """The panels as one still picture; ``scale=2`` for print and talks."""
        with LOCK:
            return compose(still_parts(self.model, self.pictures, self.selection, self.panels, self._answers), scale)

    def close(self) -> None:
        """Free everything: worker, widgets, caches. Calling it again does nothing."""
        if self.closed:
            return
        self.closed = True
        self.selection.unobserve_all()
        self._scheduler.close()
        for view in [self.view, *(panel.view for panel in self.panels.values())]:  # a stage may not have been opened
            close_tree(view)
        self._cell.leave(self)
        # a notebook's Out keeps what a cell showed: let go of all that is large
        for context in self._contexts.values():
            context.cache.clear()
        self.selection.networks = {}
        self._answers.clear()
        self._attribution = None
        self.model.forget()
        self.library.forget()
        self.pictures.clear()
        self.panels, self.view.children = {}, ()

    def __enter__(self) -> Explorer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.closed:
            return f"Explorer({self.model.name}, closed)"
        chosen = self.selection
        return f"Explorer({self.model.name}: {chosen.image}, {chosen.layer}, {chosen.method})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Live where there is a kernel; a still picture on static pages."""
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if self.closed:
            return bundle
        self.wait(FIRST_STILL_SECONDS)
        bundle |= self.view._repr_mimebundle_() or {}
        # in 256 colours a third of the bytes: a notebook keeps one a cell, and so does IPython's history
        still = saved(self.snapshot().quantize(256, Image.Quantize.FASTOCTREE))
        return bundle | {"text/plain": repr(self), "image/png": still}

    # -- assembling -----------------------------------------------------------------------------------

    def _build(self, problems: Sequence[str]) -> dict[str, Panel]:
        links = Links(self.refresh, self._renew, self._cancel, lambda: saved(self.snapshot(scale=2)))
        return assemble((self.model, self.pictures, self.selection), self.library, self._context, links, problems)

    # -- following the selection ----------------------------------------------------------------------

    def _follow(self, change: Any) -> None:
        if change is not None and change["new"] == {"place"}:
            self._point()
            return
        with LOCK, self._one_look():
            for panel in self.panels.values():
                panel.sync(self.selection)
            self._renew()

    def _renew(self, force: bool = False) -> None:
        with LOCK, self._one_look():
            shown, self._shown = self._shown, {name: context.version() for name, context in self._contexts.items()}
            renew = force or any(self._shown[name] != version for name, version in shown.items())
            every = self._every()
            for slot in self._slots - every.keys():
                self._scheduler.submit(slot, None)
            self._slots = set(every)
            for slot, panel in every.items():
                self._scheduler.submit(slot, panel.request(self.selection), renew)
            self._say_state()

    @contextmanager
    def _one_look(self) -> Iterator[None]:
        """Answer an event of one version of each network; a look takes about a millisecond."""
        with ExitStack() as looks:
            for context in self._contexts.values():
                looks.enter_context(context.one_look())
            yield

    def _point(self) -> None:
        with LOCK:
            for panel in self.panels.values():
                panel.point(self.selection.place)

    def _every(self) -> dict[str, Panel]:
        """All panels that ask, the parts of others among them."""
        parts = [panel.parts() for panel in self.panels.values()]
        return {**self.panels, **{slot: part for group in parts for slot, part in group.items()}}

    def _part(self, kind: type[P]) -> P:
        return next(panel for panel in self.panels.values() if isinstance(panel, kind))

    @property
    def _contexts(self) -> dict[str, LiveContext]:
        return {"": self._context, **self.selection.networks}

    def _cancel(self, slot: str) -> None:
        if self._scheduler.cancel(slot):
            self._say_state()

    # -- what the scheduler tells (always under the lock) ---------------------------------------------

    def waiting(self, slot: str) -> None:
        """A slot's answer is being computed."""
        if slot == "canvas":
            self._attribution = None
        self._tell(slot, None)
        self._every()[slot].wait()

    def answered(self, slot: str, request: Request, answer: Any, final: bool) -> None:
        """A slot has an answer, or a better one."""
        if slot not in self.panels:  # a part keeps what it shows
            self._every()[slot].show(answer)
            return
        self._answers[slot] = answer
        if isinstance(answer, ExplainAnswer):
            self._attribution = answer.attribution
        self.panels[slot].show(answer)
        for panel in self.panels.values():
            if slot in panel.after:
                panel.sync(self.selection)
                self._scheduler.submit(panel.slot, panel.request(self.selection))
        self._tell(slot, request, answer)

    def failed(self, slot: str, request: Request, error: BaseException) -> None:
        """A slot's request raised."""
        self._answers.pop(slot, None)
        self._every()[slot].fail(error)
        self._tell(slot, None)

    def _tell(self, slot: str, request: Request | None, answer: Any = None) -> None:
        for panel in self.panels.values():
            panel.heard(slot, request, answer)

    def settled(self) -> None:
        """Nothing is being computed any more."""
        self._say_state()

    def idle(self) -> bool:
        """Look now and then whether a network has changed under what is on show; whether to be called again at once."""
        if self.closed:
            return False
        if any(context.model.guest.read_on() for context in self._contexts.values()):
            return True
        if any(self._contexts[name].model.fingerprint() != was for name, was in self._shown.items()):
            self._part(TitleBar).say("weights changed", moved=True)
        return False

    def _say_state(self) -> None:
        self._part(TitleBar).say("computing" if self._scheduler.busy else "ready", moved=False)
        self._part(StageTabs).sync(self.selection)  # what was computed may be what a stage waits for
