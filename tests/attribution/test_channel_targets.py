"""A channel or neuron as target: what torch's own gradients say, before what overwrites it, in every family."""

from __future__ import annotations

from typing import Any

import captum.attr
import pytest
import torch

import nbviz
from nbviz.attribution import METHODS, explain
from nbviz.evaluation import redrawn, settle, these_weights
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.passes.evidence import evidence
from tests.networks import build, picture
from tests.shapes import detector, draw
from tests.test_laws import quick

FAMILIES = [name for name, method in METHODS.items() if method.family in ("gradients", "hiding parts")]


def value(net: torch.nn.Module, x: torch.Tensor, place: Any) -> torch.Tensor:
    maps = net[3](net[:3](x))[:, 2]  # type: ignore[index]
    return {"mean": maps.mean((1, 2)), "max": maps.amax((1, 2))}[place] if isinstance(place, str) else maps[:, 5, 6]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("mean", "channel 2 of 3"),
        ("max", "channel 2 of 3 at its strongest place"),
        ((5, 6), "channel 2 of 3 at row 5, column 6"),
    ],
)
def test_a_channel_s_gradient_is_torch_s_own(place: Any, words: str) -> None:
    net, x = build("eval"), picture()
    inner = x.clone().requires_grad_()
    score = value(net, inner, place)[0]
    (wanted,) = torch.autograd.grad(score, inner)
    found = nbviz.attribute(net, x, Target.channel("3", 2, place), "saliency")
    assert torch.allclose(found.values, wanted, rtol=1e-5, atol=1e-8)
    assert found.facts["target"] == words and found.facts["score"] == pytest.approx(score.item())
    assert found.facts["calls"] == 1


def test_a_neuron_agrees_with_captum() -> None:
    net, x = build("plain").double().eval(), picture(dtype=torch.float64)
    peer = captum.attr.NeuronIntegratedGradients(net, net[3])
    wanted = peer.attribute(x, (2, 5, 6), torch.zeros_like(x), n_steps=50)
    target = Target.channel("3", 2, (5, 6))
    found = nbviz.attribute(net, x, target, rule="gausslegendre", steps=50, baseline=torch.zeros_like(x))
    assert torch.allclose(found.values, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", FAMILIES)
@pytest.mark.parametrize("place", ["mean", "max", (3, 3)])
def test_gradient_and_perturbation_methods_explain_channels(method: str, place: Any) -> None:
    found = nbviz.attribute(build("inplace"), picture(), Target.channel("3", 2, place), method, **quick(method))
    assert found.facts["target"].startswith("channel 2 of 3")
    assert torch.isfinite(found.values).all() and found.facts["status"] == "ok"


def test_a_layer_method_explains_it_at_earlier_layers_only() -> None:
    net, x, target = build("plain"), picture(), Target.channel("3", 2)
    own = nbviz.attribute(net, x, target, "grad_cam", "3").values
    with torch.no_grad():
        maps = net.eval()[:4](x)[0]
    assert torch.allclose(own, maps[2] / 64, rtol=1e-5, atol=1e-7)
    assert nbviz.attribute(net, x, target, "grad_cam").facts["layer"] == "3"
    assert nbviz.attribute(net, x, target, "grad_cam", "1").values.any()
    with pytest.raises(nbviz.NbvizError, match=r"Layer '4' comes after the channel .* \(channel 2 of 3\)"):
        nbviz.attribute(net, x, target, "grad_cam", "4")


def test_evidence_at_every_layer_up_to_it() -> None:
    model, target = InstrumentedModel(build("plain")), Target.channel("3", 2)
    found = evidence(model, as_picture(picture()), target)
    assert found.maps["1"] is not None and "7" not in found.contributions
    assert found.target == "channel 2 of 3" and found.index is None
    assert int(abs(found.contributions["3"]).argmax()) == 2


def test_a_channel_of_a_token_layer_and_of_a_vector() -> None:
    net, x = build("tokens"), picture()
    assert nbviz.attribute(net, x, Target.channel("block", 3, (1, 2)), "saliency").values.any()
    head = nbviz.attribute(build("eval"), x, Target.channel("7", 2), "saliency")
    assert torch.allclose(head.values, nbviz.attribute(build("eval"), x, 2, "saliency").values, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("3", 8), "has 8 channels; there is no channel 8"),
        (("33", 1), "not in this model"),
        (("3", 1, (8, 0)), r"has 8 × 8 places; there is none at \(8, 0\)"),
        (("3", "x"), "a number from 0 on"),
        (("3", 1, "all"), "'mean', 'max' or"),
    ],
)
def test_a_wrong_channel_is_said(given: Any, words: str) -> None:
    with pytest.raises(nbviz.NbvizError, match=words):
        nbviz.attribute(build("inplace"), picture(), Target.channel(*given), "saliency")


def test_a_channel_s_map_is_tried_on_weights_that_lead_to_it() -> None:
    model, x = InstrumentedModel(detector()), as_picture(draw(0).image)
    target = Target.channel("body.3", 9)
    judged = nbviz.attribute(model, x, target, "saliency")

    def again(other: InstrumentedModel, picture_: Any, asked: Target) -> Any:
        return explain(other, picture_, asked, "saliency")

    assert torch.equal(redrawn(model, 0, layer="body.3").net.body[4].weight, model.net.body[4].weight)
    assert not torch.equal(redrawn(model, 0, layer="body.3").net.body[2].weight, model.net.body[2].weight)
    verdict = settle(these_weights(model, x, target, judged, again))
    assert verdict.figures["similarity"] < 0.95 and "before the channel" in verdict.sentence
