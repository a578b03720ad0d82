"""Expected gradients: integrated gradients averaged over several baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import torch

from nbviz.arguments import several
from nbviz.attribution.base import SCORE, About, Attribution, register
from nbviz.attribution.baselines import baseline
from nbviz.attribution.path_integral import Maximum, Tolerance, integrated, straight
from nbviz.errors import NbvizError
from nbviz.passes.subject import Subject


@register("Expected gradients", "Erion et al. 2021, arXiv:1906.10670", family="gradients", unit=SCORE)
def expected_gradients(
    subject: Subject,
    *,
    baselines: Annotated[
        str | torch.Tensor | Sequence[Any],
        About(
            "The pictures that count as showing nothing, by commas: black, gray, mean, blur, noise; or tensors.",
            label="start from",
        ),
    ] = "black, mean, blur, noise",
    tolerance: Tolerance = 0.1,
    maximum: Maximum = 300,
) -> Iterator[Attribution]:
    """Each pixel's part in the score, over many starting pictures.

    values: mean over baselines x′ of (x − x′)·∫ ∂ score/∂x on the straight path from x′ (1, C, H, W),
    signed; their sum is the score less the baselines' mean score, up to ``facts["residual"]``. baselines:
    names, or preprocessed tensors (n, C, H, W). The paper draws both baseline and place at random; here every
    baseline is integrated, the most uncertain place of all paths next. heat: absolute value of the channel
    sum, ≥ 0. ``facts["map_error"]``: estimated relative L1 error of the map.
    """
    paths = [straight(start, subject.x[0]) for start in _starts(subject, baselines)]
    yield from integrated(subject, paths, tolerance, maximum, baselines=len(paths))


def _starts(subject: Subject, given: str | torch.Tensor | Sequence[Any]) -> list[torch.Tensor]:
    if isinstance(given, str):
        given = [name.strip() for name in given.split(",") if name.strip()]
    names = list(given) if several(given) else []
    if not names:
        raise NbvizError(f"baselines needs one baseline or more, such as 'black, blur', not {given!r:.80}.")
    return [baseline(subject, name)[0] for name in names]
