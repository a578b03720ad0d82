"""Transformations of the picture, as a camera or a file would: turned, shifted, darker, blurred, noisy.

A transformation is one registered function of the picture and one amount, so that each is a slider with a curve.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from nbviz.arguments import one_of, real
from nbviz.attribution.baselines import blurred
from nbviz.edits.base import edit, sentence_of
from nbviz.edits.rgb import Rgb
from nbviz.errors import NbvizError
from nbviz.model.edit import Editable, PictureEdit

Act = Callable[[Tensor, float], Tensor]
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a gray picture, ITU-R BT.601."""

CELLS = 7
"""Cells of the occluding grid along each side."""


@dataclass(frozen=True)
class Transformation:
    """Registered way to change a picture by an amount."""

    name: str
    act: Act
    low: float
    high: float
    neutral: float
    """The amount that changes nothing."""
    unit: str
    words: str
    """With ``{}`` for the amount: ``"turned {}°"``."""
    moves: bool
    """True if it moves pixels about instead of changing their colours; a map should then move with the picture."""
    sentence: str
    step: float | None = None
    """Distance of the amounts that there are; None where any can be."""

    def span(self, side: int) -> tuple[float, float]:
        """Return the (lowest, highest) amount that makes sense for inputs whose shorter side has so many pixels.

        What counts in pixels is stated for 224: in an input of 28 a shift by 64 would leave nothing of the picture.
        """
        share = min(1.0, side / 224) if self.unit == "px" else 1.0
        return share * self.low, share * self.high

    def figure(self, amount: float) -> str:
        """Return an amount with its unit, in three digits: ``"−18°"``, ``"× 0.5"``, ``"6 px"``, ``"quality 85"``."""
        number = f"{amount:.3g}".replace("-", "−")
        fronted = {"×": f"× {number}", "quality": f"quality {number}", "°": f"{number}°"}
        return fronted.get(self.unit, f"{number} {self.unit}".rstrip())


_transformations: dict[str, Transformation] = {}
TRANSFORMS = MappingProxyType(_transformations)
"""Name → transformation, in the order of the menu."""


def transformation(
    words: str,
    low: float,
    high: float,
    neutral: float,
    *,
    unit: str = "",
    moves: bool = False,
    step: float | None = None,
) -> Callable[[Act], Act]:
    """Register ``act(picture, amount)`` under its own name: (1, C, H, W) in, the same shape out.

    Where it ``moves`` pixels it is given the network's input as it is, else colours in 0…1 (1, 3 or 1, H, W), and
    what it gives is clipped to 0…1. words: as a chip says it, ``{}`` for the amount, which lies in low…high. neutral:
    the amount that changes nothing. step: the distance of the amounts, None for any.
    """

    def enter(act: Act) -> Act:
        sentence = sentence_of(act, f"Transformation '{act.__name__}'")
        about = Transformation(act.__name__, act, low, high, neutral, unit, words, moves, sentence, step)
        _transformations[act.__name__] = about
        return act

    return enter


@edit("Change picture")
@dataclass(frozen=True)
class Transform(PictureEdit):
    """Turn, shift, darken, blur … the picture as the network sees it."""

    kind: str
    """A key of ``nbviz.edits.TRANSFORMS``: ``"rotate"``, ``"brightness"`` …"""
    amount: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", one_of("Transformation", self.kind, TRANSFORMS))
        known = TRANSFORMS[self.kind]
        amount = real(self.amount)
        if amount is None or not known.low <= amount <= known.high:
            raise NbvizError(f"{self.kind} takes a number from {known.low:g} to {known.high:g}, not {self.amount!r}.")
        object.__setattr__(self, "amount", amount)

    @property
    def words(self) -> str:
        return TRANSFORMS[self.kind].words.format(f"{self.amount:g}".replace("-", "−"))

    def apply(self, x: Tensor, model: Editable) -> Tensor:
        """Return the changed input; by the neutral amount the input itself, to the bit."""
        known = TRANSFORMS[self.kind]
        if self.amount == known.neutral:
            return x
        if known.moves:  # no colours needed: so it is there for inputs that are no pictures, too
            return known.act(x, self.amount).to(x)
        rgb = Rgb.of(model, x)
        return rgb.input(known.act(rgb.colours(x), self.amount).clamp(0, 1)).to(x)


def moved(x: Tensor, rows: Tensor) -> Tensor:
    """Return pictures (N, C, H, W) sampled by a 2 × 3 affine map of output to input pixels, reflected at the edges."""
    height, width = x.shape[2:]
    # affine_grid works in units of half a side; ours are pixels, so that turns keep their angle in any format
    half = torch.tensor([width / 2, height / 2, 1.0], dtype=torch.float64, device="cpu")
    matrix = (rows.double() * half[None, :]) / half[:2, None]
    grid = functional.affine_grid(matrix[None].expand(len(x), -1, -1), list(x.shape), align_corners=False)
    # sampling in half precision would move pixels by more than a small turn does
    wide = x if x.dtype == torch.float64 else x.float()
    return functional.grid_sample(wide, grid.to(wide), mode="bilinear", padding_mode="reflection", align_corners=False)


@transformation("turned {}°", -180, 180, 0, unit="°", moves=True)
def rotate(x: Tensor, amount: float) -> Tensor:
    """Turn the picture counter-clockwise, in degrees."""
    turn = math.radians(amount)
    return moved(x, torch.tensor([[math.cos(turn), -math.sin(turn), 0.0], [math.sin(turn), math.cos(turn), 0.0]]))


