"""Networks that say of each class by itself whether it is there, and networks with one score: their own forms."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from scipy.special import expit
from sklearn import metrics
from torch import nn

import nbviz
from nbviz.errors import NbvizError, Refused, UnknownName
from nbviz.panels.review.words.classes import figures, matrix, tiles
from nbviz.reports import compare_reports
from nbviz.reviews import Listing, load
from nbviz.reviews.records.presence import has_several, presence
from nbviz.reviews.statistics.calibration import reliability
from nbviz.reviews.statistics.class_calibration import class_calibration

NAMES = ["cat", "dog", "<b>owl"]
COUNT = 120


class Points(torch.utils.data.Dataset):
    """Pictures of one pixel a channel, whose value is what the network scores."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.from_numpy(np.random.default_rng(number).normal(0, 2, (3, 1, 1))).float().expand(3, 4, 4)


def odds() -> np.ndarray:
    return np.stack([np.random.default_rng(n).normal(0, 2, 3).astype(np.float32) for n in range(COUNT)])


def drawn() -> np.ndarray:
    """Labels drawn from the probabilities: the network is calibrated."""
    return (np.random.default_rng(5).random((COUNT, 3)) < expit(odds())).astype(int)


def network(sure: float = 1.0, multilabel: bool = True) -> nbviz.InstrumentedModel:
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3)).eval()
    with torch.no_grad():
        net[2].weight.copy_(sure * torch.eye(3))
        net[2].bias.zero_()
    return nbviz.InstrumentedModel(net, classes=NAMES, multilabel=multilabel)


@pytest.fixture(scope="module")
def review() -> nbviz.Review:
    return nbviz.review(network(), Points(), labels=drawn(), progress=False)


def test_figures_are_scikit_learn_s(review: nbviz.Review) -> None:
    truth, shares = drawn(), expit(odds().astype(float))
    said = shares >= 0.5
    table = review.classes
    for name, score in (("recall", metrics.recall_score), ("precision", metrics.precision_score)):
        np.testing.assert_allclose(table[name], score(truth, said, average=None))
    np.testing.assert_allclose(table["average_precision"], metrics.average_precision_score(truth, shares, average=None))
    np.testing.assert_allclose(table["prevalence"], truth.mean(0))
    accuracy = review.summary["accuracy"]
    assert accuracy["value"] == pytest.approx(metrics.accuracy_score(truth, said))  # of sets: every class
    assert accuracy["chance"] == max(Counter(map(tuple, truth.tolist())).values()) / len(truth)
    each = sum(metrics.log_loss(truth[:, c], shares[:, c]) for c in range(3))
    assert accuracy["log_loss"] == pytest.approx(each)
    brier = np.mean([metrics.brier_score_loss(truth[:, c], shares[:, c]) for c in range(3)])
    assert review.summary["calibration"]["brier"] == pytest.approx(brier)


def test_probes_ask_for_each_class_by_itself() -> None:
    """Not for the likeliest alone: of three classes that are there two would never be said."""
    model, values = network(10.0), np.random.default_rng(0).random((40, 3)).astype(np.float32)
    with torch.no_grad():
        model.net.get_submodule("2").get_parameter("bias").fill_(-5)
    pictures = [torch.from_numpy(value)[:, None, None].expand(3, 4, 4) for value in values]
    review = nbviz.review(model, pictures, labels=(values > 0.5).astype(int), progress=False)
    table = review.paste(np.full((1, 1, 3), 255, np.uint8), sample=None).set_index("class")
    shares = (values > 0.5).mean(0)
    assert table["before"].to_dict() == pytest.approx(dict(zip(NAMES, shares, strict=True))) and shares.sum() > 1.2
    after = ((values * 15 + 1) / 16 > 0.5).mean(0)
    assert table["after"].to_dict() == pytest.approx(dict(zip(NAMES, after, strict=True)))
    assert review.directions("dog").items.tolist() == np.flatnonzero(values[:, 1] > 0.5).tolist()


