"""Explanation of targets by a registered method, step by step or whole, with the facts that all attributions state."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

from nbviz.attribution.attribution import Attribution
from nbviz.attribution.base import METHODS, Method
from nbviz.attribution.options import checked_options
from nbviz.errors import NbvizError, unknown
from nbviz.model.brief import ModelLike, brief_model
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target, TargetLike
from nbviz.passes.default_layer import default_layer
from nbviz.passes.shared_forwards import Shared
from nbviz.passes.subject import Subject
from nbviz.pictures.decode import is_finite
from nbviz.pictures.load import as_picture
from nbviz.pictures.picture import PictureLike
from nbviz.pictures.preprocessing import READY
from nbviz.replica.guest import Pass
from nbviz.replica.heap import kept_between
from nbviz.replica.user_code.user_hooks import Hooks

NO_EVIDENCE = "no positive evidence"
ZEROS = "black is an all-zero input: how the tensor was normalised is not known (transform= says it)"


def explain(
    model: InstrumentedModel,
    image: PictureLike,
    target: TargetLike,
    method: str,
    layer: str | None = None,
    **options: object,
) -> Iterator[Attribution]:
    """Yield attributions that get better; the last is final. Arguments as in :func:`attribute`."""
    for (attribution,) in explain_each(model, image, [target], method, layer, **options):
        if attribution is not None:
            yield attribution


def explain_each(
    model: InstrumentedModel,
    image: PictureLike,
    targets: Sequence[TargetLike],
    method: str,
    layer: str | None = None,
    **options: object,
) -> Iterator[tuple[Attribution | None, ...]]:
    """Yield attributions of several targets in turn, a step each; None for those still to come; the last are final.

    Each is what the target would get alone, to the bit; forwards that they have in common are run once.
    """
    chosen = _method(method)
    chosen_options = checked_options(chosen.title, chosen.options, options)
    picture = as_picture(image)
    x = model.input(picture)
    # before the pass: where nobody has asked for the structure yet, finding it runs the network
    model.trace(x)
    preprocessing = READY if picture.tensor is not None else model.transform.sentence  # a guess runs the network
    settled = [Target.ensure(target, model) for target in targets]
    if chosen.uses_layer:
        layer = default_layer(model, x, settled[0]).name if layer is None else _spatial(model, layer)
    elif layer is not None:
        model.layer(layer)
    started = time.perf_counter()

    def work(run: Pass) -> Iterator[tuple[Attribution | None, ...]]:
        # alone there is nothing to share, and a held graph would cost its memory
        shared = Shared() if len(settled) > 1 else None
        at = layer if chosen.uses_layer else None
        subjects = [Subject(model, run, x, target, at, shared) for target in settled]
        return _in_turn([_stated(chosen, subject, chosen_options, started, preprocessing) for subject in subjects])

    yield from kept_between(model.guest.steadily(work))


def _stated(
    method: Method, subject: Subject, options: dict[str, Any], started: float, preprocessing: str
) -> Iterator[Attribution]:
    common: dict[str, Any] = {"method": method.name, "unit": method.unit, "preprocessing": preprocessing}
    common |= {} if method.uses_target else {"any_class": True}
    # Of the options, not of the facts: a method names what it hides a part with as it likes.
    named = {**{option.name: option.default for option in method.options}, **options}
    dark = any(isinstance(value, str) and re.search(r"\b(black|gray)\b", value) for value in named.values())
    for attribution in method.run(subject, **options):
        # after a pass: on a device whose memory ran out there are no values to look at
        if dark and not subject.model.transform.knows_black(subject.x):
            common["black"] = ZEROS
        yield _with_facts(attribution, subject, started, common)


def _in_turn(all_of_them: list[Iterator[Attribution]]) -> Iterator[tuple[Attribution | None, ...]]:
    latest: list[Attribution | None] = [None] * len(all_of_them)
    left = dict(enumerate(all_of_them))
    while left:
        for place, attributions in list(left.items()):
            attribution = next(attributions, None)
            if attribution is None:
                del left[place]
                continue
            latest[place] = attribution
            yield tuple(latest)


@overload
def attribute(
    net_or_model: ModelLike,
    image: PictureLike,
    target: list[TargetLike],
    method: str = ...,
    layer: str | None = ...,
    *,
    hooks: Hooks = ...,
    **options: object,
) -> list[Attribution]: ...


@overload
def attribute(
    net_or_model: ModelLike,
    image: PictureLike,
    target: TargetLike = ...,
    method: str = ...,
    layer: str | None = ...,
    *,
    hooks: Hooks = ...,
    **options: object,
) -> Attribution: ...


def attribute(
    net_or_model: ModelLike,
    image: PictureLike,
    target: TargetLike | list[TargetLike] = "predicted",
    method: str = "integrated_gradients",
    layer: str | None = None,
    *,
    hooks: Hooks = "auto",
    **options: object,
) -> Attribution | list[Attribution]:
    """Explain one score of a network for one picture, or several at once.

    net_or_model: any ``nn.Module`` or an :class:`InstrumentedModel`; it is left untouched. image: a picture, or a
    preprocessed float tensor (1, C, H, W). target: class index or name, ``"predicted"``, a pair (a tuple: contrast), a
    callable, or a :class:`Target`: a class over a region, a detector's box, a channel. A list of these gives a list of
    attributions, each as it would be alone, for less. method: a key of ``nbviz.METHODS``. layer: for methods that use
    one; left out, the last whose places the score depends on. hooks: what becomes of hooks of yours on a plain network,
    see :class:`InstrumentedModel`. options: the method's own. Raises :class:`NbvizError` for what can't be done.
    """
    usual = isinstance(hooks, str) and hooks == "auto"
    if not usual and isinstance(net_or_model, InstrumentedModel):
        raise NbvizError("This model has its own hooks: give hooks= to InstrumentedModel instead.")
    model = brief_model(net_or_model) if usual else InstrumentedModel(net_or_model, hooks=hooks)
    targets = target if isinstance(target, list) else [target]
    if not targets:
        raise NbvizError("target=[] names nothing to explain.")
    picture = as_picture(image)
    answers: tuple[Attribution | None, ...] = ()
    # whether the network is still as it was is asked once for all the passes within
    with model.guest.one_look():
        for answers in explain_each(model, picture, targets, method, layer, **options):
            pass
    seen = model.seen(picture)
    attributions = [replace(attribution, picture=seen) for attribution in answers if attribution is not None]
    if not attributions:
        raise NbvizError(f"Method '{method}' yielded no attribution.")
    return attributions if isinstance(target, list) else attributions[0]


def _with_facts(attribution: Attribution, subject: Subject, started: float, common: Mapping[str, Any]) -> Attribution:
    facts = {
        "score": subject.score,
        "target": subject.target_words,
        "layer": subject.layer,
        "calls": subject.calls,
        "dtype": str(subject.x.dtype).removeprefix("torch."),
        "seconds": time.perf_counter() - started,
        "status": _status(attribution, subject.score),
        **common,
        **attribution.facts,
    }
    if subject.run.snapshot:
        facts["weights"] = "a snapshot: the network is being trained"
    if (known := subject.model.known) is not None and known.head.remark:
        facts["output"] = known.head.remark
    if known is not None and known.mixes:
        facts["batches"] = "one picture at a time: the network mixes the pictures of a batch, or takes no others"
    notes = [note for note in (*subject.model.guest.notes, common.get("black")) if note]
    if notes:
        facts["note"] = "; ".join(notes)
    return replace(attribution, facts=facts)


def _status(attribution: Attribution, score: float | None) -> str:
    finite = is_finite(attribution.values) and is_finite(attribution.evidence)
    if not finite or (score is not None and not math.isfinite(score)):
        return "non-finite"
    if not attribution.evidence.any():
        return NO_EVIDENCE if attribution.values.any() else "no evidence"
    return "ok"


def _method(name: str) -> Method:
    if not isinstance(name, str) or name not in METHODS:
        raise unknown("Method", name, METHODS, "nbviz")
    return METHODS[name]


def _spatial(model: InstrumentedModel, name: str) -> str:
    layer = model.layer(name)
    if layer.places is None:
        reason = layer.layout.reason if layer.layout is not None and layer.layout.reason else ""
        why = reason or f"its output {layer.shape} has no places" if layer.shape else "it is never called"
        raise NbvizError(f"No map can be drawn at layer '{name}': {why}.")
    return layer.name
