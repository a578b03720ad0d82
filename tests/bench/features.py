"""What a step of a made picture costs beyond forward and backward, and what a page costs beside lucent's.

lucent is wanted for the comparison only: ``pip install --no-deps torch-lucent kornia==0.5.11 decorator future``.
"""

from __future__ import annotations

import copy
import os
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

import nbviz
from nbviz.features import channel, recipe_for, visualize
from nbviz.features.ascent import Ascent
from nbviz.features.model_view import ModelView, outputs
from nbviz.features.optimise import _chunks, parametrisation_of
from nbviz.features.parametrisation import Canvas
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.heap import kept_heap
from tests.bench.measure import Row, cpu, paired

LAYER, PAGE = "blocks.8", int(os.environ.get("NBVIZ_PAGE", "24"))
SIZES = (96, 112, 160, 224)
MOST_STEPS = int(os.environ.get("NBVIZ_STEPS", "128"))


def rows() -> Iterator[Row | str]:
    """Steps over their floor, then lucent's where it is installed."""
    model = nbviz.zoo.load("efficientnet_lite0")
    model.trace()
    with kept_heap():  # as in nbviz.visualize; both sides of a comparison have it
        yield from _steps(model)


def _steps(model: InstrumentedModel) -> Iterator[Row | str]:
    for size in SIZES:
        yield model.guest.steady(partial(_step, model, size))
    lucent = _lucent()
    if lucent is None:
        yield f"lucent is not installed, its rows are skipped: {__doc__.splitlines()[2]}"  # type: ignore[union-attr]
        return
    for at in (112, 224):
        yield model.guest.steady(partial(_beside, model, lucent, at))
    yield from _page(model, lucent)


def _ascent(model: InstrumentedModel, run: Any, size: int) -> Ascent:
    recipe = recipe_for(model, LAYER, size=size, steps=10_000)
    eye = ModelView(model, run)
    eye.fit((size, size), [LAYER])
    parametrisation = parametrisation_of(recipe, Canvas((size, size)))
    return _chunks(eye, [channel(LAYER, number) for number in range(4)], recipe, parametrisation)[0]


def _step(model: InstrumentedModel, size: int, run: Any) -> Row:
    """Four pictures, as many as climb together."""
    ascent = _ascent(model, run, size)
    x = torch.rand(4, 3, size, size).contiguous(memory_format=torch.channels_last)

    def floor() -> None:
        inner = x.detach().requires_grad_()
        maps = outputs(model, run, inner, [LAYER])[LAYER]
        torch.autograd.grad(sum(maps[i, i].mean() for i in range(4)), inner)

    what, base = f"step of 4 × {size} px at {LAYER}", "truncated forward + backward"
    return paired(what, ascent.advance, base, floor, limit=1.25)


def _lucent() -> Any:
    """lucent's parts, or None."""
    from nbviz.replica.torchvision_import import torchvision

    torchvision()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from lucent.optvis import objectives, param, render, transform
    except ImportError:
        return None
    return objectives, param, render, transform


def _render(model: InstrumentedModel, lucent: Any, size: int, count: int, steps: tuple[int, ...]) -> Callable[[], Any]:
    """lucent's own recipe on the same channels, at the same size, with this network's preprocessing."""
    objectives, param, render, transform = lucent
    net = copy.deepcopy(model.net)
    name = LAYER.replace(".", "_")
    wanted = sum(objectives.channel(name, number, batch=number) for number in range(count))
    steps_of = [*transform.standard_transforms, lambda image: 2 * image - 1]
    return partial(
        render.render_vis, net, wanted, lambda: param.image(size, batch=count), transforms=steps_of, thresholds=steps,
        preprocess=False, progress=False, show_image=False, fixed_image_size=size,
    )  # fmt: skip


def _beside(model: InstrumentedModel, lucent: Any, size: int, run: Any) -> Row:
    ascent = _ascent(model, run, size)

    def ours() -> None:
        for _ in range(4):
            ascent.advance()

    def theirs() -> None:
        _render(model, lucent, size, 4, (4,))()

    theirs()
    return paired(f"4 steps of 4 × {size} px at {LAYER}", ours, "lucent's", theirs, limit=0.5, rounds=5)


def _page(model: InstrumentedModel, lucent: Any) -> Iterator[str]:
    """Time to the same activation: lucent may stop at the first of some counts of steps at which it has ours."""
    made: list[Tensor] = []
    seconds = cpu(lambda: made.append(visualize(model, LAYER, range(PAGE), path=False)))
    reached, size = _says(model, made[0]), made[0].shape[-1]
    spent, share, step = 0.0, 0.0, 0
    counts = [count for count in (8, 16, 32, 64, 128, 256, 512) if count <= MOST_STEPS]
    for step in counts:
        pictures: list[Any] = []
        spent = cpu(partial(_keep, pictures, _render(model, lucent, size, PAGE, (step,))))
        theirs = _says(model, torch.from_numpy(np.ascontiguousarray(pictures[-1])).permute(0, 3, 1, 2).float())
        share = float((theirs / reached).median())
        yield f"  lucent, {step} steps: {spent:.1f} s, {share:.2f} of our activation (median of {PAGE} channels)"
        if share >= 1:
            break
    what = f"page of {PAGE} × {size} px at {LAYER}: {seconds:.1f} s, {seconds / spent:.2f} × lucent's"
    late = " !" if seconds > 0.25 * spent and share >= 1 else ""
    yield f"{what} {spent:.1f} s to {share:.2f} of the same activation (≤ 0.25){late}"


def _keep(kept: list[Any], render: Callable[[], Any]) -> None:
    kept.extend(render())


def _says(model: InstrumentedModel, pictures: Tensor) -> Tensor:
    """Mean activation of picture n's channel n."""

    def work(run: Any) -> Tensor:
        eye = ModelView(model, run)
        with torch.no_grad():
            maps = [eye.look(part, [LAYER])[LAYER].mean((2, 3)) for part in pictures.split(4)]
        return torch.cat(maps).diagonal()

    return model.guest.steady(work)


if __name__ == "__main__":
    begun = time.perf_counter()
    for row in rows():
        print(f"{time.perf_counter() - begun:6.0f} s  {row}", flush=True)
