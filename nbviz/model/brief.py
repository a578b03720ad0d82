"""Model of a plain network for the length of a call, remembered for the next one as long as the network lives."""

from __future__ import annotations

from typing import TypeAlias

from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.remembered import Remembered, WeakGuest

ModelLike: TypeAlias = nn.Module | InstrumentedModel
"""Network of any kind, or a model of one."""


class _BriefModel(InstrumentedModel):
    _guest_kind = WeakGuest


_models: Remembered[InstrumentedModel] = Remembered(_BriefModel, lambda model: model.guest.revision == 0)


def brief_model(net_or_model: ModelLike) -> InstrumentedModel:
    """Return the model itself, or a plain network's, not to be kept: it doesn't keep the network alive."""
    known = _models.get(net_or_model) if isinstance(net_or_model, nn.Module) else None
    return InstrumentedModel.ensure(net_or_model) if known is None else known
