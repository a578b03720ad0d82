"""The still picture under a live frame: published once, renewed when finished, left with a line at the end."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nbviz.panels import cell_still
from nbviz.panels.cell_still import CellStill

Published = list[tuple[Mapping[str, Any], str, bool]]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Published:
    """What reaches the page: (bundle, display id, whether it replaces one)."""
    sent: Published = []
    monkeypatch.setattr(
        cell_still, "_publish", lambda bundle, name="", update=False: sent.append((bundle, name, update))
    )
    monkeypatch.setattr(cell_still, "PAUSE_SECONDS", 0.0)
    return sent


def picture(level: int) -> Image.Image:
    return Image.new("RGB", (40, 20), (level, level, level))


def shown(bundle: Mapping[str, Any]) -> int | None:
    """The level of the picture in a page; None without one."""
    found = re.search(r'src="data:image/png;base64,([^"]+)"', bundle["text/html"])
    return (
        None
        if found is None
        else int(np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("L"))[0, 0])
    )


def renewed(still: CellStill) -> None:
    still.renew("words")
    assert still._thread is not None
    still._thread.join(10)


def test_the_still_is_renewed_when_finished_and_stays_with_a_line(published: Published) -> None:
    ready: list[Image.Image | None] = [None]
    still = CellStill(lambda: ready[0])
    still.renew("words")
    assert still._thread is None and not published, "nothing is renewed that was never shown"
    still.show({"view": 1}, 'a <b>"network"</b>')
    (live, name, update), (first, there, _) = published
    assert live["view"] == 1 and not name and not update and there == still.still
    assert shown(first) is None and cell_still.EMPTY in first["text/html"]
    renewed(still)
    assert len(published) == 2, "an unfinished picture replaces nothing"
    ready[0] = picture(50)
    renewed(still)
    page, there, update = published[-1]
    assert (shown(page), there, update) == (50, still.still, True)
    ready[0] = None  # something else is computed when it is closed: the last finished one stays
    still.close("words", again=False)
    assert shown(published[-1][0]) == 50 and cell_still.CLOSED in published[-1][0]["text/html"]
    count = len(published)
    still.renew("words")
    still.close("words", again=False)
    assert len(published) == count


def test_words_are_never_markup_and_a_cell_that_runs_again_gets_no_line(published: Published) -> None:
    still = CellStill(lambda: picture(9))
    still.show({}, 'a <b>"network"</b>')
    assert "<b>" not in published[-1][0]["text/html"] and "&lt;b&gt;" in published[-1][0]["text/html"]
    still.close("words", again=True)
    assert len(published) == 2


def test_a_page_that_nobody_attends_gets_the_picture_as_it_stands_and_then_the_finished_one(
    published: Published,
) -> None:
    ready: list[Image.Image | None] = [None]
    still = CellStill(lambda: ready[0])
    still.show({}, "words", draft=lambda: picture(70))
    assert shown(published[-1][0]) == 70 and cell_still.GONE in published[-1][0]["text/html"]
    ready[0] = picture(120)
    renewed(still)
    assert shown(published[-1][0]) == 120 and published[-1][2]
    finished = CellStill(lambda: picture(30))
    finished.show({}, "words", draft=lambda: pytest.fail("a finished picture needs no draft"))
    assert shown(published[-1][0]) == 30
