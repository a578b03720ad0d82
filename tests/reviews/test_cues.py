"""A network that provably reads a corner is found out at that corner, and one that doesn't is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.errors import Refused
from nbviz.reports.document import _cues
from nbviz.reports.page.cues import cue_pictures
from nbviz.reviews.cues.candidates import eigengap, groups
from nbviz.reviews.cues.hunt import Suspect
from nbviz.reviews.cues.patterns import patterns
from nbviz.reviews.cues.transplant import lattice
from nbviz.reviews.cues.window import places

SIZE = 16


class Marked(torch.utils.data.Dataset):
    """Class 1 has a bright right half, class 0 a bright left half; with ``dose``, class 1 has a mark in a corner."""

    classes = ("left", "right")

    def __init__(self, dose: float, varied: bool = False) -> None:
        self.dose, self.varied = dose, varied

    def __len__(self) -> int:
        return 160

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        if number >= len(self):
            raise IndexError(number)
        rng, label = np.random.default_rng(number), number % 2
        pixels = rng.integers(0, 60, (SIZE, SIZE), dtype=np.uint8)
        pixels[4:, 8 * label : 8 * label + 8] += 60
        if label and rng.random() < self.dose:
            pixels[:2, :2] = rng.integers(150, 255, (2, 2)) if self.varied else 255
        return Image.fromarray(pixels), label


def network(mark: float) -> nbviz.InstrumentedModel:
    """Scores right half less left half, plus ``mark`` times the mean of the corner's four pixels above 0.5."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, 3), nn.ReLU(), nn.Linear(3, 2)).eval()
    halves = torch.zeros(SIZE, SIZE)
    halves[4:, 8:], halves[4:, :8] = 1 / 96, -1 / 96
    corner = torch.zeros(SIZE, SIZE)
    corner[:2, :2] = 0.25
    with torch.no_grad():
        net[1].weight.copy_(torch.stack([halves.flatten(), -halves.flatten(), corner.flatten()]))
        net[1].bias.copy_(torch.tensor([0.0, 0.0, -0.5]))
        net[3].weight.copy_(torch.tensor([[-10.0, 10.0, 0.0], [10.0, -10.0, mark]]))
        net[3].bias.zero_()

    def transform(image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image.convert("L"))).float()[None] / 255

    return nbviz.InstrumentedModel(net, transform, ["left", "right"])


@pytest.mark.parametrize("dose", [1.0, 0.9, 0.7, 0.5, 0.3])
def test_a_mark_that_the_network_reads_is_found_where_it_is(dose: float) -> None:
    table = nbviz.review(network(30.0), Marked(dose), progress=False).cues()
    found = table[table["flagged"]]
    assert len(found) and set(found["class"]) == {"right"} and set(found["window"]) == {(0, 0, 2, 2)}
    best = found.iloc[0]
    # every picture of the group has the mark, and every other picture that gets it is moved by it
    assert best["transplanted"] >= 0.9 and best["control"] == 0 and best["lead"] >= 0.9


def test_a_mark_that_the_network_does_not_read_and_a_clean_data_set_are_left_alone() -> None:
    for mark, dose in ((0.0, 0.9), (30.0, 0.0)):
        table = nbviz.review(network(mark), Marked(dose), progress=False).cues()
        assert len(table) and not table["flagged"].any() and table["lead"].max() <= 0.02


def test_what_looks_otherwise_in_every_picture_is_listed_and_not_flagged() -> None:
    """A part of an object moves answers, too: only a person can say whether it should."""
    table = nbviz.review(network(30.0), Marked(0.9, varied=True), progress=False).cues(["right"])
    assert not table["flagged"].any() and (table["repeated"] == 0).all() and table["p"].isna().all()
    best = table.iloc[0]
    assert best["lead"] >= 0.5 and best["window"] == (0, 0, 2, 2)


def test_a_pattern_is_what_many_of_a_class_share_and_few_others() -> None:
    own, others = (torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(n)) for n in (0, 1))
    assert patterns(own, others) == []
    own[:, :, 8:12, 20:24] = others[:, :, 8:12, 20:24] = 0  # most have the same there, as a background is
    assert patterns(own, others) == []
    own[:12, :, 8:12, 20:24] = own[0, :, 2:6, 20:24]
    (found,) = patterns(own, others)
    assert found.window == (8, 20, 12, 24) and found.share == 0.3 and found.rows(own).tolist() == list(range(12))
    # in pictures that it was not found in, it is one by the same rule
    assert found.repeats(own[:32], others) and not found.repeats(own[3:], others)
    assert not found.repeats(torch.cat([own, others, others, others]), others)
    others[:10, :, 8:12, 20:24] = own[0, :, 8:12, 20:24]  # as common elsewhere, it is none
    assert not found.repeats(own, others) and patterns(own, others) == []


@pytest.mark.parametrize("size", [5, 7, 9, 12])
def test_a_mark_larger_than_any_window_is_found_whole(size: int) -> None:
    generator = torch.Generator().manual_seed(size)
    own, others = (torch.rand(40, 1, 28, 28, generator=generator) for _ in range(2))
    own[:16, :, 3 : 3 + size, 5 : 5 + size] = torch.rand(1, size, size, generator=generator) + 0.5
    (found,) = patterns(own, others)
    assert found.window == (3, 5, 3 + size, 5 + size) and found.share == 0.4
    assert found.rows(own).tolist() == list(range(16)) and not len(found.rows(others))


