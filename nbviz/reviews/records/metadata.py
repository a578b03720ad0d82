"""Metadata: columns that a user hands in beside the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from nbviz.errors import NbvizError

if TYPE_CHECKING:
    import pandas

Metadata: TypeAlias = "pandas.DataFrame | Mapping[str, Any]"
"""Table of one row per item, or name → values."""


def frame_of(metadata: Metadata, items: int) -> pandas.DataFrame:
    """Return ``metadata=`` as a frame of one row per item. Raises NbvizError for anything else."""
    import pandas

    if not isinstance(metadata, (pandas.DataFrame, Mapping)):
        raise NbvizError(f"metadata= is a pandas frame or a dict name → values, not {type(metadata).__name__}.")
    try:
        frame = pandas.DataFrame(metadata)
    except ValueError as error:
        raise NbvizError(f"metadata= can't be made a table: {error}.") from error
    if len(frame) != items:
        raise NbvizError(f"metadata= has {len(frame)} rows, but the data set has {items} items.")
    return frame.reset_index(drop=True)
