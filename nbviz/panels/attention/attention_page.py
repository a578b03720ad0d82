"""Page of attention heads as plain data to draw: one sheet of maps, a large one, and the text of each.

Columns are heads, the last their mean; rows are layers. All tiles have one size; maps of coarser grids are enlarged
without smoothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2, sqrt
from os.path import commonprefix
from typing import Any

import numpy as np

from nbviz.attention.views import BlockSeen
from nbviz.drawing.numbers import percent, three_digits
from nbviz.drawing.overlay import BAD, GAP, Limits, Pixels, png, scale, scale_each, shrink, table
from nbviz.session.requests.heads import HeadsAnswer

BUDGET = 104_000
"""Pixels, and so about bytes, a sheet may have."""
LARGEST, TILE_GAP = 56, 1
"""Pixels: the longest side of a tile, and between two."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """PNG of all tiles, row by row, ``columns`` a row, and the values of its last colour."""

    png: bytes
    columns: int
    tile: tuple[int, int]
    """(height, width) in pixels."""
    words: list[list[str]]
    """A tile each, row by row; empty where there is no head."""
    peak: float
    """The largest value of all heads."""


@dataclass(frozen=True, eq=False)
class HeadsPage:
    """Page on show."""

    answer: HeadsAnswer
    sheet: Sheet
    row: int
    head: int
    values: np.ndarray
    """(h, w) of the large map."""


def sheet(blocks: Sequence[BlockSeen], shared: bool) -> Sheet:
    """Draw every head of every block; on one scale, or each from 0 to its own peak."""
    columns = max(block.heads for block in blocks) + 1
    # many heads get smaller tiles, not a larger sheet: it travels anew for every patch that is pinned
    side = min(LARGEST, int(sqrt(BUDGET / (columns * len(blocks)))))
    maps = [_shrunk(block.maps, side) for block in blocks]
    tile = max(m.shape[1] for m in maps), max(m.shape[2] for m in maps)
    # of the heads alone: their mean is never above the largest of them
    peak = max(float(np.nanmax(block.maps[: block.heads])) for block in blocks)
    cells = np.full((len(blocks), columns, tile[0] + TILE_GAP, tile[1] + TILE_GAP), GAP, np.uint8)
    for row, small in zip(cells, maps, strict=True):
        drawn = _enlarged(_coloured(small, Limits(0.0, peak) if shared else None), tile)
        row[: len(drawn) - 1, : tile[0], : tile[1]] = drawn[:-1]
        row[-1, : tile[0], : tile[1]] = drawn[-1]
    pixels = cells.swapaxes(1, 2).reshape(len(blocks) * (tile[0] + TILE_GAP), -1)
    words = [[tile_words(block, head) for head in range(block.heads + 1)] for block in blocks]
    # the mean stands in the last column, however many heads a layer has
    words = [[*row[:-1], *[""] * (columns - len(row)), row[-1]] for row in words]
    return Sheet(png(pixels[:-TILE_GAP, :-TILE_GAP], table(False)), columns, tile, words, peak)


def large(values: np.ndarray) -> bytes:
    """Draw one map (h, w) as a palette PNG at its own resolution; clear where the query can't look."""
    drawn = scale(values, False, None)
    drawn[drawn == BAD] = GAP
    return png(drawn, table(False))


def _shrunk(maps: np.ndarray, side: int) -> np.ndarray:
    """Average maps down over what can be seen."""
    valid = np.isfinite(maps)
    if max(maps.shape[1:]) <= side or valid.all():
        return shrink(maps, side)
    # a tile none of whose places can be seen is 0 / 0: NaN, and drawn as that
    with np.errstate(invalid="ignore"):
        return shrink(np.where(valid, maps, 0), side) / shrink(valid.astype(np.float32), side)


def _coloured(maps: np.ndarray, limits: Limits | None) -> Pixels:
    return scale_each(maps, False)[0] if limits is None else scale(maps, False, limits)


