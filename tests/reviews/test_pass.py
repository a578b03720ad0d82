"""The pass of a review equals looking at each picture alone, however it is cut, stopped, killed or shared out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.dataset import Stopped
from nbviz.dataset.shards import plan
from nbviz.errors import NbvizError, Refused
from nbviz.reviews import load
from tests.dataset.index.test_index import COUNT, Labelled, after, whole
from tests.networks import CLASSES, Functional, Tokens, state_hash

FILES = ("review.safetensors", "manifest.json")


class Slow(Labelled):
    def __getitem__(self, number: int) -> Any:
        time.sleep(0.002)
        return super().__getitem__(number)


def made(net: nn.Module, data: Any, **options: Any) -> nbviz.Review:
    return nbviz.review(net, data, progress=False, **options)


def one_by_one(net: nn.Module, data: Labelled) -> dict[str, torch.Tensor]:
    """Every picture alone, by plain torch."""
    kept = []
    hook = net.head.register_forward_hook(lambda _, inputs, __: kept.append(inputs[0]))
    with torch.no_grad():
        scores = torch.cat([net(image[None]) for image in data.images])
    hook.remove()
    labels = torch.arange(COUNT) % CLASSES
    shares = scores.double().softmax(1)
    loss = functional.cross_entropy(scores.double(), labels, reduction="none")
    top = shares.topk(2, 1).values
    return {
        "scores": scores, "labels": labels, "prediction": scores.argmax(1), "probability": top[:, 0],
        "second": top[:, 1], "loss": loss, "features": torch.cat(kept),
        "entropy": -(shares * shares.clamp(min=1e-300).log()).sum(1),
    }  # fmt: skip


@pytest.mark.parametrize("batch", [1, 7, 64, None])
def test_equals_looking_at_each_picture_alone(batch: int | None) -> None:
    net, data = whole(Functional()), Labelled()
    before = state_hash(net)
    review = made(net, data, batch=batch)
    assert state_hash(net) == before
    for name, expected in one_by_one(net, data).items():
        np.testing.assert_allclose(review.column(name), expected.numpy(), rtol=1e-6, atol=1e-9, err_msg=name)
    assert review.column("items").tolist() == list(range(COUNT))


def test_unreadable_items_are_left_out_and_named() -> None:
    review = made(whole(Functional()), Labelled((5, 40)))
    assert len(review) == COUNT - 2 and not {5, 40} & set(review.column("items").tolist())
    assert (
        "2 of 61 items" in review.problems[0]
        and "item 5 (the data set raised OSError: truncated file)" in review.problems[0]
    )


def test_pictures_with_scores_that_are_no_numbers_are_left_out_and_named() -> None:
    data = Labelled()
    data.images[7] = 3e38
    review = made(whole(Functional()), data)
    assert 7 not in review.column("items") and "item 7 (its scores are not finite" in review.problems[0]


def test_stopped_it_goes_on_to_the_identical_files(tmp_path: Path) -> None:
    net = whole(Functional())
    made(net, Labelled((5,)), batch=1, path=tmp_path / "straight")
    with pytest.raises(Stopped, match="the same call goes on"):
        made(net, Labelled((5,)), batch=1, path=tmp_path / "cut", cancel=after(30))
    assert not (tmp_path / "cut" / FILES[0]).exists() and (tmp_path / "cut" / "parts").is_dir()
    made(net, Labelled((5,)), path=tmp_path / "cut")
    same(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="needs a signal that can't be caught")
def test_killed_without_warning_it_goes_on_to_the_identical_files(tmp_path: Path) -> None:
    code = f"""