@transformation("shifted right {} px", -64, 64, 0, unit="px", moves=True)
def shift_right(x: Tensor, amount: float) -> Tensor:
    """Shift the picture to the right, in pixels of the network's input."""
    return moved(x, torch.tensor([[1.0, 0.0, -amount], [0.0, 1.0, 0.0]]))


@transformation("shifted down {} px", -64, 64, 0, unit="px", moves=True)
def shift_down(x: Tensor, amount: float) -> Tensor:
    """Shift the picture down, in pixels of the network's input."""
    return moved(x, torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, -amount]]))


@transformation("scaled × {}", 0.5, 2, 1, unit="×", moves=True)
def scale(x: Tensor, amount: float) -> Tensor:
    """Magnify the picture about its middle."""
    return moved(x, torch.tensor([[1 / amount, 0.0, 0.0], [0.0, 1 / amount, 0.0]]))


@transformation("mirrored", 0, 1, 0, moves=True, step=1)
def flip(x: Tensor, amount: float) -> Tensor:
    """Mirror the picture, left to right."""
    # not by sampling: a mirrored picture is the same pixels, to the bit
    return x.flip(3) if amount >= 0.5 else x


@transformation("cropped to {}", 0.3, 1, 1, unit="of its sides", moves=True)
def crop(x: Tensor, amount: float) -> Tensor:
    """Cut out the middle of the picture, a share of its sides, and enlarge it to the input's size."""
    return scale(x, 1 / amount)


@transformation("brightness × {}", 0, 3, 1, unit="×")
def brightness(colours: Tensor, amount: float) -> Tensor:
    """Make every colour brighter or darker by a factor."""
    return colours * amount


@transformation("contrast × {}", 0, 3, 1, unit="×")
def contrast(colours: Tensor, amount: float) -> Tensor:
    """Move every colour away from the picture's mean gray by a factor."""
    mean = gray(colours).mean((2, 3), keepdim=True)
    return mean + amount * (colours - mean)


@transformation("saturation × {}", 0, 3, 1, unit="×")
def saturation(colours: Tensor, amount: float) -> Tensor:
    """Move every colour away from the gray of the same brightness by a factor; 0 is a gray picture."""
    plain = gray(colours)
    return plain + amount * (colours - plain)


@transformation("hue turned {}°", -180, 180, 0, unit="°")
def hue(colours: Tensor, amount: float) -> Tensor:
    """Turn every colour around the gray axis, in degrees; brightness by luma stays."""
    if colours.shape[1] != 3:
        return colours
    # a rotation about (1, 1, 1) in the cube of colours
    turn, root = math.radians(amount), math.sqrt(1 / 3)
    third = (1 - math.cos(turn)) / 3
    same, one, other = math.cos(turn) + third, third - root * math.sin(turn), third + root * math.sin(turn)
    rows = [[same, one, other], [other, same, one], [one, other, same]]
    turned = torch.einsum("ij,njhw->nihw", colours.new_tensor(rows), colours)
    # the cube's rotation keeps the mean of the colours, not their brightness to the eye: that is put back
    return turned + gray(colours) - gray(turned)


@transformation("blurred, σ {} px", 0, 20, 0, unit="px")
def blur(colours: Tensor, amount: float) -> Tensor:
    """Blur the picture by a Gaussian, σ in pixels of the network's input."""
    return blurred(colours, amount)


@transformation("noise, σ {} grey levels", 0, 100, 0, unit="grey levels")
def noise(colours: Tensor, amount: float) -> Tensor:
    """Add Gaussian noise, σ in grey levels of 255; always the same draw."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(colours.shape, generator=generator, dtype=torch.float64, device="cpu")
    return colours + amount / 255 * drawn.to(colours)


@transformation("JPEG, quality {}", 1, 100, 100, unit="quality", step=1)
def jpeg(colours: Tensor, amount: float) -> Tensor:
    """Save the picture as a JPEG file of this quality, and read it again."""
    # through a file's own eight bits: that rounding is part of what JPEG does to a picture
    planes = (colours[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    picture = Image.fromarray(planes[:, :, 0] if planes.shape[2] == 1 else planes)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=round(amount))
    back = np.asarray(Image.open(file), dtype=np.float64) / 255
    return torch.from_numpy(back.reshape(planes.shape)).permute(2, 0, 1)[None].to(colours)


@transformation("grid covers {} of each cell", 0, 0.9, 0, unit="of each cell")
def grid(colours: Tensor, amount: float) -> Tensor:
    """Cover a gray square in each of 7 × 7 cells, a share of the cell's sides, as GridMask does (arXiv:2001.04086)."""
    inside = []
    for length in colours.shape[2:]:
        # the middle of each pixel, in cells from the middle of its own
        places = (torch.arange(length, dtype=torch.float64, device="cpu") + 0.5) / length * CELLS
        inside.append((places % 1 - 0.5).abs() < amount / 2)
    covered = (inside[0][:, None] & inside[1]).to(colours.device)
    # gray, not black: black is a strong colour to most networks, and may stand for something
    return torch.where(covered, colours.new_full((), 0.5), colours)


def gray(colours: Tensor) -> Tensor:
    """Return the luma (N, 1, H, W) of colours (N, 3 or 1, H, W)."""
    if colours.shape[1] == 1:
        return colours
    return torch.einsum("c,nchw->nhw", colours.new_tensor(LUMA), colours)[:, None]
