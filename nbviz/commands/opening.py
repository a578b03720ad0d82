"""Networks and data sets by the names that a shell gives them."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbviz.model.instrumented import InstrumentedModel
    from nbviz.pictures.sources import DatasetLike


def network(name: str, weights: str | None = None) -> InstrumentedModel:
    """Open the network of ``--model``: a name that ``nbviz.zoo.load`` knows, or ``module:function``."""
    from nbviz.model.instrumented import InstrumentedModel
    from nbviz.zoo import load

    if ":" in name:
        return InstrumentedModel.ensure(called(name))
    return load(name, weights=weights)


def dataset(name: str) -> DatasetLike:
    """Open the data set of ``--data``: a folder, "fashion", or ``module:function``."""
    if name == "fashion":
        from nbviz.zoo import fashion

        return fashion()
    return called(name) if ":" in name and not Path(name).exists() else name


def called(name: str, call: bool = True) -> Any:  # noqa: ANN401 - what a person's own module holds
    """Return the value of ``module:function()`` or ``module:name``; the current folder's modules count.

    call: False for the function itself.
    NbvizError where there is none, and where the function raises.
    """
    from torch import nn

    from nbviz.errors import NbvizError
    from nbviz.model.instrumented import InstrumentedModel

    module, _, function = name.partition(":")
    # as python -m does: a command of the shell begins with the folder of its script
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        value: Any = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise NbvizError(f"'{name}' can't be found: {error}. It is read as module:function.") from error
    if isinstance(value, (nn.Module, InstrumentedModel)) or not callable(value) or not call:
        return value
    try:
        return value()
    except Exception as error:  # a function of the user's own can raise anything
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        raise NbvizError(f"{name}() raised {type(error).__name__}: {error} ({where}).") from error
