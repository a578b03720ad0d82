"""Explorer: four linked panels over one network, live in a notebook.

One act goes one way: widget → ``Selection`` → the single observer here syncs and asks the panels that read what has
changed → the scheduler answers from the cache or on its worker → the panel shows. Panels never call each other, and
one that fails says so in its own strip while the others carry on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from PIL import Image

from nbviz.attribution import Attribution
from nbviz.dataset import Atlas, Index
from nbviz.drawing.png import lean_png
from nbviz.edits.augmentation import Transforms, augmentations
from nbviz.errors import NbvizError, unknown
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.assembly import assemble, laid_out, stages
from nbviz.panels.base.close_tree import close_tree
from nbviz.panels.base.links import Activity, Links
from nbviz.panels.base.panel import LOCK
from nbviz.panels.cell_still import CellStill, in_notebook, unattended
from nbviz.panels.events import ALL, Events
from nbviz.panels.snapshot import compose
from nbviz.panels.still import saved, still_parts
from nbviz.pictures.adapters import TransformLike
from nbviz.pictures.load import load_pictures
from nbviz.pictures.sources import DatasetLike
from nbviz.replica.user_code.user_hooks import Hooks
from nbviz.reviews.result import Review
from nbviz.session.cells import NotebookCell, variable_of
from nbviz.session.code import EMBEDDED, Script
from nbviz.session.context import LiveContext
from nbviz.session.inline import InlineRunner
from nbviz.session.library import Library
from nbviz.session.pins.pin import Pin
from nbviz.session.pins.pinning import Pinning
from nbviz.session.scheduler import Scheduler
from nbviz.session.start import (
    check_start,
    classes_of,
    first_images,
    first_selection,
    name_classes,
    open_model,
    with_labels,
)
from nbviz.session.state import State

FIRST_STILL_SECONDS = 2.0
"""How long the mimebundle waits, at most, so that its still picture is not empty."""
WHOLE_STILL_SECONDS = 45.0
"""How long a cell that nobody attends waits, at most, so that its still picture is finished; then it is shown as it is:
on a loaded machine a page with a few parts missing is worth more than one without a picture.
"""


class Explorer:
    """Open a network: layer tree, channel grid, saliency canvas and class dropdown, all live and linked.

    model: any ``nn.Module`` or an :class:`InstrumentedModel`; left out, the embedded EfficientNet-Lite0. images:
    a path or folder, list, dict name → image, data set, PIL images, uint8 arrays or preprocessed float tensors
    (C, H, W); left out, a few photographs. classes: class names in the order of the scores. transform: picture →
    tensor; left out, it is read from the network where it carries one, else guessed, and the header says so.
    device: ``"auto"`` is where the weights are. output: where the scores are in the network's output. multilabel:
    whether each score has a sigmoid of its own. hooks: whether yours on it run, see :class:`InstrumentedModel`.
    index: an :class:`Index` of this network; left out, the Explorer looks through its own pictures when asked to.
    atlas: an :class:`Atlas` of it. review: a :class:`Review` by it, whose first pictures are shown where there are no
    ``images``. transforms: random transforms of your own, torchvision's, albumentations' or functions of a PIL image:
    one, a list or a dict name → transform; *Change picture* draws from them. state: opens on what
    ``selection.state()`` gave, or its JSON. Further keywords are the start of the selection (``layer=`` …).

    The network is left untouched. ``close()`` frees everything; running the cell again closes the Explorer it
    made before. Raises :class:`NbvizError` for anything that cannot be opened.
    """

    def __init__(
        self,
        model: ModelLike | None = None,
        images: DatasetLike | None = None,
        *,
        classes: Sequence[str] | None = None,
        transform: TransformLike | None = None,
        device: str | torch.device = "auto",
        output: str | int | Callable[[Any], torch.Tensor] | None = None,
        multilabel: bool = False,
        hooks: Hooks = "auto",
        index: Index | None = None,
        atlas: Atlas | None = None,
        review: Review | None = None,
        transforms: Transforms | None = None,
        state: State | str | None = None,
        runner: type[Scheduler] | type[InlineRunner] = Scheduler,
        **selection: object,
    ) -> None:
        # first: a slip in a keyword is refused before a network is opened
        check_start(selection)
        self.closed = False
        given = {"classes": classes, "transform": transform, "device": device, "output": output, "hooks": hooks}
        self._model = open_model(model, **given, multilabel=multilabel)
        loaded = load_pictures(first_images(review) if images is None else images)
        # A model that was given is its owner's; a network that was wrapped here is named here.
        named = [] if self.model is model else name_classes(self.model, loaded)
        own = classes_of(review) if images is None else loaded.classes
        self.pictures, others = with_labels(self.model, loaded, own)
        source = None if images is None else loaded.source
        self.transforms = augmentations(transforms)
        self._context = LiveContext(self.model)
        self.library = Library(self.model, self.pictures, index, source, atlas, review, self._context.version)
        slots = [stage.slot for stage in stages()]
        self.selection = first_selection(self.model, self.pictures, selection, slots, state)
        self._embedded = model is None and images is None
        self._activity = Activity()
        # of a data set all can be turned to, whatever number is open
        kept = [note for note in loaded.notes if note != loaded.cut]
        self._open((*loaded.problems, *kept, *named, *others), runner)

    def _open(self, notes: tuple[str, ...], runner: type[Scheduler] | type[InlineRunner]) -> None:
        """Assemble the panels, lay them out, and ask for all that they show."""
        self.panels = assemble(self._links(notes))
        self.view = laid_out(self.panels, f"nbviz: {self.model.name}")
        self._still = CellStill(self._finished)
        self.view.add_class(self._still.live)
        self._activity.observe(self._rested, "resting")
        self._events = Events(self.panels, self.selection, self._context, self._activity, runner)
        self._cell = NotebookCell.current()
        self._cell.enter(self)
        self._events.follow(ALL)

    # -- public ---------------------------------------------------------------------------------------

    @property
    def model(self) -> InstrumentedModel:
        """The network; writing it is refused."""
        return self._model

    @model.setter
    def model(self, other: object) -> None:
        raise NbvizError(
            f"An Explorer stays with its network, here {self._model.name}. Open another one for this "
            f"{type(other).__name__}: nbviz.Explorer(other, pictures, state=explorer.selection.state()); edits that it "
            "lacks are left out, with a note."
        )

    @property
    def attribution(self) -> Attribution | None:
        """Attribution on show; None until there is one for the selection."""
        return self._events.attribution

    @property
    def review(self) -> Review | None:
        """The review that was given, or made in the stage *Review*; None where there is none."""
        return self.library.review

    def wait(self, timeout: float | None = None, background: bool = False) -> bool:
        """Wait until every picture is that of the selection; False when ``timeout`` (seconds) ran out first.

        background: wait, too, for what is computed after those, such as the verdicts of *Can you trust it?*.
        """
        return self._events.scheduler.wait(timeout, background)

    def refresh(self) -> None:
        """Compute everything on show again, without the cache."""
        for context in self._events.contexts.values():
            context.forget()
        self._events.follow(ALL, renew=True)

    def pin(self, **changes: object) -> Pin:
        """Keep the map on show to look at others beside it, or the one with other values: ``pin(target="lynx")``.

        changes: image, target, method, layer, options or channel. ``selection.pins`` holds all; writing it unpins.
        """
        return self._pinning.keep(changes)

    def beside(self, model: ModelLike, name: str | None = None, **options: object) -> Pin:
        """Pin the map on show as another network explains it, such as this one before it was trained further.

        model: a module (a deep copy, if this one goes on training) or an :class:`InstrumentedModel`; options: those
        of InstrumentedModel; ``transform`` and ``classes`` are this network's unless given. name: on its card. The
        class is matched by name; raises :class:`NbvizError` where the other network has none of that name.
        """
        return self._pinning.pin_network(model, name, options)

    def code(self, panel: str = "canvas") -> str:
        """Return the Python that makes what a panel shows; the result is called ``shown`` in it.

        panel: ``"canvas"``, the map over the picture; or a stage of the middle column, ``"channels"``, ``"parts"`` ….
        Raises :class:`NbvizError` where a panel shows nothing yet, or what it shows can't be written down.
        """
        if panel not in self.panels:
            raise unknown("Panel", panel, self.panels, "this Explorer")
        name = variable_of(self, "explorer")
        names = {id(picture): f"pictures[{key!r}]" for key, picture in self.pictures.items()}
        names |= {id(made): f"{name}.transforms[{key!r}]" for key, made in self.transforms.items()}
        script = Script(self.model, {**names, **self.library.names(f"{name}.library")}, name)
        with LOCK:
            result = self.panels[panel].code(script)
        if not result:
            raise NbvizError(f"The panel '{panel}' shows nothing that Python makes.")
        own = not self._embedded or f"{name}." in result
        return script.text(f"model, pictures = {name}.model, {name}.pictures" if own else EMBEDDED, result)

    def snapshot(self, scale: int = 1) -> Image.Image:
        """Draw the panels as they are now as one still picture; ``scale=2`` for print and talks.

        ``wait(background=True)`` before it has every test of the map ended.
        """
        with LOCK:
            return compose(still_parts(self.panels.values(), self.selection), scale)

    def close(self) -> None:
        """Free everything: worker, widgets, caches. Calling it again does nothing."""
        if self.closed:
            return
        self._still.close(repr(self), again=self._cell.runs_again())
        self.closed = True
        self._events.close()
        for view in [self.view, *(panel.view for panel in self.panels.values())]:  # a stage may not have been opened
            close_tree(view)
        self._cell.leave(self)
        self.selection.networks = {}
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

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """Live where there is a kernel; a still picture on static pages."""
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if self.closed:
            return bundle
        self.wait(FIRST_STILL_SECONDS)
        bundle |= self.view._repr_mimebundle_() or {}
        return bundle | {"text/plain": repr(self), "image/png": lean_png(self.snapshot())}

    def _ipython_display_(self) -> None:
        """Show it live, with the still picture beside it for when nothing runs; NotImplementedError in a terminal."""
        if self.closed or not in_notebook():
            raise NotImplementedError  # IPython shows it as it shows any object
        alone = unattended()
        if alone:
            self._events.scheduler.wait(WHOLE_STILL_SECONDS, background=True)
        draft = self.snapshot if alone else None
        self._still.show(self.view._repr_mimebundle_() or {}, repr(self), draft)

    def _rested(self, change: Mapping[str, Any]) -> None:
        if change["new"]:
            self._still.renew(repr(self))

    def _finished(self) -> Image.Image | None:
        """Draw the panels as they stand once everything is computed, what tells how far to trust the map included."""
        with LOCK:
            if self.closed or not self._events.scheduler.at_rest:
                return None
            parts = still_parts(self.panels.values(), self.selection)
        return compose(parts, 1)

    # -- assembling -----------------------------------------------------------------------------------

    def _links(self, problems: tuple[str, ...]) -> Links:
        return Links(
            self.model, self.pictures, self.selection, self._context, self.library, self._activity,
            # looked up when they are called: panels are assembled before there are events to ask by
            refresh=self.refresh, ask=lambda: self._events.ask_all(), cancel=lambda slot: self._events.cancel(slot),
            save=lambda: saved(self.snapshot(scale=2)), code=self.code, transforms=self.transforms,
            problems=problems,
        )  # fmt: skip

    @property
    def _pinning(self) -> Pinning:
        return Pinning(self._context, self.pictures, self.selection)
