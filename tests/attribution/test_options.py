"""What may be given for an option is stated once, in its annotation, and holds for the call as for the control."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import torch

import nbviz
from nbviz.attribution.base import METHODS, About
from nbviz.attribution.options import Option, checked_options, options_of
from nbviz.errors import NbvizError
from nbviz.panels.explanation.method_bar import converted
from tests.networks import build, picture


def _outside() -> Iterator[Any]:
    """Every value just outside a stated limit, and those that no number's option can take."""
    for name, method in METHODS.items():
        for option in method.options:
            step = 1 if option.kind == "int" else 1e-3
            for limit, value in ((option.low, -step), (option.high, step)):
                if limit is not None:
                    yield pytest.param(name, option, limit + value, id=f"{name}-{option.name}-{limit + value:g}")
            if option.kind in ("int", "float"):
                for value in (float("nan"), float("inf"), "7", True):
                    yield pytest.param(name, option, value, id=f"{name}-{option.name}-{value!r}")
            if option.kind in ("bool", "choice"):
                yield pytest.param(name, option, 3, id=f"{name}-{option.name}-3")


@pytest.mark.parametrize(("method", "option", "value"), list(_outside()))
def test_a_value_outside_is_refused_by_the_call_in_the_words_of_the_control(
    method: str, option: Option, value: Any
) -> None:
    with pytest.raises(NbvizError, match=f"^{option.name} ") as by_call:
        nbviz.attribute(build("plain"), picture(), 1, method, **{option.name: value})
    with pytest.raises(NbvizError) as by_control:
        converted(option, value)
    assert str(by_call.value) == str(by_control.value) and repr(value) in str(by_call.value)


@pytest.mark.parametrize("method", METHODS)
def test_numbers_are_limited_on_both_sides_or_say_why_in_words(method: str) -> None:
    for option in METHODS[method].options:
        if option.kind in ("int", "float"):
            assert option.low is not None, f"{method}: {option.name} has no least value"
    assert sum(option.kind in ("int", "float") for known in METHODS.values() for option in known.options) > 20


def test_limits_themselves_and_the_fields_own_numbers_are_taken() -> None:
    def method(
        subject: Any,
        *,
        count: Annotated[int, About("How many.", 1, 2**31 - 1)] = 1,
        share: Annotated[float, About("How much.", 0, 1)] = 0.5,
        rule: Annotated[Literal["one", "two"] | torch.Tensor, About("Which.")] = "one",
        least: Annotated[int | None, About("From where.", 0)] = None,
    ) -> None: ...

    known = options_of(method)
    given = {"count": np.int64(2**31 - 1), "share": np.float32(1), "rule": "two", "least": None}
    taken = checked_options("Method", known, given)
    assert taken == {"count": 2147483647, "share": 1.0, "rule": "two", "least": None}
    assert [type(value) for value in taken.values()] == [int, float, str, type(None)]
    assert checked_options("Method", known, {"count": 3.0})["count"] == 3
    start = torch.zeros(1)
    assert checked_options("Method", known, {"rule": start})["rule"] is start
    for name, value, words in (
        ("count", 0, "count lies between 1 and 2147483647, not 0."),
        ("least", -1, "least is at least 0, not -1."),
        ("count", 1.5, "count is a whole number, not 1.5."),
        ("rule", "three", "rule is one of 'one', 'two', not 'three'."),
    ):
        with pytest.raises(NbvizError) as refused:
            checked_options("Method", known, {name: value})
        assert str(refused.value) == words
