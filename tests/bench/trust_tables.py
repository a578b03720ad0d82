"""The tables of the trust study, from what it collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import torch

from nbviz.evaluation import Hidings, Verdict
from nbviz.evaluation.base import State
from nbviz.evaluation.controls import random_like
from nbviz.evaluation.measures.hiding import ALPHA, compared
from nbviz.evaluation.measures.this_class import SIMILAR

SMOOTHNESS = (0.0, 0.7, 1.5, 3.0)
DRAWS = 20
Kept = dict[Any, Any]


def tables(kept: Kept) -> str:
    """Everything that can be said of what is there, as Markdown."""
    return "\n\n".join("\n".join(part(kept)) for part in (hiding_rates, controls, false_alarms, alike_rows, reach))


def pictures(kept: Kept, *last: str) -> list[str]:
    return [key[0] for key in kept if key[1:] == last]


def judged(kept: Kept, kind: str, method: str) -> list[Verdict]:
    names = pictures(kept, method, kind)
    return [compared(kept[name, "hidings"], kept[name, method, kind]["cells"]) for name in names]


def hiding_rates(kept: Kept) -> Iterator[str]:
    yield "| hiding | pictures | mean r | p < .05 | full rule | wrong class: p < .05 | full rule |"
    yield "|---|---|---|---|---|---|---|"
    for method in dict.fromkeys(key[1] for key in kept if key[-1] == "cells"):
        true, wrong = (judged(kept, kind, method) for kind in ("cells", "class"))
        yield f"| {method} | {_rates(true)} | {_rates(wrong, False)} |"


def controls(kept: Kept) -> Iterator[str]:
    yield "| hiding | pictures | mean r | p < .05 | full rule |\n|---|---|---|---|---|"
    found = [kept[key] for key in kept if key[-1] == "hidings"]
    for name in ("edges", "centre"):
        yield f"| {name} | {_rates([compared(hidden, hidden.controls[name]) for hidden in found])} |"


def false_alarms(kept: Kept) -> Iterator[str]:
    yield f"| random maps, {DRAWS} a picture | maps | mean r | p < .05 | full rule |\n|---|---|---|---|---|"
    fields: dict[str, Callable[[Hidings, int], torch.Tensor]] = {
        f"smooth over {sigma} cells": partial(_random, sigma) for sigma in SMOOTHNESS
    }
    fields["random × centre blob"] = _random_centre
    hidings = {key[0]: kept[key] for key in kept if key[-1] == "hidings"}
    for name, field in fields.items():
        verdicts = [compared(hidden, field(hidden, 1000 + s)) for hidden in hidings.values() for s in range(DRAWS)]
        yield f"| {name} | {_rates(verdicts)} |"
    for method in ("grad_cam", "integrated_gradients"):
        verdicts = [
            compared(hidings[name], random_like(kept[name, method, "cells"]["cells"], seed))
            for name in pictures(kept, method, "cells")
            for seed in range(DRAWS)
        ]
        yield f"| as smooth as {method} | {_rates(verdicts)} |"


def _random(sigma: float, hidden: Hidings, seed: int) -> torch.Tensor:
    return smooth(hidden.cells, sigma, seed)


def _random_centre(hidden: Hidings, seed: int) -> torch.Tensor:
    return smooth(hidden.cells, 0.7, seed).exp() * hidden.controls["centre"]


def smooth(cells: tuple[int, int], sigma: float, seed: int) -> torch.Tensor:
    """White noise on a grid of cells, blurred by a Gaussian of ``sigma`` cells around the edges."""
    noise = torch.randn(cells, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    down, across = (torch.fft.fftfreq(n, dtype=torch.float64) for n in cells)
    gain = torch.exp(-2 * (torch.pi * sigma) ** 2 * (down[:, None] ** 2 + across**2))
    blurred = torch.fft.ifft2(torch.fft.fft2(noise) * gain).real
    return (blurred - blurred.mean()) / blurred.std()


def _rates(verdicts: list[Verdict], many: bool = True) -> str:
    if not verdicts:
        return "– | – | – | –" if many else "– | –"
    shown = [verdict.figures.get("p", 1.0) < ALPHA for verdict in verdicts]
    passed = [verdict.state == "passed" for verdict in verdicts]
    r = sum(verdict.figures.get("r", 0.0) for verdict in verdicts) / len(verdicts)
    rates = f"{sum(shown) / len(shown):.3f} | {sum(passed) / len(passed):.3f}"
    return f"{len(verdicts)} | {r:.2f} | {rates}" if many else rates


def alike_rows(kept: Kept) -> Iterator[str]:
    yield "| method | other class: median, range | passed | other weights: median, range | passed |"
    yield "|---|---|---|---|---|"
    for method in dict.fromkeys(key[1] for key in kept if key[-1] == "class"):
        classes = [kept[name, method, "class"]["alike"] for name in pictures(kept, method, "class")]
        weights = [kept[name, method, "weights"] for name in pictures(kept, method, "weights")]
        states: list[State] = [verdict.state for verdict in weights]
        alike = [verdict.figures["similarity"] for verdict in weights if "similarity" in verdict.figures]
        passed = sum(a is not None and a < SIMILAR for a in classes)
        weighed = f"{_range(alike)} | {states.count('passed')} of {len(states)}"
        yield f"| {method} | {_range(classes)} | {passed} of {len(classes)} | {weighed} |"


def _range(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):.2f}, {min(known):.2f} … {max(known):.2f}" if known else "–"


def reach(kept: Kept) -> Iterator[str]:
    reach = [kept[key].reach for key in kept if key[-1] == "hidings"]
    yield f"The best sum over cells, cross-validated: {_range(reach)} over {len(reach)} pictures."
