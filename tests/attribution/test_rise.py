"""RISE: its formula over its own masks, what it finds, how sure it says it is, no gradients needed."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution import explain
from nbviz.attribution.masks import smooth_masks
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture


def test_is_the_papers_formula_less_its_mean_level() -> None:
    net, x = build("functional").double().eval(), picture(dtype=torch.float64)
    masks = torch.cat(list(islice(smooth_masks((16, 16), 4, 0.4, 5, 4), 10))).double()
    with torch.no_grad():
        scores = net(x * masks[:, None])[:, 2]
    paper = (scores[:, None, None] * masks).mean(0) / 0.4
    level = scores.mean() * masks.mean(0) / 0.4
    options = {"masks": 40, "cells": 4, "probability": 0.4, "seed": 5, "fill": torch.zeros_like(x)}
    found = nbviz.attribute(net, x, 2, "rise", **options)
    assert torch.allclose(found.values, paper - level, rtol=0, atol=1e-12)
    assert found.facts["masks"] == 40 and found.facts["calls"] == 41


class Corner(nn.Module):
    """A score that autograd knows nothing of: the sum of one corner."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(x.detach().numpy()[:, :, :8, 24:].sum((1, 2, 3)))[:, None]


def test_finds_the_corner_that_matters_without_gradients() -> None:
    found = nbviz.attribute(Corner(), torch.ones(1, 3, 32, 32), 0, "rise", masks=400, fill="black")
    heat = found.heat()
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[:8, 24:] = True
    assert inside.flatten()[heat.argmax()]
    # a linear score falls by half its corner's 192 when the corner is hidden half of the time
    assert heat[inside].mean() > 8 * heat[~inside].abs().mean()


def test_stops_when_sure_and_its_reliability_is_true() -> None:
    model, x = InstrumentedModel(build("functional").eval()), picture(size=16)
    partials = list(explain(model, x, 1, "rise", maximum=2000))
    last = partials[-1]
    assert last.facts["reliability"] >= 0.9 and last.facts["masks"] < 4000
    assert all(partial.facts["reliability"] < 0.9 for partial in partials[15:-1])
    options = {"masks": last.facts["masks"]}
    others = [nbviz.attribute(model, x, 1, "rise", seed=seed, **options).heat() for seed in (1, 2)]
    again = [np.corrcoef(last.heat().flatten(), other.flatten())[0, 1] for other in others]
    assert np.mean(again) == pytest.approx(last.facts["reliability"], abs=0.08)


def test_the_maximum_is_kept_and_odd_numbers_are_taken() -> None:
    assert nbviz.attribute(build("plain"), picture(), 1, "rise", maximum=20, wanted=0.99).facts["masks"] == 20
    assert nbviz.attribute(build("plain"), picture(), 1, "rise", masks=13).facts["masks"] == 13
