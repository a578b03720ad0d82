"""The recipes of the reference, run as they stand there on small networks of the same shape."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.replica.torchvision_import import torchvision
from tests.networks import state_hash

PAGE = Path(__file__).parents[1] / "notebooks" / "reference" / "recipes.md"
RECIPES: dict[str, str] = dict(re.findall(r"```python\n# ([\w ]+)\n(.*?)```", PAGE.read_text(), re.DOTALL))


def _run(recipe: str, **given: Any) -> dict[str, Any]:
    places = {"nbviz": nbviz, "torch": torch, "nn": nn, "functional": functional, "x": _picture(0), **given}
    exec(compile(RECIPES[recipe], f"{PAGE.name}: {recipe}", "exec"), places)
    return places


def _picture(seed: int) -> torch.Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def _trunk(out: int) -> nn.Module:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, 3, padding=1)
    return nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, out)).eval()


class Shaped(nn.Module):
    """A network whose output is what ``shape`` makes of its trunk's."""

    def __init__(self, out: int, shape: Any) -> None:
        super().__init__()
        self.trunk, self.shape = _trunk(out), shape

    def forward(self, x: torch.Tensor) -> Any:
        return self.shape(self.trunk(x))


def _gradient(net: nn.Module, x: torch.Tensor, score: Any) -> torch.Tensor:
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(score(net(leaf)).sum(), leaf)[0]


def test_every_recipe_is_tried_here() -> None:
    assert set(RECIPES) == {"yolo classify", "yolo detect", "detr", "clip", "regression", "embedding"}
    assert f"reference/{PAGE.name}" in (PAGE.parents[2] / "README.md").read_text()


def test_yolo_classifier() -> None:
    net = Shaped(4, lambda logits: (logits.softmax(1), logits))
    with _run("yolo classify", yolo=SimpleNamespace(model=net), pictures=_picture(0))["explorer"] as explorer:
        (_, index, share, score), *_ = explorer.model.predict(_picture(0))
        probabilities, logits = net(_picture(0))
        assert score == pytest.approx(float(logits[0, index].detach()), abs=1e-6)
        assert share == pytest.approx(float(probabilities[0, index].detach()), abs=1e-6)


def test_yolo_detector() -> None:
    net = Shaped(7 * 6, lambda out: (out.reshape(-1, 7, 6), None))
    found = _run("yolo detect", yolo=SimpleNamespace(model=net), k=2)["best"]
    assert found.facts["score"] == pytest.approx(float(net(_picture(0))[0][0, 6].max().detach()), abs=1e-6)


def test_detr() -> None:
    net = Shaped(5 * 4, lambda out: SimpleNamespace(logits=out.reshape(-1, 5, 4)))
    before = state_hash(net)
    places = _run("detr", net=net)
    query, label = places["query"], places["label"]
    assert label < 3
    expected = _gradient(net, _picture(0), lambda out: out.logits[:, query, label])
    assert torch.equal(places["seen"].values, expected) and state_hash(net) == before


def test_clip() -> None:
    torchvision()  # transformers imports it, and it may need help
    transformers = pytest.importorskip("transformers")
    tower = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    text = tower | {"vocab_size": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = transformers.CLIPConfig(text_config=text, vision_config=tower | {"image_size": 32, "patch_size": 8})
    torch.manual_seed(0)
    clip, sentences = transformers.CLIPModel(config).eval(), ["a cat", "a dog", "a boat"]
    tokens = {"input_ids": torch.tensor([[1, 5, 9, 2], [1, 5, 7, 2], [1, 5, 8, 2]])}
    places = _run("clip", clip=clip, tokenizer=lambda *_, **__: tokens, sentences=sentences)
    with torch.no_grad():
        expected = clip(pixel_values=_picture(0), **tokens).logits_per_image[0]
    predicted = places["model"].predict(_picture(0), top=3)
    assert {name: score for name, _, _, score in predicted} == pytest.approx(
        dict(zip(sentences, expected.tolist(), strict=True)), rel=1e-5
    )
    assert nbviz.attribute(places["model"], _picture(0), "a dog", "saliency").facts["status"] == "ok"


def test_regression() -> None:
    net = _trunk(1)
    found = _run("regression", net=net)["age"]
    assert found.facts["score"] == pytest.approx(float(net(_picture(0)).detach()), abs=1e-6)
    assert found.facts["status"] == "ok" and found.facts["residual"] < 0.05


def test_embedding() -> None:
    net = _trunk(6)
    places = _run("embedding", net=net, other=_picture(1))
    reference = functional.normalize(net(_picture(1)), dim=1).detach()[0]
    expected = _gradient(net, _picture(0), lambda out: functional.normalize(out, dim=1) @ reference)
    assert torch.equal(places["alike"].values, expected)
