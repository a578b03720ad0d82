"""A picture's parts as requests: the same parts for every class, exact contributions, pictures on demand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.session.context import LiveContext
from nbviz.session.requests.factors import Factorise, ShowParts


@pytest.fixture()
def context() -> LiveContext:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)
    ).double()
    return LiveContext(InstrumentedModel(net))


PICTURE = as_picture(torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(1)))


def asked(context: LiveContext, target: int = 0, **more: Any) -> ShowParts:
    return ShowParts(PICTURE, "1", Target.ensure(target, context.model), **more)


def test_what_parts_add_is_exact_where_the_rest_is_linear(context: LiveContext) -> None:
    """Behind the layer there is a mean and a linear map: gradient × part is the part's own score."""
    *_, answer = context.answers(asked(context, 2, count=3))
    weight = context.model.net[4].weight[2].detach().numpy()
    means = answer.parts.maps.mean((1, 2))
    assert answer.contributions == pytest.approx(means * (answer.parts.directions @ weight), rel=1e-4)
    bias = float(context.model.net[4].bias[2].detach())
    assert answer.total == pytest.approx(float(context.model.logits(PICTURE)[2]) - bias, rel=1e-4)


def test_another_class_takes_nothing_apart_again(context: LiveContext) -> None:
    first, *_, last = context.answers(asked(context, 0))
    assert first.contributions is None and first.done < 1 and last.done == 1
    other = context.answer(asked(context, 1))
    assert other.parts is last.parts is context.known(Factorise(PICTURE, "1", 6))
    assert not np.allclose(other.contributions, last.contributions) and other.target != last.target


def test_a_layer_the_score_does_not_come_through_has_parts_and_no_contributions() -> None:
    class Beside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.beside = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 5, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.beside(x)
            return self.used(x).mean((2, 3))

    model = InstrumentedModel(Beside())
    answer = LiveContext(model).answer(ShowParts(PICTURE, "beside", Target.ensure(0, model)))
    assert answer.contributions is None and answer.total is None and answer.parts.signed


def test_pictures_are_made_when_asked_for_and_get_better(context: LiveContext) -> None:
    answers = list(context.answers(asked(context, made=True, count=2)))
    assert answers[0].made is None and answers[-1].made is not None
    assert len(answers[-1].made.pictures) == len(answers[-1].parts.maps)
    assert all(answer.done < 1 for answer in answers[:-1]) and answers[-1].done == 1
    again = list(context.answers(asked(context, 1, made=True, count=2)))
    assert again[-1].made is answers[-1].made
