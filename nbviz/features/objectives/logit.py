"""Objective of a class's raw score."""

from __future__ import annotations

from nbviz.arguments import whole
from nbviz.errors import NbvizError
from nbviz.features.layer_defaults import SCORES
from nbviz.features.objectives.base import Objective, objective
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel


@objective
def logit(model: ModelLike, target: int | str) -> Objective:
    """Return a class's raw score; target: index or name. model: :class:`InstrumentedModel` or any ``nn.Module``."""
    model = InstrumentedModel.ensure(model)
    model.trace()
    index = model.class_index(target) if isinstance(target, str) else whole(target)
    if index is None:
        raise NbvizError(f"A class is given by its index or its name, not by {target!r}.")
    if model.scores is not None and not 0 <= index < model.scores:
        raise NbvizError(f"Class {index} does not exist: classes are 0 to {model.scores - 1}.")
    return Objective(model.class_name(index), (SCORES,), lambda says: says[SCORES][index], f"class {index}")
