"""Attribution: values, heat to draw, and the facts that say how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from nbviz.arguments import path_of
from nbviz.attribution.figure import OPACITY, Figure
from nbviz.attribution.words import Run, facts_lines, trust_lines
from nbviz.drawing.numbers import finite, percent, score_words
from nbviz.drawing.overlay import Pixels
from nbviz.errors import NbvizError
from nbviz.model.boxes import Box, components, parts, reaching


@dataclass(frozen=True, eq=False)
class Attribution:
    """Result of a method: raw values, heat to draw, and the facts that say how far to trust it."""

    values: torch.Tensor
    """Signed, raw, as the method defines it; on the CPU."""
    evidence: torch.Tensor
    """(h, w): what is drawn, at its own resolution; not normalised."""
    size: tuple[int, int]
    """(H, W) of the network's input."""
    facts: dict[str, Any] = field(default_factory=dict)
    done: float = 1.0
    """0…1; 1 is final."""
    progress: str = ""
    """How far it is, as text, e.g. "25 evaluations, of at most 200"."""
    signed: bool = False
    """True if ``heat`` has a sign, to be drawn around zero; else it is ≥ 0."""

    picture: Pixels | None = None
    """Picture as the network saw it, (H, W, 3) uint8, to draw the heat over; None where it isn't known."""

    @property
    def interpolated(self) -> bool:
        """True if the heat is drawn smoothly from a coarser grid of places."""
        return tuple(self.evidence.shape) != self.size

    def heat(self, size: tuple[int, int] | None = None) -> torch.Tensor:
        """Return the heat (H, W), not normalised; ``size`` defaults to the network's input.

        A coarser grid is interpolated bilinearly (``align_corners=False``). Pixels are never smoothed: they are
        averaged to a smaller size and repeated to a larger one.
        """
        size = self.size if size is None else (size[0], size[1])
        evidence = self.evidence[None, None]
        if size == tuple(self.evidence.shape):
            return self.evidence
        if self.interpolated:
            # align_corners=False keeps a place's value at the middle of what it stands for
            return functional.interpolate(evidence, size=size, mode="bilinear", align_corners=False)[0, 0]
        smaller = size[0] < evidence.shape[2] and size[1] < evidence.shape[3]
        return functional.interpolate(evidence, size=size, mode="area" if smaller else "nearest-exact")[0, 0]

    def boxes(self, threshold: float = 0.5, largest: bool = True) -> tuple[Box, ...]:
        """Return boxes around the evidence, (top, left, bottom, right) in pixels of the network's input.

        threshold: share of the heat's maximum, above 0 to 1, from which on a pixel counts. Pixels that touch, corners
        included, are one part; largest: only the part with the most pixels, else all, by pixels. Evidence against
        the target counts for nothing; without any for it there is no box.
        """
        boxes = components(self.heat(), _share(threshold))
        return tuple(boxes[:1] if largest else boxes)

    def mask(self, threshold: float = 0.5) -> np.ndarray:
        """Return where the evidence is, as bool (H, W) in the network's input. threshold: as of :meth:`boxes`."""
        return np.asarray(reaching(self.heat(), _share(threshold)))

    def coco(self, threshold: float = 0.5, largest: bool = True, *, file_name: str = "") -> dict[str, Any]:
        """Return :meth:`boxes` and the pixels in them as a COCO data set of one image, ready for ``json.dump``.

        Boxes are (left, top, width, height) in pixels of the network's input, whose size the image has; masks are
        uncompressed run lengths, column by column. The category is the target. threshold, largest: as of :meth:`boxes`.
        """
        height, width = self.size
        annotations, regions = list[dict[str, Any]](), parts(self.heat(), _share(threshold))
        for number, (box, inside) in enumerate(regions[:1] if largest else regions, 1):
            annotations.append({
                "id": number, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": int(inside.sum()),
                "bbox": [box.left, box.top, box.right - box.left, box.bottom - box.top],
                "segmentation": {"counts": _runs(inside), "size": [height, width]},
            })  # fmt: skip
        image = {"id": 1, "width": width, "height": height, "file_name": file_name}
        category = {"id": 1, "name": str(self.facts.get("target", ""))}
        return {"images": [image], "annotations": annotations, "categories": [category]}

    # -- drawn ----------------------------------------------------------------------------------------

    def figure(
        self, *, opacity: float = OPACITY, trust: Sequence[tuple[str, str]] = (), sentences: Sequence[str] = ()
    ) -> Figure:
        """Return the map with its colour bar and facts, to be drawn. The rest: as of :meth:`save`."""
        lines = [*facts_lines(self.facts), *trust_lines(trust, sentences)]
        heading: list[Run] = [(str(self.facts.get("target", "attribution")), "strong"), f" · {self._method}"]
        heat = self.heat().float().cpu().numpy()
        return Figure(heat, self.signed, self.interpolated, heading, lines, self.picture, opacity)

    def save(
        self,
        path: str | PathLike[str],
        *,
        opacity: float = OPACITY,
        trust: Sequence[tuple[str, str]] = (),
        sentences: Sequence[str] = (),
    ) -> Path:
        """Save the map alone, and return the path; its suffix says how.

        ``.png``, ``.svg`` and ``.pdf`` draw it over the picture where that is known, with the colour bar, the facts and
        what tests said of it; ``.npy`` holds the heat, float32 (H, W). opacity: of the heat, 0…1. trust: (test,
        "passed" | "not passed" | "can't tell") of each. sentences: on those not passed. Raises :class:`NbvizError` for
        another suffix.
        """
        path = path_of("path", path)
        path.write_bytes(self.encoded(path.suffix, opacity=opacity, trust=trust, sentences=sentences))
        return path

    def encoded(
        self,
        suffix: str,
        *,
        opacity: float = OPACITY,
        trust: Sequence[tuple[str, str]] = (),
        sentences: Sequence[str] = (),
    ) -> bytes:
        """Return what :meth:`save` writes for a suffix; the rest: as there."""
        return self.figure(opacity=opacity, trust=trust, sentences=sentences).encoded(suffix)

    @property
    def _method(self) -> str:
        return str(self.facts.get("method", "attribution")).replace("_", " ")

    def __repr__(self) -> str:
        layer, score, status = (self.facts.get(name) for name in ("layer", "score", "status"))
        phrases = [f"{self.facts.get('target', 'no target')} by {self._method}" + (f" at {layer}" if layer else "")]
        phrases += [f"score {score_words(score)}"] if finite(score) else []
        phrases += ["heat {} × {}".format(*self.size)]
        phrases += [str(status)] if status not in (None, "ok") else []
        phrases += [f"{percent(self.done)} done"] if self.done < 1 else []
        return f"Attribution({', '.join(phrases)})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """Return the map as a picture, for a notebook, and as text."""
        return {"text/plain": repr(self), "image/png": self.figure().png()}

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return sum(t.numel() * t.element_size() for t in (self.values, self.evidence))


def _share(threshold: float) -> float:
    if not 0 < threshold <= 1:
        raise NbvizError(f"threshold is a share of the maximum, above 0 and at most 1, not {threshold!r}.")
    return threshold


def _runs(mask: np.ndarray) -> list[int]:
    """Lengths of runs of equal pixels, column by column, zeros first."""
    flat = mask.ravel(order="F").astype(np.int8)
    # the prepended zero makes the first run one of zeros, empty where the corner is inside, as COCO counts
    ends = np.flatnonzero(np.diff(flat, prepend=0, append=1 - flat[-1:]))
    return [int(length) for length in np.diff(ends, prepend=0)]
