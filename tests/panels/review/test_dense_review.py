"""The stage Review of segmentation networks and detectors: masks or boxes drawn, own orders and figures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import nbviz
from nbviz.drawing.boxes import boxes_over
from nbviz.drawing.masks import borders, mask_over
from nbviz.drawing.palette import colours
from nbviz.explorer import Explorer
from nbviz.panels.review.review_stage import SHOWN
from nbviz.reviews import DetectionReview, SegmentationReview
from nbviz.reviews.detection.precision import NO_CHANCE
from nbviz.session.inline import InlineRunner
from tests.panels.rig import NASTY, say
from tests.reviews.test_detection import Streets
from tests.reviews.test_segmentation import Scenes, network
from tests.task_networks import Detects

NAMES = ["background", "road", NASTY, "tree", "sky"]


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    data = Scenes(count=34)
    options = {"classes": NAMES, "runner": InlineRunner, "stage": "review", "method": "saliency"}
    with Explorer(network(), data, **options) as made:
        say(made.panels["review"].view, event="run")
        yield made


def test_it_lists_the_worst_first_and_draws_masks(explorer: Explorer) -> None:
    view, review = explorer.panels["review"].view, explorer.review
    assert isinstance(review, SegmentationReview) and view.state == "ready"
    worst = review.pictures.sort_values("pixel_accuracy", kind="stable")["item"].tolist()
    assert [tile[0] for tile in view.tiles] == worst[:SHOWN] and view.pictures
    assert view.listing["about"].startswith("Colours") and [name for name, _ in view.listing["legend"]] == NAMES[1:]
    assert view.figures[0][0] == f"{100 * review.summary['pixel_accuracy']['value']:.1f} %"
    assert "by chance" in view.figures[1][1] and "not independent" in view.figures[1][2]
    assert "by chance" in view.figures[0][1] and "not independent" in view.figures[0][2]
    listed = eval(view.code, {"nbviz": nbviz, "review": review})
    assert listed["item"].tolist() == worst
    enabled = {name: (on, tip) for name, _, tip, on in view.pages}
    assert not enabled["cues"][0] and "puts out masks" in enabled["shift"][1] and enabled["classes"][0]


def test_a_click_on_a_pair_lists_its_pictures(explorer: Explorer) -> None:
    view, review = explorer.panels["review"].view, explorer.review
    assert isinstance(review, SegmentationReview)
    say(view, event="page", name="classes")
    assert np.array_equal(view.matrix["counts"], review.confusion.counts) and view.matrix["shares"]
    assert [row[1] for row in view.matrix["table"]] == NAMES and view.matrix["heads"][4] == "IoU"
    label, prediction, _ = review.confusion.pairs()[0]
    say(view, event="pair", label=label, prediction=prediction)
    assert view.page == "pictures" and view.listing["total"] == review.confuses(label, prediction).sum()
    assert view.listing["order"] == "worst" and view.state == "ready"
    say(view, event="page", name="calibration")
    assert [one[1] for one in view.curve["bins"]] == review.reliability.frequency.tolist()
    say(view, event="page", name="slices")
    assert view.state == "ready" and view.rows["words"]
    say(view, event="open", item=33)
    assert explorer.selection.image == "item 33"


def test_masks_are_drawn_with_their_borders() -> None:
    truth = torch.zeros(8, 8, dtype=torch.int64).numpy()
    truth[4:] = 1
    said = np.zeros_like(truth)
    gray = np.full((8, 8, 3), 100, np.uint8)
    drawn = mask_over(gray, said, truth, 8, clear=(0,))
    assert (drawn[4] == 255).all() and (drawn[3] == 0).all() and (drawn[[0, 1, 2, 5, 6, 7]] == 100).all()
    filled = mask_over(gray, said, None, 16)
    assert filled.shape == (16, 16, 3) and (filled == filled[0, 0]).all() and (filled[0, 0] != 100).any()
    inner, outer = borders(said)
    assert not inner.any() and not outer.any()


def test_a_detector_has_boxes_drawn_and_its_own_figures() -> None:
    data = Streets(count=12)
    options = {"runner": InlineRunner, "stage": "review", "method": "saliency"}
    torch.manual_seed(2)
    with Explorer(Detects().eval(), data, **options) as made:
        view = made.panels["review"].view
        say(view, event="run")
        review = made.review
        assert isinstance(review, DetectionReview) and view.state == "ready" and view.pictures
        assert view.figures[0][0] == f"{review.summary['ap50']['value']:.3f}"
        assert [tile[0] for tile in view.tiles] == review.column("items")[review.order("worst")].tolist()
        for page in ("classes", "calibration", "slices"):
            say(view, event="page", name=page)
            assert view.state == "ready", view.message
        assert view.matrix["names"][-1] == "nothing" and view.matrix["heads"][2] == "AP50"
        assert view.matrix["often"][-1].endswith(NO_CHANCE) and NO_CHANCE in view.figures[0][2]
        say(view, event="class", label=1)
        assert view.page == "pictures" and view.listing["total"] == review.has_class(1).sum() > 0


def test_boxes_are_drawn_at_their_places() -> None:
    gray = np.full((40, 40, 3), 100, np.uint8)
    drawn = boxes_over(gray, np.array([[4.0, 4, 12, 12]]), [0], np.array([[20.0, 20, 44, 30]]), 80)
    assert drawn.shape == (80, 80, 3) and (drawn[40, 45:75] == 255).any() and (drawn[20, 40] == 100).all()
    # two pixels of white between black ones: the line reads as white at half its size, too
    assert (drawn[40:42, 42:78] == 255).all() and not drawn[[39, 42], 43:77].any()
    assert (drawn[8, 8:24] == colours()[0]).all()
