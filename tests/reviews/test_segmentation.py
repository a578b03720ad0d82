"""Reviews of segmentation networks equal scikit-learn, however the pass is cut, and refuse what is no mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, jaccard_score
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.dataset import Stopped
from nbviz.errors import NbvizError, Refused
from nbviz.reviews import SegmentationReview, load
from nbviz.reviews.dense.bootstrap import resampled
from nbviz.reviews.segmentation.figures import by_commonest
from tests.dataset.index.test_index import after
from tests.networks import state_hash
from tests.task_networks import Segments

COUNT, CLASSES, SIDE = 24, 5, 20


class Scenes(torch.utils.data.Dataset[Any]):
    """Random pictures with masks of five classes, their upper rows without one."""

    def __init__(self, mask: Callable[[Any], Any] = lambda mask: mask, count: int = COUNT) -> None:
        self.mask, self.count = mask, count
        draw = torch.Generator().manual_seed(3)
        self.images = torch.rand(count, 3, SIDE, SIDE, generator=draw)
        self.masks = torch.randint(0, CLASSES, (count, SIDE, SIDE), generator=draw)
        self.masks[:, :3] = 255

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Any:
        return self.images[number], self.mask(self.masks[number])


def network() -> nn.Module:
    torch.manual_seed(1)
    return Segments().eval()


def made(data: Any, net: nn.Module | None = None, **options: Any) -> SegmentationReview:
    review = nbviz.review(network() if net is None else net, data, progress=False, **options)
    assert isinstance(review, SegmentationReview)
    return review


def answers(data: Scenes, net: nn.Module) -> np.ndarray:
    """Classes by plain torch, each picture alone."""
    with torch.no_grad():
        return torch.cat([net(image[None])["out"].argmax(1) for image in data.images]).numpy()


@pytest.mark.parametrize("batch", [1, 7])
def test_figures_are_scikit_learn_s(batch: int | None) -> None:
    net, data = network(), Scenes()
    before = state_hash(net)
    review = made(data, net, batch=batch)
    assert state_hash(net) == before
    truth, said = data.masks.numpy(), answers(data, net)
    known = truth != 255
    every = np.arange(CLASSES)
    expected = confusion_matrix(truth[known], said[known], labels=every)
    assert np.array_equal(review.counts.matrix, expected)
    table = review.classes
    np.testing.assert_allclose(table["iou"], jaccard_score(truth[known], said[known], labels=every, average=None))
    np.testing.assert_allclose(table["accuracy"], expected.diagonal() / expected.sum(1))
    np.testing.assert_allclose(review.summary["mean_iou"]["value"], table["iou"].mean())
    pictures = review.pictures
    for row, (mask, answer) in enumerate(zip(truth, said, strict=True)):
        inside = mask != 255
        assert pictures["pixel_accuracy"][row] == (mask[inside] == answer[inside]).mean()
        score = jaccard_score(mask[inside], answer[inside], average="macro")
        np.testing.assert_allclose(pictures["iou"][row], score)
    assert "mask is 255 are not counted" in review.notes[0]
    with torch.no_grad():
        maps = torch.cat([net(image[None])["out"] for image in data.images])
    loss = functional.cross_entropy(maps, data.masks, ignore_index=255, reduction="none").sum((1, 2)) / known[0].sum()
    np.testing.assert_allclose(pictures["loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(pictures["confidence"], maps.softmax(1).amax(1).mean((1, 2)), rtol=1e-5)


def test_sorts_filters_and_worst_pairs() -> None:
    review = made(Scenes())
    worst = review.pictures.sort_values("pixel_accuracy", kind="stable")["item"].tolist()
    assert review.column("items")[nbviz.reviews.Listing(order="worst").rows(review)].tolist() == worst
    label, prediction, count = review.confusion.pairs()[0]
    matrix = review.counts.matrix
    assert count == matrix[label, prediction] == (matrix - np.diag(matrix.diagonal())).max()
    rows = nbviz.reviews.Listing(order="item", label=label, prediction=prediction).rows(review)
    data, said = Scenes(), answers(Scenes(), network())
    confused = ((data.masks.numpy() == label) & (said == prediction)).any((1, 2))
    assert rows.tolist() == np.flatnonzero(confused).tolist()
    surest = review.pictures.sort_values("confidence", ascending=False, kind="stable")["item"].tolist()
    assert nbviz.reviews.Listing().rows(review).tolist() == surest
    with pytest.raises(NbvizError, match="Order 'loudest' is not in a review of masks"):
        review.order("loudest")  # type: ignore[arg-type]
    for choice in ("wrong", "sure"):
        with pytest.raises(Refused, match="need one class per picture"):
            nbviz.reviews.Listing(answers=choice).rows(review)  # type: ignore[arg-type]


def test_cut_stopped_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    net, data = network(), Scenes()
    made(data, net, batch=2, path=tmp_path / "straight")
    with pytest.raises(Stopped, match="the same call goes on"):
        made(data, net, batch=2, path=tmp_path / "cut", cancel=after(9))
    again = made(data, net, path=tmp_path / "cut")
    for file in ("review.safetensors", "manifest.json"):
        assert (tmp_path / "straight" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes()
    assert load(tmp_path / "cut", net, data).pictures.equals(again.pictures)
    assert isinstance(load(tmp_path / "cut"), SegmentationReview)
    clamped = Scenes(lambda mask: mask.clamp(max=4))
    made(clamped, net, path=tmp_path / "every")
    with pytest.raises(NbvizError, match="has ignore=255, not 0"):
        made(clamped, net, path=tmp_path / "every", ignore=0)
    other = Scenes()
    other.masks = other.masks.flip(2)
    with pytest.raises(NbvizError, match="of another data set"):
        load(tmp_path / "cut", net, other)


def test_two_workers_make_the_same(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(silence_logs="CRITICAL", **options) as cluster, distributed.Client(cluster) as client:
        made(Scenes(), batch=2, path=tmp_path / "cut", client=client)
    made(Scenes(), batch=2, path=tmp_path / "straight")
    one, other = ((tmp_path / name / "review.safetensors").read_bytes() for name in ("cut", "straight"))
    assert one == other


def test_pictures_of_several_sizes_pass_one_after_the_other() -> None:
    net, sizes = network(), [(20, 20), (20, 20), (12, 28), (20, 20), (16, 16)]
    draw = torch.Generator().manual_seed(0)
    data = [(torch.rand(3, *size, generator=draw), torch.randint(0, CLASSES, size, generator=draw)) for size in sizes]
    review = made(data, net, batch=4)
    expected = np.zeros((CLASSES, CLASSES), np.int64)
    with torch.no_grad():
        for image, mask in data:
            np.add.at(expected, (mask.numpy(), net(image[None])["out"].argmax(1)[0].numpy()), 1)
    assert np.array_equal(review.counts.matrix, expected)
    assert review.pictures["width"].tolist() == [width for _, width in sizes]


class Says(nn.Module):
    """The classes that the red channel writes, 0…1 in tenths; or one class everywhere."""

    def __init__(self, classes: int = CLASSES, always: int | None = None, down: int = 1) -> None:
        super().__init__()
        self.classes, self.always, self.down = classes, always, down
        self.conv = nn.Conv2d(3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        red = x[:, :1] * 10 + 0 * self.conv(x)
        number = torch.arange(self.classes, device=x.device).view(1, -1, 1, 1)
        maps = -((red - number) ** 2) if self.always is None else (number == self.always) * 9.0 + 0 * red
        return functional.avg_pool2d(maps, self.down) if self.down > 1 else maps


def test_a_perfect_network_and_one_that_says_the_commonest_class() -> None:
    data = Scenes()
    data.masks[:, :12] = 2
    for number in range(COUNT):
        data.images[number, 0] = data.masks[number] / 10
    perfect = made(data, Says(CLASSES))
    assert perfect.summary["pixel_accuracy"] == {**perfect.summary["pixel_accuracy"], "value": 1, "low": 1, "high": 1}
    assert perfect.summary["mean_iou"]["value"] == 1 and perfect.confusion.pairs() == []
    constant = made(data, Says(CLASSES, always=2))
    share = float((data.masks == 2).float().mean())
    assert constant.summary["pixel_accuracy"]["value"] == pytest.approx(share)
    assert constant.summary["pixel_accuracy"]["chance"] == pytest.approx(share)
    assert constant.summary["mean_iou"]["value"] == constant.summary["mean_iou"]["chance"] == pytest.approx(share / 5)
    assert by_commonest(perfect.counts)[0] == 2 and constant.classes.attrs["commonest"] == "class 2"


def test_intervals_are_of_pictures_and_not_of_pixels() -> None:
    """Twice the pixels of a picture say no more: its interval stays, and is that of the pictures' mean."""
    small, large = Scenes(count=60), Scenes(count=60)
    right = torch.rand(60, generator=torch.Generator().manual_seed(0)) < 0.7
    for data, side in ((small, 4), (large, 16)):
        data.masks = torch.where(right, 1, 2).view(-1, 1, 1).expand(-1, side, side)
        data.images = data.images[:, :, :side, :side]
    one, other = (made(data, Says(always=1)).summary["pixel_accuracy"] for data in (small, large))
    assert one == other
    half = (one["high"] - one["low"]) / 2
    share = float(right.float().mean())
    assert half == pytest.approx(1.96 * (share * (1 - share) / 60) ** 0.5, rel=0.15)
    few = made(Scenes(count=9)).summary["pixel_accuracy"]
    assert np.isnan(few["low"]) and 0 < few["value"] < 1


