"""Made pictures kept on disk: found again, never confused, never in the way."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from nbviz.features import Objective, channel, making, visualize
from nbviz.features.picture_cache import network_digest
from nbviz.model.instrumented import InstrumentedModel
from tests.features.test_visualize import _tensor_of, small
from tests.networks import SIZE, build


def final(model: InstrumentedModel, channels: object, path: Path, **recipe: object) -> object:
    *_, made = making(model, "3", channels, path=path, **recipe)  # type: ignore[arg-type]
    return made


def files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.png"))


def test_what_was_made_is_found_again_by_another_process_s_model(tmp_path: Path) -> None:
    made = final(small(), [0, 1], tmp_path)
    again = final(small(), [1, 0], tmp_path)
    assert again.facts == {"seconds": 0.0, "kept": 2}
    assert torch.equal(again.pictures, made.pictures.flip(0))
    assert again.rise == pytest.approx(made.rise[::-1], abs=1e-4)


def test_only_what_is_missing_is_made_and_stands_in_its_place(tmp_path: Path) -> None:
    first = final(small(), [4, 2], tmp_path)
    more = final(small(), [2, 3, 4], tmp_path)
    assert more.facts["kept"] == 2 and more.words == tuple(f"channel {i} of 3" for i in (2, 3, 4))
    assert torch.equal(more.pictures[0], first.pictures[1]) and torch.equal(more.pictures[2], first.pictures[0])
    assert len(files(tmp_path)) == 3


def test_another_recipe_seed_layer_or_network_is_another_file(tmp_path: Path) -> None:
    final(small(), 0, tmp_path)
    final(small(), 0, tmp_path, steps=5)
    final(small(), 0, tmp_path, seed=1)
    visualize(small(), "0", 0, path=tmp_path)
    trained = build("plain", seed=1).eval()
    final(InstrumentedModel(trained, transform=_tensor_of), 0, tmp_path)
    assert len(files(tmp_path)) == 5
    assert len(list((tmp_path / "made").iterdir())) == 2


def test_moved_weights_are_another_network(tmp_path: Path) -> None:
    model = small()
    before = final(model, 0, tmp_path)
    with torch.no_grad():
        model.net[0].weight.mul_(-1)
    after = final(model, 0, tmp_path)
    assert after.facts["kept"] == 0 and not torch.equal(before.pictures, after.pictures)


class Scaled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.conv, self.head, self.scale = nn.Conv2d(3, 4, 3), nn.Linear(4, 2), scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.conv(x * self.scale)).mean((2, 3)))


class Halved(Scaled):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.conv(x * self.scale) * 0.5).mean((2, 3)))


class Doubled(Scaled):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.conv(x * self.scale) * 2.0).mean((2, 3)))


Doubled.__qualname__ = Halved.__qualname__


def _digest(net: nn.Module) -> str:
    model = InstrumentedModel(net, transform=_tensor_of)
    return model.guest.steady(lambda run: network_digest(model, run.net))


def test_what_a_network_does_with_its_weights_tells_it_from_another() -> None:
    torch.manual_seed(0)
    net = Scaled(1.0)
    others = [Scaled(-1.0), Halved(1.0), Doubled(1.0), copy.deepcopy(net), copy.deepcopy(net)]
    for other in others:
        other.load_state_dict(net.state_dict())
    others[3].conv.register_forward_hook(lambda module, inputs, output: output * -1)
    others[4].conv.register_forward_hook(lambda module, inputs, output: output * -2)
    others += [copy.deepcopy(net), copy.deepcopy(net)]
    others[5].act, others[6].act = functional.gelu, functional.silu  # type: ignore[assignment]
    assert len({_digest(other) for other in (net, *others)}) == 8
    again = Scaled(1.0)
    again.load_state_dict(net.state_dict())
    assert _digest(again.train()) == _digest(net)


def test_a_network_is_the_same_in_another_process() -> None:
    code = """
from tests.features.test_picture_cache import _digest
from tests.networks import build
print([_digest(build(name)) for name in ("functional", "tokens", "closure", "hooked", "weight_norm")])
"""
    root, told = Path(__file__).parents[2], set()
    for seed in ("1", "2"):
        settings = {**os.environ, "PYTHONHASHSEED": seed}
        told.add(subprocess.run([sys.executable, "-c", code], cwd=root, env=settings, capture_output=True).stdout)
    assert len(told) == 1 and told.pop().startswith(b"['")


def test_files_say_what_they_are(tmp_path: Path) -> None:
    final(small(), 5, tmp_path, facets=2, steps=4)
    (file,) = files(tmp_path)
    assert file.parent.name == "3" and file.name.startswith("5.")
    with Image.open(file) as image:
        text = json.loads(image.info["nbviz"])
        assert image.size == (2 * SIZE, SIZE)
    assert text["words"] == "channel 5 of 3" and text["layer"] == "3"
    assert dict(text["recipe"])["steps"] == 4 and [len(row) for row in text["rise"]] == [4, 4]


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    made = final(small(), 0, tmp_path)
    (file,) = files(tmp_path)
    for damage in (b"", file.read_bytes()[:-200], b"not a picture"):
        file.write_bytes(damage)
        again = final(small(), 0, tmp_path)
        assert again.facts["kept"] == 0 and torch.equal(again.pictures, made.pictures)


def test_finished_pictures_are_kept_when_the_rest_is_cancelled(tmp_path: Path) -> None:
    pages = making(small(), "3", range(8), path=tmp_path, size=SIZE, steps=10)
    pages.close()  # type: ignore[attr-defined]
    assert not files(tmp_path)
    many = [channel("3", index % 8) * (1 + index) for index in range(40)]
    pages = making(small(), "3", many, path=tmp_path, steps=60)
    for page in pages:
        if page.done > 0.7:
            break
    pages.close()  # type: ignore[attr-defined]
    assert 0 < len(files(tmp_path)) < 40
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_that_can_t_be_written_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("in the way")
    made = final(small(), 0, tmp_path)
    assert made.facts["note"].startswith(f"The pictures could not be kept in {tmp_path}")
    assert made.done == 1


def test_a_callable_of_one_s_own_is_not_kept(tmp_path: Path) -> None:
    own = Objective("mine", ("3",), lambda says: says["3"].mean())
    final(small(), own, tmp_path)
    assert not files(tmp_path)


def test_the_usual_place_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBVIZ_CACHE", str(tmp_path / "here"))
    visualize(small(), "3", 0, steps=2)
    assert len(files(tmp_path / "here")) == 1
    monkeypatch.delenv("NBVIZ_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    visualize(small(), "3", 0, steps=2)
    assert len(files(tmp_path / "nbviz")) == 1
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path)
