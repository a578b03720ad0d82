"""Edits: what they add to a request, none and one, and what the desks' measurements cost, in CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
import torch

PAIRS, CALLS = 9, 2000


def rows() -> Iterator[str]:
    """A line a figure, each beside a forward of the same run."""
    import nbviz
    from nbviz.edits import Attack, Paint
    from nbviz.session.context import LiveContext
    from nbviz.session.requests.base import ExplainRequest, ScoresRequest
    from nbviz.session.requests.edits.edited_request import with_edits

    model, picture = nbviz.zoo.load(), nbviz.zoo.photographs()["cat"]
    from nbviz.pictures.load import as_picture
    from nbviz.session.requests.edits.flip import ScanFlip

    cat, x = as_picture(picture), model.input(picture)
    model.predict(cat)
    asked = ScoresRequest(cat)
    yield f"no edits, over a request: {1e6 * _each(lambda: with_edits(asked, ())):.2f} µs (≤ 1000)"
    mask = np.zeros(x.shape[2:], bool)
    mask[60:120, 60:120] = True
    plain, painted = LiveContext(model), LiveContext(model)
    with_paint = with_edits(asked, (Paint(mask),))
    bare, edited = [], []
    for _ in range(PAIRS):
        bare.append(_answered(plain, asked))
        edited.append(_answered(painted, with_paint))
    yield (
        f"scores without an edit {1000 * median(bare):.1f} ms, of a painted picture {1000 * median(edited):.1f} ms: "
        f"{1000 * (median(edited) - median(bare)):+.1f} ms"
    )
    forward = median(_seconds(lambda: model(x)) for _ in range(PAIRS))
    attack = median(_seconds(lambda: Attack("pgd", 1.0).run(x, model)) for _ in range(3))
    step = median(_seconds(lambda: _backward(model, x)) for _ in range(PAIRS))
    yield f"PGD, 10 steps, over as many forwards and backwards: {attack / (10 * step):.2f} ×"
    scan = ScanFlip((), "blur", ExplainRequest(cat, _target(), "saliency", None))
    context = LiveContext(model)
    context.answer(scan.explanation)
    whole = _seconds(lambda: context.answer(scan))
    yield f"until it flips: {whole:.1f} s, {whole / (600 * forward):.2f} × its 600 forwards one by one"


def _target() -> Any:
    from nbviz.model.target import Target

    return Target()


def _each(act: Callable[[], object]) -> float:
    return median(_seconds(lambda: [act() for _ in range(CALLS)]) for _ in range(PAIRS)) / CALLS


def _answered(context: Any, request: Any) -> float:
    context.cache.clear()
    return _seconds(lambda: context.answer(request))


def _backward(model: Any, x: torch.Tensor) -> None:
    leaf = x.clone().requires_grad_()
    torch.autograd.grad(model(leaf).amax(), leaf)


def _seconds(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun
