"""Reviews of detectors equal COCO's evaluation, in closed form and by its own library, and refuse what are no boxes."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import precision_recall_curve
from torch import nn

import nbviz
from nbviz.dataset import Stopped
from nbviz.errors import NbvizError, Refused
from nbviz.reviews import DetectionReview, load
from nbviz.reviews.detection.matching import THRESHOLDS, matched
from nbviz.reviews.detection.precision import BoxCounts
from nbviz.reviews.detection.targets import TrueBoxes, corners
from tests.dataset.index.test_index import after
from tests.networks import state_hash

COUNT, CLASSES, SIDE = 16, 4, 64


class Finds(nn.Module):
    """Boxes that the picture's first row writes: as many as its first pixel says; in torchvision's form."""

    def __init__(self, classes: int = CLASSES) -> None:
        super().__init__()
        self.num_classes = classes
        self.conv = nn.Conv2d(3, 1, 1)

    def forward(self, images: Any) -> list[dict[str, torch.Tensor]]:
        return [self._one(image) for image in images]

    def _one(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        count = int((image[0, 0, 0] * 255).round())
        values = (image[0, 1 : count + 1, :7] * 255).round()
        boxes, labels, scores = values[:, :4], values[:, 4].long(), (values[:, 5] + values[:, 6] / 256) / 256
        return {"boxes": boxes + 0 * self.conv(image[None]).sum(), "labels": labels, "scores": scores}


def boxes_of(draw: np.random.Generator, count: int) -> np.ndarray:
    corners = draw.integers(0, SIDE // 2, (count, 2))
    return np.concatenate([corners, corners + draw.integers(6, SIDE // 2, (count, 2))], 1).astype(np.float32)


class Streets(torch.utils.data.Dataset[Any]):
    """Random pictures that carry what the detector is to find, near the true boxes, and others."""

    def __init__(self, change: Callable[[dict[str, Any]], Any] = lambda target: target, count: int = COUNT) -> None:
        self.change, draw = change, np.random.default_rng(7)
        self.images, self.targets = [], []
        for _ in range(count):
            truth, labels = boxes_of(draw, number := int(draw.integers(0, 6))), draw.integers(1, CLASSES, number)
            near = np.clip(truth + draw.integers(-3, 4, truth.shape), 0, SIDE)
            found = np.concatenate([near, boxes_of(draw, 3)])
            said = np.concatenate([np.where(draw.random(number) < 0.8, labels, 1), draw.integers(1, CLASSES, 3)])
            image = draw.integers(0, 255, (3, SIDE, SIDE)).astype(np.float32)
            image[0, 0, 0] = len(found)
            score = draw.permutation(200)[: len(found)] + 50, draw.permutation(250)[: len(found)]
            image[0, 1 : len(found) + 1, :7] = np.column_stack([found, said, *score])
            self.images.append(torch.from_numpy(image / 255))
            self.targets.append({"boxes": torch.from_numpy(truth), "labels": torch.from_numpy(labels)})

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> Any:
        return self.images[number], self.change(self.targets[number])


def made(data: Any, net: nn.Module | None = None, **options: Any) -> DetectionReview:
    review = nbviz.review(Finds().eval() if net is None else net, data, progress=False, **options)
    assert isinstance(review, DetectionReview)
    return review


def coco(data: Streets, crowd: bool = False) -> Any:
    """pycocotools' own evaluation of the same boxes."""
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truths, found, net = [], [], Finds().eval()
    for number, (image, target) in enumerate(zip(data.images, data.targets, strict=True)):
        for place, (box, label) in enumerate(zip(target["boxes"].tolist(), target["labels"].tolist(), strict=True)):
            left, top, right, bottom = box
            sides = {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}
            alone = {"iscrowd": int(crowd and place % 3 == 0), "id": len(truths) + 1}
            truths.append({"image_id": number, "category_id": label, **sides, **alone})
        one = net(image[None])[0]
        for box, label, score in zip(*(one[name].tolist() for name in ("boxes", "labels", "scores")), strict=True):
            left, top, right, bottom = box
            sides = {"bbox": [left, top, right - left, bottom - top]}
            found.append({"image_id": number, "category_id": label, **sides, "score": score})
    whole = COCO()
    categories = [{"id": label} for label in range(1, CLASSES)]
    whole.dataset = {"images": [{"id": n} for n in range(len(data))], "annotations": truths, "categories": categories}
    whole.createIndex()
    judged = COCOeval(whole, whole.loadRes(found), "bbox")
    judged.evaluate()
    judged.accumulate()
    return judged.eval["precision"][:, :, :, 0, -1].mean(1).T  # (classes, overlaps), area "all", at most 100 boxes