def test_a_calibrated_network_is_within_chance_and_one_three_times_too_sure_gets_its_temperature(
    review: nbviz.Review,
) -> None:
    assert not review.calibration.attrs["beyond_chance"] and sum(review.calibration["count"]) == 3 * COUNT
    assert not (review.class_calibration["corrected"] < 0.05).any()
    over = nbviz.review(network(3.0), Points(), labels=drawn(), progress=False)
    assert over.calibration.attrs["beyond_chance"] and (over.class_calibration["corrected"] < 0.05).all()
    assert over.temperature.value == pytest.approx(3, rel=0.35)
    assert over.temperature.after.error < over.temperature.before.error


def test_what_chooses_one_class_is_refused_and_the_rest_lists_pictures(review: nbviz.Review) -> None:
    with pytest.raises(Refused, match="no confusion matrix"):
        review.confusion  # noqa: B018
    with pytest.raises(Refused, match="none is taken for another"):
        review.cues()
    truth, said = drawn(), odds() >= 0
    right = (truth == said).all(1)
    assert (Listing("item", "wrong").rows(review) == np.flatnonzero(~right)).all()
    assert (Listing("item", label=1).rows(review) == np.flatnonzero(truth[:, 1])).all()
    assert (Listing("item", prediction=2).rows(review) == np.flatnonzero(said[:, 2])).all()
    table = review.pictures
    assert table["label"].tolist() == [", ".join(np.array(NAMES)[row == 1]) for row in truth]
    assert table["right"].tolist() == right.tolist()
    loss = table.iloc[review.order("loss")]["loss"]
    assert loss.is_monotonic_decreasing
    shown = tiles(review, np.arange(3))
    assert [tile[3] for tile in shown] == (~right[:3]).tolist()
    assert "counts" not in matrix(review) and len(matrix(review)["table"]) == 3 and len(figures(review)) == 3


def test_a_class_that_is_missing_from_labels_is_suspect() -> None:
    truth = (odds() >= 0).astype(int)
    missing = np.flatnonzero(odds()[:, 0] > 3)[:4]
    truth[missing, 0] = 0
    found = nbviz.review(network(4.0), Points(), labels=truth, progress=False)
    table = found.suspect_labels
    assert set(table["item"]) >= set(missing.tolist()) and len(table) <= 6
    assert table.iloc[0][["class", "label", "suggested"]].tolist() == ["cat", "absent", "present"]
    assert set(found.pictures.iloc[found.order("suspect label")]["item"]) == set(table["item"])


@pytest.mark.parametrize(
    "labels",
    [
        drawn(), torch.from_numpy(drawn()), drawn().tolist(), pandas.DataFrame(drawn()[:, ::-1], columns=NAMES[::-1]),
        [[NAMES[i] for i in np.flatnonzero(row)] for row in drawn()],
        [set(np.flatnonzero(row).tolist()) for row in drawn()], list(drawn()),
    ],
    ids=["array", "tensor", "lists", "frame", "names", "numbers", "rows"],
)  # fmt: skip
def test_labels_in_every_form_are_the_same(labels: Any) -> None:
    assert has_several(labels) and (presence(labels, COUNT, NAMES) == drawn()).all()


def test_unknown_rows_stay_unknown_and_bad_labels_are_refused() -> None:
    some: list[Any] = [None if number % 3 else [0, 2] for number in range(COUNT)]
    review = nbviz.review(network(), Points(), labels=some, progress=False)
    assert len(review.right) == 40 and review.pictures["label"].isna().sum() == 80
    for labels, error, words in (
        (drawn()[:5], NbvizError, "has 5 entries, but the data set has 120 items"),
        (drawn()[:, :2], NbvizError, "the network has 3 classes: one column each"),
        (2 * drawn(), NbvizError, r"has 2: a class is there \(1\) or not"),
        ([["kat"]] * COUNT, UnknownName, "Nearest: 'cat'"),
        ([[7]] * COUNT, NbvizError, "its name, or its number, 0 to 2"),
    ):
        with pytest.raises(error, match=words):
            nbviz.review(network(), Points(), labels=labels, progress=False)
    with pytest.raises(Refused, match="chooses one of its classes"):
        nbviz.review(network(multilabel=False), Points(), labels=drawn(), progress=False)
    single = nbviz.review(network(), Points(), labels=[0] * COUNT, progress=False)
    with pytest.raises(Refused, match="pass labels= with all classes"):
        single.temperature  # noqa: B018


