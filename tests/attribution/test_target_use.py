"""Whether a method's map depends on the class is as it is registered, and is what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import nbviz
from nbviz.attribution import METHODS, Attribution
from nbviz.attribution.words import facts_lines
from nbviz.model.target import Target
from nbviz.panels.scenes.explanation import explanation_scene
from nbviz.session.pins.pin import Pin
from nbviz.session.requests.base import ExplainAnswer
from tests.networks import build, picture
from tests.test_laws import host, quick

NAMES = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay"]


def maps(method: str) -> list[Attribution]:
    # a rectifier after the last layer would leave some class without positive evidence, and two maps alike
    return nbviz.attribute(build(host(method)), picture(), [0, 1, 2], method, **quick(method))


@pytest.mark.parametrize("method", METHODS)
def test_a_map_depends_on_the_class_where_its_method_says_so(method: str) -> None:
    torch.manual_seed(0)
    first, *others = maps(method)
    alike = all(torch.equal(first.values, other.values) for other in others)
    assert alike == (not METHODS[method].uses_target)
    assert [bool(made.facts.get("any_class")) for made in (first, *others)] == [alike] * 3


@pytest.mark.parametrize("method", METHODS)
def test_only_a_map_that_depends_on_the_class_is_said_to_explain_its_score(method: str) -> None:
    made = maps(method)[1]
    height, width = made.size
    scene = explanation_scene(ExplainAnswer(made, picture_of(height, width)), METHODS[method].title, "one")
    words = "".join(run if isinstance(run, str) else run[0] for run in [*scene.heading, *facts_lines(made.facts)[0]])
    said = words + scene.caption
    if METHODS[method].uses_target:
        assert "why " in said and "explains the score of" in said and "every class" not in said
    else:
        assert "why " not in said and "explains" not in said
        assert "the same for every class" in said and "does not depend on the class" in said
        assert f"{made.facts['score']:.2f}".replace("-", "−") in said


def test_a_pin_of_such_a_map_names_no_class() -> None:
    model = nbviz.InstrumentedModel(build("plain"), classes=NAMES[: nbviz.InstrumentedModel(build("plain")).scores])
    titles = [Pin("one", Target(1), method).title(model) for method in ("eigen_cam", "grad_cam")]
    assert titles == ["Eigen-CAM", f"Grad-CAM · {model.class_name(1)}"]


def picture_of(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)
