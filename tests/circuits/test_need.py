"""Channels that a class needs, and effects over labelled pictures, against brute force."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.circuits import class_effects, class_need
from nbviz.circuits.need import counts_of
from nbviz.edits import Channels
from nbviz.errors import NbvizError
from nbviz.evaluation.summary import student
from tests.circuits.test_effects import Row, X


@pytest.fixture()
def model() -> nbviz.InstrumentedModel:
    torch.manual_seed(0)
    return nbviz.InstrumentedModel(Row().double().eval())


def score(model: nbviz.InstrumentedModel, off: list[int]) -> float:
    return float(model.edited(Channels("blocks.1", off=off))(X)[0, 2])


def test_the_order_is_that_of_brute_force_and_its_curves_are_edited_models(model: nbviz.InstrumentedModel) -> None:
    need = class_need(model, X, "blocks.1", 2, orders=2)
    alone = [score(model, [channel]) for channel in range(6)]
    order = sorted(range(6), key=lambda channel: alone[channel])
    assert need.order.tolist() == order and need.score == float(model(X)[0, 2])
    assert need.counts.tolist() == [0, 1, 2, 3, 4, 6]
    for place, count in enumerate(need.counts.tolist()):
        assert need.without[place] == pytest.approx(score(model, order[:count]), abs=1e-14)
        assert need.alone[place] == pytest.approx(score(model, order[count:]), abs=1e-14)
    draw = np.random.default_rng(0)
    for row in range(2):
        drawn = draw.permutation(6).tolist()
        for place, count in enumerate(need.counts.tolist()):
            assert need.random_without[row, place] == pytest.approx(score(model, drawn[:count]), abs=1e-14)
            assert need.random_alone[row, place] == pytest.approx(score(model, drawn[count:]), abs=1e-14)
    assert need.exact and need.done == 1


def test_it_is_the_same_every_time(model: nbviz.InstrumentedModel) -> None:
    one, other = (class_need(model, X, "blocks.1", 2, orders=3) for _ in range(2))
    for name in ("order", "without", "alone", "random_without", "random_alone"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("gives", [True, False])
def test_where_the_rest_is_linear_no_order_takes_more_with_fewer(model: nbviz.InstrumentedModel, gives: bool) -> None:
    with torch.no_grad():  # as it is drawn the layer takes from each class; turned about it gives
        model.net.head.weight.mul_(-1 if gives else 1)
    need = class_need(model, X, "blocks.2", 2, orders=8)
    assert (need.without <= need.random_without + 1e-12).all() and (need.alone >= need.random_alone - 1e-12).all()
    assert need.base == float(need.without[-1]) == pytest.approx(float(need.alone[0]))
    half = need.half_gone(need.without)
    assert (need.score > need.base) is gives is (half is not None)
    if half is not None:
        place = need.counts.tolist().index(half)
        assert need.without[place] <= (need.score + need.base) / 2 < need.without[place - 1]


@pytest.mark.parametrize("channels", [1, 2, 7, 240, 2048])
def test_counts_begin_with_each_and_end_with_all(channels: int) -> None:
    counts = counts_of(channels)
    assert counts[0] == 0 and counts[-1] == channels and (np.diff(counts) > 0).all() and len(counts) <= 26


def test_class_effects_are_means_over_a_class_s_own_pictures() -> None:
    model, data = nbviz.zoo.load("fashion_cnn"), nbviz.zoo.fashion()
    table = class_effects(model, data, "blocks.4", [1, 5], pictures=48)
    numbers = np.random.default_rng(0).permutation(len(data))[:48].tolist()
    edited = model.edited(Channels("blocks.4", off=[1, 5]))
    shown = [(data[n][1], model.logits(data[n][0]), edited.logits(data[n][0])) for n in numbers]
    assert table["pictures"].sum() == 48 and (table["effect"].abs().diff().dropna() <= 0).all()
    for row in table.itertuples():
        own = [(before, after) for label, before, after in shown if label == row.index]
        changes = np.array([float(after[row.index]) - float(before[row.index]) for before, after in own])
        assert row.effect == pytest.approx(changes.mean(), abs=1e-5) and row.pictures == len(own)
        np.testing.assert_allclose((row.low, row.high), student(changes), atol=1e-4)
        assert row.right == pytest.approx(np.mean([before.argmax() == row.index for before, _ in own]))
        assert row.right_without == pytest.approx(np.mean([after.argmax() == row.index for _, after in own]))
    assert np.isfinite(table["control"]).all()


def test_classes_are_matched_by_name_where_a_data_set_numbers_them_otherwise() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    model = nbviz.InstrumentedModel(net, classes=["red", "green", "blue"])
    pictures = [Image.new("RGB", (8, 8), name) for name in ("blue", "green", "red")]
    # by the alphabet, as folders are
    folders = {name: [picture] for name, picture in zip(("blue", "green", "red"), pictures, strict=True)}
    by_name = class_effects(model, folders, "1", [1]).sort_values("index", ignore_index=True)
    by_number = class_effects(model, pictures, "1", [1], labels=[2, 1, 0]).sort_values("index", ignore_index=True)
    pandas.testing.assert_frame_equal(by_name, by_number)
    assert by_name["index"].tolist() == [0, 1, 2] and by_name["class"].tolist() == ["red", "green", "blue"]


def test_an_interval_is_student_s() -> None:
    low, high = student(np.array([1.0, 2.0, 3.0]))
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5))
    assert np.isnan(student(np.array([1.0]))).all()


def test_what_cannot_be_is_refused_in_a_sentence(model: nbviz.InstrumentedModel) -> None:
    with pytest.raises(NbvizError, match="no channel 6"):
        class_effects(model, [X[0]], "blocks.1", [6])
    with pytest.raises(NbvizError, match="has a label"):
        class_effects(model, [X[0]], "blocks.1", [1])
    with pytest.raises(NbvizError, match="classes of this network"):
        class_effects(model, [X[0]], "blocks.1", [1], labels=[77])
    with pytest.raises(NbvizError, match="orders="):
        class_need(model, X, "blocks.1", 2, orders=0)
    with pytest.raises(NbvizError, match="of a class"):
        class_need(model, X, "blocks.1", (1, 2))
