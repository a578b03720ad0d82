"""An atlas as requests: built step by step, its patches cut alike, its cells opened, the picture found on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbviz.dataset import Atlas
from nbviz.errors import NbvizError
from nbviz.pictures.load import load_pictures
from nbviz.pictures.samples import Items
from nbviz.session.context import LiveContext
from nbviz.session.requests.atlas import TILE, CellPatches, Cutter, MakeCells, MapPictures, OpenCell, ShowAtlas
from tests.dataset.atlas.test_atlas import Colours, network


@pytest.fixture()
def context() -> LiveContext:
    return LiveContext(network())


PICTURES = tuple(load_pictures([Colours()[index][0] for index in range(6)]).values())
SOURCE = MapPictures("1", PICTURES)


def test_it_is_built_once_and_stays(context: LiveContext) -> None:
    answers = list(context.answers(ShowAtlas(PICTURES[0], SOURCE)))
    assert answers[0].atlas is None and answers[0].progress == "6 of 6 pictures"
    assert all(answer.done < 1 for answer in answers[:-1]) and answers[-1].done == 1
    final = answers[-1]
    assert isinstance(final.atlas, Atlas) and final.atlas is context.known(SOURCE)
    assert final.tiles.pixels.shape == (len(final.atlas.cells), 1, 1, 3) and final.tiles.ready == len(final.atlas.cells)
    other = context.answer(ShowAtlas(PICTURES[1], SOURCE))
    assert other.atlas is final.atlas and other.tiles is final.tiles


def test_the_picture_lies_where_its_places_are(context: LiveContext) -> None:
    for index in range(3):
        shown = context.answer(ShowAtlas(PICTURES[index], SOURCE))
        assert shown.places.shape == (8, 8)
        there = {shown.atlas.cells[cell].index for cell in shown.places.flatten() if cell >= 0}
        assert there == {index}


def test_every_patch_is_of_the_colour_its_cell_speaks_for(context: LiveContext) -> None:
    tiles, atlas = context.answer(CellPatches(SOURCE)), context.answer(SOURCE)
    assert {cell.index for cell in atlas.cells} == {0, 1, 2}
    for cell in atlas.cells:
        assert tiles.pixels[cell.number].mean((0, 1)).argmax() == cell.index


def test_patches_are_the_middle_of_what_a_place_sees() -> None:
    """A layer that sees far: patches stay inside the picture and of one size."""
    import torch
    from torch import nn

    from nbviz.model.instrumented import InstrumentedModel

    net = nn.Sequential(
        nn.Conv2d(3, 4, 41, stride=4, padding=20), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    pictures = [torch.rand(3, 160, 160, generator=torch.Generator().manual_seed(i)) for i in range(4)]
    atlas = Atlas.build(InstrumentedModel(net), pictures, "1", 30, progress=False)
    cut = Cutter(atlas)
    assert cut.side == 28  # six steps of four pixels are 24
    for cell in atlas.cells[:10]:
        (example,) = atlas.examples(cell.number, 1)
        row, column = (min(max(round((at + 0.5) * 4 - 14), 0), 160 - 28) for at in example.place)
        assert np.array_equal(cut(example), example.picture[row : row + 28, column : column + 28])
    assert TILE >= 28


def test_a_patch_is_no_more_than_half_the_picture() -> None:
    import torch
    from torch import nn

    from nbviz.model.instrumented import InstrumentedModel

    net = nn.Sequential(nn.Conv2d(3, 4, 31, stride=4, padding=15), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    pictures = [torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(i)) for i in range(8)]
    assert Cutter(Atlas.build(InstrumentedModel(net), pictures, "1", 10, progress=False)).side == 14


def test_an_opened_cell_has_its_pictures_first_and_then_a_made_one(context: LiveContext) -> None:
    first, *_, last = context.answers(OpenCell(SOURCE, 0))
    assert first.made is None and len(first.patches) == len(first.examples) > 0
    assert last.made is not None and last.made.ndim == 3


def test_made_pictures_stand_at_their_cells(context: LiveContext) -> None:
    shown = context.answer(ShowAtlas(PICTURES[0], SOURCE, "made"))
    for cell in range(0, len(shown.atlas.cells), 9):
        alone = context.answer(MakeCells(SOURCE, (cell,)))
        assert np.array_equal(shown.tiles.pixels[cell], alone.pixels[0])


def test_an_atlas_without_its_pictures_shows_what_is_made(context: LiveContext, tmp_path: Path) -> None:
    Atlas.build(context.model, Colours(), "1", 3, path=tmp_path / "atlas", progress=False)
    atlas = Atlas.load(tmp_path / "atlas").of(context.model)
    shown = context.answer(ShowAtlas(PICTURES[0], atlas, "patches", 1))
    assert shown.tiles.ready == len(atlas.cells) and len(shown.opened.patches) == 0 and shown.opened.made is not None


def test_a_data_set_is_mapped_as_pictures_are(context: LiveContext) -> None:
    source = MapPictures("1", Items.ensure(Colours(12)))
    assert source == MapPictures("1", source.data) and hash(source)
    assert context.answer(source).plan.items == 12
    with pytest.raises(NbvizError, match="needs 50 places"):
        context.answer(MapPictures("4", PICTURES))
