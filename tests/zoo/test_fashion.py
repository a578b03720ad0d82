"""The Fashion networks are as good as their cards say, on pictures they have not learnt from."""

from __future__ import annotations

import gzip
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

import nbviz.zoo as zoo
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.graph.attention_nodes import attentions
from nbviz.pictures.load import load_pictures
from nbviz.zoo import train_fashion
from nbviz.zoo.fashion_cnn import FashionCNN, ResidualBlock
from nbviz.zoo.fashion_pictures import CLASSES, FashionPictures
from nbviz.zoo.fashion_vit import FashionViT
from nbviz.zoo.shipped import DATA, card, data_file, with_weights
from nbviz.zoo.train_fashion import DEBIAN, batch_of, idx, right, split

NETWORKS = {"fashion_cnn": FashionCNN, "fashion_vit": FashionViT}
# What these recipes reach; a broken training falls far below, another seed doesn't.
AT_LEAST = {"fashion_cnn": 0.915, "fashion_vit": 0.88}
debian = pytest.mark.skipif(not DEBIAN.is_dir(), reason="the package dataset-fashion-mnist is not installed")


@pytest.fixture(scope="module")
def pictures() -> FashionPictures:
    return zoo.fashion()


@pytest.fixture(scope="module", params=NETWORKS)
def model(request: pytest.FixtureRequest) -> InstrumentedModel:
    return zoo.load(request.param, device="cpu")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_card_tells_the_truth_about_the_shipped_pictures(name: str, pictures: FashionPictures) -> None:
    net, said = with_weights(NETWORKS[name], f"{name}.safetensors"), card(f"{name}.safetensors")
    found = right(net, batch_of(pictures.images), torch.tensor(pictures.targets)).double().mean().item()
    # Another processor may round a handful of close calls the other way.
    assert found == pytest.approx(float(said["shipped_accuracy"]), abs=0.002)
    assert found == pytest.approx(float(said["test_accuracy"]), abs=0.01)
    assert found > AT_LEAST[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_readable_card_says_what_the_weights_say(name: str) -> None:
    text, said = (DATA / "README.md").read_text(encoding="utf-8"), card(f"{name}.safetensors")
    section = text.split(f"## `{name}.safetensors`")[1].split("\n## ")[0]
    for key in ("test_accuracy", "shipped_accuracy"):
        assert f"{100 * float(said[key]):.2f} %" in section
    assert said["recipe"] in " ".join(section.split())


def test_the_files_are_small_and_the_licence_is_beside_them() -> None:
    limits = {"fashion_cnn.safetensors": 1e6, "fashion_vit.safetensors": 1e6, "fashion_pictures.npz": 3e6}
    for name, limit in limits.items():
        assert (DATA / name).stat().st_size <= limit
    licence = (DATA / "LICENSE").read_text(encoding="utf-8")
    assert "Zalando SE" in licence and "The MIT License" in licence
    assert "THE SOFTWARE IS PROVIDED" in licence


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_half_on_disk_single_in_the_network_and_quickly_there(name: str) -> None:
    stored = load_file(data_file(f"{name}.safetensors"))
    assert {value.dtype for value in stored.values()} <= {torch.float16, torch.int64}
    generator = torch.get_rng_state()
    started = time.process_time()
    net = with_weights(NETWORKS[name], f"{name}.safetensors")
    assert time.process_time() - started < 0.5
    assert torch.equal(torch.get_rng_state(), generator)
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}
    assert not any(module.training for module in net.modules())
    assert all(bool(torch.isfinite(value).all()) for value in net.state_dict().values())


def test_the_pictures_are_a_labelled_data_set(pictures: FashionPictures) -> None:
    assert len(pictures) == 5000 and len(pictures.classes) == 10
    assert min(np.bincount(pictures.targets)) > 450
    for index in (0, 4999, -1):
        picture, label = pictures[index]
        assert isinstance(picture, Image.Image) and (picture.mode, picture.size) == ("L", (28, 28))
        assert type(label) is int and 0 <= label < 10
    with pytest.raises(IndexError):
        pictures[5000]
    first = next(iter(load_pictures(pictures).values()))
    assert first.label == pictures.targets[0] and CLASSES[first.label] == "ankle boot"


def test_nobody_can_change_the_pictures_of_another(pictures: FashionPictures) -> None:
    with pytest.raises(ValueError, match="read-only"):
        pictures.images[0] = 0
    picture, _ = pictures[0]
    picture.paste(0, (0, 0, 28, 28))
    assert np.asarray(pictures[0][0]).any()


