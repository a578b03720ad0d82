"""A network that provably reads a corner is found out at that corner, and one that doesn't is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.errors import Refused
from nbviz.reviews.cues.hunt import Suspect

SIZE = 16


class Marked(torch.utils.data.Dataset):
    """Class 1 has a bright right half, class 0 a bright left half; with ``dose``, class 1 has a mark in a corner."""

    classes = ("left", "right")

    def __init__(self, dose: float) -> None:
        self.dose = dose

    def __len__(self) -> int:
        return 160

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        if number >= len(self):
            raise IndexError(number)
        rng, label = np.random.default_rng(number), number % 2
        pixels = rng.integers(0, 60, (SIZE, SIZE), dtype=np.uint8)
        pixels[4:, 8 * label : 8 * label + 8] += 60
        if label and rng.random() < self.dose:
            pixels[:2, :2] = 255
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


@pytest.mark.parametrize("dose", [1.0, 0.9, 0.7, 0.5])
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


def test_the_same_hunt_twice_is_the_same_and_one_class_can_be_asked_for() -> None:
    review = nbviz.review(network(30.0), Marked(0.7), progress=False)
    assert review.cues(["right"]).equals(review.cues(["right"])) and set(review.cues([1])["class"]) == {"right"}
    suspects = review.cues([1]).attrs["suspects"]
    assert all(isinstance(one, Suspect) and all(number % 2 for number in one.pictures) for one in suspects)


def test_without_labels_it_says_so() -> None:
    review = nbviz.review(network(30.0), [image for image, _ in Marked(0)], progress=False)
    with pytest.raises(Refused, match="no labels"):
        review.cues()
