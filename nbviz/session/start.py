"""Start of an Explorer: its model and its arguments checked, and a layer whose maps a person can read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbviz import zoo
from nbviz.errors import NbvizError, Refused, nearest
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer, grid_layers
from nbviz.model.matching import matched
from nbviz.model.target import Target
from nbviz.model.trace import leads
from nbviz.passes.default_layer import last_layer
from nbviz.pictures.load import Picture, Pictures
from nbviz.pictures.sources import FROM_A_DATASET, DatasetLike
from nbviz.reviews.result import Review
from nbviz.session.plain import plain
from nbviz.session.selection import CHANNELS, Selection
from nbviz.session.state import State, changes_of

READABLE = 28
"""Places a side from which a map shows shapes."""
LEAST = 4
"""Places a side from which a map of evidence shows where in the picture it lies."""
NON_LINEAR = ("ReLU", "SiLU", "GELU", "Swish", "Mish", "ELU", "Sigmoid", "Activation", "SELU", "CELU")


def open_model(model: ModelLike | None, **options: Any) -> InstrumentedModel:  # noqa: ANN401 - the class's own
    """Return the model to explore: the embedded one for None; ``options`` are those of :class:`InstrumentedModel`."""
    # By identity: an array of names compares to a word element by element.
    given = {key: value for key, value in options.items() if not any(value is unset for unset in (None, False, "auto"))}
    if model is None:
        if given.keys() - {"device"}:
            raise NbvizError(f"{', '.join(given)}= belongs to a network of yours: pass it as the first argument.")
        return zoo.load(device=options["device"])
    if isinstance(model, InstrumentedModel):
        if given:
            raise NbvizError(f"This model has its own {', '.join(given)}: give them to InstrumentedModel instead.")
        return model
    return InstrumentedModel(model, **options)


def first_images(review: object) -> DatasetLike:
    """Return what to show where no images were given: the first pictures of a review, else a few photographs."""
    if not isinstance(review, Review) or review.items is None:  # what is none is refused where it is opened
        return zoo.photographs().pictures
    items = review.items
    return [items.read(int(number)) for number in review.column("items")[:FROM_A_DATASET]]


def classes_of(review: object) -> Sequence[str] | None:
    """Return what a review's data set calls its classes; None where there is no review or no name."""
    return review.items.classes if isinstance(review, Review) and review.items is not None else None


def name_classes(model: InstrumentedModel, pictures: Pictures) -> list[str]:
    """Give a network without class names those of its data set, where it has a score for each; return notes."""
    names = pictures.classes
    if not names:
        return []
    model.trace(model.input(next(iter(pictures.values()))))  # names of its weights may prove to be another head's
    if model.classes is not None:
        return []
    if model.scores != len(names):
        scores = model.scores or "no"
        return [f"The data set names {len(names)} classes, the network has {scores} scores: its classes are numbers."]
    model.classes = names
    return []


def with_labels(
    model: InstrumentedModel, pictures: Mapping[str, Picture], names: Sequence[str] | None
) -> tuple[dict[str, Picture], list[str]]:
    """Return the pictures labelled by the network's classes, and notes on labels that are others or none.

    names: what the data set calls its classes, which it may number in another order, as folders do by the alphabet.
    """
    shown = dict(pictures)
    if names is None or model.classes is None or not any(picture.label is not None for picture in shown.values()):
        return shown, []
    model.trace(model.input(next(iter(shown.values()))))  # names of its weights may prove to be another head's
    if model.classes is None:
        return shown, []
    try:
        classes, notes = matched(names, model.classes, named=True)
    except Refused as refusal:
        classes, notes = (-1,) * len(names), [f"Labels are left out. {refusal}"]
    if classes is None:
        return shown, notes
    table = {label: number for label, number in enumerate(classes) if number >= 0}
    return {
        name: Picture(name, picture.source, table.get(-1 if picture.label is None else picture.label))
        for name, picture in shown.items()
    }, notes