from nbviz.dataset.shards import plan
plan.LEAST, plan.BATCHES = {plan.LEAST}, {plan.BATCHES}
from tests.reviews.test_pass import Slow, made, whole, Functional
made(whole(Functional()), Slow(), batch=1, path={str(tmp_path / "cut")!r})
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while not list((tmp_path / "cut" / "parts").glob("0*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "cut" / FILES[0]).exists()
    for name in ("straight", "cut"):
        made(whole(Functional()), Labelled(), batch=1, path=tmp_path / name)
    same(tmp_path)


def same(folder: Path) -> None:
    for file in FILES:
        assert (folder / "straight" / file).read_bytes() == (folder / "cut" / file).read_bytes()
    assert {file.name for file in (folder / "cut").iterdir()} == set(FILES)


def test_two_workers_make_the_identical_files(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs="CRITICAL"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        made(whole(Functional()), Labelled((5, 40)), batch=1, path=tmp_path / "cut", client=client)
    made(whole(Functional()), Labelled((5, 40)), batch=1, path=tmp_path / "straight")
    same(tmp_path)


def test_a_folder_is_read_again_and_refused_for_anything_else(tmp_path: Path) -> None:
    net, data = whole(Functional()), Labelled()
    first = made(net, data, path=tmp_path)
    again = load(tmp_path, net, data)
    assert again.pictures.equals(first.pictures)
    other = whole(Functional())
    with torch.no_grad():
        other.head.bias += 1
    with pytest.raises(NbvizError, match="of another network, or of other weights"):
        load(tmp_path, other)
    with pytest.raises(NbvizError, match="of another network, or of other weights"):
        made(other, data, path=tmp_path)
    data.images = data.images + 1
    for call in (lambda: load(tmp_path, net, data), lambda: made(net, data, path=tmp_path)):
        with pytest.raises(NbvizError, match="of another data set"):
            call()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(NbvizError, match="has format 99; this nbviz reads"):
        load(tmp_path)


class Pixels(torch.utils.data.Dataset):
    """Gray pictures of known brightness and size, in a class each."""

    classes = ("dark", "bright")

    def __len__(self) -> int:
        return 8

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        pixels = np.full((20, 30, 3), 25 * number, np.uint8)
        pixels[:10] += 50
        return Image.fromarray(pixels), number // 4


def test_brightness_contrast_and_size_are_the_picture_s() -> None:
    def transform(image: Image.Image) -> torch.Tensor:
        return (torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255 - 0.4) / torch.tensor(
            [0.2, 0.25, 0.3]
        ).view(3, 1, 1)

    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)).eval()
    review = made(nbviz.InstrumentedModel(net, transform), Pixels())
    pictures = review.pictures
    np.testing.assert_allclose(pictures["brightness"], (25 * np.arange(8) + 25) / 255, atol=1e-5)
    np.testing.assert_allclose(pictures["contrast"], np.full(8, 25 / 255), atol=1e-5)
    np.testing.assert_allclose(pictures["saturation"], 0, atol=1e-5)
    assert set(pictures["width"]) == {30} and set(pictures["height"]) == {20}


def flat(scores: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, scores)).eval()


def test_classes_are_matched_by_name() -> None:
    model = nbviz.InstrumentedModel(flat(3), classes=["bright", "gray", "dark"])
    assert made(model, Pixels()).column("labels").tolist() == [2] * 4 + [0] * 4
    other = nbviz.InstrumentedModel(flat(2), classes=["night", "day"])
    review = made(other, Pixels())
    assert review.column("labels").tolist() == [0] * 4 + [1] * 4
    assert "dark is night" in review.notes[0]
    with pytest.raises(Refused, match=r"2 classes \(dark, bright\) and the network 3"):
        made(nbviz.InstrumentedModel(flat(3), classes=["a", "b", "c"]), Pixels())


def test_labels_beyond_the_network_s_classes_are_refused() -> None:
    with pytest.raises(Refused, match="is labelled 5, but the network has 2 classes, 0 to 1"):
        made(flat(2), Pixels(), labels=[0] * 7 + [5])


def test_one_score_is_two_answers() -> None:
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1)).eval()
    with torch.no_grad():
        net[2].weight.fill_(4.0)
        net[2].bias.fill_(-5.0)
    review = made(
        nbviz.InstrumentedModel(net, lambda im: torch.from_numpy(np.array(im)).permute(2, 0, 1) / 255), Pixels()
    )
    p = torch.sigmoid(torch.from_numpy(review.column("scores")[:, 0]).double()).numpy()
    assert review.column("prediction").tolist() == (p > 0.5).astype(int).tolist()
    np.testing.assert_allclose(review.column("probability"), np.maximum(p, 1 - p), atol=1e-7)
    labels = review.column("labels")
    np.testing.assert_allclose(review.loss, -np.log(np.where(labels == 1, p, 1 - p)), atol=1e-6)
    np.testing.assert_allclose(np.exp(review.logs).sum(1), 1)


def test_a_segmentation_network_over_pictures_of_a_class_each_has_no_masks() -> None:
    review = made(nn.Conv2d(3, 4, 1).eval(), Labelled())
    with pytest.raises(Refused, match="The data set has no masks, so nothing tells right from wrong: pass labels="):
        review.classes  # noqa: B018


def test_of_many_classes_the_largest_scores_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    net, data = whole(Functional()), Labelled()
    every = made(net, data)
    monkeypatch.setattr("nbviz.reviews.records.plan.EVERY", 3)
    monkeypatch.setattr("nbviz.reviews.records.plan.TOP", 2)
    few = made(net, data)
    assert few.column("scores").shape == (COUNT, 3)
    for name in ("prediction", "probability", "loss", "label_probability"):
        np.testing.assert_allclose(few.column(name), every.column(name))
    scores, classes = few.column("scores"), few.column("classes")
    assert (np.take_along_axis(every.column("scores"), classes, 1) == scores).all()
    assert (classes[:, -1] == few.labels).all()
    with pytest.raises(Refused, match="needs every score"):
        few.suspect_labels  # noqa: B018


def test_tokens_and_a_head_of_their_own() -> None:
    torch.manual_seed(0)
    assert len(made(Tokens().eval(), Labelled())) == COUNT
