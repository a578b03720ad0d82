"""What a channel looks for in real pictures: the strongest of a whole data set, from one pass over it."""

from __future__ import annotations

from nbviz.dataset.build import Stopped
from nbviz.dataset.example import Example
from nbviz.dataset.index import Index
from nbviz.dataset.stepped import Looking, fitting, indexing

__all__ = ["Example", "Index", "Looking", "Stopped", "fitting", "indexing"]