def check_start(start: dict[str, Any]) -> None:
    """Raise TypeError for keywords that neither the Explorer nor its selection has, with the nearest one."""
    known = [name for name in Selection.class_trait_names() if not name.startswith("_")]
    for name in start:
        if name not in known:
            given = ("classes", "transform", "device", "output", "multilabel", "hooks", "index", "atlas", "review")
            close = nearest(name, [*known, *given])
            raise TypeError(f"Explorer has no argument '{name}'" + (f"; did you mean '{close}'?" if close else "."))


def first_selection(
    model: InstrumentedModel,
    pictures: Mapping[str, Picture],
    start: Mapping[str, Any],
    stages: Iterable[str] = (),
    state: State | str | None = None,
) -> Selection:
    """Return the first selection: the first picture and a layer to read, unless ``start`` or ``state`` name others.

    stages: what the middle column has beside the channels. Where both name something, ``start`` counts.
    """
    known = changes_of({} if state is None else state, Selection.class_trait_names(), model)
    # traced at the first picture's own size before anything is chosen: layers and their grids follow from it
    name = start.get("image", known.get("image", next(iter(pictures))))
    if name in pictures:
        model.trace(model.input(pictures[name]))
    selection = Selection(model, pictures)
    selection.stages = (CHANNELS, *stages)
    selection.image = name
    chosen = start.get("layer") or known.get("layer")
    # options without a method are those of the one that a bare Selection has
    method = selection.method if "options" in start else first_method(model)
    at = "layer" if chosen else "last"
    selection.change(layer=chosen or first_layer(model), method=method, at=at)
    dropped: tuple[str, ...] = ()
    if state is not None:
        # of a state kept for another network what fits is taken, and the rest is named, not refused as a whole
        edits, dropped = selection.fitting(known.get("edits", ()))
        restored = json.loads(state) if isinstance(state, str) else dict(state)
        selection.restore(restored | {"edits": plain(edits, "selection.edits")} if dropped else state)
    given = {key: value for key, value in start.items() if key != "layer" or value}
    if "layer" not in given:
        given.setdefault("at", selection.at)
    selection.change(**given)
    selection.dropped = dropped
    selection.clear_history()
    Target.ensure(selection.target, model)  # an output that can't be read is said here, once
    return selection


def first_method(model: InstrumentedModel) -> str:
    """Return Grad-CAM where it draws the last layer on a grid that shows where the evidence is, for a class.

    Its blob over the object is read at a glance, and is there after one pass. The fine grain of integrated gradients
    takes many, and reads best by who has seen where to look: it is one click away, and first for all other networks.
    """
    if model.trace().kind != "classes" or not grid_layers(model.layers()):
        return "integrated_gradients"
    # a map of 1 × 1 says nothing of where
    last = last_layer(model)
    sees = last is None or _side(model.layer(last)) >= LEAST
    return "grad_cam" if sees else "integrated_gradients"


def first_layer(model: InstrumentedModel) -> str:
    """Return the last layer after a non-linearity whose maps are 28 × 28 or more; else the most readable one."""
    layers = [layer for layer in model.layers().walk() if layer.name and layer.channels]
    layers = [layer for layer in layers if layer.first_call is not None]
    if not layers and model.layers().channels:
        return model.layers().name  # a network of functions alone is its own only layer
    if not layers:
        raise NbvizError(f"No layer of {model.name} puts out channels that can be shown.")
    spatial = [layer for layer in layers if layer.places and not layer.children]
    if not spatial:
        return layers[0].name
    # an auxiliary head's layers come last, and the score does not read them
    through = model.trace().through
    spatial = [layer for layer in spatial if leads(layer, through)] or spatial
    activations = [layer for layer in spatial if any(word in layer.kind for word in NON_LINEAR)]
    for group in (activations, spatial):
        readable = [layer for layer in group if _side(layer) >= READABLE]
        if readable:
            return max(readable, key=lambda layer: layer.first_call or 0).name
    return max(activations or spatial, key=_side).name


def _side(layer: Layer) -> int:
    return min(layer.places or (0, 0))