def test_draws_keep_the_mean_and_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.random.default_rng(0).random((50, 3))
    whole = resampled(counts)
    monkeypatch.setattr("nbviz.reviews.dense.bootstrap.BLOCK", 50 * 7)
    assert np.array_equal(whole, resampled(counts)) and whole.shape == (1000, 3)
    np.testing.assert_allclose(whole.mean(0), counts.sum(0), rtol=0.02)


def test_without_masks_the_rest_works_and_some_may_be_missing() -> None:
    data = Scenes()
    review = made([data.images[number] for number in range(COUNT)])
    assert not review.labelled and review.summary["pixel_accuracy"] is None
    assert "The data set has no masks" in review.summary["absent"]["pixel_accuracy"]
    assert review.pictures["pixel_accuracy"].isna().all() and len(review.order("unsure")) == COUNT
    half = made(data, labels=[mask if number % 2 else None for number, mask in enumerate(data.masks)])
    assert len(half.known) == COUNT // 2 and half.pictures["iou"].notna().sum() == COUNT // 2
    full = made(data)
    assert half.figure.tolist() == full.figure[1::2].tolist()


def test_what_needs_one_class_is_refused_in_a_sentence() -> None:
    review = made(Scenes())
    for ask in (
        review.cues, review.shift, review.evidence, lambda: review.labels, lambda: review.suspect_labels,
        lambda: review.temperature, lambda: review.risk_coverage, lambda: review.class_calibration,
        lambda: review.paste("x"), lambda: review.directions(0), lambda: review.influences(0, Scenes()),
    ):  # fmt: skip
        with pytest.raises(Refused, match="one class per picture, and Segments puts out masks: review.classes"):
            ask()  # type: ignore[operator]
    with pytest.raises(Refused, match="classes overlap"):
        made(Scenes(), nbviz.InstrumentedModel(network(), multilabel=True))
    with pytest.raises(NbvizError, match="ignore= is the value of pixels that are not counted"):
        made(Scenes(), ignore="none")


def test_calibration_of_pixels_has_intervals_over_pictures_and_no_chance() -> None:
    review = made(Scenes(count=40))
    table = review.calibration
    assert table["count"].sum() == review.column("labelled").sum() and np.isnan(table.attrs["chance"]).all()
    assert ((table["low"] <= table["frequency"]) & (table["frequency"] <= table["high"])).all()
    with pytest.raises(Refused, match="Calibration needs 10 pictures with masks"):
        made(Scenes(count=9)).reliability  # noqa: B018


def test_dark_scenes_that_fail_are_the_worst_slice() -> None:
    data = Scenes(count=120)
    data.masks[:, :] = 1
    data.images[:, 0] = 0.1
    data.images[:40, 0] = 0.35  # said to be another class
    data.images[:40, 1:] *= 0.2
    table = made(data, Says()).slices
    assert table["column"][0] in ("brightness", "contrast", "saturation") and table["corrected"][0] < 1e-6
    assert table["accuracy"][0] < 0.5 < table["elsewhere"][0]