@pytest.mark.parametrize("crowd", [False, True])
def test_average_precision_is_coco_s(crowd: bool) -> None:
    def some(target: dict[str, Any]) -> dict[str, Any]:
        return {**target, "iscrowd": torch.arange(len(target["labels"])) % 3 == 0} if crowd else target

    data = Streets(some)
    np.testing.assert_allclose(made(data).counts.average[1:], coco(data, crowd), atol=1e-12)


def test_the_pass_is_the_same_however_it_is_cut(tmp_path: Path) -> None:
    net, data = Finds().eval(), Streets()
    before = state_hash(net)
    first = made(data, net, batch=2, path=tmp_path / "straight")
    with pytest.raises(Stopped, match="the same call goes on"):
        made(data, net, batch=2, path=tmp_path / "cut", cancel=after(7))
    made(data, net, path=tmp_path / "cut")
    for file in ("review.safetensors", "manifest.json"):
        assert (tmp_path / "straight" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes()
    again = load(tmp_path / "cut", net, data)
    assert again.pictures.equals(first.pictures) and made(data, net, batch=5).classes.equals(first.classes)
    assert state_hash(net) == before
    other = Streets()
    other.targets[0] = {"boxes": torch.tensor([[1.0, 2, 30, 40]]), "labels": torch.tensor([2])}
    with pytest.raises(NbvizError, match="of another data set"):
        load(tmp_path / "cut", net, other)


def of_two(found: list[float], true: int) -> BoxCounts:
    """One picture of a class: boxes by score, negative where they find nothing, and so many true ones."""
    score = np.abs(np.array(found))
    match = np.repeat((np.array(found) > 0).astype(np.int8)[:, None], len(THRESHOLDS), 1)
    ones = np.zeros(len(found), np.int64)
    return BoxCounts(1, 1, ones, ones, score, match, np.zeros(true, np.int64), np.zeros(true, np.int64))


@pytest.mark.parametrize(
    ("found", "true", "area"),
    [
        ([0.9, 0.8], 2, 1.0), ([0.9], 2, 51 / 101), ([], 3, 0.0), ([-0.9, 0.5], 1, 0.5), ([0.9, -0.5], 1, 1.0),
        ([0.9, -0.8, 0.7], 2, (51 + 50 * 2 / 3) / 101), ([-0.5], 0, np.nan),
    ],
)  # fmt: skip
def test_tiny_cases_in_closed_form(found: list[float], true: int, area: float) -> None:
    np.testing.assert_allclose(of_two(found, true).average, np.full((1, 10), area))


def test_precision_and_recall_are_scikit_learn_s() -> None:
    review = made(Streets())
    counts = review.counts
    for label in range(1, CLASSES):
        of = (counts.label == label) & (counts.match[:, 0] >= 0)
        hit, score = counts.match[of, 0] == 1, counts.score[of]
        precision, recall, threshold = precision_recall_curve(hit, score)
        table = review.precision_recall(label)
        expected = recall[:-1][::-1] * hit.sum() / counts.objects[:, label].sum()
        best = np.maximum.accumulate(precision[:-1])[::-1]
        np.testing.assert_allclose(table["score"], threshold[::-1])
        np.testing.assert_allclose(table["recall"], expected)
        np.testing.assert_allclose(table["precision"], best)


def test_boxes_are_found_missed_made_up_and_taken_for_others() -> None:
    target = TrueBoxes(
        np.array([[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]), np.array([1, 2, 2]), np.zeros(3, bool)
    )
    boxes = np.array([[0.0, 0, 10, 10], [20, 0, 30, 9], [0, 0, 10, 10], [90, 0, 95, 9], [40, 0, 50, 10]])
    one = matched(boxes, np.array([1, 1, 1, 2, 2]), np.array([0.9, 0.8, 0.7, 0.6, 0.4]), target)
    assert one.match[:, 0].tolist() == [1, 0, 0, 0, 1] and one.taken.tolist() == [-1, 2, -1, -1, -1]
    assert one.said.tolist() == [1, 1, -1]  # the last is found with a score below one half only
    nothing = matched(boxes[:0], np.zeros(0, np.int64), np.zeros(0), target)
    assert nothing.said.tolist() == [-1] * 3
    unknown = matched(boxes, np.ones(5, np.int64), np.ones(5), None)
    assert (unknown.match == -1).all()


def test_figures_of_pictures_and_of_the_confusion() -> None:
    review = made(Streets())
    pictures, matrix = review.pictures, review.confusion
    assert (pictures["found"] + pictures["missed"] == pictures["objects"]).all()
    assert matrix.counts[:-1].sum() == pictures["objects"].sum() and matrix.names[-1] == "nothing"
    assert matrix.counts[:-1, :-1].diagonal().sum() == pictures["found"].sum()
    expected = 2 * pictures["found"] / (pictures["objects"] + pictures["found"] + pictures["made_up"])
    np.testing.assert_allclose(review.figure, expected.fillna(1))
    worst = review.order("worst")
    assert (np.diff(review.figure[worst]) >= 0).all()
    label, prediction, count = matrix.pairs()[0]
    rows = nbviz.reviews.Listing("item", label=label, prediction=prediction).rows(review)
    assert 0 < len(rows) <= count
    low, high = review.summary["ap50"]["low"], review.summary["ap50"]["high"]
    assert low < review.summary["ap50"]["value"] < high
    assert review.calibration["count"].sum() == (review.counts.match[:, 0] >= 0).sum()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: {**t, "boxes": t["boxes"][:, [2, 3, 0, 1]]}, r"ends before it begins .*boxes\[:, 2:\] \+= boxes"),
        (lambda t: {**t, "boxes": t["boxes"] / SIDE}, "lie in 0…1 .*as shares of the picture: pixels are wanted"),
        (lambda t: {**t, "labels": t["labels"] + 9}, "is labelled 1[0-2], and the network has classes 0 to 3"),
        (lambda t: {**t, "labels": t["labels"].float()}, "a label is the whole number of a class"),
        (lambda t: {**t, "boxes": t["boxes"][:, :3]}, r"boxes of shape \(\d, 3\)"),
        (lambda t: {"bbox": t["boxes"]}, "is a mapping with 'bbox': it is a mapping with 'boxes'"),
        (lambda t: torch.zeros(SIDE, SIDE, dtype=torch.int64), "is Tensor: it is a mapping with 'boxes'"),
    ],
)
def test_what_are_no_boxes_is_refused_with_what_to_do(change: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        made(Streets(change))


class Form(Enum):
    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"
    XYWHR = "XYWHR"


def test_boxes_that_say_their_form_are_turned() -> None:
    """As torchvision.tv_tensors.BoundingBoxes do."""
    forms = {Form.XYXY: [2, 4, 12, 10], Form.XYWH: [2, 4, 10, 6], Form.CXCYWH: [7, 7, 10, 6]}
    for form, values in forms.items():
        boxes = torch.tensor([values], dtype=torch.float32)
        boxes.format = form  # type: ignore[attr-defined]
        assert corners(boxes, 0).tolist() == [[2, 4, 12, 10]]
    boxes.format = Form.XYWHR  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="are of the form XYWHR: turn them to XYXY"):
        corners(boxes, 3)


