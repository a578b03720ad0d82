"""Saliency canvas: the picture as the network saw it, and over it the evidence, or a channel's map.

Every explanation stands with what says how far to trust it: the scalar explained, the limits of its colours,
the figures of the method. What is not the selection's own is dimmed until the first partial arrives.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets
import numpy as np

from nbviz.attribution import METHODS, Method
from nbviz.attribution.words import Run, progress_lines, tip_words
from nbviz.drawing.overlay import overlay
from nbviz.errors import NbvizError, Refused
from nbviz.model.target import Target
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel, locked
from nbviz.panels.explanation.canvas_lines import CanvasLines
from nbviz.panels.explanation.heat_canvas import HeatCanvas, enlarged, gray_picture
from nbviz.panels.explanation.heat_foot import FootFront, bar
from nbviz.panels.explanation.method_bar import MethodFront, controls, question_words, with_option
from nbviz.panels.explanation.pointer import PointerFront
from nbviz.panels.scenes.explanation import Scene, channel_scene, explanation_scene
from nbviz.panels.snapshot.parts import ExplanationPart, StillParts
from nbviz.session.code import Script
from nbviz.session.pins.pinning import Pinning
from nbviz.session.requests.base import ChannelAnswer, ChannelRequest, ExplainAnswer, Request
from nbviz.session.requests.on_show import heading_reads, map_on_show, map_question, map_reads
from nbviz.session.selection import Selection

Place = tuple[float, float]
AROUND = frozenset(("method", "options", "canvas", "target", "place", "pinned_place", "pins", "edits", "original"))


class SaliencyCanvas(Panel):
    """Panel of the explanation; writes method, options, place, canvas and pins of the Selection.

    strongest: gives the channels of the layer strongest at a place.
    """

    slot = "canvas"

    def __init__(self, links: Links, strongest: Callable[[Place], list[int]]) -> None:
        super().__init__(links)
        self.strongest = strongest
        self.pinning = Pinning(links.context, self.pictures, self.selection)
        self.bar, self.foot, self.pointer = MethodFront(), FootFront(opacity=links.heat.opacity), PointerFront()
        self.canvas, self.lines = HeatCanvas(self.pointer), CanvasLines(self.model, self.pointer, self.foot)
        self.view = ipywidgets.Box([self.bar, self.canvas.view, self.foot], _dom_classes=["nbviz-saliency"])
        self.scene: Scene | None = None
        """Scene on show."""
        self._answer: ExplainAnswer | ChannelAnswer | None = None
        self._headed: tuple[Any, ...] = ()
        """Selection that the scene's heading is of."""
        self._question: tuple[Any, ...] = ()
        """Picture, target and kind of map that the scene answers."""
        for front in (self.bar, self.foot, self.pointer):
            self.listen(front, self._act)
        self.foot.observe(lambda change: links.heat.set_trait("opacity", change["new"]), "opacity")
        links.heat.observe(lambda _: self._rescale(), "high")
        self.foot.observe(locked(self._rescale), "clear")

    @property
    def answer(self) -> ExplainAnswer | ChannelAnswer | None:
        """Answer of the map on show; None until there is one."""
        return self._answer

    @property
    def asks(self) -> frozenset[str]:  # type: ignore[override]
        """Traits that the map on show depends on."""
        return map_reads(self.selection)

    @property
    def reads(self) -> frozenset[str]:  # type: ignore[override]
        """Traits of the map on show, and of all that stands around it."""
        return self.asks | AROUND

    def request(self, selection: Selection) -> Request:
        return map_on_show(selection, self.model, self.pictures)

    def code(self, script: Script) -> str:
        request = self.request(self.selection)
        if isinstance(request, ChannelRequest) and isinstance(self._answer, ChannelAnswer):
            request = replace(request, channel=self._answer.channel)
        return script.request(self.with_edits(request))

    def sync(self, selection: Selection) -> None:
        method = METHODS[selection.method]
        with LOCK:
            with self.bar.hold_sync():
                self.bar.methods = [[m.name, m.title, m.sentence, m.family] for m in METHODS.values()]
                self.bar.method = selection.method
                self.bar.options = controls(method.options, selection.options)
                self.bar.channel = selection.canvas == "channel"
                self.bar.title, self.bar.note = self._heading(selection)
                self._say_pin()
            self._pin(selection)
            self.canvas.mark_edited(() if selection.original else selection.edits)
            self.point(selection.place)

    def show(self, answer: ExplainAnswer | ChannelAnswer) -> None:
        self._answer = answer
        if isinstance(answer, ChannelAnswer):
            scene = channel_scene(answer, self.selection.image, self.links.heat.high, self.foot.clear)
        else:
            named = self._method.title, self.selection.image
            scene = explanation_scene(answer, *named, self.links.heat.high, self.foot.clear)
        with LOCK:
            self.scene, self._headed = scene, heading_reads(self.selection)
            self._question = map_question(self.selection)
            self.canvas.draw(scene.picture, scene.heat, scene.smooth, scene.done)
            self.canvas.dim(False)
            with self.bar.hold_sync():
                self.bar.title, self.bar.note = scene.title, scene.heading
                self._say_pin()
            self._describe(scene)
            self.bar.early = "" if isinstance(answer, ChannelAnswer) else answer.early
            self.lines.show(answer, Target.ensure(self.selection.target, self.model))
            self.point(self.selection.place)

    def wait(self, progress: str = "") -> None:
        with LOCK:
            # an old map beside the new picture's scores would pass for theirs; the photograph is right at once
            self.canvas.begin()
            another = self._question != map_question(self.selection)
            if another:
                same = self._question[:1] == (self.selection.image,)
                self.scene = None
                self.canvas.draw(self.canvas.picture if same else self._gray(), None)
            self.canvas.dim(not another)
            self._answer, self.bar.pin = None, "off"
            with self.foot.hold_sync():
                self.foot.state, self.foot.message, self.foot.details, self.foot.instead = "computing", "", "", []
                self.foot.done, self.foot.lines = 0.0, [[(progress or "computing", "strong")], []]

    def fail(self, error: BaseException) -> None:
        with LOCK:
            self.scene = self._answer = None
            self.bar.pin = "off"
            self.canvas.draw(self._gray(), None)
            self.canvas.dim(False)
            self._strip(error)
            self.lines.show(None, Target())

    def point(self, place: Place | None) -> None:
        """Show the text on a place."""
        scene, top = self.scene, self.strongest(place)[:4] if place else []
        with LOCK:
            says = self.lines.words(place) if place else ""
            tip = tip_words(place, scene.values, scene.size, top, says) if place and scene else ""
            self.pointer.set_state({"tip": tip, "top": top if tip else []})

    def _rescale(self) -> None:
        if self._answer is not None:
            self.show(self._answer)

    def cancelled(self) -> None:
        """Show that the reader stopped the computation, and what is on show instead."""
        with LOCK:
            if self.foot.state == "computing":
                left = "" if self.scene is None else "; the one shown is an earlier one"
                self._state("failed", f"Cancelled before there was a map{left}.")
            elif self.foot.state == "partial":
                self._state("failed", "Cancelled; the map shown is unfinished.", lines=self.foot.lines)

    @property
    def settings(self) -> list[str]:
        """Settings of the canvas, for a still picture."""
        options = [f"{name} {value}" for name, value in self.selection.options.items()]
        return ["Channel"] if self.selection.canvas == "channel" else [self._method.title, *options]

    def still(self) -> StillParts:
        scene = self.scene
        if scene is None:
            return {}
        part = ExplanationPart(
            scene.heading, scene.picture, scene.heat, self.foot.opacity, scene.smooth, scene.signed, scene.limits[:2],
            self.settings, scene.lines, scene.nothing,
        )  # fmt: skip
        return {"explanation": part}

    def pixels(self) -> np.ndarray | None:
        """Return the canvas as it is seen, uint8 (H, W, 3), with the slider's opacity; None while it is empty."""
        picture, heat = self.canvas.picture, self.canvas.heat
        if picture is None:
            return None
        if heat is None:
            return self.lines.still(picture[..., :3])
        smooth = self.scene is not None and self.scene.smooth
        return self.lines.still(overlay(picture, enlarged(heat, picture.shape[:2], smooth), self.foot.opacity))

    def _say_pin(self) -> None:
        self.bar.pin = "off" if self._answer is None else self.pinning.state()

    def _pin(self, selection: Selection) -> None:
        self.pointer.place = selection.pinned_place and list(selection.pinned_place)

    @property
    def _method(self) -> Method:
        return METHODS[self.selection.method]

    def _heading(self, selection: Selection) -> tuple[str, list[Run]]:
        # an act that asks for no new map would else put "what it predicts" in the place of the class's name
        if self.scene is not None and self._headed == heading_reads(selection):
            return self.scene.title, self.scene.heading
        return question_words(selection, self.model)

    def _describe(self, scene: Scene) -> None:
        partial = scene.done < 1
        with self.foot.hold_sync():
            self.foot.state = "partial" if partial else "nothing" if scene.nothing else "ready"
            self.foot.message, self.foot.details, self.foot.instead = scene.nothing, "", []
            self.foot.done = scene.done
            self.foot.lines = progress_lines(scene.progress, scene.facts) if partial else scene.lines
            self.foot.bar = bar(scene.signed)
            self.foot.low, self.foot.high, self.foot.scale = scene.limits
            self.foot.caption = scene.caption
        with self.pointer.hold_sync():
            self.pointer.rows, self.pointer.columns = scene.size

    def _state(self, state: str, message: str, details: str = "", lines: list[Any] | None = None) -> None:
        with self.foot.hold_sync():
            self.foot.state, self.foot.message, self.foot.details = state, message, details
            self.foot.done, self.foot.lines = 1.0, lines or []
            self.foot.instead = []

    def _strip(self, error: BaseException) -> None:
        if isinstance(error, (NbvizError, TypeError)):  # TypeError: an option that the method has not
            self._state("refused", str(error))
        else:
            details = "".join(traceback.format_exception(error))
            self._state("failed", f"{self._method.title} failed: {error or type(error).__name__}", details)
        ways = error.instead if isinstance(error, Refused) else ()
        self.foot.instead, self.bar.early = [[name, METHODS[name].title] for name in ways if name in METHODS], ""
        self.foot.high = ""

    def _gray(self) -> np.ndarray | None:
        return gray_picture(self.model, self.pictures[self.selection.image])

    # -- a person's own events ------------------------------------------------------------------------

    def _act(self, content: Content) -> None:
        acts: dict[str, Callable[[dict[str, Any]], None]] = {
            "method": self._choose_method, "option": self._choose_option, "point": self._pointed,
            "reset": lambda _: setattr(self.selection, "options", {}),
            "back": lambda _: setattr(self.selection, "canvas", "explanation"),
            "escape": self._escaped,
            "pin": lambda _: self._toggle(),
            "cancel": self._cancel, "last": lambda _: setattr(self.selection, "at", "last"),
            "channel": lambda content: setattr(self.selection, "channel", int(content["channel"])),
        }  # fmt: skip
        if content.get("event") in acts:
            acts[content["event"]](content)

    def _choose_method(self, content: dict[str, Any]) -> None:
        # at= is given, so that another method does not move the place where the map is explained
        self.selection.change(method=content["name"], canvas="explanation", at=self.selection.at)

    def _choose_option(self, content: dict[str, Any]) -> None:
        try:
            options = with_option(self._method, self.selection.options, content["name"], content["value"])
        except NbvizError as error:
            with LOCK:
                self._state("refused", str(error))
            return
        self.selection.options = options

    def _cancel(self, content: dict[str, Any]) -> None:
        self.links.cancel(self.slot)
        self.cancelled()

    def _toggle(self) -> None:
        shown = self._answer
        self.pinning.toggle(None if shown is None else (self.request(self.selection), shown))

    def _escaped(self, content: dict[str, Any]) -> None:
        if self.selection.canvas == "channel":
            self.selection.canvas = "explanation"
        else:
            self._pointed({"place": None, "pin": False})

    def _pointed(self, content: dict[str, Any]) -> None:
        here: list[float] | None = content.get("place")
        place = (here[0], here[1]) if here else None
        changes = dict[str, Any]()
        pin: tuple[Any, ...] | None = self.selection.pinned_place
        if content.get("pin") is not None:
            pin = changes["pinned_place"] = place if content["pin"] else None
        chosen = self.lines.chosen_at(place) if place and content.get("choose") else None
        if chosen is not None:
            changes["target"] = chosen
        # one act: pin, place and target would else be three rounds of all panels
        self.selection.change(**changes, place=place or pin)
        self._pin(self.selection)
