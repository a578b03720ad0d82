"""The attack desk beyond one attack: its norm and start, its controls, the smallest before rounding, other networks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.edits import Attack
from nbviz.edits.rgb import Rgb
from nbviz.explorer import Explorer
from nbviz.panels.whatif.attack_words import _share_words
from nbviz.pictures.load import load_pictures
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.edits.attack import SIZES, STEP, unit_of
from tests.panels.rig import say
from tests.test_explorer import network, pictures

VALUES = 3 * 32 * 32


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    names = ["ant", "bee", "cat", "dog"]
    with Explorer(sharp(), pictures(), classes=names, runner=InlineRunner, method="saliency") as made:
        made.selection.tool = "attack"
        yield made


def sharp() -> nn.Module:
    """A network that hardly prefers one class on the first picture."""
    net = network()
    head = [module for module in net.modules() if isinstance(module, nn.Linear)][-1]
    logits = nbviz.InstrumentedModel(net).logits(next(iter(load_pictures(pictures()).values())))
    with torch.no_grad():
        head.bias.sub_(torch.from_numpy(logits - logits.mean()) - torch.tensor([0.004, 0.0, 0.0, 0.0]))
    return net


def test_the_norm_and_the_random_start_are_those_of_a_script(explorer: Explorer) -> None:
    view = explorer.panels["attack"].view
    say(view, event="set", kind="pgd", into=-1, norm="linf", start=True, size=2.0)
    assert explorer.selection.edits == (Attack("pgd", 2.0, random_start=True),) and view.start
    say(view, event="set", kind="pgd", into=-1, norm="l2", start=False, size=2.0)
    unit = round(VALUES**0.5, 2)
    assert explorer.selection.edits == (Attack("pgd", round(2 * unit, 2), norm="l2"),)  # as much for each value
    assert view.norm == "l2" and view.largest == 16 * unit and "root of squares" in view.unit
    made = nbviz.attack(explorer.model, explorer.pictures["one"], "pgd", round(2 * unit, 2), norm="l2")
    label, share = made.before[0][0], made.before[0][2]
    assert view.lines[0][0][0].startswith(f"{label} {share:.2f} → ")


def test_noise_is_an_attack_that_asks_nothing_and_stands_beside_the_map(explorer: Explorer) -> None:
    view, picture, net = explorer.panels["attack"].view, explorer.pictures["one"], explorer.model
    attack = Attack("pgd", 6.0)
    say(view, event="set", kind="pgd", into=-1, size=6.0)
    label = net.predict(picture, 1)[0][1]

    def heat(*edits: Attack) -> np.ndarray:
        return nbviz.attribute(net.edited(*edits), picture, label, "saliency").heat().double().numpy().ravel()

    same, noisy = (np.corrcoef(heat(), heat(edit))[0, 1] for edit in (attack, attack.control))
    assert view.notes[3] == f"the same map, r {same:.2f}".replace("-", "−")
    assert view.captions[4] == "with noise of the same size" and view.notes[4] == f"the same map, r {noisy:.2f}"
    x = net.input(picture)
    moved = Rgb.of(net, x).colours(net.edited(attack.control).input(picture)) - Rgb.of(net, x).colours(x)
    assert float(moved.abs().max()) * 255 == pytest.approx(6.0, abs=0.51)
    assert attack.control == Attack("noise", 6.0) and attack.control.words == "noise, 6 grey levels"
    say(view, event="set", kind="noise", into=2, size=6.0)
    assert explorer.selection.edits == (Attack("noise", 6.0, steps=1),)


def test_the_map_for_the_new_class_stands_beside_the_old_one(explorer: Explorer) -> None:
    view, picture, net = explorer.panels["attack"].view, explorer.pictures["one"], explorer.model
    before = net.predict(picture, 1)[0][0]
    say(view, event="set", kind="pgd20", into=-1, size=16.0)
    now = net.edited(*explorer.selection.edits).predict(picture, 1)[0][0]
    assert now != before, "the attack is strong enough to be a test"
    assert view.captions[2:4] == [f"before: Saliency for {before}", f"after: Saliency for {before}"]
    assert view.captions[5] == f"after: Saliency for {now}" and all(view.pictures)
    say(view, event="set", kind="pgd20", into=-1, size=0.0)
    assert len(view.captions) == len(view.pictures) == 3


@pytest.mark.parametrize(("kind", "norm"), [("fgsm", "linf"), ("pgd", "l2")])
def test_the_smallest_flips_and_one_step_less_does_not_before_rounding_and_after(
    explorer: Explorer, kind: str, norm: str
) -> None:
    view, picture, net = explorer.panels["attack"].view, explorer.pictures["one"], explorer.model
    say(view, event="set", kind=kind, into=-1, norm=norm, size=1.0)
    say(view, event="find")
    answer = explorer._context.answer(explorer.panels["attack"].search.request(explorer.selection))
    x, steps, unit = net.input(picture), 1 if kind == "fgsm" else 10, unit_of(norm, VALUES)
    rgb, label = Rgb.of(net, x), net.predict(picture, 1)[0][1]

    def flips(size: float, rounded: bool) -> bool:
        ran = Attack(kind, size, norm=norm, steps=steps).run(x, net)
        return net.predict(ran.input if rounded else rgb.input(ran.exact).to(x), 1)[0][1] != label

    assert answer.size is not None and answer.exact is not None and answer.exact <= answer.size
    for size, rounded in ((answer.size, True), (answer.exact, False)):
        assert flips(size, rounded)
        below = size - STEP * unit
        assert below < STEP * unit / 2 or not flips(below, rounded)
    assert f"{answer.size:g} grey levels" in view.smallest and SIZES[0] * unit <= answer.exact


def test_a_class_that_fell_out_of_the_first_five_has_a_bound_and_nothing_added_is_said(explorer: Explorer) -> None:
    view = explorer.panels["attack"].view
    assert view.size == 0 and view.lines == [["nothing is added yet: the slider says by how much a pixel may move"]]
    say(view, event="set", kind="fgsm", into=-1, size=8.0)
    assert view.size == 8 and len(view.captions) > 3
    explorer.selection.undo()  # what is shown is what is on: none, of the kind that was chosen
    assert (view.size, view.kind, len(view.captions)) == (0, "fgsm", 3) and "nothing is added" in view.lines[0][0]
    explorer.selection.redo()
    assert view.size == 8 and len(view.captions) > 3
    five = [("ant", 1, 0.9, 5.0), ("bee", 2, 0.03, 1.0)]
    assert (_share_words(five, 1), _share_words(five, 7)) == ("0.90", "under 0.03")
    assert _share_words([("ant", 1, 0.998, 5.0), ("bee", 2, 0.0004, 1.0)], 7) == "under 0.01"


def test_a_network_put_beside_is_asked_about_the_same_picture(explorer: Explorer) -> None:
    torch.manual_seed(5)
    other = network()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    explorer.beside(other, "before")
    view, net = explorer.panels["attack"].view, explorer.model
    assert view.beside == []
    say(view, event="set", kind="pgd", into=-1, size=8.0)
    made = nbviz.attack(net, explorer.pictures["one"], "pgd", 8.0)
    their = nbviz.InstrumentedModel(other, net.transform, explorer.model.classes)
    one, after, noise = (their.predict(made.inputs[name], 1)[0] for name in ("original", "attacked", "noisy"))
    (line,) = view.beside
    assert line[1] == ["before", "em"] and line[3][0] == f"{one[0]} {one[2]:.2f} → {after[0]} {after[2]:.2f}"
    assert ("is fooled too" in line[4]) == (one[1] != after[1]) and f"{noise[0]} {noise[2]:.2f}" in line[4]
    explorer.selection.pins = ()
    say(view, event="set", kind="pgd", into=-1, size=4.0)
    assert view.beside == []


def test_a_network_put_beside_while_an_attack_is_on_is_asked_at_once(explorer: Explorer) -> None:
    view = explorer.panels["attack"].view
    say(view, event="set", kind="pgd", into=-1, size=8.0)
    explorer.beside(network(), "twin")
    assert "the same picture on " in str(view.beside) and "twin" in str(view.beside)
    explorer.selection.pins = ()
    assert view.beside == []