def _enlarged(maps: Pixels, tile: tuple[int, int]) -> Pixels:
    rows, columns = (np.arange(size) * maps.shape[axis] // size for axis, size in ((1, tile[0]), (2, tile[1])))
    return maps[:, rows][:, :, columns]


# -- words --------------------------------------------------------------------------------------------


def labels(blocks: Sequence[BlockSeen]) -> list[str]:
    """Shorten layers' names to what differs: ``encoder.layers.encoder_layer_3.self_attention`` → ``"3"``."""
    names = [block.layer for block in blocks]
    # of a layer that runs twice, the names differ in no part
    if len(set(names)) < len(names) or len(names) < 2:
        return [name or str(block.number) for name, block in zip(names, blocks, strict=True)]
    parts = [name.split(".") for name in names]
    before, after = _common_start(parts), _common_start([part[::-1] for part in parts])
    short = [part[before : len(part) - after or None] for part in parts]
    # digits are what tells them apart: of layer_10 and layer_11 the common prefix would take the 1
    stem = commonprefix([part[0] if part else "" for part in short]).rstrip("0123456789")
    return [".".join(part).removeprefix(stem) or name for part, name in zip(short, names, strict=True)]


def _common_start(parts: Sequence[Sequence[str]]) -> int:
    """Return how many parts all names begin with."""
    same = [len(set(column)) == 1 for column in zip(*parts, strict=False)]
    # False at the end: all may be equal as far as the shortest goes
    return (*same, False).index(False)


def head_name(block: BlockSeen, head: int) -> str:
    """Return ``"head 3"``, or that it is the mean over all."""
    return f"head {head}" if head < block.heads else f"mean of {block.heads} heads"


def tile_words(block: BlockSeen, head: int) -> str:
    """Describe a head's figures in a line."""
    words = [block.layer or f"attention {block.number}", head_name(block, head)]
    if np.isnan(block.entropy[head]):
        return " · ".join([*words, "nothing above zero"])
    words.append(f"entropy {block.entropy[head]:.1f} of {block.most:.1f} bits")
    if block.uniform(head):
        words.append("nearly uniform")
    return " · ".join(words)


def looker(answer: HeadsAnswer, block: BlockSeen | None = None) -> str:
    """Describe the query; in a block's own grid where one is named."""
    if answer.query == "reads":
        return answer.heads.reads
    if answer.query == "mean":
        return "the mean of all patches"
    grids = {seen.maps.shape[1:] for seen in answer.seen.blocks}
    # one place is another row and column in each grid
    if block is None and len(grids) > 1:
        return "the place pinned"
    row, column = place_of(answer, block or answer.seen.blocks[-1])
    return f"the patch in row {row}, column {column}"


def place_of(answer: HeadsAnswer, block: BlockSeen) -> tuple[int, int]:
    """Return row and column of the query's patch, from 0."""
    assert not isinstance(answer.query, str)
    sizes = zip(answer.query, block.maps.shape[1:], strict=True)
    row, column = (min(int(part * size), size - 1) for part, size in sizes)
    return row, column


def about(answer: HeadsAnswer) -> str:
    """Describe the network's attention in a line: ``"12 layers · 12 heads · 14 × 14 patches"``."""
    blocks = answer.seen.blocks
    heads = sorted({block.heads for block in blocks})
    grids = dict.fromkeys(f"{block.maps.shape[1]} × {block.maps.shape[2]}" for block in blocks)
    patches = next(iter(grids)) if len(grids) == 1 else f"{next(iter(grids))} to {next(reversed(grids))}"
    many = f"{heads[0]}" if len(heads) == 1 else f"{heads[0]} to {heads[-1]}"
    windows = " in windows" if any(block.windows > 1 for block in blocks) else ""
    return f"{len(blocks)} layers · {many} heads · {patches} patches{windows}"


def caption(answer: HeadsAnswer, peak: float, shared: bool) -> list[Any]:
    """Return the caption: what each map is and what its brightest colour means, as runs."""
    limit = f"; brightest: {three_digits(peak)}, the peak of all" if shared else "; brightest: each map's own peak"
    windowed = any(block.windows > 1 for block in answer.seen.blocks)
    outside = "; gray: outside its window" if windowed and not isinstance(answer.query, str) else ""
    runs: list[Any] = [f"each map: what {looker(answer)} looks at"]
    if answer.heads.target:
        runs += [" that speaks for ", [answer.heads.target, "em"]]
    return [*runs, limit + outside]


def note(answer: HeadsAnswer) -> str:
    """Return the reason why something is not shown, or takes time."""
    words = [f"Left out: {sentence}" for sentence in answer.heads.left_out]
    if not answer.heads.fits:
        size = answer.heads.nbytes / 2**20
        words.append(f"All heads of this picture take {size:.0f} MiB: each place is computed when it is asked for.")
    return " ".join(words)


def figures(answer: HeadsAnswer, block: BlockSeen, head: int) -> list[list[str]]:
    """Return a head's table: [name, value, what it means]."""
    values = block.maps[head]
    if np.isnan(block.entropy[head]):
        return [["peak", "nothing above zero", f"no attention here raises the score of {answer.heads.target}"]]
    rows = [*_peak(values), _entropy(block, head)]
    if np.isfinite(block.distance[head]):
        mean = "" if not isinstance(answer.query, str) else ", mean over all patches as those who look"
        meaning = f"how far away what is looked at lies, weighted by how much{mean}"
        rows.append(["distance", f"{block.distance[head]:.1f} patches", meaning])
    if block.prefix_tokens:
        name = "class token" if block.prefix_tokens == 1 else f"{block.prefix_tokens} extra tokens"
        rows.append([name, percent(block.prefix[head]), "share of the attention; the rest is on the patches"])
    return rows


def _entropy(block: BlockSeen, head: int) -> list[str]:
    bits = f"{block.entropy[head]:.2f} of {block.most:.2f} bits"
    tokens = round(2**block.most)
    meaning = f"0: all on one token; {block.most:.2f} = log₂ {tokens}: the same on all {tokens}"
    return ["entropy", f"{bits}, nearly uniform" if block.uniform(head) else bits, meaning]


def rollout_figures(blocks: Sequence[BlockSeen], row: int) -> list[list[str]]:
    """Return the table of the rollout up to a row."""
    values = blocks[row].rollout
    assert values is not None
    names = labels(blocks)
    through = f"layers {names[0]} to {names[row]}" if row else f"layer {names[0]}"
    # places without any share add nothing to an entropy, and their logarithm is no number
    spread = values[values > 0] / values.sum() if values.any() else values[:0]
    bits = abs(float((spread * np.log2(spread)).sum()))
    return [
        ["through", through, "heads together, residual connections included"],
        *_peak(values),
        ["entropy", f"{bits:.2f} of {log2(values.size):.2f} bits", "over the patches; at most: the same on all"],
    ]


def _peak(values: np.ndarray) -> list[list[str]]:
    row, column = np.unravel_index(int(np.nan_to_num(values).argmax()), values.shape)
    most = three_digits(float(values[row, column]))
    return [["peak", most, "the most that one patch gets"], ["there", f"row {row}, column {column}", "counted from 0"]]
