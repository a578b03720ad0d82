"""Requests of an atlas: to build it, its cells' pictures, and where the picture on show lies on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from nbviz.dataset.atlas.atlas import Atlas
from nbviz.dataset.example import Example
from nbviz.features import Made, direction, making
from nbviz.pictures.load import Picture
from nbviz.pictures.samples import Items
from nbviz.session.requests.base import Context, MapsRequest, PictureRequest, Request, stepped

TILE = 64
"""Pixels a patch has at most."""
REACH, LEAST = 6, 28
"""A patch shows at most this many steps from place to place, but so many pixels: the middle of what a place sees. It
is no more than half the picture a side, or every cell of a picture would look the same."""
MOST_HELD = 32
"""Pictures held while patches are cut."""
SHOWN = 12
"""Pictures of an opened cell."""
PICTURES = 500
"""Of a data set, at most, are mapped while somebody waits."""
BATCH = 8
"""Pictures in a step: forward and backward of more take longer than a newer request should wait."""


@dataclass(frozen=True)
class MapPictures(Request):
    """Request of the atlas of a layer over some pictures, at most :data:`PICTURES`: steps, the atlas last."""

    layer: str
    data: tuple[Picture, ...] | Items

    def __call__(self, context: Context) -> Iterator[Any]:
        items = self.data if isinstance(self.data, Items) else Items.ensure(list(self.data))
        yield from Atlas.building(context.model, items, self.layer, pictures=PICTURES, batch=BATCH)


Source = Atlas | MapPictures


@dataclass(frozen=True, eq=False)
class Tiles:
    """Pictures of the cells so far, one each."""

    pixels: np.ndarray
    """uint8 (cells, side, side, 3)."""
    ready: int


@dataclass(frozen=True)
class Checked(Request):
    """Request of an atlas made before, if it is of the network as it is now; else NbvizError."""

    atlas: Atlas

    def __call__(self, context: Context) -> Iterator[Atlas]:
        self.atlas.check(context.model)
        yield self.atlas


@dataclass(frozen=True)
class CellPatches(Request):
    """Request of the most typical patch of every cell."""

    source: Source

    def __call__(self, context: Context) -> Iterator[Tiles]:
        atlas = _atlas(context, self.source)
        cut, drawn = Cutter(atlas), list[np.ndarray]()
        for cell in atlas.cells:
            # read cell by cell: the page fills while the next pictures are decoded
            (example,) = atlas.examples(cell.number, 1)
            drawn.append(cut(example))
            # a page of partial tiles is copied whole each time: every sixteenth, not every one
            if len(drawn) % 16 == 0:
                yield Tiles(_filled(drawn, len(atlas.cells)), len(drawn))
        yield Tiles(np.stack(drawn), len(drawn))


@dataclass(frozen=True)
class MakeCells(Request):
    """Request of made pictures that go far along a cell's own direction: of all cells, or of some."""

    source: Source
    cells: tuple[int, ...] | None = None
    preset: str = "preview"

    def __call__(self, context: Context) -> Iterator[Made]:
        atlas = _atlas(context, self.source)
        numbers = self.cells if self.cells is not None else _by_count(atlas)
        objectives = [direction(atlas.layer, atlas.apart(number)) for number in numbers]
        yield from making(context.model, atlas.layer, objectives, self.preset)


@dataclass(frozen=True)
class Opened:
    """Cell whose pictures are on show."""

    cell: int
    examples: tuple[Example, ...]
    patches: np.ndarray
    """uint8 (n, side, side, 3)."""
    made: np.ndarray | None = None
    """uint8 (H, W, 3)."""


@dataclass(frozen=True)
class OpenCell(Request):
    """Request of a cell's most typical pictures, then one made for it."""

    source: Source
    cell: int

    def __call__(self, context: Context) -> Iterator[Opened]:
        atlas = _atlas(context, self.source)
        examples = tuple(atlas.examples(self.cell, SHOWN))
        patches = np.zeros((0, TILE, TILE, 3), np.uint8)
        if atlas.has_pictures:
            cut = Cutter(atlas)
            patches = np.stack([cut(example) for example in examples])
        opened = Opened(self.cell, examples, patches)
        yield opened
        for answer in stepped(context, MakeCells(self.source, (self.cell,), "default")):
            opened = replace(opened, made=answer.pixels[0])
            yield opened


@dataclass(frozen=True)
class CellsOf(PictureRequest):
    """Request of the cell of each place of the picture, int (h, w), −1 where on none."""

    source: Source

    def __call__(self, context: Context) -> Iterator[np.ndarray]:
        atlas = _atlas(context, self.source)
        yield atlas.cells_of(context.answer(MapsRequest(self.picture, atlas.layer)).values)


