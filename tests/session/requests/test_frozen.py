"""Options of any kind make a request that can be compared, hashed and found again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from nbviz.model.instrumented import as_picture
from nbviz.model.target import Target
from nbviz.session.inline import InlineRunner
from nbviz.session.pins.pin import Pin
from nbviz.session.requests.base import ExplainRequest
from nbviz.session.requests.frozen import freeze, thaw
from nbviz.session.scheduler import Scheduler

PICTURE = as_picture(torch.rand(3, 8, 8))
VALUES = [
    lambda seed: torch.full((1, 3, 8, 8), float(seed)),
    lambda seed: torch.full((2, 2), seed, dtype=torch.bfloat16),
    lambda seed: torch.full((2, 2), float(seed)).T,
    lambda seed: np.full((3, 8, 8), seed),
    lambda seed: [torch.ones(2) * seed, "blur"],
    lambda seed: {"a": np.ones(2) * seed},
    lambda seed: "black" if seed else "blur",
    lambda seed: 0.5 + seed,
]


def asked(value: Any) -> ExplainRequest:
    return ExplainRequest(PICTURE, Target(1), "integrated_gradients", None, (("baseline", value),))


@pytest.mark.parametrize("make", VALUES)
def test_requests_are_equal_where_their_options_are(make: Any) -> None:
    one, same, other = asked(make(1)), asked(make(1)), asked(make(2 if make is not VALUES[6] else 0))
    assert one == same and hash(one) == hash(same) and one != other
    pin = Pin("a", Target(1), "integrated_gradients", None, (("baseline", make(1)),))
    assert pin == Pin("a", Target(1), "integrated_gradients", None, (("baseline", make(1)),)) and pin in {pin}


def test_an_option_that_is_written_afterwards_leaves_the_request_as_it_was() -> None:
    value = torch.zeros(2)
    options = freeze({"baseline": value})
    value += 1
    assert torch.equal(thaw(options)["baseline"], torch.zeros(2)) and options == freeze({"baseline": torch.zeros(2)})


@pytest.mark.parametrize("runner", [InlineRunner, Scheduler])
def test_a_tensor_option_can_be_set_again_and_again(runner: Any) -> None:
    from nbviz.explorer import Explorer
    from tests.test_explorer import network, pictures

    with Explorer(network(), pictures(), method="integrated_gradients", runner=runner) as explorer:
        maps = []
        for seed in (1, 2, 1):
            torch.manual_seed(seed)
            explorer.selection.options = {"baseline": torch.rand(1, 3, 32, 32)}
            assert explorer.wait(30) and explorer.attribution is not None
            assert explorer.attribution.facts["baseline"] == "given"
            maps.append(explorer.attribution.values)
        assert not torch.equal(maps[0], maps[1]) and torch.equal(maps[0], maps[2])
