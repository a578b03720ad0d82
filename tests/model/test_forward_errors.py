"""A forward that raises is answered with its cause and the way out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbviz import InstrumentedModel
from nbviz.errors import NbvizError
from tests.networks import build, picture


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = build("functional")

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return self.net(left) - self.net(right)


class Batch(Siamese):
    def forward(self, batch: Any) -> torch.Tensor:  # type: ignore[override]
        return self.net(batch["picture"])


class Attribute(Siamese):
    def forward(self, batch: Any) -> torch.Tensor:  # type: ignore[override]
        return self.net(batch.pixels)


class Multimodal(Siamese):
    def forward(self, input_ids: Any = None, pixel_values: Any = None) -> torch.Tensor:  # type: ignore[override]
        if pixel_values is None:
            raise ValueError("You have to specify pixel_values")
        return self.net(pixel_values)


class Needy(Siamese):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        raise ModuleNotFoundError("No module named 'wavelets'", name="wavelets.haar")


class Late(Siamese):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self.net(x).logits_of_mine


class OneSize(Siamese):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        if x.shape[-1] != 70:
            raise ValueError("70 only")
        return self.net(x)


SENTENCES = {
    Siamese: r"Siamese.forward needs 2 inputs \(left, right\).*self.net\(x, right=right\)",
    Batch: r"Batch.forward takes a dictionary: it asks its input for 'picture'.*self.net\(\{'picture': x\}\)",
    Attribute: r"before its first layer: AttributeError.*'pixels'.*Wrap it in a module",
    Multimodal: r"Multimodal.forward takes its pictures as pixel_values=.*self.net\(pixel_values=x",
    Needy: r"needs the package 'wavelets', which is not installed: pip install wavelets",
    Late: r"fails on an input of shape \(1, 3, .*AttributeError.*logits_of_mine",
}


@pytest.mark.parametrize("kind", SENTENCES, ids=lambda kind: kind.__name__)
def test_what_is_no_matter_of_size_is_not_called_one(kind: type[nn.Module]) -> None:
    for ask in (lambda model: model.layers(), lambda model: model.predict(picture())):
        with pytest.raises(NbvizError, match=SENTENCES[kind]) as caught:
            ask(InstrumentedModel(kind()))
        assert "usual square inputs" not in str(caught.value) and "transform=" not in str(caught.value)


def test_a_wrapper_as_advised_opens() -> None:
    class Alone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Batch()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net({"picture": x})

    x = picture()
    with torch.no_grad():
        expected = Alone().eval()
        assert torch.equal(InstrumentedModel(expected)(x), expected(x))


def test_a_size_that_is_asked_for_is_said_with_what_it_said() -> None:
    with pytest.raises(NbvizError, match=r"none of the usual square inputs with 3 channels \(70 only\).*transform="):
        InstrumentedModel(OneSize()).layers()


@pytest.mark.parametrize(
    ("names", "words"),
    [("input_ids, pixel_values=None", "takes its pictures as pixel_values="), ("input_ids, mask=None", "tokens")],
)
def test_networks_of_texts_are_known_by_their_call(names: str, words: str) -> None:
    class Text(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.head = nn.Embedding(9, 32), nn.Linear(32, 2)

        exec(f"def forward(self, {names}): return self.head(self.words(input_ids).mean(1))")

    with pytest.raises(NbvizError, match=words):
        InstrumentedModel(Text()).layers()


class Frames(Siamese):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        _, _, channels, height, width = x.shape
        return self.net(x.view(-1, channels, height, width))


class Keyword(Siamese):
    def forward(self, *, pixels: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self.net(pixels)


class Mixed(Siamese):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self.net(x) @ torch.eye(5, dtype=torch.float64)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Frames, r"expected 5, got 4.*All raise the same.*something else than pictures: Wrap it"),
        (Keyword, r"takes its input by keyword alone. Wrap it.*self.net\(pixels=x\)"),
        (Mixed, r"fails on an input of shape \(1, 3, .*dtype"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_error_that_no_size_mends_is_not_put_down_to_size_alone(kind: type[nn.Module], words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        InstrumentedModel(kind()).layers()
