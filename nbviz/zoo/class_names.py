"""Names of ImageNet's 1000 classes, in the order of the outputs.

They are plain data inside torchvision; reading that one file saves importing all of it, which takes a second
and fails where torchvision doesn't fit the torch beside it.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from nbviz.errors import NbvizError

_VARIABLE = "_IMAGENET_CATEGORIES"
"""List in torchvision's source that is read."""


@cache
def imagenet() -> tuple[str, ...]:
    """Return the 1000 names; NbvizError where torchvision is not installed."""
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise NbvizError("The class names come with torchvision, which is not installed. pip install torchvision")
    tree = ast.parse((Path(spec.origin).parent / "models" / "_meta.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == _VARIABLE for target in node.targets):
            return tuple(ast.literal_eval(node.value))
    raise NbvizError(f"This torchvision has no {_VARIABLE} in models/_meta.py. Pass classes= yourself.")
