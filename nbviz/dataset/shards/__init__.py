"""Shards: one pass over a data set in pieces that can be written, resumed, and shared out to a cluster.

A room that makes such a pass brings three things: a :class:`ShardPlan` of its choices, a :class:`Part` that merges, and
a :class:`ShardJob` that makes a part of a piece. A :class:`Product` names them.
"""

from __future__ import annotations

from nbviz.dataset.shards.build import Build, Execution, Stopped, one_pass
from nbviz.dataset.shards.job import ShardJob
from nbviz.dataset.shards.part import Part, Problems
from nbviz.dataset.shards.plan import ShardPlan, cut
from nbviz.dataset.shards.store import Folder, Memory, Product

__all__ = [
    "Build", "Execution", "Folder", "Memory", "Part", "Problems", "Product", "ShardJob", "ShardPlan", "Stopped", "cut",
    "one_pass",
]  # fmt: skip
