"""Where scores are and what they mean: every usual head, in float64 against its closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import CLASSES, build


class Net(nn.Module):
    """A trunk of 8 features, linear layers on it, and any ending."""

    def __init__(self, classes: int, ending: Callable[[Any, torch.Tensor], Any] = lambda net, f: net.fc(f)) -> None:
        super().__init__()
        self.conv, self.embed = nn.Conv2d(3, 8, 3), nn.Linear(8, 6)
        self.fc, self.other, self.last = nn.Linear(8, classes), nn.Linear(8, 4), nn.Linear(6, classes)
        self.norm, self.ending = nn.BatchNorm1d(8), ending
        self.temperature = nn.Parameter(torch.tensor(2.5))
        for layer in (self.fc, self.last):
            layer.weight.data *= 20

    def forward(self, x: torch.Tensor) -> Any:
        return self.ending(self, self.conv(x).relu().mean((2, 3)))

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv(x).relu().mean((2, 3)))


def net(classes: int, ending: Callable[[Any, torch.Tensor], Any] | None = None) -> Net:
    torch.manual_seed(1)
    return (Net(classes) if ending is None else Net(classes, ending)).double().eval()


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def shares(model: InstrumentedModel) -> list[float]:
    by_index = {index: share for _, index, share, _ in model.predict(picture(), top=99)}
    return [by_index[index] for index in sorted(by_index)]


def gradient(of: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(of, x)[0]


ENDINGS = {
    "plain": (5, None, lambda y: y.softmax(1), True),
    "softmax": (5, lambda n, f: n.fc(f).softmax(1), lambda y: y.softmax(1), True),
    "log_softmax": (5, lambda n, f: functional.log_softmax(n.fc(f), -1), lambda y: y.softmax(1), True),
    "softmax in a dict": (5, lambda n, f: {"pred": n.fc(f).softmax(1)}, lambda y: y.softmax(1), True),
    "softmax squeezed": (5, lambda n, f: n.fc(f).softmax(1).squeeze(), lambda y: y.softmax(1), True),
    "one logit": (1, None, torch.sigmoid, True),
    "one logit squeezed": (1, lambda n, f: n.fc(f).squeeze(), torch.sigmoid, True),
    "one probability": (1, lambda n, f: n.fc(f).sigmoid(), torch.sigmoid, True),
    "labels": (5, lambda n, f: n.fc(f).sigmoid(), torch.sigmoid, True),
    "labels, in place": (5, lambda n, f: n.fc(f).sigmoid_(), torch.sigmoid, True),
    "per cent": (5, lambda n, f: 100 * n.fc(f).softmax(1), lambda y: y.softmax(1), True),
    "labels, per cent": (5, lambda n, f: n.fc(f).sigmoid() / 0.01, torch.sigmoid, True),
    "logsigmoid": (5, lambda n, f: functional.logsigmoid(n.fc(f)), torch.sigmoid, True),
    "per cent of a temperature": (5, lambda n, f: (n.fc(f) / 3).softmax(1) * 100, lambda y: (y / 3).softmax(1), 1 / 3),
    "log-sigmoid of a temperature": (
        5, lambda n, f: functional.logsigmoid(n.fc(f) / 3), lambda y: (y / 3).sigmoid(), 1 / 3,
    ),
    "log-softmax of a temperature": (
        5, lambda n, f: functional.log_softmax(n.fc(f) * 2, 1), lambda y: (y * 2).softmax(1), 2,
    ),
    "softmax of a trained temperature": (
        5, lambda n, f: (n.fc(f) / n.temperature).softmax(1), lambda y: (y / 2.5).softmax(1), 1 / 2.5,
    ),
    "softmax of a scale, as a logarithm": (
        5, lambda n, f: (n.temperature.exp() * n.fc(f)).softmax(-1), lambda y: (y * math.exp(2.5)).softmax(1),
        math.exp(2.5),
    ),
    "softmax of a temperature in place": (
        5, lambda n, f: n.fc(f).div_(3).softmax(1), lambda y: (y / 3).softmax(1), False,
    ),
    "softmax of the picture's own temperature": (
        5, lambda n, f: (n.fc(f) / (1 + f.mean(1, keepdim=True).abs())).softmax(1), None, False,
    ),
    "sparse": (5, lambda n, f: n.fc(f).to_sparse(), lambda y: y.softmax(1), True),
    "hard sigmoid": (5, lambda n, f: functional.hardsigmoid(n.fc(f)), functional.hardsigmoid, False),
    "softmax of a temperature": (5, lambda n, f: (n.fc(f) / 3).softmax(1), lambda y: (y / 3).softmax(1), 1 / 3),
    "softmax by hand": (5, lambda n, f: (e := n.fc(f).exp()) / e.sum(1, keepdim=True), lambda y: y.softmax(1), False),
    "tanh to 0…1": (5, lambda n, f: (n.fc(f).tanh() + 1) / 2, lambda y: (y.tanh() + 1) / 2, False),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
def test_a_probability_is_the_one_that_the_network_means(name: str) -> None:
    classes, ending, probability, _ = ENDINGS[name]
    made = net(classes, ending)
    wanted = (made(picture()) if probability is None else probability(made.logits(picture())))[0].tolist()
    assert shares(InstrumentedModel(made)) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", ENDINGS)
def test_logits_are_explained_where_the_graph_shows_them_else_the_facts_say_so(name: str) -> None:
    classes, ending, probability, before = ENDINGS[name]
    made, x = net(classes, ending), picture().requires_grad_()
    logits = made.logits(x)
    scores = made(x) if probability is None else before * logits if before else probability(logits)
    found = nbviz.attribute(made, picture(), classes - 1, "saliency")
    assert torch.allclose(found.values, gradient(scores[0, -1], x), rtol=1e-9, atol=1e-12)
    assert found.facts["score"] == pytest.approx(scores[0, -1].item(), rel=1e-9)
    assert ("output" in found.facts) == (ending is not None and "logit" not in name and name != "sparse")
    if not before:
        assert "probabilities" in found.facts["output"]


def test_a_temperature_is_followed_as_it_is_trained() -> None:
    made = net(5, lambda n, f: (n.fc(f) / n.temperature).softmax(1))
    model = InstrumentedModel(made)
    for temperature in (2.5, 0.7, 4.0):
        made.temperature.data.fill_(temperature)
        wanted = (made.logits(picture()) / temperature).softmax(1)[0].tolist()
        assert shares(model) == pytest.approx(wanted, rel=1e-6)
        found = nbviz.attribute(model, picture(), 1, "saliency")
        assert found.facts["score"] == pytest.approx(made.logits(picture())[0, 1].item() / temperature, rel=1e-6)


def test_small_positive_logits_are_no_probabilities() -> None:
    made = net(2)
    made.fc.weight.data.abs_().mul_(1e-3)
    made.fc.bias.data.fill_(0.2)
    logits = made.logits(picture())
    assert bool(((logits > 0) & (logits < 1)).all())
    assert shares(InstrumentedModel(made)) == pytest.approx(logits.softmax(1)[0].tolist(), rel=1e-6)


@pytest.mark.parametrize("hidden", [False, True])
def test_probabilities_of_a_hidden_graph_are_known_by_their_values(hidden: bool) -> None:
    def ending(n: Net, f: torch.Tensor) -> torch.Tensor:
        return n.fc(f).sigmoid().detach() if hidden else n.fc(f).softmax(1).detach()

    made = net(5, ending)
    wanted = made(picture())[0].tolist()
    assert shares(InstrumentedModel(made)) == pytest.approx(wanted, rel=1e-6)


def test_one_picture_s_sum_of_1_makes_no_shares() -> None:
    def ending(n: Net, f: torch.Tensor) -> torch.Tensor:
        sure = f.new_tensor([9, -9, -9, -9]).expand(len(f), 4)
        return functional.hardsigmoid(torch.cat([sure, (f[:, :1] - n.fc.bias[0]) * 1e3 - 3], 1))

    made = net(5, ending)
    made.fc.bias.data[0] = made.conv(picture()).relu().mean((2, 3))[0, 0].detach()
    assert made(picture())[0].tolist() == [1, 0, 0, 0, 0]
    model = InstrumentedModel(made)
    assert model.prediction(picture()).scale == "independent" and "0…1" in model.trace().head.remark


def test_per_cent_of_a_hidden_graph_are_shares() -> None:
    made = net(5, lambda n, f: n.fc(f).softmax(1).detach() * 100)
    wanted = (made(picture())[0] / 100).tolist()
    assert shares(InstrumentedModel(made)) == pytest.approx(wanted, rel=1e-6)


def test_labels_are_independent_where_a_person_says_so() -> None:
    made = net(5)
    model = InstrumentedModel(made, multilabel=True)
    assert shares(model) == pytest.approx(made.logits(picture()).sigmoid()[0].tolist(), rel=1e-6)
    assert model.prediction(picture()).scale == "sigmoid"


def test_one_logit_with_two_names_has_a_negative_class() -> None:
    made, x = net(1), picture().requires_grad_()
    model = InstrumentedModel(made, classes=["no", "yes"])
    logit = made.logits(x)[0, 0]
    slope = gradient(logit, x)
    p = torch.sigmoid(logit).item()
    assert shares(model) == pytest.approx([1 - p, p], rel=1e-6)
    for name, sign in (("no", -1), ("yes", 1)):
        assert torch.allclose(nbviz.attribute(model, picture(), name, "saliency").values, sign * slope)
    with pytest.raises(NbvizError, match="puts out one score, of a binary question"):
        nbviz.attribute(made, picture(), 1, "saliency")


PLACES = {
    "features, logits": lambda n, f: (f, n.fc(f)),
    "logits, features": lambda n, f: [n.fc(f), f],
    "probabilities, logits": lambda n, f: ((y := n.fc(f)).softmax(1), y),
    "logits beside another's": lambda n, f: {"aux": n.other(f), "logits": n.fc(f)},
    "features by name": lambda n, f: {"embedding": f, "head": n.fc(f)},
    "an object": lambda n, f: SimpleNamespace(features=f, logits=n.fc(f)),
    "loss first": lambda n, f: (f.sum(), n.fc(f)),
    "squeezed": lambda n, f: (f.squeeze(), n.fc(f).squeeze()),
    "a map beside": lambda n, f: (f[:, :, None, None].expand(-1, -1, 4, 4), n.fc(f)),
}


@pytest.mark.parametrize("name", PLACES)
def test_scores_are_taken_where_they_are_unambiguous(name: str) -> None:
    made = net(5, PLACES[name])
    found = nbviz.attribute(made, picture(), 4, "saliency")
    x = picture().requires_grad_()
    assert torch.allclose(found.values, gradient(made.logits(x)[0, 4], x))


def test_the_last_of_two_linear_layers_in_a_row_has_the_scores() -> None:
    made = net(5, lambda n, f: ((e := n.embed(f)), n.last(e.relu())))
    assert len(shares(InstrumentedModel(made))) == 5


def test_config_num_labels_and_class_names_tell_which() -> None:
    made = net(5, lambda n, f: (n.other(f), n.fc(f)))
    assert len(shares(InstrumentedModel(made, classes=list("abcde")))) == 5
    made.config = SimpleNamespace(num_labels=4)
    assert len(shares(InstrumentedModel(made))) == 4


@pytest.mark.parametrize(
    "ending",
    [lambda n, f: {"bbox": n.other(f), "class": n.fc(f)}, lambda n, f: [n.other(f), n.fc(f)], lambda n, f: (f, f * 2)],
)
def test_what_is_ambiguous_is_asked_with_the_candidates(ending: Callable[..., Any]) -> None:
    made = net(5, ending)
    with pytest.raises(NbvizError, match=r"can't be told; these could be: .* \(1, [48]\), .* \(1, [58]\).*output="):
        nbviz.attribute(made, picture(), 1, "saliency")
    assert nbviz.attribute(
        made, picture(), lambda raw: list(getattr(raw, "values", lambda: raw)())[0][:, 1], "saliency"
    )


def test_another_place_can_be_said() -> None:
    made = net(5, lambda n, f: {"bbox": n.other(f), "class": n.fc(f)})
    assert len(shares(InstrumentedModel(made, output="class"))) == 5


def test_several_targets_share_forwards_read_before_a_softmax() -> None:
    made, x = net(5, ENDINGS["softmax"][1]), picture().requires_grad_()
    logits = made.logits(x)[0]
    one, other = nbviz.attribute(made, picture(), [1, (2, 3)], "saliency")
    assert torch.allclose(one.values, torch.autograd.grad(logits[1], x, retain_graph=True)[0])
    assert torch.allclose(other.values, torch.autograd.grad(logits[2] - logits[3], x)[0])


def test_a_batch_has_logits_before_the_softmax_too() -> None:
    made = net(5, ENDINGS["softmax"][1])
    batch = torch.cat([picture(), picture().flip(3)])
    assert torch.allclose(InstrumentedModel(made)(batch), made.logits(batch))


class _Ends(nn.Module):
    """A body whose scores (N, classes) go through a last step."""

    def __init__(self, step: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.body, self.step = build("eval"), step

    def forward(self, x: torch.Tensor) -> object:
        return self.step(self.body(x))


def test_sorted_values_are_no_scores_per_class() -> None:
    with pytest.raises(NbvizError, match="torch.topk gives, values in an order of their own"):
        InstrumentedModel(_Ends(lambda scores: scores.topk(2))).predict(picture())


def test_a_known_name_over_class_numbers_leaves_the_scores_to_be_found() -> None:
    model = InstrumentedModel(_Ends(lambda scores: {"pred": scores.argmax(1), "score": scores}))
    assert model.logits(picture()).shape == (CLASSES,)


def test_infinite_scores_are_counted_as_such() -> None:
    masked = torch.tensor([float("-inf"), 0, 0, 0, 0])
    with pytest.raises(NbvizError, match="0 NaN, 1 infinite"):
        InstrumentedModel(_Ends(lambda scores: scores + masked)).predict(picture())
