"""Lesson 6, Dreams."""

from __future__ import annotations

import torch

from nbviz import zoo
from nbviz.features import visualize
from nbviz.lessons.question import question


@question(
    6,
    hints=(
        "`made` holds three pictures for each way, in the order of `CHANNELS`; `speckle` takes pictures (n, 3, H, W).",
        "The second alone, still with four axes: `made['single pixels'][1:2]`.",
    ),
    way="speckle(made['single pixels'][1:2])",
    meaning="With all helpers it was less than one part in twenty.",
    absolute=0.03,
)
def speckle() -> object:
    """Which share of fine speckle has the picture made for channel 17 of blocks.4 from single pixels?"""
    channels = [3, 17, 25]
    picture = visualize(zoo.load(), "blocks.4", channels, preset="preview", path=False, parametrisation="pixel")[1:2]
    energy = torch.fft.fft2(picture - picture.mean((2, 3), keepdim=True)).abs().square()
    waves = torch.fft.fftfreq(picture.shape[-1]).abs()
    fine = torch.maximum(waves[:, None], waves[None]) > 0.25
    right = (energy[..., fine].sum() / energy.sum()).item()
    return right


@question(
    6,
    hints=(
        "`answers` is (2000, 64): a row for each picture, a column for each channel.",
        "The place of the largest value of a column: `answers[:, 10].argmax()`.",
    ),
    way="int(answers[:, 10].argmax())",
    meaning="Look at it, `fashion[strongest][0]`: what in it the channel answers to, you must guess.",
    part=0,
)
def strongest_picture() -> object:
    """Which of the first 2,000 Fashion pictures drives channel 10 of the small network's last block most?"""
    model, fashion = zoo.load("fashion_cnn"), zoo.fashion()
    pictures = torch.stack([model.transform(fashion[index][0])[0] for index in range(2000)])
    stem, blocks = model.net.get_submodule("stem"), model.net.get_submodule("blocks")
    with torch.no_grad():  # in parts: all at once take half a gigabyte
        means = torch.cat([blocks(stem(part))[:, 10].mean((1, 2)) for part in pictures.split(200)])
    return int(means.argmax())