def test_a_worker_gets_the_same_pictures(pictures: FashionPictures) -> None:
    travelled = pickle.loads(pickle.dumps(pictures))
    assert np.array_equal(travelled.images, pictures.images) and travelled.targets == pictures.targets


@debian
def test_the_pictures_are_the_test_splits_and_none_was_trained_on(pictures: FashionPictures) -> None:
    images, labels = split(DEBIAN, "t10k")
    assert np.array_equal(images[:5000], pictures.images) and labels[:5000].tolist() == pictures.targets
    trained = {picture.tobytes() for picture in split(DEBIAN, "train")[0]}
    assert not any(picture.tobytes() in trained for picture in pictures.images)


def test_the_networks_see_gray_pictures_as_they_are(model: InstrumentedModel, pictures: FashionPictures) -> None:
    assert model.transform.sentence == "preprocessing from the network" and not model.transform.guessed
    tensor = model.transform(pictures[0][0])
    torch.testing.assert_close(tensor, batch_of(pictures.images[:1]))
    assert np.array_equal(model.transform.seen(tensor)[..., 0], pictures.images[0])
    assert model.predict(pictures[0][0], top=1)[0][:2] == ("ankle boot", 9)
    assert model.classes == CLASSES == pictures.classes
    assert model.transform(Image.new("RGB", (640, 480))).shape == (1, 1, 28, 28)


def test_the_layer_trees_read_well() -> None:
    cnn, vit = FashionCNN(), FashionViT()
    assert [name for name, _ in cnn.named_children()] == ["stem", "blocks", "pool", "head"]
    assert [name for name, _ in vit.named_children()] == ["patches", "blocks", "norm", "head"]
    assert [type(block) for block in cnn.blocks] == [ResidualBlock] * 6
    parts = ["norm1", "attention", "norm2", "mlp"]
    assert [name for name, _ in vit.blocks[0].named_children()] == parts
    assert [sum(p.numel() for p in net.parameters()) for net in (cnn, vit)] == [174_970, 139_018]


def test_the_transformers_attention_is_found_by_autograd(pictures: FashionPictures) -> None:
    net = with_weights(FashionViT, "fashion_vit.safetensors")
    blocks, unread = attentions(net(batch_of(pictures.images[:1])))
    assert [(block.heads, block.queries, block.keys) for block in blocks] == [(4, 50, 50)] * 4
    assert unread == 0 and all(block.fused for block in blocks)


def test_a_missing_file_is_said_in_words() -> None:
    with pytest.raises(NbvizError, match="'nothing.npz' is missing"):
        data_file("nothing.npz")


def write_idx(path: Path, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes()))


@pytest.fixture
def bright_or_dark(tmp_path: Path) -> Path:
    """A data set anyone can learn: two classes, one dark and one bright."""
    noise = np.random.default_rng(0)
    for name, count in (("train", 256), ("t10k", 64)):
        labels = noise.integers(0, 2, count)
        images = noise.integers(0, 100, (count, 28, 28)) + 120 * labels[:, None, None]
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", labels)
    return tmp_path


def test_the_script_learns_and_repeats_itself(
    bright_or_dark: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = train_fashion.Training(_tiny, epochs=8, rate=0.02)
    monkeypatch.setitem(train_fashion.TRAININGS, "tiny", quick)
    monkeypatch.setattr("nbviz.zoo.shipped.DATA", bright_or_dark)
    train_fashion.make_network("tiny", bright_or_dark, bright_or_dark)
    once, said = load_file(bright_or_dark / "tiny.safetensors"), card("tiny.safetensors")
    assert float(said["test_accuracy"]) == 1 and "8 epochs" in said["recipe"]
    train_fashion.make_network("tiny", bright_or_dark, bright_or_dark)
    again = load_file(bright_or_dark / "tiny.safetensors")
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert capsys.readouterr().out.count("epoch") == 16


def _tiny() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16, 2))


def test_the_script_cuts_the_pictures(bright_or_dark: Path) -> None:
    train_fashion.make_pictures(bright_or_dark, bright_or_dark)
    with np.load(bright_or_dark / "fashion_pictures.npz") as arrays:
        assert np.array_equal(arrays["images"], idx(bright_or_dark / "t10k-images-idx3-ubyte.gz"))
        assert np.array_equal(arrays["labels"], idx(bright_or_dark / "t10k-labels-idx1-ubyte.gz"))
