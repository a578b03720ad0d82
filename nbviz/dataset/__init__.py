"""What a channel looks for in real pictures: the strongest of a whole data set, from one pass over it.

An index keeps every channel's strongest pictures, an atlas lays out what a layer distinguishes.
"""

from __future__ import annotations

from nbviz.dataset.atlas import Atlas
from nbviz.dataset.atlas_cell import Cell
from nbviz.dataset.build import Stopped
from nbviz.dataset.example import Example
from nbviz.dataset.facets import Facets
from nbviz.dataset.index import Index
from nbviz.dataset.stepped import Looking, fitting, indexing

__all__ = ["Atlas", "Cell", "Example", "Facets", "Index", "Looking", "Stopped", "fitting", "indexing"]
