"""A notebook's ``torch.set_default_device`` and ``set_default_dtype`` are its own: no map moves with them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import nbviz
from nbviz.attribution import METHODS
from nbviz.errors import Refused
from nbviz.evaluation import completeness, infidelity, road, settle
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from tests.networks import build, picture

X = picture()
QUICK = {"samples": 4, "maximum": 40, "masks": 32, "stride": 8, "window": 8}
ROOMS = ("attribution", "attention", "evaluation", "comparison.py")
HOUSE = Path(nbviz.__file__).parent
FLOATS = frozenset(("zeros", "ones", "rand", "randn", "linspace", "eye", "empty", "full"))
FACTORIES = FLOATS | frozenset(("arange", "randint", "randperm", "tensor", "as_tensor", "asarray"))


@contextmanager
def _device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def _dtype(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


DEFAULTS = pytest.mark.parametrize(
    "default",
    [lambda: _device("meta"), lambda: _dtype(torch.float64), lambda: _dtype(torch.float16)],
    ids=["meta", "float64", "float16"],
)


@cache
def _model(name: str) -> InstrumentedModel:
    model = InstrumentedModel(build(name))
    model.predict(X)
    return model


def _map(method: str) -> nbviz.Attribution:
    options = {option.name: QUICK[option.name] for option in METHODS[method].options if option.name in QUICK}
    try:
        return nbviz.attribute(_model("inplace"), X, 1, method, **options)
    except Refused:
        return nbviz.attribute(_model("tokens"), X, 1, method, **options)


@pytest.mark.parametrize("method", METHODS)
@DEFAULTS
def test_a_map_is_the_same_to_the_bit(method: str, default: Callable[[], Any]) -> None:
    plain = _map(method)
    with default():
        found = _map(method)
        heat = found.heat()
    assert torch.equal(found.values, plain.values) and found.values.dtype == plain.values.dtype
    assert torch.equal(heat, plain.heat()) and found.facts["status"] == plain.facts["status"]


def _figures() -> tuple[Any, ...]:
    model, target = _model("inplace"), Target(1)
    drawn = nbviz.attribute(model, X, target, "saliency")
    mask = torch.zeros(16, 16, dtype=torch.bool, device="cpu")
    mask[4:9, 4:9] = True
    table = nbviz.compare(model, {"one": X[0]}, ["saliency"], target=1, truth={"one": mask}, progress=False)
    steady = table[~table.measure.isin(["seconds"])]
    return (
        [tuple(map(str, row)) for row in steady.itertuples(index=False)],
        settle(road(model, X, target, drawn)).scores.tolist(),
        settle(infidelity(model, X, target, drawn)),
        settle(completeness(model, X, target, drawn)),
    )


@DEFAULTS
def test_every_figure_is_the_same(default: Callable[[], Any]) -> None:
    plain = _figures()
    assert any("pointing" in row for row in plain[0])
    with default():
        assert _figures() == plain


def _factories(path: Path) -> Iterator[str]:
    """Calls that make a tensor where, and in the precision that, the notebook's defaults say."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, owner = node.func.attr, node.func.value
        if not (isinstance(owner, ast.Name) and owner.id == "torch" and name in FACTORIES):
            continue
        given = {keyword.arg for keyword in node.keywords}
        wanted = {"device", "dtype"} if name in FLOATS else {"device"}
        if not wanted <= given:
            yield f"{path.relative_to(HOUSE)}:{node.lineno} torch.{name} without {', '.join(sorted(wanted - given))}"


def test_no_tensor_is_made_by_the_defaults() -> None:
    files = [file for room in ROOMS for file in [HOUSE / room, *(HOUSE / room).rglob("*.py")] if file.is_file()]
    assert len(files) > 40
    assert [line for file in files for line in _factories(file)] == []
