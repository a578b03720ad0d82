"""Data sets seen through a network: the strongest pictures of every channel, and what a layer tells apart.

An index keeps every channel's strongest pictures, an atlas lays out what a layer distinguishes.
"""

from __future__ import annotations

from nbviz.dataset.atlas.atlas import Atlas
from nbviz.dataset.atlas.cell import Cell
from nbviz.dataset.example import Example
from nbviz.dataset.facets import Facets
from nbviz.dataset.index.index import Index
from nbviz.dataset.index.live import LiveIndex, fitting, indexing
from nbviz.dataset.index.means import ChannelMeans
from nbviz.dataset.shards import Stopped

__all__ = ["Atlas", "Cell", "ChannelMeans", "Example", "Facets", "Index", "LiveIndex", "Stopped", "fitting", "indexing"]
