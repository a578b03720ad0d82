"""Agreement of an audit: the share of pictures that are explained by the right thing, with its interval.

The sample has more wrong answers than the data set, so the share of the whole is that of each group weighted by the
group's size. Its interval combines the groups' Wilson intervals by their squares ("square and add": Newcombe 1998,
Zou & Donner 2008, doi:10.1002/sim.3095). Pictures that nobody can tell are counted, and in no share.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nbviz.replica.scikit_import import scikit
from nbviz.reviews.audits.log import Audit
from nbviz.reviews.audits.sample import AuditSample
from nbviz.reviews.statistics.intervals import Estimate, mean_of, share_of


@dataclass(frozen=True)
class GroupAnswers:
    """Answers to the pictures of one group."""

    name: str
    size: int
    """Pictures of the data set in it."""
    count: int
    """Pictures of it in the sample."""
    yes: int
    no: int
    unclear: int
    """Pictures that the person can't tell."""

    @property
    def share(self) -> Estimate:
        """Share of yes among yes and no."""
        return share_of(self.yes, self.yes + self.no)


def answers_of(sample: AuditSample, answers: Mapping[int, str]) -> list[GroupAnswers]:
    """Count a person's answers by group."""
    counts = []
    for group in sample.groups:
        # an audit is read while it goes on: pictures without an answer yet are in no count
        said = [answers[item] for item in group.items if item in answers]
        kinds = (said.count(kind) for kind in ("yes", "no", "can't tell"))
        counts.append(GroupAnswers(group.name, group.size, len(group.items), *kinds))
    return counts


def combine(parts: Sequence[tuple[int, Estimate]]) -> Estimate:
    """Combine estimates of groups, each with the group's size; NaN where one of them is."""
    total = sum(size for size, _ in parts)
    shares = [size / total for size, _ in parts]
    pairs = list(zip(shares, (one for _, one in parts), strict=True))
    # weighted back to the data set: half the sample are wrong answers, of which the data set has few
    value = sum(share * one.value for share, one in pairs)
    low = math.hypot(*(share * (one.value - one.low) for share, one in pairs))
    high = math.hypot(*(share * (one.high - one.value) for share, one in pairs))
    return Estimate(value, value - low, value + high)


def agreement(sample: AuditSample, answers: Mapping[int, str]) -> Estimate:
    """Estimate the share of the data set's pictures for which a person says yes, of those that can be told.

    NaN as long as a group has neither a yes nor a no.
    """
    return combine([(group.size, group.share) for group in answers_of(sample, answers)])


@dataclass(frozen=True)
class Inside:
    """Measures of an audit with masks, for the data set as a whole."""

    count: int
    hit: Estimate
    """Share of the maps whose highest place is on the object."""
    inside: Estimate
    """Mean share of the evidence that is on the object."""
    covered: Estimate
    """Mean share of the picture that the object covers: the value of both by chance."""
    beyond: Estimate
    """Mean of inside less covered, by picture."""


def inside_of(audit: Audit) -> Inside:
    """Combine an audit's measures by group; NaN as long as a group has none."""
    # a group without measures is not left out: the others' share would be called that of the data set
    groups = [
        (group.size, np.array([audit.measures[item] for item in group.items if item in audit.measures]).reshape(-1, 3))
        for group in audit.sample.groups
    ]

    def means(column: int) -> Estimate:
        return combine([(size, mean_of(rows[:, column])) for size, rows in groups]).clipped()

    hit = combine([(size, share_of(float(rows[:, 0].sum()), len(rows))) for size, rows in groups])
    # by picture: a large object has much of any map inside, and its own share is taken off
    beyond = combine([(size, mean_of(rows[:, 1] - rows[:, 2])) for size, rows in groups])
    return Inside(sum(len(rows) for _, rows in groups), hit, means(1), means(2), beyond)


@dataclass(frozen=True)
class Pair:
    """Two people's answers to the same pictures."""

    who: tuple[str, str]
    both: int
    """Pictures that both answered."""
    same: Estimate
    kappa: float
    """Cohen's; NaN where both said only one thing."""


def pairs(audit: Audit) -> list[Pair]:
    """Compare every two people's answers: agreement of people bounds what their agreement with maps can mean."""
    found = []
    for one, other in itertools.combinations(sorted(audit.answers), 2):
        first, second = audit.answers[one], audit.answers[other]
        both = sorted(first.keys() & second.keys())
        if not both:
            continue
        a, b = [first[item] for item in both], [second[item] for item in both]
        same = sum(x == y for x, y in zip(a, b, strict=True))
        # where both say the same one thing throughout, chance explains all of it, and the library divides by zero
        kappa = float(scikit("metrics").cohen_kappa_score(a, b)) if len({*a, *b}) > 1 else math.nan
        found.append(Pair((one, other), len(both), share_of(same, len(both)), kappa))
    return found
