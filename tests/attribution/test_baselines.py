"""Facts on what a picture was made of, and on whether its black is black."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import nbviz
from nbviz.attribution.words import facts_lines
from tests.networks import SIZE, build


@pytest.mark.parametrize("method", ["integrated_gradients", "expected_gradients", "score_cam", "saliency"])
def test_facts_say_how_the_picture_was_prepared_and_whether_black_is_black(method: str) -> None:
    """Zeros are called black only where they are: in a tensor whose normalisation nobody told they are not."""
    net, rgb = build("functional"), torch.rand(1, 3, SIZE, SIZE)
    options = {"maximum": 20} if method == "integrated_gradients" else {}
    normalised = nbviz.attribute(net, rgb * 4 - 2, 1, method, **options).facts
    assert normalised["preprocessing"] == "no preprocessing: the tensor as it was given"
    assert ("all-zero" in normalised.get("note", "")) == (method != "saliency")
    assert "note" not in nbviz.attribute(net, rgb, 1, method, **options).facts
    known = nbviz.InstrumentedModel(net, transform=lambda image: torch.from_numpy(np.array(image).T / 64 - 2).float())
    assert "note" not in nbviz.attribute(known, rgb * 4 - 2, 1, method, **options).facts
    guessed = nbviz.attribute(net, Image.new("RGB", (SIZE, SIZE), "red"), 1, "saliency").facts
    assert guessed["preprocessing"].startswith("preprocessing guessed: 0…1 range")
    words = str(facts_lines({"target": "ant", "score": 1.0, **normalised}))
    assert ("for an all-zero input" in words) == (method == "integrated_gradients")
