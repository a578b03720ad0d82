"""RGB of a network's input: a picture of colours in 0…1, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nbviz.errors import Refused
from nbviz.model.edit import Editable

SLACK = 0.02
"""How far colours may lie outside 0…1: a bicubic resize overshoots."""


@dataclass(frozen=True)
class Rgb:
    """Colours as the preprocessing maps them: input = matrix · colours + offset."""

    matrix: Tensor
    """(C, P) float64; P is 3, or 1 where the network sees no colour."""
    offset: Tensor
    """(C,) float64."""

    @classmethod
    def of(cls, model: Editable, x: Tensor) -> Rgb:
        """Read the colours from the model; raises Refused where the input ``x`` is no picture of colours."""
        colours, channels = model.transform.colours, x.shape[1]
        if colours is not None and len(colours.offset) == channels:
            # a preprocessing to gray maps three colours to one line: they can't be told from its output
            colour = torch.linalg.matrix_rank(colours.matrix, rtol=1e-3) == 3
            view = cls(colours.matrix if colour else colours.matrix.sum(1, keepdim=True), colours.offset)
        elif channels in (1, 3):
            eye = torch.eye(channels, dtype=torch.float64, device="cpu")
            view = cls(eye, torch.zeros(channels, dtype=torch.float64, device="cpu"))
        else:
            raise Refused(f"The network takes {channels} channels, which no picture has: its colours can't be edited.")
        seen = view.colours(x)
        low, high = float(seen.min()), float(seen.max())
        if low < -SLACK or high > 1 + SLACK:
            raise Refused(
                f"The colours of this input can't be told from its values ({low:.3g} … {high:.3g} where 0 … 1 is "
                "expected). Pass transform=, the network's own preprocessing, and a picture."
            )
        return view

    def colours(self, x: Tensor) -> Tensor:
        """Return an input (N, C, H, W) as colours (N, P, H, W), mostly in 0…1; float32 at least."""
        wide = x if x.dtype == torch.float64 else x.float()
        # of three colours, or the one gray that gives this input
        back = torch.linalg.pinv(self.matrix).to(wide)
        return torch.einsum("pc,nchw->nphw", back, wide - self.offset.to(wide).view(-1, 1, 1))

    def input(self, colours: Tensor) -> Tensor:
        """Return colours (N, P, H, W) as the network's input (N, C, H, W); differentiable."""
        offset = self.offset.to(colours).view(-1, 1, 1)
        return torch.einsum("cp,nphw->nchw", self.matrix.to(colours), colours) + offset


def picture_of(colours: Tensor) -> Image.Image:
    """Return colours (1, P, H, W) as an 8-bit RGB picture."""
    planes = (colours[0].clamp(0, 1) * 255).round().byte().cpu()
    array: np.ndarray = planes.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(array)
