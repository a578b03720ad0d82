"""The page Channels lists what the review measures, follows the layer, and chooses a channel on a click."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

import nbviz
from nbviz.explorer import Explorer
from nbviz.panels.review.words.channels import ORDERS
from nbviz.reviews.channels.study import ChannelStudy, Sampling
from nbviz.reviews.records.records import Records
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.probes.channels import StudyAnswer
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


def test_what_is_measured_so_far_is_listed_and_stays_when_it_is_stopped(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, review = explorer.panels["review"], explorer.review
    assert review is not None
    first, *_, whole = (step for step in review.studying("1", Sampling(sample=12)) if isinstance(step, ChannelStudy))
    page, view = stage._channels, stage.view
    monkeypatch.setattr(page, "request", lambda _: None)  # the study itself is the steps below
    say(view, event="begin")
    so_far = StudyAnswer("4 of 12 pictures with channels off", 0.55, first, first.table())
    page.show(so_far)
    assert len(view.rows["rows"]) == CHANNELS and view.rows["progress"] == so_far.progress and view.rows["done"] == 0.55
    listed = view.rows["rows"]
    page.show(replace(so_far, progress="5 of 12 pictures with channels off", done=0.6))
    assert view.rows["rows"] == listed and view.rows["done"] == 0.6
    say(view, event="stop")
    words = "".join(run if isinstance(run, str) else run[0] for run in view.rows["words"])
    assert (
        view.rows["rows"] == listed
        and view.rows["offer"]
        and not view.rows["progress"]
        and "4 pictures of 2 classes" in words
    )
    say(view, event="begin")
    assert not view.rows["rows"] and not view.rows["offer"]
    page.show(StudyAnswer("", 1.0, whole, whole.table()))
    assert view.rows["rows"] != listed and not view.rows["progress"]


class Inverted(Planes):
    """The same pictures, their planes exchanged: the first two classes are taken for one another."""

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        image, label = super().__getitem__(number)
        return image[[1, 0, 2]], label


def test_another_data_set_is_compared_on_the_page_shift(explorer: Explorer) -> None:
    made = explorer.review
    assert made is not None
    review = made.with_against(Inverted())
    with Explorer(made.model, Planes(), review=review, runner=InlineRunner, stage="review", method="saliency") as other:
        view = other.panels["review"].view
        other.selection.layer = "1"
        say(view, event="page", name="shift")
        assert view.against["offer"][0] == "Compare with the other data set's 60 pictures" and view.rows["offer"]
        say(view, event="compare data")
        assert not view.rows["rows"]  # corruptions are another work, with a button of their own
        shown, known = other.review, view.against["rows"]
        assert shown is not None and isinstance(shown.against, nbviz.Review | Records)
        table = eval(view.code.splitlines()[1], {"review": shown}).set_index("measure")
        assert table.attrs["layer"] == "1" and [row["channel"] for row in known[:2]] == [None, None]
        for row in known:
            name = {"right": "accuracy", "sureness": "probability"}.get(row["name"], row["name"])
            assert row["bar"] == [pytest.approx(table.loc[name, "effect"], abs=1e-4)]
            assert row["marked"] == (table.loc[name, "corrected"] < 0.05)
        channels = [row for row in known if row["channel"] is not None]
        sizes = [abs(row["bar"][0]) for row in channels]
        assert len(channels) == CHANNELS and sizes == sorted(sizes, reverse=True)
        words = "".join(run if isinstance(run, str) else run[0] for run in view.against["words"])
        right = table.loc["accuracy", ["here", "there"]].tolist()
        assert f"{100 * right[0]:.1f} % here, {100 * right[1]:.1f} % there" in words
        assert "of 1 respond otherwise" in words
        say(view, event="channel", channel=channels[-1]["channel"])
        assert other.selection.channel == channels[-1]["channel"]
        other.selection.layer = "0"
        assert view.against["offer"] and "rows" not in view.against


def test_without_another_data_set_it_tells_how_one_is_given(explorer: Explorer) -> None:
    view = explorer.panels["review"].view
    say(view, event="page", name="shift")
    assert "against=" in view.against["words"][0] and not view.against.get("offer")
