"""Edit that paints over a part of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from nbviz.arguments import one_of, yes_or_no
from nbviz.attribution.baselines import baseline_of, blurred
from nbviz.drawing.numbers import percent
from nbviz.edits.base import edit
from nbviz.edits.mask import Mask
from nbviz.errors import NbvizError
from nbviz.model.edit import Editable, PictureEdit
from nbviz.pictures.load import as_picture
from nbviz.pictures.picture import Picture, name_words

BLUR = 15 / 224
"""σ of the blur, as a share of the picture's shorter side: the trust line hides parts with the same."""
FILLS = ("blur", "mean", "noise", "gray")


@edit("Paint")
@dataclass(frozen=True)
class Paint(PictureEdit):
    """Paint over a part of the picture, or over all but that part."""

    mask: Any
    """The painted part: an array (H, W) of the size of the network's input, or a :class:`Mask`."""
    fill: str | Picture = "blur"
    """Painted with: the picture's own ``"blur"`` (σ 15 px at 224), its ``"mean"`` colour, ``"noise"`` in its range,
    ``"gray"``, or another picture: a :class:`Picture`, PIL image, uint8 array or preprocessed tensor.
    """
    keep: bool = False
    """True if all but the part is painted over."""

    one_picture = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", Mask.of(self.mask))
        object.__setattr__(self, "keep", yes_or_no("keep", self.keep))
        if isinstance(self.fill, (Image.Image, np.ndarray, torch.Tensor)):
            object.__setattr__(self, "fill", as_picture(self.fill))
        elif not isinstance(self.fill, Picture):
            object.__setattr__(self, "fill", one_of("Fill", self.fill, FILLS, "nbviz; or pass a picture"))

    @property
    def words(self) -> str:
        with_what = self.fill if isinstance(self.fill, str) else name_words(self.fill.name)
        share = 1 - self.mask.share if self.keep else self.mask.share
        # of a stroke of few pixels it would say that nothing is painted
        few = "under 0.1 %" if 0 < share < 0.0005 else ""
        return f"painted {few or percent(share, 1 if 0 < share < 0.01 else 0)} with {with_what}"

    def check_input(self, x: torch.Tensor, model: Editable) -> None:
        """Raise NbvizError where the mask, or a picture to paint with, is of another size than the input (1, C, H, W).

        A picture that is the input itself is refused, too.
        """
        self.mask.over(x)
        if isinstance(self.fill, Picture):
            self.substrate(x, model)

    def apply(self, x: torch.Tensor, model: Editable) -> torch.Tensor:
        """Return the input with the part painted; pixels outside it stay to the bit."""
        inside = self.mask.over(x)
        return torch.where(~inside if self.keep else inside, self.substrate(x, model), x)

    def substrate(self, x: torch.Tensor, model: Editable) -> torch.Tensor:
        """Return the pixels that the part is painted with, (1, C, H, W) as the network takes it."""
        if isinstance(self.fill, Picture):
            other = model.transform(self.fill).to(x)
            if other.shape != x.shape:
                raise NbvizError(
                    f"'{self.fill.name}' is {other.shape[2]} × {other.shape[3]} as the network sees it, this picture "
                    f"{x.shape[2]} × {x.shape[3]}: only pictures of one size can be painted into each other."
                )
            # refused, for "nothing changed" would read as "this part does not matter"
            if torch.equal(other, x):
                raise NbvizError(f"'{self.fill.name}' is this very picture: painted with itself it stays as it is.")
            return other
        if self.fill == "blur":
            # a pixel at least: of tiny pictures the share would be no blur at all
            return blurred(x, max(1.0, BLUR * min(x.shape[2:])))
        return baseline_of(x, self.fill, model.transform)
