"""Texts and rows of a comparison with another data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbviz.attribution.words import Run
from nbviz.drawing.numbers import minus, percent, three_digits
from nbviz.panels.review.words.classes import p_words
from nbviz.reviews.statistics.intervals import SIGNIFICANCE

if TYPE_CHECKING:
    import pandas

ROWS = 16
"""Channels that are listed."""
WITHOUT = (
    "Another data set, as of another camera or another year, is compared with this one where it is given: "
    "nbviz.review(model, dataset, against=…)."
)
ABOUT = (
    "Is the network as good on the other data set, as sure, and driven by the same channels? Looks at each of its "
    "pictures once, then at the chosen layer's channels on up to 300 pictures of both."
)

NAMES = {"accuracy": "right", "probability": "sureness"}
TIPS = {
    "accuracy": "Share of answers that are the label",
    # accuracy alone does not tell whether a network became too sure
    "overconfidence": "Mean probability of the answers less the share that is right: above zero it is too sure",
    "probability": "Probability of the answer",
    "entropy": "Entropy of the probabilities, in nats",
}


def about_drift(table: pandas.DataFrame) -> list[Run]:
    """Return the sentence on what differs, and what the bars are."""
    channels = table["measure"].str.startswith("channel ")
    beyond = table["corrected"] < SIGNIFICANCE
    layer, (here, there) = table.attrs["layer"], table.attrs["pictures"]
    result: list[Run] = []
    if table["measure"].iloc[0] == "accuracy":
        row = table.iloc[0]
        result = ["Right: ", (f"{percent(row['here'], 1)} here, {percent(row['there'], 1)} there", "strong")]
        result.append(f" ({p_words(row['corrected'])}). ")
    return [
        *result, (f"{int((beyond & channels).sum())} of {int(channels.sum())} channels", "strong"),
        f" of {layer} respond otherwise, beyond chance (Mann–Whitney, {here} and {there} pictures; corrected by Holm "
        "for all rows). Bars, from −1 to 1: difference of the shares, else rank-biserial correlation: at ±1 every "
        "picture there lies above, or below, every one here. A click chooses the channel.",
    ]  # fmt: skip


def against_rows(table: pandas.DataFrame) -> list[dict[str, Any]]:
    """Return the figures of the whole, then the channels whose difference is largest."""
    channels = table["measure"].str.startswith("channel ").to_numpy()
    order = np.argsort(-table["effect"].abs().to_numpy(), kind="stable")
    chosen = [*np.flatnonzero(~channels), *(at for at in order if channels[at])][: int((~channels).sum()) + ROWS]
    return [_row(row) for row in table.iloc[chosen].to_dict("records")]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    name = row["measure"]
    here, there = (minus(_value_words(name, row[end])) for end in ("here", "there"))
    return {
        "name": NAMES.get(name, name), "tip": TIPS.get(name, ""), "bar": [round(float(row["effect"]), 4)],
        "figure": f"{here} → {there}", "words": "" if np.isnan(row["corrected"]) else p_words(row["corrected"]),
        "marked": bool(row["corrected"] < SIGNIFICANCE),
        "channel": int(name.removeprefix("channel ")) if name.startswith("channel ") else None,
    }  # fmt: skip


def _value_words(name: str, value: float) -> str:
    return percent(value, 1) if name in ("accuracy", "overconfidence", "probability") else three_digits(value)
