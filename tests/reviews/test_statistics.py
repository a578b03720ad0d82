"""Intervals, calibration, classes and slices against scipy, scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn import metrics

import nbviz
from nbviz.errors import Refused
from nbviz.pictures.eval_transform import EvalTransform
from nbviz.reviews.statistics.calibration import brier, log_loss, reliability, risk_coverage, temperature
from nbviz.reviews.statistics.classes import class_table, confusion
from nbviz.reviews.statistics.intervals import holm, paired_difference, wilson
from nbviz.reviews.statistics.slices import slice_table, slices_of

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("hits", "of"), [(0, 10), (10, 10), (3, 7), (480, 1000), (1, 1)])
def test_wilson_is_scipy_s(hits: int, of: int) -> None:
    low, high = wilson(hits, of)
    theirs = binomtest(hits, of).proportion_ci(0.95, method="wilson")
    assert (float(low), float(high)) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_of_nothing_everything_is_possible() -> None:
    assert tuple(float(end) for end in wilson(0, 0)) == (0.0, 1.0)


def test_holm_by_hand() -> None:
    # ordered .01 .02 .03 .04: times 4, 3, 2, 1 → .04 .06 .06 .06, never falling
    np.testing.assert_allclose(holm([0.03, 0.01, np.nan, 0.04, 0.02]), [0.06, 0.04, np.nan, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1.0, 1.0])


def test_the_error_of_a_network_that_is_always_right_and_ever_less_sure() -> None:
    confidence = np.linspace(0.5, 1, 300)
    found = reliability(confidence, np.ones(300, bool))
    assert found.error == pytest.approx(0.25)
    assert found.counts.sum() == 300 and found.counts.min() >= 30 and len(found.counts) == 10
    assert found.beyond_chance


def test_bins_are_of_equal_mass_and_hold_every_picture_once() -> None:
    confidence = np.concatenate([np.full(500, 1.0), RNG.random(500)])  # half of them tied at the last edge
    found = reliability(confidence, RNG.random(1000) < confidence)
    assert found.counts.sum() == 1000 and found.counts.min() >= 30
    assert found.edges[-1] == 1.0 and (np.diff(found.edges)[:-1] > 0).all()
    assert found.counts[-1] >= 500


def test_all_equally_sure_is_one_bin() -> None:
    found = reliability(np.full(64, 0.75), np.arange(64) < 48)
    assert len(found.counts) == 1 and found.error == pytest.approx(0.0)


def test_a_calibrated_network_lies_in_its_own_band_as_often_as_it_should() -> None:
    beyond = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        confidence = rng.beta(4, 1, 300)
        beyond += reliability(confidence, rng.random(300) < confidence, draws=200).beyond_chance
    assert 1 <= beyond <= 24  # 5 % of 200 is 10


def test_too_few_pictures_have_no_calibration() -> None:
    with pytest.raises(Refused, match="30"):
        reliability(np.full(29, 0.5), np.ones(29, bool))


def test_losses_are_scikit_learn_s() -> None:
    logits, labels = RNG.normal(size=(80, 4)), RNG.integers(0, 4, 80)
    shares = softmax(logits, axis=1)
    assert log_loss(logits, labels) == pytest.approx(metrics.log_loss(labels, shares, labels=range(4)))
    two = softmax(logits[:, :2], axis=1)
    half = metrics.brier_score_loss(labels % 2, two[:, 1])
    assert brier(two, labels % 2) == pytest.approx(2 * half)  # of one class, and of both


def test_a_network_made_too_sure_gets_its_temperature_back() -> None:
    logits = RNG.normal(size=(6000, 5)) * 2
    labels = np.array([RNG.choice(5, p=row) for row in softmax(logits, axis=1)])
    found = temperature(logits * 3, labels)
    assert found.value == pytest.approx(3, rel=0.1)
    assert found.before.beyond_chance and not found.after.beyond_chance
    assert found.log_loss[1] < found.log_loss[0]


def test_risk_and_coverage_by_hand() -> None:
    found = risk_coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, False]))
    np.testing.assert_allclose(found.risk, [0, 0, 1 / 3, 1 / 2])
    assert found.area == pytest.approx((1 / 3 + 1 / 2) / 4) and found.chance == 0.5
    tied = risk_coverage(np.array([0.5, 0.5]), np.array([False, True]))
    np.testing.assert_allclose(tied.risk, [0.5, 0.5])


def test_classes_are_scikit_learn_s() -> None:
    labels, predictions = RNG.integers(0, 5, 200), RNG.integers(0, 4, 200)
    table = class_table(labels, predictions, list("abcdef"))
    assert table["recall"][:5].tolist() == pytest.approx(
        metrics.recall_score(labels, predictions, labels=range(5), average=None, zero_division=0).tolist()
    )
    assert np.isnan(table["precision"][4]) and table["support"][5] == 0  # never said; never there
    assert table["predicted"].sum() == 200
    assert (table["recall_low"] <= table["recall"].fillna(0)).all()


def test_confused_classes_stand_together_and_the_rest_is_other() -> None:
    labels = np.repeat(np.arange(30), 10)
    predictions = labels.copy()
    predictions[0:4], predictions[250:254] = 25, 0  # classes 0 and 25 are taken for each other
    found = confusion(labels, predictions, [f"c{i}" for i in range(30)], most=5)
    assert found.counts.sum() == 300 and found.names[-1] == "other" and found.classes[-1] is None
    places = [found.names.index("c0"), found.names.index("c25")]
    assert abs(places[0] - places[1]) == 1
    assert found.pairs()[:2] == [(0, 25, 4), (25, 0, 4)]


def test_slices_hold_every_picture_that_has_a_value_once() -> None:
    values = np.concatenate([RNG.normal(size=95), np.full(5, np.nan)])
    cut = slices_of({"brightness": values})
    assert len(cut) == 4 and sum(inside.sum() for inside in cut.values()) == 95
    kinds = slices_of({"camera": ["a"] * 60 + ["b"] * 39 + ["c"]})
    assert {part for _, part in kinds} == {"a", "b"}  # one picture is no slice


def test_a_slice_that_fails_is_found_and_clean_ones_stay_silent() -> None:
    silent = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        right, columns = rng.random(800) < 0.9, {f"c{i}": rng.normal(size=800) for i in range(8)}
        silent += slice_table(right, slices_of(columns))["corrected"].min() > 0.05
        dark = columns["c3"] < np.quantile(columns["c3"], 0.25)
        worst = slice_table(np.where(dark, rng.random(800) < 0.6, right), slices_of(columns)).iloc[0]
        assert worst["column"] == "c3" and worst["corrected"] < 1e-4 and worst["accuracy"] < worst["elsewhere"]
    assert silent >= 35  # 5 % of 40 would be two alarms


def test_a_matrix_of_many_classes_shows_those_that_are_there() -> None:
    labels, answers = np.array([3, 3, 700, 700, 41]), np.array([3, 700, 700, 700, 900])
    found = confusion(labels, answers, [f"class {n}" for n in range(1000)])
    assert sorted(found.names) == ["class 3", "class 41", "class 700", "class 900"] and None not in found.classes
    assert found.counts.sum() == 5 and found.pairs() == [(3, 700, 1), (41, 900, 1)]


def test_a_paired_difference_by_hand_and_its_interval_holds_its_level() -> None:
    found = paired_difference(6, 2, 100)
    # Agresti and Min: counts 6.5 and 2.5 of 102
    half = 1.959963984540054 * np.sqrt(9 - 16 / 102) / 102
    assert found.value == -0.04 and found.low == pytest.approx(-4 / 102 - half)
    assert found.high == pytest.approx(-4 / 102 + half)
    none = paired_difference(0, 0, 50)
    assert none.value == 0 and 0 < none.high == -none.low < 0.05 and np.isnan(paired_difference(0, 0, 0).low)
    draws = np.random.default_rng(0).multinomial(80, (0.08, 0.03, 0.89), 2000)
    ends = [paired_difference(int(lost), int(won), 80) for lost, won, _ in draws]
    assert np.mean([e.low <= -0.05 <= e.high for e in ends]) >= 0.94


def test_gray_pictures_are_not_cut_by_the_rounding_of_their_colours() -> None:
    """Saturation of gray pictures is 0 but for rounding, and no slice of it tells anything."""
    pictures = [np.full((8, 8, 3), 3 * number, np.uint8) for number in range(80)]
    recipe = EvalTransform((8, 8), (8, 8), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2)).eval()
    model = nbviz.InstrumentedModel(net, recipe)
    review = nbviz.review(model, pictures, labels=[0, 1] * 40, progress=False)
    assert {column for column, _ in review.parts} == {"brightness"}
