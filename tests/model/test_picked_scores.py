"""Scores that are picked from probabilities, squashed alone, or within a part of the output."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional

import nbviz
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from tests.model.test_heads import net, picture, shares

PICKED = {
    "the second of two": lambda n, f: n.fc(f)[:, :2].softmax(1)[:, 1:],
    "but the first": lambda n, f: n.fc(f).softmax(1)[:, 1:],
    "two groups": lambda n, f: torch.cat([n.fc(f)[:, :2].softmax(1), n.fc(f)[:, 2:].softmax(1)], 1),
    "mean of two": lambda n, f: torch.stack([n.fc(f).sigmoid(), (n.fc(f) / 2).sigmoid()]).mean(0),
    "rounded": lambda n, f: n.fc(f).sigmoid().round(),
}


@pytest.mark.parametrize("name", PICKED)
def test_what_is_picked_from_probabilities_is_a_probability(name: str) -> None:
    made = net(5, PICKED[name])
    assert shares(InstrumentedModel(made)) == pytest.approx(made(picture())[0].tolist(), abs=1e-9)


def test_one_probability_with_two_names_has_its_complement() -> None:
    made = net(5, PICKED["the second of two"])
    model, p = InstrumentedModel(made, classes=["no", "yes"]), made(picture()).item()
    assert shares(model) == pytest.approx([1 - p, p]) and model.prediction(picture()).scale == "shares"
    no, yes = (nbviz.attribute(model, picture(), name, "saliency").values for name in ("no", "yes"))
    assert torch.allclose(no, -yes) and yes.any()


@pytest.mark.parametrize(
    ("classes", "ending"),
    [
        (1, lambda n, f: n.fc(f).softmax(1)),
        (1, lambda n, f: functional.log_softmax(n.fc(f), 1)),
        (5, lambda n, f: n.fc(f).softmax(0)),
    ],
)
def test_a_softmax_over_one_value_is_refused(classes: int, ending: Callable[..., Any]) -> None:
    with pytest.raises(NbvizError, match="softmax over one value.*1 for every picture.*sigmoid.*dim=1"):
        nbviz.attribute(net(classes, ending), picture(), 0, "saliency")


@pytest.mark.parametrize(
    ("ending", "where"),
    [
        (lambda n, f: {"head": {"logits": n.fc(f)}}, r"out\['head'\]\['logits'\]"),
        (lambda n, f: ((n.fc(f),), f), r"out\[0\]\[0\]"),
        (lambda n, f: SimpleNamespace(heads=[n.fc(f)], features=f), r"out.heads\[0\]"),
    ],
)
def test_scores_within_a_part_of_the_output_are_asked_for(ending: Callable[..., Any], where: str) -> None:
    made = net(5, ending)
    with pytest.raises(NbvizError, match=rf"{where} \(1, 5\). Pass output=lambda out: {where}") as caught:
        InstrumentedModel(made).predict(picture())
    advice = str(caught.value).partition("output=")[2].partition(", or")[0]
    assert len(shares(InstrumentedModel(made, output=eval(advice)))) == 5


def test_scores_beside_lists_of_features_need_no_asking() -> None:
    made = net(5, lambda n, f: (n.fc(f), [f, f * 2], {"norm": n.norm(f)}))
    assert len(shares(InstrumentedModel(made))) == 5


def test_attributes_of_an_object_are_asked_for_as_keys_are() -> None:
    made = net(5, lambda n, f: SimpleNamespace(box=n.other(f), kind=n.fc(f)))
    with pytest.raises(NbvizError, match=r"can't be told; these could be: 'box' \(1, 4\), 'kind' \(1, 5\)"):
        InstrumentedModel(made).predict(picture())
    assert len(shares(InstrumentedModel(made, output="kind"))) == 5


@pytest.mark.parametrize("top", [0, -1, 2.0, "3", None, True])
def test_how_many_classes_are_asked_for_is_checked(top: Any) -> None:
    with pytest.raises(NbvizError, match=f"top= is a whole number of at least 1, not {top!r}"):
        InstrumentedModel(net(5)).predict(picture(), top=top)
