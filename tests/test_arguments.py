"""Arguments that can be nothing of what they are for are refused in a sentence, whatever they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nbviz
from nbviz.arguments import path_of
from nbviz.circuits import class_need
from nbviz.errors import NbvizError
from nbviz.reviews import Sampling
from tests.reviews.test_channels import Planes, network

JUNK: tuple[Any, ...] = (
    object(), b"a", {1}, np.array(3.5), np.array([1.0, 2.0]), torch.tensor([1.0, float("nan")]), [[1, 2], [3]], 1.5, -5,
)  # fmt: skip
"""Single numbers of numpy's look iterable, arrays have no truth, lists are not hashable; others are of another type."""


@pytest.fixture(scope="module")
def calls() -> dict[str, Callable[[Any], object]]:
    """Public call and its argument → what passes it a value."""
    net, images = network(), Planes()
    model, x = nbviz.InstrumentedModel(net), images[0][0][None]
    review = nbviz.review(model, images, progress=False)
    index = nbviz.Index.build(model, images, progress=False)
    return {
        "channel_effects fill": lambda junk: nbviz.channel_effects(model, x, "1", fill=junk),
        "circuit fill": lambda junk: nbviz.circuit(model, x, layers=["1"], fill=junk),
        "circuit layers": lambda junk: nbviz.circuit(model, x, layers=junk),
        "class_need fill": lambda junk: class_need(model, x, "1", fill=junk),
        "channels fill": lambda junk: review.channels("1", fill=junk),
        "channels sampling": lambda junk: review.channels("1", junk),
        "Sampling seed": lambda junk: Sampling(seed=junk),
        "evidence truth": lambda junk: review.evidence(junk, sample=1),
        "evidence seed": lambda junk: review.evidence(sample=1, seed=junk),
        "drifting other": lambda junk: list(review.drifting(junk)),
        "order by": review.order,
        "compare truth": lambda junk: nbviz.compare(model, x, ["saliency"], truth=junk, progress=False),
        "visualize objective": lambda junk: nbviz.visualize(model, "1", 0, steps=1, objective=junk),
        "visualize layer": lambda junk: nbviz.visualize(model, junk, 0, steps=1),
        "index layer": lambda junk: index.top(junk, 0),
        "attribute hooks": lambda junk: nbviz.attribute(net, x, 0, "saliency", hooks=junk),
        "model device": lambda junk: nbviz.InstrumentedModel(net, device=junk),
        "health layers": lambda junk: nbviz.health(model, images, junk),
        "review path": lambda junk: nbviz.review(model, images, path=junk, progress=False),
    }


def test_junk_is_refused_in_a_sentence(calls: dict[str, Callable[[Any], object]]) -> None:
    raw = []
    for name, call in calls.items():
        for junk in JUNK:
            try:
                call(junk)
            except NbvizError as error:
                assert len(str(error)) < 400, name
            except Exception as error:
                raw.append((name, junk, error))
            else:
                raw.append((name, junk, "taken"))
    assert not raw


def test_a_path_is_a_string_or_a_path_and_expands_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert path_of("path", "~/made") == path_of("path", Path("~/made")) == Path("/somewhere/made")
    for junk in JUNK:
        with pytest.raises(NbvizError, match=r"path= is a path"):
            path_of("path", junk)
