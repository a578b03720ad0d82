"""The words around an explanation: figures with units, nothing invented, nothing left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbviz.attribution import METHODS
from nbviz.attribution.words import (
    Run,
    caption,
    card_lines,
    facts_lines,
    heading,
    nothing_words,
    pixel,
    progress_lines,
    strongest,
    tip_words,
    trust_lines,
)
from nbviz.drawing.numbers import duration, figure, ordinal

FACTS: dict[str, Any] = {
    "score": 8.31, "target": "tabby", "layer": None, "calls": 49, "dtype": "float32", "seconds": 1.9,
    "status": "ok", "baseline": "black", "baseline_score": 0.42, "residual": 0.023, "map_error": 0.041,
}  # fmt: skip


def text(runs: list[Run]) -> str:
    return "".join(run if isinstance(run, str) else run[0] for run in runs)


def test_a_still_with_tests_under_way_says_that_it_was_taken_early() -> None:
    ended = trust_lines([("converged", "passed"), ("hiding", "can't tell")], ["One."])
    assert [text(line) for line in ended] == ["trust: converged passed · hiding can't tell", "One."]
    early = [text(line) for line in trust_lines([("converged", "passed"), ("hiding", "judging")], [])]
    assert early == [
        "trust: converged passed · hiding not judged yet",
        "This picture was taken before every test of the map had ended.",
    ]
    assert trust_lines([], []) == []


def test_integrated_gradients_say_what_is_explained_and_how_well() -> None:
    first, second = facts_lines(FACTS)
    assert text(first) == "explains the score of tabby: 8.31, from 0.42 for a black picture"
    assert text(second) == "map within 4.1 % · residual 2.3 % · 49 evaluations · 1.9 s"
    assert ("tabby", "strong") in first and ("4.1 %", "strong") in second


def test_a_layer_method_says_where() -> None:
    where = {"layer": "blocks.4.body.2", "places": (28, 28)}
    facts = {"score": -3.5, "target": "tabby", "calls": 1, "seconds": 0.07, **where}
    first, second = map(text, facts_lines(facts))
    assert first == "explains the score of tabby: −3.50, at blocks.4.body.2 (28 × 28)"
    assert second == "1 evaluation · 70 ms"


def test_a_card_says_the_score_first_for_its_title_has_class_and_layer() -> None:
    first, second = card_lines(FACTS)
    assert text(first) == "score 8.31, from 0.42 for a black picture" and ("8.31", "strong") in first
    assert second == facts_lines(FACTS)[1]
    where = {"score": -3.5, "target": "tabby rather than cup", "layer": "blocks.4", "places": (28, 28)}
    assert text(card_lines(where)[0]) == "difference of scores −3.50"


def test_what_a_method_adds_is_shown_and_what_it_lacks_is_not() -> None:
    own = {"samples": 25, "noise_level": 0.15, "curve": [1, 2]}
    line = text(facts_lines({"score": 1.0, "target": "a", **own})[1])
    assert line == "samples 25 · noise level 0.150"
    assert "None" not in text(facts_lines({"score": 1.0, "target": "a", "residual": None})[1])


def test_weights_in_training_are_a_warning() -> None:
    assert ("a snapshot", "warn") in facts_lines({**FACTS, "weights": "a snapshot"})[1]


def test_stopping_as_asked_is_silent_and_stopping_short_is_not() -> None:
    assert facts_lines({**FACTS, "stopped": "tolerance reached"}) == facts_lines(FACTS)
    assert ("maximum reached", "warn") in facts_lines({**FACTS, "stopped": "maximum reached"})[1]


def test_a_contrast_is_a_difference_and_both_classes_are_set_off() -> None:
    runs = heading("tabby rather than tiger cat")
    assert text(runs) == "why tabby rather than tiger cat?"
    assert [run[0] for run in runs if not isinstance(run, str)] == ["tabby", "tiger cat"]
    assert "difference of scores" in text(facts_lines({**FACTS, "target": "tabby rather than cup"})[0])


def test_progress_says_how_far_and_how_good_so_far() -> None:
    first, second = progress_lines("25 evaluations, of at most 200", {"map_error": 0.09})
    assert text(first) == "25 evaluations, of at most 200" and text(second) == "map within 9.0 % so far"
    assert progress_lines("", {}) == [[], []]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (8.314, "8.31"), (-0.717, "−0.717"), (0.0513, "0.051"), (0.0012, "0.0012"), (1e-5, "1.0e-05"),
     (12345.6, "12,346"), (float("nan"), "not a number"), (None, "")],
)  # fmt: skip
def test_figures_are_short(value: float | None, words: str) -> None:
    assert figure(value) == words


def test_times_and_ranks() -> None:
    assert [duration(s) for s in (0.0721, 1.94, 0.1999)] == ["72 ms", "1.9 s", "0.2 s"]
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"
    ]  # fmt: skip


def test_the_caption_names_the_strongest_place() -> None:
    heat = np.zeros((5, 7), np.float32)
    heat[3, 6] = -2
    words = caption("Saliency", "tabby", "cat", heat)
    assert words == "Saliency for tabby over the picture cat; strongest evidence at row 3, column 6."
    assert "no evidence" in caption("Saliency", "tabby", "cat", np.zeros((5, 7)))


def test_the_strongest_place_passes_over_what_is_not_finite() -> None:
    heat = np.array([[np.nan, 1.0], [np.inf, 0.5]])
    assert strongest(heat) == (0, 1)
    assert strongest(np.full((2, 2), np.nan)) is None


def test_a_place_at_the_very_edge_is_still_inside() -> None:
    assert pixel((1.0, 1.0), (4, 9)) == (3, 8)
    assert pixel((-0.1, 0.0), (4, 9)) == (0, 0)


def test_pointing_reads_a_coarse_map_at_its_own_place() -> None:
    values = np.arange(4, dtype=np.float32).reshape(2, 2)
    assert tip_words((0.9, 0.1), values, (224, 224), [146, 190]) == (
        "row 201, column 22 · 2.00\nstrongest here: ch 146, 190"
    )
    assert tip_words((0.9, 0.1), None, (224, 224), []) == "row 201, column 22"


def test_nothing_to_show_is_a_sentence() -> None:
    words = nothing_words("Grad-CAM", "tabby", "stem.0", "no positive evidence")
    assert words == "Grad-CAM finds no positive evidence for tabby at this layer."
    assert "not finite" in nothing_words("Saliency", "tabby", None, "non-finite")


def test_a_methods_sentence_fits_the_line_below_its_menu() -> None:
    long = {method.name: method.sentence for method in METHODS.values() if len(method.sentence) > 66}
    assert long == {}
