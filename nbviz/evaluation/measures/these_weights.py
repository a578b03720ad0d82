"""Dependence on the weights: with the last ones redrawn, the map must become another.

Adebayo et al. 2018 (arXiv:1810.03307) redraw layer after layer from the top. The test is judged at the top
three stages: after all of them guided backprop, which hardly looks at weights, slips through.
"""

from __future__ import annotations

import math
from statistics import median

from nbviz.evaluation.base import Explain, Map, Steps, Verdict, final, unable
from nbviz.evaluation.maps import empty, spearman, strength
from nbviz.evaluation.redrawn import redrawn
from nbviz.evaluation.registry import Case, Measured, measure
from nbviz.model.edit import picture_edits
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.picture import PictureLike

NAME = "these weights"
SIMILAR, SEEDS = 0.8, 3
"""Correlation from which on maps are taken for the same; draws of the weights."""


def these_weights(
    model: InstrumentedModel, picture: PictureLike, target: Target, judged: Map, explain: Explain
) -> Steps[Verdict]:
    """Judge by Spearman of the maps' strength before and after, median of three seeds: passed below .8.

    ``target`` with a class index: a redrawn network predicts something else.
    """
    reason = empty(judged)
    if reason:
        return unable(NAME, f"Other weights can't be compared: {reason}.")
    correlations: list[float] = []
    # an edited picture as it is: an attack on the redrawn network would be another
    shown = model.input(picture) if picture_edits(model) else picture
    layer = None if target.unit is None else target.unit.layer
    which = "the last weights before the channel" if layer else "its last weights"
    for seed in range(SEEDS):
        yield
        against = yield from final(explain(redrawn(model, seed, layer=layer), shown, target))
        similarity = None if empty(against) else spearman(strength(judged), strength(against))
        correlations += [] if similarity is None else [similarity]
    if len(correlations) * 2 <= SEEDS:
        return unable(NAME, "Other weights can't be compared: with them there is nothing to show.")
    # of three: one draw can't tell of coarse maps. Measured: gradient methods .5 at most, guided backprop .99
    similarity = median(correlations)
    figures = {"similarity": similarity}
    if similarity < SIMILAR:
        words = f"With {which} redrawn the network gives another map (similarity {similarity:.2f})."
        return Verdict(NAME, "passed", words, figures)
    words = f"With {which} redrawn the network gives almost the same map (similarity {similarity:.2f})."
    return Verdict(NAME, "not passed", words, figures)


@measure(NAME, verdict=True, methods_only=True, cost=SEEDS, progress="redrawing weights")
def _measure(case: Case) -> Steps[Measured]:
    """Judge whether the map changes with the last weights redrawn."""
    assert case.explain is not None
    verdict = yield from these_weights(case.model, case.picture, case.target, case.map, case.explain)
    return Measured({f"similarity, {NAME}": verdict.figures.get("similarity", math.nan)}, verdict)
