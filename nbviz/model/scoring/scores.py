"""Class scores (N, classes), or class maps (N, classes, h, w), found in whatever a network puts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from nbviz.errors import NbvizError
from nbviz.replica.hooks import RawOutput

OutputKey = str | int | Callable[[RawOutput], torch.Tensor]
"""Place of the scores in a network's output: a key, an attribute, an index, or a callable that takes them out."""
NAMES = ("logits", "scores", "out", "output", "pred", "predictions", "y")


def find(raw: RawOutput, output: OutputKey | None) -> RawOutput:
    """Return the part that ``output`` names (key, attribute, place or callable), else where scores usually are."""
    return _search(raw) if output is None else _pick(raw, output)


def scores_or_maps(part: RawOutput, rows: int | None = None) -> torch.Tensor:
    """Return scores (N, classes) from that, (N,) or (N, classes, 1, 1), or maps as they are; else a sentence.

    rows: pictures in the batch, where known: a batch of one whose axis was squeezed away gets it back.
    """
    if not isinstance(part, torch.Tensor) or not part.is_floating_point():
        raise NbvizError(
            f"No class scores in the network's output ({describe(part)}). "
            "Pass output= (a key, an index or a callable) to say where they are."
        )
    part = part.to_dense() if part.layout is not torch.strided else part
    if rows == 1 and part.dim() == 2 and len(part) > 1:
        raise NbvizError(_cut_words(part))
    if rows == 1 and (part.dim() == 0 or len(part) != 1):
        part = part.reshape(1, -1) if part.dim() < 2 else part[None]
    if part.dim() == 1:
        part = part[:, None]
    if part.dim() >= 2 and rows is not None and len(part) != rows:
        raise NbvizError(
            f"The network puts out shape {tuple(part.shape)} for a batch of {rows}: its first axis is not the batch. "
            "Pass output= (a callable) that gives (N, classes)."
        )
    if part.dim() == 2 or (part.dim() > 2 and part[0, 0].numel() == 1):
        return part.flatten(1)
    if part.dim() == 4 and part.shape[1] > 1:
        return part
    raise NbvizError(_shape_words(part))


def _cut_words(part: torch.Tensor) -> str:
    return (
        f"The network puts out {len(part)} rows, shape {tuple(part.shape)}, for one picture. Does a reshape such as "
        "x.view(-1, 1024) cut up a picture larger than the one it was written for? Pass transform= that makes "
        "pictures of the right size. Else pass output= (a callable) that gives (N, classes), or a callable as target."
    )


def _shape_words(part: torch.Tensor) -> str:
    text = f"The network puts out shape {tuple(part.shape)}, not one score per class (N, classes)"
    if part.dim() == 4:
        within = bool(((part >= 0) & (part <= 1)).all())
        other = "1 - y" if within else "0 * y"  # of probabilities, and of logits
        return (
            f"{text} or one map per class. Is it one of two classes? Pass output=lambda y: torch.cat([{other}, y], 1). "
            "Is it a depth or another quantity? Pass output=lambda y: y.mean((2, 3)) to explain its mean, or a "
            "callable as target."
        )
    return f"{text}. Pass output= (a key or a callable) that takes the scores out of it, or a callable as target."


def _pick(raw: RawOutput, output: OutputKey) -> RawOutput:
    if callable(output):
        try:
            return output(raw)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise NbvizError(
                f"The function passed as output= raised {type(error).__name__}: {error}. It is handed the network's "
                f"own output, which is {describe(raw)}."
            ) from error
    try:
        return raw[output]
    except (KeyError, IndexError, TypeError):
        if isinstance(output, str) and hasattr(raw, output):
            return getattr(raw, output)
    raise NbvizError(f"The network's output has no {output!r}: it is {describe(raw)}.")


def _search(raw: RawOutput) -> RawOutput:
    if isinstance(raw, torch.Tensor):
        return raw
    for name in NAMES:
        if isinstance(raw, Mapping) and name in raw:
            return raw[name]
        # only a tensor: raw may be any object, with methods of these names
        if isinstance(getattr(raw, name, None), torch.Tensor):
            return getattr(raw, name)
    items = list(raw.values()) if isinstance(raw, Mapping) else raw if isinstance(raw, (tuple, list)) else []
    floats = [t for t in items if isinstance(t, torch.Tensor) and t.is_floating_point()]
    likely = [t for t in floats if t.dim() == 2] + [t for t in floats if t.dim() == 4 and t.shape[1] > 1]
    return likely[0] if likely else raw


def describe(raw: object) -> str:
    """Return what a network's output is, for a sentence: its type, and its shape or what it holds."""
    if isinstance(raw, torch.Tensor):
        return f"a tensor of {raw.dtype} and shape {tuple(raw.shape)}"
    if isinstance(raw, Mapping):
        return "a mapping with " + (", ".join(map(repr, raw)) or "nothing in it")
    if isinstance(raw, (tuple, list)):
        return f"a {type(raw).__name__} of {len(raw)}"
    return f"an object of type {type(raw).__name__}"
