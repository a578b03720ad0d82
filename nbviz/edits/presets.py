"""Presets: random stacks of transformations as networks are trained with, for whoever has no pipeline of their own.

A preset is one registered function that draws transformations from a stream; each draw is a tuple of ``Transform``, so
that every part of it can be taken away again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from nbviz.edits.base import sentence_of
from nbviz.edits.transform import TRANSFORMS, Transform

Stack = list[tuple[str, float]]
"""(kind, amount) of transformations, in order."""
Act = Callable[[random.Random, int], Stack]


@dataclass(frozen=True)
class Preset:
    """Registered way to draw transformations."""

    name: str
    title: str
    act: Act
    sentence: str

    def draw(self, seed: int, side: int) -> tuple[Transform, ...]:
        """Return the transformations of one draw; side: the shorter side of the network's input, pixels."""
        stack = self.act(random.Random(seed), side)
        return tuple(_within(kind, amount) for kind, amount in stack if abs(amount - TRANSFORMS[kind].neutral) > 0.01)


_presets: dict[str, Preset] = {}
PRESETS = MappingProxyType(_presets)
"""Name → preset, in the order of the menu."""


def preset(title: str) -> Callable[[Act], Act]:
    """Register ``act(stream, side)`` under its own name; title: in the menu."""

    def enter(act: Act) -> Act:
        _presets[act.__name__] = Preset(act.__name__, title, act, sentence_of(act, f"Preset '{act.__name__}'"))
        return act

    return enter


def _within(kind: str, amount: float) -> Transform:
    known = TRANSFORMS[kind]
    amount = min(max(amount, known.low), known.high)
    return Transform(kind, round(amount, 2 if abs(amount) < 10 else 0))  # as a person would write it


@preset("crop and mirror")
def crop_and_flip(stream: random.Random, side: int) -> Stack:
    """Cut out 30 to 100 % of the area at a random place and mirror every other picture, as ImageNet training does."""
    # a crop that is resized to the whole input is an enlargement by 1/√area, moved about
    factor = 1 / math.sqrt(stream.uniform(0.3, 1.0))
    room = side * (factor - 1) / 2
    return [
        ("scale", factor),
        ("shift_right", round(stream.uniform(-room, room))),
        ("shift_down", round(stream.uniform(-room, room))),
        ("flip", float(stream.random() < 0.5)),
    ]


@preset("colour jitter")
def colour_jitter(stream: random.Random, side: int) -> Stack:  # noqa: ARG001 - every preset is asked alike
    """Change brightness, contrast and saturation by up to 40 %, and hue by up to 18°."""
    factors = [(kind, stream.uniform(0.6, 1.4)) for kind in ("brightness", "contrast", "saturation")]
    return [*factors, ("hue", stream.uniform(-18, 18))]


@preset("two at random")
def two_at_random(stream: random.Random, side: int) -> Stack:
    """Apply two of nine transformations, each with a random amount, as RandAugment does (arXiv:1909.13719)."""
    far = 0.15 * side
    ranges = {
        "rotate": (-30, 30), "shift_right": (-far, far), "shift_down": (-far, far), "scale": (0.7, 1.4),
        "brightness": (0.4, 1.8), "contrast": (0.3, 1.8), "saturation": (0, 2), "blur": (0.5, 3), "noise": (5, 30),
    }  # fmt: skip
    return [(kind, stream.uniform(*ranges[kind])) for kind in stream.sample(list(ranges), 2)]


@preset("poor camera")
def poor_camera(stream: random.Random, side: int) -> Stack:
    """Darken, blur, add noise and save as a small JPEG file, as a cheap camera does."""
    return [
        ("brightness", stream.uniform(0.5, 1.1)),
        ("blur", stream.uniform(0, 2.5) * side / 224),
        ("noise", stream.uniform(2, 20)),
        ("jpeg", stream.randint(10, 60)),
    ]