def test_pictures_without_boxes_and_without_targets() -> None:
    data = Streets()
    bare = made(data.images)
    assert not bare.labelled and "has no boxes" in bare.summary["absent"]["ap50"]
    none = made(Streets(lambda _: {"boxes": torch.zeros(0), "labels": torch.zeros(0, dtype=torch.int64)}))
    assert none.labelled and none.figure.tolist() == (none.pictures["said"] == 0).astype(float).tolist()
    assert none.pictures["made_up"].sum() > 0 and "No picture has a true box" in none.summary["absent"]["ap50"]
    assert np.isnan(none.classes["ap50"]).all()
    far = Streets(lambda t: {**t, "boxes": t["boxes"] + 50})
    with pytest.raises(NbvizError, match="reaches beyond its picture of 64 × 64"):
        made([(far.images[n], far[n][1]) for n in range(COUNT) if len(far.targets[n]["labels"])])
    for ask in (bare.cues, bare.shift, lambda: made(data).suspect_labels):
        with pytest.raises(Refused, match="one class per picture, and Finds puts out boxes"):
            ask()  # type: ignore[operator]


def test_boxes_follow_their_pictures_through_a_resizing() -> None:
    def half(image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image.resize((SIDE, SIDE)))).permute(2, 0, 1) / 255

    class Fixed(Finds):
        def _one(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
            box = image.new_tensor([[8.0, 16, 40, 48]])
            return {"boxes": box, "labels": torch.tensor([1]), "scores": torch.tensor([0.9])}

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (2 * SIDE, 3 * SIDE, 3), dtype=np.uint8))
    truth = {"boxes": torch.tensor([[24.0, 32, 120, 96]]), "labels": torch.tensor([1])}
    review = made([(picture, truth)] * 3, nbviz.InstrumentedModel(Fixed().eval(), half))
    assert (review.column("box_match") == 1).all() and "resized and cropped" in review.notes[0]
    drawn = review.drawn(0, 96)
    assert drawn.shape == (96, 96, 3)
