"""Cues of two reports: those that only the newer network is flagged for."""

from __future__ import annotations

from nbviz.reports.values import Values
from nbviz.reports.verdicts import ReportVerdict
from nbviz.reviews.cues.window import overlap, window_words


def new_cues(one: Values, other: Values) -> list[ReportVerdict]:
    """Judge cues that are flagged in the newer report: one whose window the older one flagged for its class passes.

    Nothing where a report was not asked for cues.
    """
    if one.get("cues") is None or other.get("cues") is None:
        return []
    before, now = ([row for row in values["cues"] if row["flagged"]] for values in (one, other))
    verdicts = []
    for row in now:
        # an overlap is enough: of one mark another network may show a window a step aside
        known = any(row["class"] == old["class"] and overlap(row["window"], old["window"]) for old in before)
        words = f"moves {row['transplanted']:.2f} of other pictures, elsewhere {row['control'] or 0:.2f}"
        name = f"cue of {row['class']}, {window_words(row['window'])}"
        verdicts.append(
            ReportVerdict(name, "pass" if known else "warn", f"{words}{', as before' if known else ', new'}")
        )
    return verdicts or [ReportVerdict("cues", "pass", f"{len(before)} → 0 flagged")]
