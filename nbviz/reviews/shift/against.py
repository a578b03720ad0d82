"""Drift: a network over one data set beside the same network over another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbviz.reviews.records.records import Records
from nbviz.reviews.statistics.intervals import holm

if TYPE_CHECKING:
    import pandas


def against_table(here: Records, there: Records) -> pandas.DataFrame:
    """Compare reviews of one network over two data sets: one row per figure, with here, there, and a two-sided p.

    Accuracy by Fisher's exact test, confidence, brightness, contrast and the head's features by Mann–Whitney's;
    ``effect`` is the difference of shares, else the rank-biserial correlation, −1…1 (0: the same distribution);
    ``corrected`` is p by Holm.
    """
    import pandas
    from scipy.stats import fisher_exact, mannwhitneyu

    rows: list[tuple[str, float, float, float, float]] = []
    if here.labelled and there.labelled:
        counts = [[int(r.right.sum()), int((~r.right).sum())] for r in (here, there)]
        one_share, other_share = float(here.right.mean()), float(there.right.mean())
        p = float(fisher_exact(counts).pvalue)
        rows.append(("accuracy", one_share, other_share, other_share - one_share, p))
    figures = ("probability", "entropy", "brightness", "contrast")
    columns = {name: [r.column(name) for r in (here, there)] for name in figures}
    if here.plan.features and there.plan.features:
        both = [r.column("features") for r in (here, there)]
        columns |= {f"feature {number}": [f[:, number] for f in both] for number in range(here.plan.features)}
    for name, (one, other) in columns.items():
        test = mannwhitneyu(one, other)
        # beside p: of thousands of pictures the smallest difference is significant
        effect = 1 - 2 * float(test.statistic) / (len(one) * len(other))
        rows.append((name, float(one.mean()), float(other.mean()), effect, float(test.pvalue)))
    table = pandas.DataFrame(rows, columns=["measure", "here", "there", "effect", "p"])
    table["corrected"] = holm(table["p"].to_numpy(float))
    return table
