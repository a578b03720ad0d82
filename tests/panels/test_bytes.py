"""Bytes that an act sends to the page: what is clicked, and pictures that get better while one looks on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch

from nbviz.drawing.png import png
from nbviz.explorer import Explorer
from nbviz.panels.atlas.atlas_stage import AtlasStage
from nbviz.panels.explanation.heat_canvas import PARTIALS
from nbviz.panels.parts.parts_stage import PartsStage
from nbviz.panels.scenes.allowance import Allowance
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.made import MadeAnswer, MakeChannels
from nbviz.session.requests.one_channel import MakeOne
from nbviz.session.requests.one_picture import KINDS, Remade
from tests.panels.rig import rig, say

STEPS = 120
"""Partial answers: twelve seconds at ten a second."""
LAYER, CLASS, PICTURE, METHOD, MADE = 250_000, 250_000, 350_000, 120_000, 1_500_000
"""Bytes of an act."""
WORDS = 600
"""Bytes of the words under a map, which are sent each time: they tell how far it is."""
MAPS = 300_000
"""Bytes of an explanation that is drawn while it is computed, its final map included."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list whose first number grows by the bytes of every message to the page, text and buffers."""
    count, send = [0], ipywidgets.Widget._send

    def counted(self: Any, message: Any, buffers: Any = None) -> None:
        text = len(json.dumps(message, default=str))
        count[0] += text + sum(memoryview(one).nbytes for one in buffers or ())
        send(self, message, buffers)

    monkeypatch.setattr(ipywidgets.Widget, "_send", counted)
    return count


@pytest.fixture(scope="module")
def explorer() -> Iterator[Explorer]:
    """The embedded network, without what is computed while nobody waits."""
    with Explorer(runner=InlineRunner) as made:
        yield made


def spent(sent: list[int], act: Callable[[], object]) -> int:
    before = sent[0]
    act()
    return sent[0] - before


def test_what_a_click_sends(explorer: Explorer, sent: list[int]) -> None:
    chosen = explorer.selection
    assert 10_000 < spent(sent, lambda: chosen.set_trait("layer", "blocks.4")) <= LAYER
    assert 10_000 < spent(sent, lambda: chosen.set_trait("target", 285)) <= CLASS
    assert 10_000 < spent(sent, lambda: chosen.set_trait("image", "coffee")) <= PICTURE
    for method in ("saliency", "layer_cam", "guided_backprop"):
        assert 5_000 < spent(sent, lambda name=method: chosen.set_trait("method", name)) <= METHOD
    chosen.method = "grad_cam"


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, shape, np.uint8)


def test_maps_that_sharpen_for_long_stay_small(explorer: Explorer, sent: list[int]) -> None:
    canvas: Any = explorer.panels["canvas"]
    asked = canvas.request(explorer.selection)
    final = explorer._context.answer(replace(asked, method="saliency", layer=None))
    evidence = final.attribution.evidence

    def sharpen() -> None:
        canvas.wait()
        for step in range(STEPS + 1):
            # as a method's partial maps: the same evidence, less and less noisy
            noisy = evidence + evidence.std() * torch.rand(
                evidence.shape, generator=torch.Generator().manual_seed(step)
            )
            attribution = replace(final.attribution, evidence=noisy, done=step / STEPS)
            canvas.show(replace(final, attribution=attribution if step < STEPS else final.attribution))

    size = spent(sent, sharpen) - STEPS * WORDS
    assert PARTIALS / 3 < size <= MAPS
    assert canvas.canvas._upper.source.format == "png", "the final map is exact"
    assert spent(sent, sharpen) > PARTIALS / 3, "another map has an allowance of its own"


def test_pages_of_made_pictures_stay_small(explorer: Explorer, sent: list[int]) -> None:
    explorer.selection.layer = "blocks.5.body.2"
    say(explorer.panels["channels"].view, event="look", look={"mode": "made"})
    page, card, remade = (explorer.panels[slot] for slot in ("made", "card_made", "remade"))
    asked: Any = page.request(explorer.selection)
    assert isinstance(asked, MakeChannels)
    made = explorer._context.answer(asked).made

    def step(one: Any, number: int, side: int = 112) -> Any:
        pictures = torch.from_numpy(noise(len(one.pictures), 3, side, side, seed=number)).float() / 255
        return replace(one, pictures=pictures, done=number / STEPS)

    def run(panel: Any, answer: Callable[[int], Any]) -> Callable[[], None]:
        def steps() -> None:
            panel.wait()
            for number in range(STEPS + 1):
                panel.show(answer(number))

        return steps

    channels = asked.channels
    size = spent(sent, run(page, lambda number: MadeAnswer(asked.layer, channels, step(made, number))))
    assert 300_000 < size <= MADE
    one = explorer._context.answer(MakeOne(asked.layer, channels[0]))
    size = spent(sent, run(card, lambda number: replace(one, made=step(one.made, number, 256))))
    assert 100_000 < size <= 600_000
    row = lambda number: Remade(asked.layer, {kind: step(one.made, number) for kind in KINDS}, number / STEPS)  # noqa: E731
    assert 100_000 < spent(sent, run(remade, row)) <= 600_000


def test_what_is_made_of_parts_and_of_an_atlas_stays_small(sent: list[int]) -> None:
    small = rig(layer="3")
    small.selection.stages = ("channels", "parts", "atlas")
    small.selection.stage = "parts"
    parts = PartsStage(small.links)
    say(parts.view, event="make")
    shown = small.answer(parts)
    count = len(shown.made.pictures)
    sharper = [
        replace(
            shown,
            made=replace(shown.made, pictures=torch.from_numpy(noise(count, 3, 112, 112, seed=step)).float() / 255),
            done=step / STEPS,
        )
        for step in range(STEPS + 1)
    ]
    size = spent(sent, lambda: [parts.wait(), *map(parts.show, sharper)])
    assert 100_000 < size <= 600_000
    small.selection.stage = "atlas"
    stage = AtlasStage(small.links)
    say(stage.view, event="map")
    say(stage.view, event="cell", cell=0)
    mapped = small.answer(stage)
    pictures = [
        replace(mapped, opened=replace(mapped.opened, made=noise(160, 160, 3, seed=step)), done=0.5)
        for step in range(STEPS)
    ]
    size = spent(sent, lambda: [stage.wait(), *map(stage.show, [*pictures, replace(pictures[-1], done=1.0)])])
    assert 100_000 < size <= 1_500_000
    assert stage.view.made == png(pictures[-1].opened.made), "the last one always goes"


def test_an_allowance_is_given_out_with_the_work() -> None:
    allowance, gone = Allowance(1000), list[int]()
    for step in range(101):
        if allowance.allows(step / 100):
            allowance.spend(90)
            gone.append(step)
    assert gone[0] == 0 and gone[-1] == 100 and 90 * (len(gone) - 1) <= 1000
    assert len(gone) > 8 and max(b - a for a, b in zip(gone, gone[1:], strict=False)) <= 15
    allowance = Allowance(10)
    assert allowance.allows(0.0), "a first picture goes, however large"
