"""Attacks beside other packages' on small networks in float64: foolbox and torchattacks, where they are installed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nbviz
from nbviz.edits import Attack

ROOM = 1e-9


def network() -> nn.Sequential:
    torch.manual_seed(1)
    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 5))
    return body.double().eval()


def colours() -> torch.Tensor:
    return torch.rand(1, 3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def ours(**options: object) -> torch.Tensor:
    model = nbviz.InstrumentedModel(network())
    return Attack(size=4.0, **options).run(colours(), model).exact  # type: ignore[arg-type]


@pytest.mark.parametrize("into", [None, 3])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_foolbox(norm: str, into: int | None) -> None:
    foolbox = pytest.importorskip("foolbox")
    net, x = network(), colours()
    label = net(x).argmax(1)
    far = 4 / 255
    attacks, criteria = foolbox.attacks, foolbox.criteria
    kinds = {"linf": attacks.LinfProjectedGradientDescentAttack, "l2": attacks.L2ProjectedGradientDescentAttack}
    attack = kinds[norm](rel_stepsize=2.5 / 10, steps=10, random_start=False)
    away = criteria.Misclassification(label)
    goal = away if into is None else criteria.TargetedMisclassification(torch.tensor([into]))
    theirs = attack.run(foolbox.PyTorchModel(net, bounds=(0, 1)), x, goal, epsilon=far)
    assert float((ours(method="pgd", norm=norm, into=into) - theirs).abs().max()) < ROOM


def test_torchattacks() -> None:
    torchattacks = pytest.importorskip("torchattacks")
    net, x = network(), colours()
    label, far = net(x).argmax(1), 4 / 255
    fgsm = torchattacks.FGSM(net, eps=far)(x, label)
    assert float((ours(method="fgsm") - fgsm).abs().max()) < ROOM
    pgd = torchattacks.PGD(net, eps=far, alpha=2.5 * far / 10, steps=10, random_start=False)(x, label)
    assert float((ours(method="pgd") - pgd).abs().max()) < ROOM


def test_several_steps_reach_at_least_the_loss_of_one() -> None:
    net = network()
    label = net(colours()).argmax(1)
    with torch.no_grad():
        loss = [float(nn.functional.cross_entropy(net(ours(method=method)), label)) for method in ("fgsm", "pgd")]
    assert loss[1] >= loss[0] - 1e-12
