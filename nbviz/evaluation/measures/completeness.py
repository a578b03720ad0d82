"""Completeness: a map's sum against the difference of the scores that it shares out."""

from __future__ import annotations

import torch

from nbviz.evaluation.base import Map, Steps, all_scores
from nbviz.evaluation.maps import signed
from nbviz.evaluation.registry import Case, measure
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.picture import PictureLike


def completeness(
    model: InstrumentedModel, picture: PictureLike, target: Target, judged: Map, baseline: torch.Tensor | None = None
) -> Steps[float | None]:
    """Return abs(Σ values − (F(x) − F(x′))) / abs(F(x) − F(x′)); None where the scores do not differ.

    baseline: x′ (1, C, H, W), black by default. Only methods that promise to be complete (integrated gradients)
    are wrong where this is large; a small one is no proof, for errors cancel.
    """
    x = model.input(picture)
    start = model.transform.black(x) if baseline is None else baseline.to(x)
    # both in one batch: a difference is of one version of the weights
    scores = yield from all_scores(model, target, lambda: iter([torch.cat([x, start])]))
    difference = float(scores[0] - scores[1])
    return abs(float(signed(judged).sum()) - difference) / abs(difference) if difference else None


@measure("completeness", cost=2, default=False)
def _measure(case: Case) -> Steps[float | None]:
    """Distance of the map's sum from the difference of the scores of the picture and a black one."""
    return completeness(case.model, case.picture, case.target, case.map)
