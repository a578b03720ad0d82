"""Directions sum to the score exactly, evidence is where a network provably looks, and a patch does what it must."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import nbviz
from nbviz.errors import NbvizError, Refused
from nbviz.reports.changes.maps import map_values
from nbviz.reviews.cues.paste import patch_pixels, text_picture
from nbviz.reviews.cues.places import fixed_places
from tests.reviews.test_audits import Halves, halves_model, mask_of
from tests.reviews.test_cues import SIZE, Marked, network


@pytest.fixture(scope="module")
def corner() -> nbviz.Review:
    return nbviz.review(network(30.0), Marked(0.5), progress=False)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_shares_mean_and_bias_sum_to_the_score(corner: nbviz.Review, count: int) -> None:
    found = corner.directions("right", count)
    scores = corner.column("scores")[np.searchsorted(corner.column("items"), found.items), 1]
    np.testing.assert_allclose(found.scores, scores, atol=1e-4)
    assert found.shares.shape == (len(scores), count) and (np.diff(found.explained) <= 0).all()
    if count == 3:  # as many as there are features: nothing is left
        np.testing.assert_allclose(found.rest, 0, atol=1e-9)
    np.testing.assert_allclose(found.shares.mean(0), 0, atol=1e-9)


def test_the_pictures_of_the_first_direction_are_those_with_the_mark(corner: nbviz.Review) -> None:
    marked = [number for number in range(160) if np.asarray(Marked(0.5)[number][0])[:2, :2].min() == 255]
    assert set(corner.directions("right", 1).most(0, 9).tolist()) <= set(marked) and len(marked) > 30


def test_without_a_linear_head_or_pictures_of_the_class_it_says_so(corner: nbviz.Review) -> None:
    flat = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()).eval()
    data = list(torch.rand(5, 1, 4, 4))
    with pytest.raises(Refused, match="this network has none"):
        nbviz.review(flat, data, progress=False).directions(0)
    with torch.no_grad():
        flat[0].bias[0] += 9
    linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2)).eval()
    with torch.no_grad():
        linear[1].bias[0] += 90
    with pytest.raises(Refused, match="0 pictures are said to be"):
        nbviz.review(linear, data, progress=False).directions(1)


def test_evidence_lies_where_a_network_looks_and_beside_it_stands_the_area() -> None:
    on, off = (nbviz.review(halves_model(look), Halves(), progress=False) for look in (1.0, 0.0))
    table, edge = (one.evidence(mask_of, sample=20).set_index("place") for one in (on, off))
    assert table.loc["border", "evidence"] == 0 and table.loc["background", "evidence"] == pytest.approx(0)
    assert table.loc["background", "area"] == pytest.approx(1 - 16 / 192) and set(table["pictures"]) == {20}
    assert edge.loc["border", "evidence"] == pytest.approx(1) and edge.loc["border", "low"] > edge.loc["border", "area"]
    assert edge.loc["background", "evidence"] == pytest.approx(1)
    assert "background" not in on.evidence(sample=5)["place"].tolist()


def test_border_and_corners_by_hand() -> None:
    places = fixed_places((20, 30))
    assert places["border"].sum() == 20 * 30 - 16 * 24 and places["corners"].sum() == 4 * 2 * 3


def test_a_patch_that_the_network_reads_brings_its_class_forth_and_another_does_not(corner: nbviz.Review) -> None:
    white = np.full((2, 2), 255, np.uint8)
    table = corner.paste(white, sample=None)
    best = table.iloc[0]
    said = corner.column("prediction") == 1
    assert best["class"] == "right" and best["before"] == said.mean() and best["after"] == 1
    # anywhere else it moves next to nothing, and the first class is the one that the patch brings forth
    assert best["control"] < 0.7 and best["corrected"] < 1e-6 and best["low"] > best["control"]
    away = corner.paste(white, (8, 0), sample=None)
    assert not ((away["corrected"] < 0.05) & (away["lead"] > 0)).any()
    whole = corner.paste(np.full((SIZE, SIZE), 255, np.uint8), sample=40).set_index("class")
    assert whole.loc["right", "control"] == whole.loc["right", "before"] and whole.loc["right", "after"] == 1


def test_a_patch_is_a_picture_pixels_or_a_text() -> None:
    gray = patch_pixels(np.array([[0, 255]], np.uint8), 1)
    assert gray.tolist() == [[[0.0, 1.0]]]
    red = patch_pixels(Image.new("RGB", (3, 2), "red"), 3)
    assert red.shape == (3, 2, 3) and red[0].min() == 1 and red[1:].max() == 0
    word = text_picture("ok")
    assert word.size[0] < 32 and np.asarray(word).max() > 200 and patch_pixels("ok", 3).shape[1:] == word.size[::-1]


def test_patches_that_are_none_or_lie_outside_are_refused(corner: nbviz.Review) -> None:
    for patch, place, words in (
        (np.zeros((2, 2)), (0, 0), r"not float64 \(2, 2\)"),
        (" ", (0, 0), "text of a patch is empty"),
        (np.zeros((0, 2), np.uint8), (0, 0), "patch is empty"),
        (np.zeros((4, 4), np.uint8), (SIZE - 2, 0), f"lies outside the network's input of {SIZE} × {SIZE}"),
    ):
        with pytest.raises(NbvizError, match=words):
            corner.paste(patch, place, sample=4)


@pytest.mark.parametrize("last", [torch.nn.Identity(), torch.nn.Sigmoid(), torch.nn.Hardsigmoid()])
def test_a_network_of_one_score_is_asked_for_both_of_its_answers(last: torch.nn.Module) -> None:
    """Argmax of one score is 0 whatever it says, a probability is above 0 always, and 'right' is its second answer."""
    two = network(30.0)
    net = torch.nn.Sequential(*list(two.net)[:3], torch.nn.Linear(3, 1), last).eval()
    with torch.no_grad():
        net[3].weight.copy_(two.net[3].weight[1:] - two.net[3].weight[:1])
        net[3].bias.zero_()
    review = nbviz.review(nbviz.InstrumentedModel(net, two.transform, ["right"]), Named(0.9), progress=False)
    assert review.names == ("not right", "right") and review.plan.scores == 1
    flagged = review.cues(hunt=nbviz.reviews.Hunt(per_class=60, transplants=60)).query("flagged")
    assert set(flagged["class"]) == {"right"} and set(flagged["window"]) == {(0, 0, 2, 2)}
    table = review.paste(np.full((2, 2), 255, np.uint8), sample=40).set_index("class")
    said = review.says_class(1)[review.sampled(40, 0)].mean()
    assert table.loc["right", "before"] == said and table.loc["right", "after"] == 1 > said
    # the answer turned where the mark was taken away: there is no map to compare
    changed = review.shift(own={"without": unmarked}, maps=40, sample=40)
    assert changed["maps"].tolist() == [0, round(40 * changed["same"][1])] and changed["same"][1] < 1
    # as the report that is compared with a later one has it
    assert map_values(review)["classes"] == review.column("prediction")[review.sampled(30, 0)].tolist()
    if isinstance(last, torch.nn.Identity):
        for name, sign in (("right", 1), ("not right", -1)):
            found = review.directions(name, 2)
            scores = sign * review.column("scores")[np.searchsorted(review.column("items"), found.items), 0]
            np.testing.assert_allclose(found.scores, scores, atol=1e-4)
            assert (scores > 0).all()


class Named(Marked):
    classes = ("not right", "right")


def unmarked(picture: Image.Image) -> Image.Image:
    pixels = np.array(picture)
    pixels[:2, :2] = 0
    return Image.fromarray(pixels[:, ::-1])


def test_classes_are_those_of_the_review_and_others_are_refused(corner: nbviz.Review) -> None:
    assert corner.class_index("RIGHT") == corner.class_index(1) == 1
    for label in (2, -1, True, "rigth"):
        for ask in (corner.directions, lambda one: corner.cues([one]), lambda one: corner.pair_maps(0, one)):
            with pytest.raises(NbvizError, match="does not exist|class index or name|Nearest: 'right'"):
                ask(label)
