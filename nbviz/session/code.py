"""Python that makes what is shown: values as source text, and a stage's request as a call."""

from __future__ import annotations

import base64
import keyword
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch

from nbviz.arrays import array_of
from nbviz.attribution import METHODS
from nbviz.errors import NbvizError
from nbviz.model.classes import Classes
from nbviz.model.target import Target
from nbviz.pictures.load import Picture
from nbviz.session.plain import is_default
from nbviz.session.requests.base import ChannelRequest, ExplainRequest, Request
from nbviz.session.requests.edits.edited_request import Edited
from nbviz.session.requests.frozen import ByContents, thaw
from nbviz.session.state import class_data

SHOWN = "shown"
"""Name of the result in all code."""


class Script:
    """Source text of values, and the imports that it needs.

    names: id of an object → the expression it is known under: pictures, an index, a data set. explorer: the name of
    the Explorer in the reader's notebook.
    """

    def __init__(self, model: Classes, names: Mapping[int, str], explorer: str = "explorer") -> None:
        self.model, self.names, self.explorer = model, names, explorer
        self.imports = {"import nbviz"}

    def text(self, head: str, result: str) -> str:
        """Return a whole script, whose result is called ``shown``. head: what makes ``model`` and ``pictures``."""
        imports = sorted(self.imports, key=lambda line: (line.startswith("from"), line))
        return "\n".join((*imports, "", head, f"{SHOWN} = {result}", ""))

    def request(self, request: Request, model: str = "model") -> str:
        """Return the expression that answers a request: a call of nbviz's own where there is one for it.

        model: the expression of the network that is asked.
        """
        if isinstance(request, Edited):
            return self.request(request.request, self.network(request, model))
        if isinstance(request, ExplainRequest):
            return self.explanation(request, model)
        if isinstance(request, ChannelRequest) and request.channel is not None:
            return self.channels(request.picture, request.layer, str(request.channel), model)
        self.imports.add("from nbviz.session.context import LiveContext")
        return f"LiveContext({model}).answer({self.value(request)})"

    def network(self, request: Request, model: str = "model") -> str:
        """Return the expression of the network that a request is asked of: with its edits."""
        edits = ", ".join(map(self.value, request.edits)) if isinstance(request, Edited) else ""
        return f"{model}.edited({edits})" if edits else model

    def channels(self, picture: Picture, layer: str, which: str, model: str = "model") -> str:
        """Return the expression of channels' maps. which: their index, as source text."""
        self.imports.add("from nbviz.passes.feature_maps import feature_maps")
        return f"feature_maps({model}, {self.value(picture)}, {layer!r}).values[{which}]"

    def explanation(self, request: ExplainRequest, model: str = "model") -> str:
        """Return the expression of an attribution."""
        layer = {"layer": request.layer} if METHODS[request.method].uses_layer else {}
        values = {"method": request.method, **layer, **thaw(request.options)}
        arguments = [
            f"target={self.target(request.target)}",
            *(f"{name}={self.value(v)}" for name, v in values.items()),
        ]
        return f"nbviz.attribute({model}, {self.value(request.picture)}, {', '.join(arguments)})"

    def target(self, target: Target) -> str:
        """Return a target as a person writes it, where that is shorter."""
        if target == Target():
            return '"predicted"'
        if target.index is not None and target == Target(target.index, target.other):
            names = tuple(class_data(index, self.model) for index in (target.index, target.other) if index is not None)
            return repr(names if target.other is not None else names[0])
        if target.function is not None and target == Target(function=target.function):
            return self.value(target.function)
        return self._constructed(target)

    def value(self, value: object) -> str:
        """Return any value as source text. Raises NbvizError for one that can't be written down."""
        # by identity: arrays don't compare to one truth, and equal ones may have two names
        if id(value) in self.names:
            return self.names[id(value)]
        if value is None or isinstance(value, (bool, int, str, bytes)):
            return repr(value)
        if isinstance(value, float):
            return repr(value) if math.isfinite(value) else f'float("{value}")'
        if isinstance(value, (torch.Tensor, np.ndarray)):
            return self._array(value)
        return self._composed(value)

    def _composed(self, value: object) -> str:
        if isinstance(value, ByContents):
            return self.value(value.value)
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return f"({', '.join(map(self.value, value))}{',' if len(value) == 1 else ''})"
        if isinstance(value, list):
            return f"[{', '.join(map(self.value, value))}]"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{self.value(key)}: {self.value(item)}' for key, item in value.items())}}}"
        if is_dataclass(value) or hasattr(value, "_fields"):
            if isinstance(value, Target) and value == Target():
                return self._called(Target, "")
            return self._constructed(value)
        return self._named(value)

    def _constructed(self, value: Any) -> str:  # noqa: ANN401 - no type says "dataclass or named tuple"
        """The call that makes a dataclass, or a named tuple."""
        names = getattr(value, "_fields", None)
        # fields that are at their default are left out: what is written down is what a person would have written
        if names is None:
            names = [field.name for field in fields(value) if field.init and not is_default(value, field)]
        return self._called(type(value), ", ".join(f"{name}={self.value(getattr(value, name))}" for name in names))

    def _called(self, kind: type, arguments: str) -> str:
        return f"{self._named(kind)}({arguments})"

    def _named(self, value: object) -> str:
        """A function or class by its name: imported, or of the reader's own notebook."""
        name, module = getattr(value, "__qualname__", ""), getattr(value, "__module__", "")
        plain = name.isidentifier() and not keyword.iskeyword(name)
        if not plain or not (isinstance(value, type) or callable(value)):
            raise NbvizError(f"{value!r:.60} ({type(value).__name__}) can't be written as code: set it by hand.")
        # what the reader wrote in the notebook is there already
        if module != "__main__":
            self.imports.add(f"from {module} import {name}")
        return str(name)

    def _array(self, value: torch.Tensor | np.ndarray) -> str:
        array = array_of(value) if isinstance(value, torch.Tensor) else value
        if array.dtype.hasobject:
            raise NbvizError(f"An array of {array.dtype} can't be written as code: set it by hand.")
        self.imports |= {"import base64", "import numpy"}
        # as bytes: digits would lose bits, and be three times as long
        bits = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        # a copy, for what frombuffer returns can't be written to
        text = f'numpy.frombuffer(base64.b64decode("{bits}"), "{array.dtype.str}").reshape({array.shape}).copy()'
        if isinstance(value, np.ndarray):
            return text
        self.imports.add("import torch")
        return f"torch.from_numpy({text})"


EMBEDDED = (
    'from nbviz.pictures.load import load_pictures\n\nmodel = nbviz.zoo.load("efficientnet_lite0")\n'
    "pictures = load_pictures(nbviz.zoo.photographs())"
)
"""Source text of what an Explorer opens on without arguments."""
