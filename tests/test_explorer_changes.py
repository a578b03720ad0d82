"""A network that changes and changes back, and what the title bar says of it."""

from __future__ import annotations

import torch
from torch import nn

from nbviz.explorer import Explorer
from nbviz.session.inline import InlineRunner
from tests.test_explorer import network, pictures


def test_a_network_that_is_again_what_it_was_has_not_changed() -> None:
    """Catches the false alarm after a hook that a cell puts on and takes off while background work asks."""
    net = network()
    with Explorer(net, pictures(), method="saliency", target=1, runner=InlineRunner) as explorer:
        _put_on_and_off(explorer, net)


def _put_on_and_off(explorer: Explorer, net: nn.Module) -> None:
    title = explorer.panels["title"].view
    handle = net[0].register_forward_hook(lambda module, inputs, output: output * 2)
    explorer._events.idle()
    assert title.moved
    handle.remove()
    explorer._events.idle()
    assert not title.moved and title.word == "ready"
    # but what was answered in between is of the network in between
    handle = net[0].register_forward_hook(lambda module, inputs, output: output * 2)
    explorer.selection.image = "three"
    shown = explorer.attribution
    handle.remove()
    explorer._events.idle()
    assert title.moved
    explorer.refresh()
    assert not title.moved
    assert shown is not None and explorer.attribution is not None
    assert not torch.equal(shown.values, explorer.attribution.values)


def test_an_answer_of_a_network_in_between_is_told() -> None:
    """Catches a map of the network with a hook on that stays on show, without a word, once the hook is off again."""
    net, handles = network(), []

    def target(scores: torch.Tensor) -> torch.Tensor:
        """Have the hook put on while the map is on its way, as another thread's cell would."""
        if not handles:
            handles.append(net[0].register_forward_hook(lambda module, inputs, output: output * 2))
            explorer.model.fingerprint()
        return scores[:, 0] ** 2

    with Explorer(net, pictures(), method="saliency", target=1, runner=InlineRunner) as explorer:
        explorer.selection.target = target
        handles[0].remove()
        explorer._events.idle()
        assert explorer.panels["title"].view.moved
