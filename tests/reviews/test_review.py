"""Tables of a review equal scikit-learn's, planted faults are found, and what can't be had is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn import metrics
from sklearn.dummy import DummyClassifier

import nbviz
from nbviz.errors import NbvizError, Refused, UnknownName
from nbviz.reviews.records.job import ReviewPart, scored
from nbviz.reviews.records.plan import ReviewPlan
from nbviz.reviews.statistics.labels import suspect_labels
from tests.dataset.index.test_index import Labelled, pictures, whole
from tests.networks import Functional

NAMES = ("cat", "dog", "fox", "owl", "bat", "elk", "emu")


def review_of(scores: np.ndarray, labels: np.ndarray, **options: Any) -> nbviz.Review:
    """A review of given scores (N, classes), as the pass would make it."""
    from nbviz.model.scoring.outputs import ClassScores

    count = scores.shape[1]
    plan = ReviewPlan(
        model="", data="", items=len(scores), shape=(3, 8, 8), batch=8, piece=8, scores=count, kept=count,
        scale="softmax", head="", labels=None, names=NAMES[:count],
    )  # fmt: skip
    tensors = {"items": torch.arange(len(scores)), "labels": torch.from_numpy(labels)}
    logits = torch.from_numpy(scores).float()
    tensors |= scored(ClassScores(logits, logits), tensors["labels"], plan)
    ramp = torch.linspace(0, 1, len(scores))
    tensors |= dict.fromkeys(("brightness", "contrast", "saturation"), ramp)
    tensors |= {name: torch.full((len(scores),), 28) for name in ("width", "height")}
    return nbviz.Review(plan, ReviewPart((0,), tensors, seen=len(scores)), **options)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Scores whose labels are drawn from them: a calibrated network."""
    rng = np.random.default_rng(3)
    scores = 2 * rng.normal(size=(2000, 7))
    return scores, (softmax(scores, axis=1).cumsum(1) > rng.random((2000, 1))).argmax(1)


def test_figures_are_scikit_learn_s(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = drawn
    review, shares = review_of(scores, labels), softmax(scores.astype(np.float32).astype(float), axis=1)
    accuracy = review.summary["accuracy"]
    assert accuracy["value"] == pytest.approx(metrics.accuracy_score(labels, scores.argmax(1)))
    assert accuracy["log_loss"] == pytest.approx(metrics.log_loss(labels, shares))
    assert accuracy["chance"] == pytest.approx(DummyClassifier().fit(scores, labels).score(scores, labels))
    assert accuracy["top5"] == pytest.approx(metrics.top_k_accuracy_score(labels, scores, k=5))
    assert accuracy["macro_recall"] == pytest.approx(metrics.balanced_accuracy_score(labels, scores.argmax(1)))
    assert (review.confusion.counts.sum(), review.confusion.counts.trace()) == (
        2000,
        (labels == scores.argmax(1)).sum(),
    )
    assert review.summary["calibration"]["brier"] == pytest.approx(
        sum(metrics.brier_score_loss(labels == c, shares[:, c]) for c in range(7))
    )


def test_a_calibrated_network_is_within_chance_and_an_overconfident_one_is_not(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, labels = drawn
    assert not review_of(scores, labels).calibration.attrs["beyond_chance"]
    over = review_of(3 * scores, labels)
    assert over.calibration.attrs["beyond_chance"]
    assert over.temperature.value == pytest.approx(3, rel=0.1)
    assert not over.temperature.after.beyond_chance


def test_orders(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    review = review_of(*drawn)
    table = review.pictures
    wrong = table.iloc[review.order("surely wrong")]
    assert not wrong["right"].any() and wrong["probability"].is_monotonic_decreasing
    assert len(wrong) == (~review.right).sum()
    assert table.iloc[review.order("loss")]["loss"].is_monotonic_decreasing
    assert table.iloc[review.order("unsure")]["margin"].is_monotonic_increasing
    assert sorted(review.order("random")) == list(range(2000)) != list(review.order("random"))
    with pytest.raises(UnknownName, match="Nearest: 'loss'"):
        review.order("los")  # type: ignore[arg-type]


def test_mislabelled_pictures_are_found_and_correct_ones_left_alone() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 1000)
    scores = rng.normal(size=(1000, 5)) + 7 * np.eye(5)[truth]
    labels, moved = truth.copy(), rng.choice(1000, 20, replace=False)
    labels[moved] = (labels[moved] + 1) % 5
    found = review_of(scores, labels).suspect_labels
    assert len(set(moved) & set(found["item"])) >= 19 and len(found) <= 22
    assert (found["suggested"][:20] == np.array(NAMES)[truth[found["item"][:20]]]).all()
    assert not len(
        review_of(scores[np.arange(1000) % 2 == 0] * 0 + 9 * np.eye(5)[truth[::2]], truth[::2]).suspect_labels
    )


def test_suspect_labels_by_hand() -> None:
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    # thresholds: class 0 (.9 + .8 + .2)/3 = .633; class 1 (.9 + .7)/2 = .8
    found = suspect_labels(p, np.array([0, 0, 0, 1, 1]))
    assert found.rows.tolist() == [2] and found.suggested.tolist() == [1]
    assert found.margin == pytest.approx([-0.6])


def test_a_slice_that_fails_is_found_and_the_rest_is_silent() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 800)
    scores = 4 * np.eye(3)[labels] + rng.normal(size=(800, 3))
    camera = np.where(rng.random(800) < 0.2, "old", "new")
    failing = np.flatnonzero(camera == "old")[::2]
    scores[failing] = -scores[failing]
    table = review_of(scores, labels, metadata={"camera": camera}).slices
    flagged = table[table["corrected"] < 0.05]
    assert flagged[["column", "slice"]].to_numpy().tolist() == [["camera", "old"]]
    clean = review_of(4 * np.eye(3)[labels] + rng.normal(size=(800, 3)), labels, metadata={"camera": camera}).slices
    assert not (clean["corrected"] < 0.05).any()


def test_without_labels_what_needs_them_says_so_and_the_rest_works() -> None:
    review = nbviz.review(whole(Functional()), list(pictures()), progress=False)
    assert review.pictures["label"].isna().all() and "no labels" in repr(review)
    assert len(review.order("unsure")) == len(review)
    for name in ("classes", "confusion", "calibration", "slices", "suspect_labels", "temperature"):
        with pytest.raises(Refused, match="has no labels.*pass labels="):
            getattr(review, name)
    assert "no labels" in review.summary["absent"]["accuracy"]


def test_few_pictures_are_not_calibrated() -> None:
    review = review_of(np.eye(3)[np.arange(12) % 3], np.arange(12) % 3)
    with pytest.raises(Refused, match="at least 30 labelled pictures; there are 12"):
        review.calibration  # noqa: B018
    assert review.summary["accuracy"]["value"] == 1.0


@pytest.mark.parametrize(
    ("metadata", "words"),
    [([1, 2], "a pandas frame or a dict"), ({"a": [1, 2]}, "has 2 rows, but the data set has 61 items"),
     ({"a": [1], "b": [1, 2]}, "can't be made a table")],
)  # fmt: skip
def test_bad_metadata_is_refused(metadata: Any, words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        nbviz.review(whole(Functional()), Labelled(), metadata=metadata, progress=False)


def test_one_class_and_names_that_are_html() -> None:
    review = review_of(np.ones((40, 2)), np.zeros(40, int))
    assert review.classes["support"].tolist() == [40, 0]
    assert np.isnan(review.classes["recall"][1]) and review.summary["accuracy"]["value"] == 1.0