def test_it_is_read_again_opened_by_an_explorer_s_model_and_compared(review: nbviz.Review, tmp_path: Path) -> None:
    nbviz.review(network(), Points(), tmp_path / "kept", labels=drawn(), progress=False)
    again = load(tmp_path / "kept", network(), Points(), labels=drawn())
    assert again.pictures.equals(review.pictures)
    bound = review.bound(network())
    assert bound.model is not review.model and bound.classes.equals(review.classes)
    flipped = network()
    with torch.no_grad():
        flipped.net[2].weight[0] *= -1
    for name, model in (("old", network()), ("new", flipped)):
        options: dict[str, Any] = {"corruptions": [], "cues": False, "maps": False, "progress": False}
        nbviz.report(model, Points(), tmp_path / name, labels=drawn(), **options)
    values = json.loads((tmp_path / "old" / "report.json").read_text())
    assert "confusion" in values["absent"] and len(values["calibration"]["classes"]) == 3
    found = compare_reports(tmp_path / "old", tmp_path / "new")
    failed = {verdict.name for verdict in found.verdicts if verdict.state == "fail"}
    assert found.paired and failed == {"accuracy", "recall of cat"}
    assert compare_reports(tmp_path / "old", tmp_path / "old").state == "pass"


def test_one_score_is_calibrated_over_all_of_its_range() -> None:
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1)).eval()
    with torch.no_grad():
        net[2].weight.copy_(torch.tensor([[1.0, 0, 0]]))
        net[2].bias.zero_()
    labels = drawn()[:, 0]
    review = nbviz.review(nbviz.InstrumentedModel(net, classes=["cat"]), Points(), labels=labels, progress=False)
    p = expit(odds()[:, 0].astype(float))
    assert review.reliability.edges[0] == pytest.approx(p.min()) and p.min() < 0.5
    assert review.reliability.error == pytest.approx(reliability(p, labels == 1).error)
    assert review.summary["calibration"]["brier"] == pytest.approx(metrics.brier_score_loss(labels, p))
    assert review.class_calibration["class"].tolist().count("cat") == 1


def test_one_overconfident_class_is_found_and_calibrated_ones_are_silent() -> None:
    silent = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shares = rng.dirichlet(np.full(4, 0.4), 1200)
        truth = (shares.cumsum(1) > rng.random((1200, 1))).argmax(1)
        every = np.arange(4)
        answers = shares.argmax(1)[:, None] == every
        table = class_calibration(shares, truth[:, None] == every, answers, list("abcd"))
        silent += not (table["corrected"] < 0.05).any()
        # of the pictures that are said to be c, one in three is something else than it would be
        wrong = (answers[:, 2]) & (rng.random(1200) < 1 / 3)
        planted = np.where(wrong, 3, truth)
        worst = class_calibration(shares, planted[:, None] == every, answers, list("abcd")).iloc[0]
        assert worst["class"] == "c" and worst["corrected"] < 0.01 and worst["said"] > worst["right"]
    assert silent >= 17  # 5 % of 20 would be one alarm


def test_the_p_of_a_class_is_a_simulation_s_and_few_answers_have_none() -> None:
    rng = np.random.default_rng(0)
    shares = np.stack([said := rng.uniform(0.6, 1, 80), 1 - said], 1)
    right = rng.random(80) < said - 0.1
    answers = np.stack([np.ones(80, bool), np.zeros(80, bool)], 1)
    row = class_calibration(shares, np.stack([right, ~right], 1), answers, ["a", "b"]).set_index("class")
    draws = (rng.random((20000, 80)) < said).sum(1)
    expected = (abs(draws - said.sum()) >= abs(right.sum() - said.sum())).mean()
    assert row.loc["a", "p"] == pytest.approx(expected, abs=0.02) and np.isnan(row.loc["b", "p"])
