"""The scalar that is explained, from whatever a person writes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nbviz.errors import NbvizError, UnknownName
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from tests.networks import build, picture

NAMES = ["cat", "dog", "crane", "Crane", "ship"]


@pytest.fixture
def model() -> InstrumentedModel:
    made = InstrumentedModel(build("inplace"), classes=NAMES)
    made.predict(picture())
    return made


def test_indices_names_pairs_and_callables(model: InstrumentedModel) -> None:
    assert Target.ensure(3, model) == Target.ensure(np.int64(3), model) == Target(3)
    assert Target.ensure(torch.tensor(3), model) == Target(3)
    assert Target.ensure("dog", model) == Target.ensure("DOG", model) == Target(1)
    assert Target.ensure("crane", model) == Target(2) and Target.ensure("Crane", model) == Target(3)
    assert Target.ensure(("cat", 4), model) == Target(0, 4)
    assert Target.ensure("predicted", model).predicted
    assert Target.ensure(len, model).function is len
    assert Target.ensure(Target(2), model) == Target(2)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("dgo", "Class 'dgo' is not in this model. Nearest: 'dog'"),
        ("CRANE", "'CRANE' names classes 2, 3"),
        (5, "Class 5 does not exist: classes are 0 to 4"),
        (-1, "Class -1 does not exist"),
        (1.5, "not 1.5"),
        (True, "not True"),
        (None, "not None"),
        (("cat", "cat"), "two different classes"),
        ([1, 2, 3], r"not the list \[1, 2, 3\]"),
    ],
)
def test_what_is_no_target_is_refused_in_words(model: InstrumentedModel, value: object, words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        Target.ensure(value, model)
    assert isinstance(pytest.raises(NbvizError, Target.ensure, "dgo", model).value, UnknownName)


def test_a_model_without_names_asks_for_an_index() -> None:
    model = InstrumentedModel(build("inplace"))
    with pytest.raises(NbvizError, match="no class names"):
        Target.ensure("dog", model)
    assert Target(2).words(model) == "class 2"


def test_scores_of_a_batch(model: InstrumentedModel) -> None:
    logits = torch.tensor([[1.0, 5.0, 2.0, 0.0, 0.0], [4.0, 1.0, 7.0, 0.0, 0.0]])
    both, first = model.read(logits), model.read(logits[:1])
    assert Target(2).of(both).tolist() == [2, 7]
    assert Target(2, 0).of(both).tolist() == [1, 3]
    assert Target(function=lambda output: output.sum(1)).of(both).tolist() == [8, 12]
    assert Target().resolved(first, model) == Target(1) and Target(4).resolved(both, model) == Target(4)
    assert Target(2, 0).words(model) == "crane rather than cat"
    assert Target(function=len).words(model) == "len"


def test_a_class_that_the_head_no_longer_has_is_named(model: InstrumentedModel) -> None:
    for target, last in [(Target(4), 4), (Target(4, 0), 4), (Target(0, 3), 3)]:
        with pytest.raises(NbvizError, match=f"Class {last} is not among the network's 2 scores"):
            target.of(model.read(torch.zeros(1, 2)))


def test_a_function_gives_one_score_a_picture(model: InstrumentedModel) -> None:
    with pytest.raises(NbvizError, match=r"shape \(N,\), not \(1, 5\)"):
        Target(function=lambda output: output).of(model.read(torch.zeros(1, 5)))
    with pytest.raises(NbvizError, match="not float"):
        Target(function=lambda output: 1.0).of(model.read(torch.zeros(1, 5)))


def test_an_error_of_a_function_says_what_it_was_handed(model: InstrumentedModel) -> None:
    with pytest.raises(KeyError, match="logits") as raised:
        Target(function=lambda output: {"out": output}["logits"]).of(model.read(torch.zeros(1, 5)))
    assert raised.value.__notes__ == [
        "The target function was handed the network's own output, which is a tensor of torch.float32 and shape (1, 5)."
    ]


def test_memory_that_runs_out_in_a_function_is_no_fault_of_it(model: InstrumentedModel) -> None:
    def hungry(output: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        Target(function=hungry).of(model.read(torch.zeros(1, 5)))
