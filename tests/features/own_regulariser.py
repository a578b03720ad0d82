"""A regulariser of one's own, as a newcomer writes it: one file, or one cell."""

from typing import Annotated

from torch import Tensor

from nbviz.features import About, regulariser


@regulariser("gradient")
def even(
    gradient: Tensor, *, even: Annotated[float, About("Share of the mean that is taken off", 0, 1)] = 0.0
) -> Tensor:
    """Take the mean off the gradient, so that brightness stays as it is."""
    return gradient - even * gradient.mean((1, 2, 3), keepdim=True)
