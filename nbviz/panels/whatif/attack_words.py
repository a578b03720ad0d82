"""Pictures and sentences of an attack, from its answers alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from nbviz.attribution import Attribution
from nbviz.drawing.numbers import signed
from nbviz.drawing.overlay import png
from nbviz.panels.whatif.map_over import large, map_over
from nbviz.session.requests.edits.attack import AttackAnswer
from nbviz.session.requests.edits.transfer import TransferAnswer

ALIKE, APART = 0.7, 0.3
"""Correlations above which a map is called the same, and below which it is called another."""


def transfer_words(answer: TransferAnswer, name: str) -> list[Any]:
    """Describe what another network says of the attacked picture, beside noise of the same size."""
    (one, _, share), (other, _, now) = answer.before, answer.after
    runs: list[Any] = ["the same picture on ", [name, "em"], ": "]
    runs += [[f"{one} {share:.2f} → {other} {now:.2f}", "strong"]]
    noise = f"noise of the same size: {answer.noise[0]} {answer.noise[2]:.2f}"
    return [*runs, f"; it {'is fooled too' if answer.flipped else 'is not fooled'}; {noise}."]


def cells(answer: AttackAnswer, title: str, held: bool = False) -> tuple[list[bytes], list[str], list[str]]:
    """Return pictures, captions and notes of the grid: up to six; a map still to come is no bytes.

    held: whether the picture is the original.
    """
    attacked, maps, factor = answer.attacked, answer.maps, magnified(answer.added)
    before = maps.get("before")
    label = attacked.before[0][0] if before is None else before.facts["target"]
    # around middle gray, for it has both signs
    added = np.clip(128 + factor * answer.added.astype(np.int32), 0, 255).astype(np.uint8)
    # when comes first: a caption that is cut short in a narrow frame must not make two maps look the same
    picture, caption = (attacked.original, "original") if held else (attacked.picture, "attacked, as a file holds it")
    shown = [
        (png(np.asarray(picture)), caption, ""),
        (png(large(added)), f"what was added, × {factor}", f"at most {attacked.largest:.0f} of 255 grey levels"),
        (drawn(before, attacked.original), f"before: {title} for {label}", ""),
    ]
    if attacked.edit.size:
        after, noisy = drawn(maps.get("after"), attacked.picture), drawn(maps.get("noisy"), attacked.noisy)
        shown.append((after, f"after: {title} for {label}", _same_map(answer.likeness)))
        shown.append((noisy, "with noise of the same size", _same_map(answer.noise_likeness)))
    if attacked.flipped:
        shown.append((drawn(maps.get("other"), attacked.picture), f"after: {title} for {attacked.after[0][0]}", ""))
    return [cell[0] for cell in shown], [cell[1] for cell in shown], [cell[2] for cell in shown]


def _same_map(likeness: float | None) -> str:
    if likeness is None:
        return ""
    words = "the same map" if likeness > ALIKE else "partly the same map" if likeness > APART else "another map"
    return f"{words}, r {signed(likeness)}"


def lines(answer: AttackAnswer) -> list[list[Any]]:
    """Describe the attack, a line of runs each."""
    attacked = answer.attacked
    if not attacked.edit.size:
        return [["nothing is added yet: the slider says by how much a pixel may move"]]
    label, index, share = attacked.before[0][0], attacked.before[0][1], attacked.before[0][2]
    now, noisy = _share_words(attacked.after, index), _share_words(attacked.noise, index)
    first = [f"{label} {share:.2f} → {now}", "strong"]
    line: list[Any] = [first]
    if attacked.flipped:
        line += [", now ", [f"{attacked.after[0][0]} {attacked.after[0][2]:.2f}", "strong"]]
    line.append(f"; noise of the same size: {label} {noisy}.")
    lines_said: list[list[Any]] = [line]
    if attacked.unrounded[0][1] != attacked.after[0][1]:
        lines_said.append([f"Before rounding to whole grey levels it says {attacked.unrounded[0][0]}."])
    if answer.likeness is not None and attacked.flipped and answer.likeness > ALIKE:
        lines_said.append(["The map is nearly the same: it does not tell that the answer changed."])
    return lines_said


def _share_words(said: list[tuple[str, int, float, float]], index: int) -> str:
    share = next((share for _, other, share, _ in said if other == index), None)
    # not among those listed: no more than the last of them has
    return f"under {max(0.01, said[-1][2]):.2f}" if share is None else f"{share:.2f}"


def magnified(added: np.ndarray) -> int:
    """Return the power of two that makes the largest change about half of the range."""
    most = int(np.abs(added).max(initial=0))
    return 1 if not most else max(1, 2 ** int(np.log2(96 / most)))


def drawn(made: Attribution | None, picture: Image.Image) -> bytes:
    """Return a PNG of a map over the picture in gray; empty where there is none yet."""
    return b"" if made is None else png(map_over(made, np.asarray(picture), enlarged=True))
