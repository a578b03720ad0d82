"""Small pieces, so that sixty pictures make several."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbviz.dataset.shards import plan


@pytest.fixture(autouse=True, scope="module")
def many_pieces() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "LEAST", 1)
        yield
