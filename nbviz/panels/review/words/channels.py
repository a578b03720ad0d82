"""Texts, bars and profiles of the page Channels as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbviz.attribution.words import Run
from nbviz.drawing.numbers import minus, percent, signed
from nbviz.reviews.channels.study import ChannelStudy
from nbviz.reviews.statistics.intervals import SIGNIFICANCE

if TYPE_CHECKING:
    import pandas

ABOUT = (
    "Switches each channel of the layer off, on pictures of every class: which class's score changes most, and whether "
    "by more than its other channels do. Beside it the pictures that drive the channel most, and how alike they are."
)
ORDERS = (
    ("effect", "largest effect", "By the change of the class's score, either way"),
    ("clarity", "clearest", "By how alike the pictures are that drive the channel most"),
    ("polysemanticity", "most meanings", "By how far the two groups lie apart that those pictures fall into"),
    ("redundancy", "most redundant", "By how alike they are to another channel's"),
    ("channel", "by number", "In the layer's order"),
)
BARS = 20
"""Classes of a profile that are drawn."""


def ordered(table: pandas.DataFrame, order: str) -> pandas.DataFrame:
    """Return a table of channels in one of :data:`ORDERS`."""
    if order == "effect":
        return table  # as it comes
    return table.sort_values(order, ascending=order == "channel", kind="stable", na_position="last")


def about_study(table: pandas.DataFrame) -> list[Run]:
    """Return what was found, and what the figures are measured by."""
    beyond, attrs = int((table["corrected"] < SIGNIFICANCE).sum()), table.attrs
    whose = "" if attrs["labelled"] else " A class's pictures are those that the network says are it: none has a label."
    classes = len(np.unique(attrs["study"].changes.classes))
    result: list[Run] = [
        (f"{beyond} of {len(table)} channels", "strong"),
        f" of {attrs['layer']} do more to a class than the layer's others do (paired t, corrected by Holm for all "
        f"channels and classes; {attrs['pictures']} pictures of {classes} classes).{whose} Bars: change of the "
        "class's score without the channel, 95 % interval; the tick is the others' mean; on the right how many of its "
        "pictures stay right. ",
    ]  # fmt: skip
    if attrs["absent"]:
        return [*result, attrs["absent"]]
    levels = "; ".join(f"{name} {_share(low)}–{_share(high)}" for name, (low, high) in attrs["chance"].items())
    return [*result, f"Pictures drawn at random come to {levels}: what lies beyond is in bold type."]


def channel_row(row: dict[str, Any], study: ChannelStudy, extent: float) -> dict[str, Any]:
    """Return a channel as it is drawn. extent: the score's change at the end of a bar."""
    channel, interval = row["channel"], ""
    if np.isfinite(row["low"]):
        interval = f"{signed(row['low'], True)} … {signed(row['high'], True)}"
    ends = [row[name] / extent for name in ("effect", "low", "high", "control")]
    return {
        "channel": channel, "name": str(channel), "label": row["class"],
        "marked": bool(row["corrected"] < SIGNIFICANCE),
        "bar": [None if np.isnan(end) else round(float(end), 4) for end in ends],
        "figure": signed(row["effect"], True), "interval": interval,
        "answers": f"{percent(row['right'], 0)} → {percent(row['right_without'], 0)}",
        "profile": _profile(study, channel), "measures": _measures(row, study),
    }  # fmt: skip


def _measures(row: dict[str, Any], study: ChannelStudy) -> list[list[Any]]:
    """Return [name, figure, beyond chance] per measure of the pictures that drive a channel."""
    if study.concepts is None:
        return []
    if np.isnan(row["clarity"]):
        return [["the same for every picture", "", False]]
    low, high = study.chance["polysemanticity"]
    result = [
        ["clarity", _share(row["clarity"]), row["clarity"] > study.chance["clarity"][1]],
        ["polysemanticity", _share(row["polysemanticity"]), not low <= row["polysemanticity"] <= high],
    ]
    if np.isfinite(row["redundancy"]):
        figure = f"{_share(row['redundancy'])} with {row['nearest']:.0f}"
        result.append(["redundancy", figure, row["redundancy"] > study.chance["redundancy"][1]])
    return result


def _profile(study: ChannelStudy, channel: int) -> list[list[Any]]:
    """Return [share of the largest, words] per class: all in their order, or those that drive it most."""
    means = study.profiles[channel]
    known = np.flatnonzero(np.isfinite(means))
    if len(known) > BARS:
        known = known[np.argsort(-means[known], kind="stable")][:BARS]
    # from zero on, so that a bar twice as high is twice as much
    low, high = min(0.0, float(means[known].min())), float(means[known].max())
    return [
        [round(float((means[at] - low) / ((high - low) or 1.0)), 3), f"{study.names[at]} {signed(float(means[at]))}"]
        for at in known.tolist()
    ]


def _share(value: float) -> str:
    return minus(f"{value:.2f}").replace("0.", ".", 1) if abs(value) < 1 else minus(f"{value:.2f}")
