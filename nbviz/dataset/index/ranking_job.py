"""A piece of a data set through the network, its channels ranked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nbviz.dataset.index.partial import Known, PartialIndex
from nbviz.dataset.index.plan import Plan
from nbviz.dataset.index.ranking_pass import IndexWalk
from nbviz.dataset.shards.job import ShardJob, Tick
from nbviz.replica.guest import Pass


class RankingJob(ShardJob[Plan, PartialIndex]):
    """Ranks the channels of the plan's layers, piece by piece."""

    def run(self, piece: int, tick: Tick | None = None, known: Known | None = None) -> PartialIndex:
        """Rank one piece, over one version of the weights. known: of other pieces, from :meth:`PartialIndex.known`."""

        def work(run: Pass) -> PartialIndex:
            walk, plan = IndexWalk(self.plan, run, known), self.plan
            numbers = plan.numbers(piece)
            for batch in self.items.batches(numbers, plan.batch, self.transform, plan.shape, walk.part.leave_out):
                walk.forward(batch)
                if tick is not None:
                    tick(len(batch.numbers))
            return walk.gathered(piece)

        return self.guest.steady(work)

    def each(self, pieces: Iterable[int], tick: Tick | None = None) -> Iterator[PartialIndex]:
        """Rank pieces in order, each with the thresholds of those before it."""
        known: Known = {}
        for piece in pieces:
            part = self.run(piece, tick, known)
            known = part.known(known)
            yield part
