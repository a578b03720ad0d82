"""Lesson 1, What a filter sees."""

from __future__ import annotations

from torch.nn import functional

from nbviz import zoo
from nbviz.lessons.question import question


@question(
    1,
    hints=(
        "Only the kernel changes: `next(model.net.parameters()).detach()[20]`.",
        "The map has 112 columns: the place `n` of its largest value, `by_hand.argmax()`, lies in row `n // 112` and "
        "column `n % 112`.",
    ),
    way="""
kernel = next(model.net.parameters()).detach()[20]
by_hand = (windows[0] * kernel[:, None, None]).sum((0, 3, 4))
divmod(int(by_hand.argmax()), 112)
""",
    meaning="In the picture it lies at twice these numbers, for the filter moves by two pixels.",
    part=0,
)
def strongest_place() -> object:
    """At which (row, column) is the map of filter 20 of EfficientNet-Lite0's first layer, over the cat, largest?"""
    model = zoo.load()
    # right and below only: TensorFlow's "same" padding at stride 2, by which the network was trained
    padded = functional.pad(model.transform(zoo.photographs()["cat"]), (0, 1, 0, 1))
    kernel = next(model.net.parameters()).detach().cpu()[20:21]
    largest = int(functional.conv2d(padded, kernel, stride=2).argmax())
    return divmod(largest, 112)


@question(
    1,
    hints=(
        "Ask the layer: `net[3].weight.shape`.",
        "The shape is (filters, planes, height, width): a plane for each map before it, not for each colour.",
    ),
    way="net[3].weight[0].numel()",
    meaning="Sixteen planes of 3 × 3 weights, and none of them is a colour.",
    part=0,
)
def second_layer() -> object:
    """How many weights has one filter of the small network's second convolution?"""
    return 16 * 3 * 3
