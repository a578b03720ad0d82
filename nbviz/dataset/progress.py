"""Progress bar of a pass over a data set, in a terminal or a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm.auto import tqdm


def progress_bar(
    words: str, total: float, *, unit: str = "it", initial: float = 0, bar_format: str | None = None, shown: bool = True
) -> tqdm:
    """Return a bar to be updated within a ``with`` block; bar_format: as tqdm has it. shown: False draws nothing."""
    from tqdm.auto import tqdm  # looks for ipywidgets: not for whoever only imports nbviz

    return tqdm(total=total, desc=words, unit=unit, initial=initial, bar_format=bar_format, disable=not shown)