def test_room_that_a_class_s_own_shape_leaves_is_no_mark() -> None:
    own, others = (torch.zeros(40, 1, 28, 28) for _ in range(2))
    own[:, :, 2:14, 2:14] = torch.rand(40, 1, 12, 12, generator=torch.Generator().manual_seed(0)) + 0.5
    others[:, :, 14:26, 14:26] = torch.rand(40, 1, 12, 12, generator=torch.Generator().manual_seed(1)) + 0.5
    for one in patterns(own, others):  # that the lower right is empty tells the class, and is its shape
        assert min(one.window[:2]) < 14 and max(one.window[2] - one.window[0], one.window[3] - one.window[1]) <= 7
    own[:30, :, 18:22, 18:22] = 1.0
    first = patterns(own, others)[0]  # and a mark does not grow into what is empty around it
    top, left, bottom, right = first.window
    assert first.share == 0.75 and max(bottom - top, right - left) <= 7
    assert top <= 18 and left <= 18 and bottom == right == 22


def test_a_black_mark_in_photographs_is_a_pattern() -> None:
    own, others = (torch.rand(40, 3, 28, 28, generator=torch.Generator().manual_seed(n)) for n in (0, 1))
    for pictures in (own, others):
        pictures[:, :, :2] = 0  # black is the commonest value, and no background: most pixels are something else
    own[:16, :, 8:12, 20:24] = 0
    (found,) = patterns(own, others)
    assert found.window == (8, 20, 12, 24) and found.rows(own).tolist() == list(range(16))


def test_a_mark_larger_than_half_a_side_leaves_room_for_controls() -> None:
    own, others = (torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(n)) for n in (0, 1))
    own[:16, :, 3:25, 5:23] = own[0, :, 3:25, 5:23]
    shown = patterns(own, others)
    assert shown
    for found in shown:
        top, left, bottom, right = found.window
        assert 3 <= top < bottom <= 25 and 5 <= left < right <= 23
        assert len(lattice(found.window, (28, 28))) >= 3


def test_a_window_that_moves_none_is_not_compared() -> None:
    review = nbviz.review(network(0.0), Marked(0.9), progress=False)
    asked = review.cues().attrs["suspects"]
    for suspect in asked:
        assert bool(suspect.transplanted_elsewhere) == bool(suspect.transplanted) and suspect.lead <= 0
        assert suspect.removed_elsewhere
    assert not all(suspect.transplanted_elsewhere for suspect in asked)


def test_groups_are_as_many_as_the_graph_of_maps_falls_into() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(90, 28, 28, generator=generator) * 0.1
    places = torch.arange(90) % 3
    for place, corner in enumerate(((0, 0), (0, 20), (20, 10))):
        maps[places == place, corner[0] : corner[0] + 6, corner[1] : corner[1] + 6] += 1
    found = groups(maps, 0)
    assert sorted(sorted(group.members.tolist()) for group in found) == [list(range(n, 90, 3)) for n in range(3)]
    for count in (1, 2, 4):  # cliques that nothing joins have an eigenvalue of zero each
        graph = np.kron(np.eye(count), np.ones((8, 8)) - np.eye(8))
        assert eigengap(graph, 6) == count


def test_windows_tile_the_picture_around_the_one() -> None:
    around = lattice((5, 0, 9, 4), (14, 12))
    assert (1, 0, 5, 4) in around and (9, 0, 13, 4) in around and (10, 8, 14, 12) in around
    covered = np.zeros((14, 12), bool)
    for top, left, bottom, right in around:
        assert bottom <= 5 or top >= 9 or right <= 0 or left >= 4
        covered[top:bottom, left:right] = True
    assert (~covered).sum() == 16  # all but the one


def test_the_same_hunt_twice_is_the_same_and_one_class_can_be_asked_for() -> None:
    review = nbviz.review(network(30.0), Marked(0.7), progress=False)
    alone, both = review.cues(["right"]), review.cues()
    assert alone.equals(review.cues([1])) and set(alone["class"]) == {"right"}
    # but for the correction for what is found of the other class
    of_right = both[both["class"] == "right"].reset_index(drop=True).drop(columns=["corrected", "flagged"])
    assert of_right.equals(alone.drop(columns=["corrected", "flagged"]))
    suspects = alone.attrs["suspects"]
    assert all(isinstance(one, Suspect) and all(number % 2 for number in one.pictures) for one in suspects)


def test_without_labels_it_says_so() -> None:
    review = nbviz.review(network(30.0), [image for image, _ in Marked(0)], progress=False)
    with pytest.raises(Refused, match="no labels"):
        review.cues()


def test_windows_of_one_class_that_share_half_are_one_place() -> None:
    near, apart, inside = (3, 12, 7, 16), (3, 14, 7, 18), (4, 13, 6, 15)
    windows = [near, (4, 13, 8, 17), near, inside, (9, 12, 13, 16), near, apart, (3, 15, 7, 19)]
    classes = ["a", "a", "a", "a", "a", "b", "a", "a"]
    # half of the pixels is enough (apart), a quarter is not
    assert places(classes, windows) == [[0, 1, 2, 3, 6], [4], [5], [7]]


def test_a_cue_is_shown_of_its_class_where_two_have_one_name() -> None:
    """ImageNet has two classes called crane."""
    model = network(30.0)
    twins = nbviz.InstrumentedModel(model.net, model.transform, ["crane", "crane"])
    numbered = [Marked(0.9)[number] for number in range(160)]
    review = nbviz.review(twins, [image for image, _ in numbered], labels=[n for _, n in numbered], progress=False)
    rows = [row for row in _cues(review, 0, False) if row["flagged"]]
    assert rows and {row["index"] for row in rows} == {1}
    assert "with these pixels: crane" in [words for _, words in cue_pictures(review, rows)]
