"""Score-CAM: each channel is weighed by the score of the picture seen through its map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import torch
from torch.nn import functional

from nbviz.attribution.base import About, Attribution, register, result
from nbviz.attribution.baselines import Fill, baseline, baseline_name
from nbviz.attribution.batch_size import at_once
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject, record

Maximum = Annotated[
    int,
    About(
        "How many channels of the layer are tried, those that are most active first.", 1, 4096, label="channels at most"
    ),
]


@register("Score-CAM", "Wang et al. 2020, arXiv:1910.01279", uses_layer=True, family="class activation")
def score_cam(
    subject: Subject,
    *,
    maximum: Maximum = 256,
    fill: Fill = "black",
) -> Iterator[Attribution]:
    """Where the channels are active whose maps keep the score up.

    values: Σ_k α_k·A_k at the layer's resolution (h, w); α is the softmax over channels of the score of the
    picture faded to ``fill`` by A_k, enlarged bilinearly and stretched to 0…1. Flat channels can't be stretched
    and are left out; where no map changes the score the answer is zero. heat: the positive part, interpolated
    bilinearly. ``facts["channels"]`` says how many were tried. One forward per channel, no gradients.
    """
    with torch.no_grad():
        scores, activations = record(subject, subject.x, subject.layer or "")
    activation = at_least_single(activations[subject.layer or ""].maps[0])
    flat = activation.flatten(1)
    live = torch.nonzero(flat.amax(1) > flat.amin(1)).flatten()
    # stable: of channels equally active the same ones are tried every time
    order = live[flat[live].square().sum(1).argsort(descending=True, stable=True)][:maximum]
    scores = at_least_single(scores)
    change = torch.empty(0, dtype=scores.dtype, device=scores.device)
    facts: dict[str, Any] = {"places": tuple(activation.shape[1:]), "fill": baseline_name(fill)}
    through, batch = _Through(subject, baseline(subject, fill)), at_once(subject)
    for begin in range(0, len(order), batch):
        change = torch.cat([change, through(activation[order[begin : begin + batch]]) - scores])
        tried = len(change)
        if tried < len(order):
            values = _weighed(activation[order[:tried]], change)
            words = f"{tried} of {len(order)} channels"
            done = tried / len(order)
            yield result(subject, values, values.clamp(min=0), done=done, progress=words, **facts)
    values = _weighed(activation[order], change)
    facts["channels"] = f"{len(order)} of {len(activation)}"
    yield result(subject, values, values.clamp(min=0), **facts)


class _Through:
    """Scores of the picture seen through maps."""

    def __init__(self, subject: Subject, fill: torch.Tensor) -> None:
        self._subject, self._fill = subject, fill

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the scores (N,) of the picture, faded to the fill where a map (N, h, w) is low."""
        x = self._subject.x
        wide = functional.interpolate(maps[:, None], size=x.shape[2:], mode="bilinear", align_corners=False)
        low, high = wide.amin((2, 3), keepdim=True), wide.amax((2, 3), keepdim=True)
        # enlarging may flatten a map that was not flat: the smallest number instead of 0
        shares = (wide - low) / (high - low).clamp(min=torch.finfo(wide.dtype).tiny)
        with torch.no_grad():
            return self._subject.scores((self._fill + shares * (x - self._fill)).to(x))


def _weighed(maps: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    # a softmax of equal changes would spread weights evenly, and show the mean of all channels as evidence
    if not change.any():
        return torch.zeros(maps.shape[1:], dtype=maps.dtype, device=maps.device)
    return (change.softmax(0)[:, None, None] * maps).sum(0)
