"""Networks that change or look up parts of themselves in a forward: they are run so, or refused with what to do."""

from __future__ import annotations

import weakref
from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture, state_hash

scales: dict[nn.Module, float] = {}
scales_weak: MutableMapping[nn.Module, float] = weakref.WeakKeyDictionary()
scales_by_id: dict[int, float] = {}


class Changes(nn.Module):
    """Does something to itself before its forward."""

    def __init__(self, act: Callable[[nn.Module, torch.Tensor], Any]) -> None:
        super().__init__()
        self.body, self.act = build("eval"), act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.act(self.body, x) or 1
        return self.body(x) * scale


TABLES: dict[str, tuple[Any, Callable[[nn.Module], Any]]] = {
    "modules": (scales, lambda body: body),
    "modules, weakly": (scales_weak, lambda body: body),
    "ids": (scales_by_id, id),
}


@pytest.mark.parametrize("table", TABLES)
def test_a_part_looked_up_in_a_global_table_is_told(table: str) -> None:
    """Catches a bare KeyError of a copy that the user has never seen."""
    held, key = TABLES[table]
    net = Changes(lambda body, x: TABLES[table][0][TABLES[table][1](body)]).eval()
    held[key(net.body)] = 2.0
    with pytest.raises(NbvizError, match="looks up its own Sequential in a table.*by its name"):
        InstrumentedModel(net).logits(picture())
    net.table = {net.body: 2.0}
    net.act = lambda body, x: net.table[body]
    assert np.allclose(InstrumentedModel(net).logits(picture()), 2 * net.body(picture()).detach().numpy(), rtol=1e-5)


def test_a_layer_that_is_replaced_in_each_forward_has_its_place_in_the_tree() -> None:
    """Catches the layer tree looking for a layer that the last forward made."""

    def replace(body: Any, x: torch.Tensor) -> None:
        body[7] = nn.Linear(8, 5)

    net = Changes(replace).eval()
    before = state_hash(net)
    assert [layer.kind for layer in InstrumentedModel(net).layers().children[0].children][-1] == "Linear"
    assert state_hash(net) == before
