"""Random draws that a network's code can make, read from the code: a branch that was not taken may be the next time.

A first contact sees one forward of one picture, with gradients. A network that draws for several pictures alone, or
without gradients alone, is known by the names that its functions look up.
"""

from __future__ import annotations

import functools
import random
import types
from collections.abc import Sequence
from typing import Any

import numpy as np

from nbviz.replica.user_code.calls import is_own

TORCHS = frozenset(
    "rand rand_like randn randn_like randint randint_like randperm bernoulli bernoulli_ multinomial normal normal_ "
    "poisson binomial uniform_ exponential_ geometric_ log_normal_ cauchy_ random_ rsample gumbel_softmax "
    "fractional_max_pool2d fractional_max_pool3d".split()
)
"""Functions and methods that draw from torch's stream whenever they are called; dropout does so in training alone."""


def possible_draws(code: types.CodeType, variables: dict[str, Any], kinds: Sequence[type] = ()) -> frozenset[str]:
    """Return the streams ("torch", "python", "numpy") that code of the user's, and what it names, may draw from.

    variables: its globals. kinds: classes of its object, whose methods it may call by name.
    """
    found: set[str] = set()
    met: set[types.CodeType] = set()
    pending = [(code, variables)]
    while pending:
        one, variables = pending.pop()
        if one in met:
            continue
        met.add(one)
        names = _names(one)
        found.update({"torch"} if names & TORCHS else ())
        values = [variables[name] for name in names if name in variables]
        found.update({"python"} if any(value is random for value in values) else ())
        numpys = any(value is np.random or (value is np and "random" in names) for value in values)
        found.update({"numpy"} if numpys else ())
        values += [vars(kind)[name] for kind in kinds if is_own(kind.__module__) for name in names & vars(kind).keys()]
        functions = (
            value for value in values if isinstance(value, types.FunctionType) and is_own(value.__module__ or "")
        )
        pending.extend((function.__code__, function.__globals__) for function in functions)
    return frozenset(found)


@functools.lru_cache(maxsize=4096)
def _names(code: types.CodeType) -> frozenset[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return frozenset(code.co_names).union(*map(_names, inner))
