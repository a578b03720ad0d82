"""Pages of made pictures as requests: partial, the same for the same question, dropped when not wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.session.context import LiveContext
from nbviz.session.requests.made import Invert, MakeChannels
from tests.networks import build, picture


def asked(path: Path, *channels: int, **options: object) -> MakeChannels:
    return MakeChannels("3", channels, options=(("path", path), ("size", 16), *options.items()))


def test_a_request_is_equal_to_one_that_asks_the_same(tmp_path: Path) -> None:
    assert asked(tmp_path, 1, 2) == asked(tmp_path, 1, 2) and hash(asked(tmp_path, 1)) == hash(asked(tmp_path, 1))
    assert asked(tmp_path, 1, 2) != asked(tmp_path, 2, 1)
    assert asked(tmp_path, 1) != asked(tmp_path, 1, steps=3)


def test_answers_get_better_and_name_their_channels(tmp_path: Path) -> None:
    context = LiveContext(InstrumentedModel(build("inplace")))
    pages = list(context.answers(asked(tmp_path, 5, 2, steps=40)))
    assert pages[-1].done == 1 and pages[-1].channels == (5, 2)
    assert [page.done for page in pages] == sorted(page.done for page in pages)
    assert pages[-1].pixels(2).shape == (16, 16, 3) and pages[-1].pixels(2).dtype == np.uint8
    assert context.known(asked(tmp_path, 5, 2, steps=40)) is pages[-1]
    (again,) = context.answers(asked(tmp_path, 2, steps=40))
    assert np.array_equal(again.pixels(2), pages[-1].pixels(2)) and again.made.facts["kept"] == 1


def test_an_inversion_follows_the_picture() -> None:
    context = LiveContext(InstrumentedModel(build("inplace")))
    image = as_picture(picture(size=24))
    *_, made = context.answers(Invert(image, "3", (("steps", 20),)))
    assert made.pictures.shape == (1, 3, 24, 24) and made.rise[0, -1] > made.rise[0, 0]
