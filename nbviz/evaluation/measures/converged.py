"""Convergence: whether the map is the one its method defines, or only an early estimate."""

from __future__ import annotations

from nbviz.evaluation.base import Map, Verdict, unable
from nbviz.evaluation.maps import empty
from nbviz.evaluation.registry import Case, measure

NAME = "converged"
ERROR, RELIABLE = 0.10, 0.9
"""Error of the map that is allowed; correlation with a repetition that is asked for."""


def converged(judged: Map) -> Verdict:
    """Judge convergence: at most 10 % of error, or a reliability of .9, by the method's own estimate.

    ``facts["map_error"]`` and ``facts["reliability"]`` are estimates; a method that states neither, no
    draws and no ``residual`` of a sum, computes its definition in one go.
    """
    reason = empty(judged)
    if reason:
        return unable(NAME, f"Whether it has converged can't be told: {reason}.")
    facts = judged.facts
    if facts.get("map_error") is not None:
        return _by_error(float(facts["map_error"]))
    if facts.get("reliability") is not None:
        return _by_reliability(float(facts["reliability"]))
    # one draw alone: a method states an error from two on
    if "samples" in facts or "masks" in facts:
        return unable(NAME, "So few draws say nothing of their error.")
    if facts.get("residual") is not None:
        return unable(NAME, "A fixed number of steps says nothing of its error.")
    return Verdict(NAME, "passed", "Nothing in this map is estimated: it is computed as it is defined.")


def _by_error(error: float) -> Verdict:
    figures = {"map error": error}
    # NaN: comparisons with it are all false, so that it would pass for the last case
    if error != error:
        return unable(NAME, "The map's error could not be estimated.")
    if error <= ERROR:
        return Verdict(NAME, "passed", f"The map is within {error:.1%} of its limit.", figures)
    if error > 1:
        return Verdict(NAME, "not passed", "Not converged: what is unsure is more than the map itself.", figures)
    return Verdict(NAME, "not passed", f"Not converged: the map is still {error:.0%} from its limit.", figures)


def _by_reliability(reliability: float) -> Verdict:
    figures = {"reliability": reliability}
    if reliability >= RELIABLE:
        words = f"A repetition with other masks would correlate {reliability:.2f} with this map."
        return Verdict(NAME, "passed", words, figures)
    words = f"Not converged: a repetition with other masks would correlate only {reliability:.2f} with this map."
    return Verdict(NAME, "not passed", words, figures)


@measure(NAME, verdict=True, methods_only=True)
def _measure(case: Case) -> Verdict:
    """Judge whether the map is the one its method defines, or only an early estimate."""
    return converged(case.map)