@dataclass(frozen=True, eq=False)
class Shown:
    """Answer of an atlas on show, so far."""

    atlas: Atlas | None = None
    progress: str = ""
    done: float = 0.0
    tiles: Tiles | None = None
    places: np.ndarray | None = None
    """The cell of each place of the picture on show."""
    opened: Opened | None = None


@dataclass(frozen=True)
class ShowAtlas(PictureRequest):
    """Request of an atlas as it is on show: ``look`` is "patches" or "made", ``cell`` the opened one."""

    takes = "none"  # an atlas is of a data set and the network as it is

    source: Source
    look: str = "patches"
    cell: int | None = None

    def __call__(self, context: Context) -> Iterator[Shown]:
        shown = Shown()
        for shown in self._mapped(context):
            yield shown
        assert shown.atlas is not None
        patches = self.look == "patches" and shown.atlas.has_pictures
        shown = replace(shown, places=context.answer(CellsOf(self.picture, self.source)), done=0.5)
        if patches:
            for tiles in stepped(context, CellPatches(self.source)):
                shown = replace(shown, tiles=tiles, progress=f"{tiles.ready} of {len(tiles.pixels)} patches")
                yield shown
        yield from self._rest(context, shown, patches)

    def _mapped(self, context: Context) -> Iterator[Shown]:
        if isinstance(self.source, Atlas):
            yield Shown(context.answer(Checked(self.source)), done=0.5)
            return
        for step in stepped(context, self.source):
            if isinstance(step, Atlas):
                yield Shown(step, done=0.5)
            else:
                yield Shown(None, step.progress, 0.5 * step.done)

    def _rest(self, context: Context, shown: Shown, patches: bool) -> Iterator[Shown]:
        """Yield the opened cell first, for somebody waits for it; then pictures made for all."""
        if self.cell is not None:
            for opened in stepped(context, OpenCell(self.source, self.cell)):
                shown = replace(shown, opened=opened, progress="")
                yield shown
        if not patches and shown.atlas is not None:
            order = _by_count(shown.atlas)
            for answer in stepped(context, MakeCells(self.source)):
                words = f"{100 * answer.done:.0f} % of {len(order)} pictures made"
                shown = replace(shown, tiles=_tiles(answer, order), progress=words)
                yield replace(shown, done=min(0.99, 0.5 + answer.done / 2))
        yield replace(shown, done=1.0, progress="")


class Cutter:
    """Cutter of the middle of what places see, all of one size."""

    def __init__(self, atlas: Atlas) -> None:
        self._grid = atlas.plan.grid
        height, width = atlas.plan.shape[-2:]
        self._steps = (height / self._grid[0], width / self._grid[1])
        self.side = min(height, width)
        if atlas.plan.has_places:
            # a place in the middle: at the edges a field is cut off
            rows, columns = atlas.box((self._grid[0] // 2, self._grid[1] // 2)).slices
            middle = max(LEAST, round(REACH * max(self._steps)))
            self.side = min(-(-self.side // 2), max(rows.stop - rows.start, columns.stop - columns.start), middle)
        self._seen: dict[int, np.ndarray] = {}

    def __call__(self, example: Example) -> np.ndarray:
        """Cut one patch, uint8 (side, side, 3), at most :data:`TILE` a side."""
        picture = self._picture(example)
        sizes = picture.shape[:2]
        middle = [size / 2 for size in sizes]
        if example.place is not None:
            middle = [(at + 0.5) * step for at, step in zip(example.place, self._steps, strict=True)]
        row, column = (
            round(min(max(at - self.side / 2, 0), size - self.side)) for at, size in zip(middle, sizes, strict=True)
        )
        cut = picture[row : row + self.side, column : column + self.side]
        return cut if self.side <= TILE else np.asarray(Image.fromarray(cut).resize((TILE, TILE), Image.Resampling.BOX))

    def _picture(self, example: Example) -> np.ndarray:
        if example.item not in self._seen:
            if len(self._seen) >= MOST_HELD:
                # all at once: patches come in no order in which an older one would be wanted sooner
                self._seen.clear()
            self._seen[example.item] = example.picture
        return self._seen[example.item]


def _filled(drawn: list[np.ndarray], count: int) -> np.ndarray:
    pixels = np.full((count, *drawn[0].shape), 128, np.uint8)
    pixels[: len(drawn)] = np.stack(drawn)
    return pixels


def _by_count(atlas: Atlas) -> tuple[int, ...]:
    """Return cells in the order in which they are made: those with most places first."""
    return tuple(cell.number for cell in sorted(atlas.cells, key=lambda cell: -cell.count))


def _tiles(page: Made, order: Sequence[int]) -> Tiles:
    pixels = np.empty_like(page.pixels)
    # made in the order of their sizes, shown in the order of the grid
    pixels[list(order)] = page.pixels
    return Tiles(pixels, round(page.done * len(pixels)))


def _atlas(context: Context, source: Source) -> Atlas:
    return source if isinstance(source, Atlas) else context.answer(source)
