"""The page Channels lists what the review measures, follows the layer, and chooses a channel on a click."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from nbviz.explorer import Explorer
from nbviz.panels.review.words.channels import ORDERS
from nbviz.session.inline import InlineRunner
from tests.panels.rig import say
from tests.reviews.test_channels import CHANNELS, Planes, network


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    with Explorer(network(), Planes(), runner=InlineRunner, stage="review", method="saliency") as made:
        say(made.panels["review"].view, event="run")
        made.selection.layer = "1"
        say(made.panels["review"].view, event="page", name="channels")
        yield made


def test_channels_are_the_review_s_in_the_order_chosen(explorer: Explorer) -> None:
    view, review = explorer.panels["review"].view, explorer.review
    assert (
        review is not None
        and not view.rows["rows"]
        and view.rows["offer"][0] == f"Measure the {CHANNELS} channels of 1"
    )
    say(view, event="begin")
    table = eval(view.code, {"review": review})
    assert [row["channel"] for row in view.rows["rows"]] == table["channel"].tolist() and view.driving
    first, row = view.rows["rows"][0], table.iloc[0]
    assert first["label"] == row["class"] and first["marked"] == (row["corrected"] < 0.05)
    extent = np.abs(table[["effect", "low", "high"]].to_numpy()).max()
    assert np.allclose(first["bar"], row[["effect", "low", "high", "control"]].astype(float) / extent, atol=1e-4)
    for order, *_ in ORDERS:
        say(view, event="sort", order=order)
        listed = table.set_index("channel", drop=False).loc[[row["channel"] for row in view.rows["rows"]]]
        values = listed[order].abs() if order == "effect" else listed[order]
        assert list(values.dropna()) == sorted(values.dropna(), reverse=order != "channel")
    (dead,) = (row for row in view.rows["rows"] if row["channel"] == 4)
    assert dead["measures"] == [["the same for every picture", "", False]]


def test_a_click_chooses_the_channel_and_another_layer_is_begun_by_itself(explorer: Explorer) -> None:
    view = explorer.panels["review"].view
    say(view, event="begin")
    say(view, event="channel", channel=3)
    assert explorer.selection.channel == 3 and view.channel == 3 and view.rows["rows"]
    explorer.selection.layer = "0"
    assert view.rows["offer"] and not view.rows["rows"] and not view.driving and view.code == "review.channels('0')"
    explorer.selection.layer = "1"  # was begun, and is there again
    assert len(view.rows["rows"]) == CHANNELS and view.driving and not view.rows.get("offer")
    say(view, event="stop")
    assert view.rows["offer"] and not view.rows["rows"]
    explorer.selection.layer = "0"
    explorer.selection.layer = "1"
    assert view.rows["offer"]
