"""Found pictures as requests: each channel's strongest, cut out where it sees, and what nobody has looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nbviz.dataset import Index
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import load_pictures
from nbviz.pictures.samples import Items
from nbviz.session.context import LiveContext
from nbviz.session.library import Library
from nbviz.session.requests.found import FoundChannel, FoundChannels, LookThrough, NoIndex, Unsearched, _squared


@pytest.fixture
def context() -> LiveContext:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2))
    return LiveContext(InstrumentedModel(net.eval(), classes=["ant", "bee"]))


def data(count: int = 30) -> list[tuple[torch.Tensor, int]]:
    made = torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return [(picture, number % 2) for number, picture in enumerate(made)]


def index_of(context: LiveContext, **options: int) -> Index:
    return Index.build(context.model, data(), progress=False, **options)  # type: ignore[arg-type]


def test_looking_through_pictures_is_done_once(context: LiveContext) -> None:
    items = Items.ensure(data())
    answers = list(context.answers(LookThrough(items)))
    assert answers[-1].index is not None and context.known(LookThrough(items)) is answers[-1]
    assert LookThrough(items) != LookThrough(Items.ensure(data()))


def test_each_channel_has_its_strongest_picture(context: LiveContext) -> None:
    index = index_of(context)
    *_, page = context.answers(FoundChannels(index, "1", (4, 0, 2)))
    assert list(page.crops) == [4, 0, 2] and page.done == 1 and page.total == 30
    for channel, crop in page.crops.items():
        best = index.top("1", channel, 1)[0]
        assert (crop.item, crop.activation, crop.box, crop.name) == (best.item, best.activation, best.box, best.name)
        assert np.array_equal(crop.pixels, best.crop) and crop.whole.shape == (16, 16, 3)


def test_a_card_has_the_best_few_and_what_they_are(context: LiveContext) -> None:
    index = index_of(context, sample=20)
    *partial, finds = context.answers(FoundChannel(index, "1", 3))
    assert len(finds.crops) == 8 and [len(part.crops) for part in partial] == list(range(1, 8))
    assert finds.profile == index.profile("1", 3) and finds.selectivity == index.selectivity("1", 3)
    assert finds.quantiles is not None and finds.quantiles[0] >= finds.quantiles[1] >= finds.quantiles[2]


def test_without_labels_there_is_no_profile(context: LiveContext) -> None:
    index = Index.build(context.model, [picture for picture, _ in data()], progress=False)
    *_, finds = context.answers(FoundChannel(index, "1", 3))
    assert (finds.profile, finds.selectivity, finds.quantiles) == ([], None, None)


def test_a_layer_of_numbers_shows_whole_pictures(context: LiveContext) -> None:
    *_, page = context.answers(FoundChannels(index_of(context), "4", (1,)))
    assert page.crops[1].pixels.shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("box", "squared"),
    [
        ((2, 3, 7, 8), (2, 3, 7, 8)),  # inside
        ((0, 3, 3, 8), (0, 3, 5, 8)),  # cut off above: more below
        ((18, 3, 20, 8), (15, 3, 20, 8)),  # cut off below: more above
        ((0, 0, 20, 3), (0, 0, 20, 12)),  # no room
    ],
)
def test_crops_are_square_where_there_is_room(box: tuple[int, ...], squared: tuple[int, ...]) -> None:
    assert _squared(box, (20, 12)) == squared  # type: ignore[arg-type]


def test_the_library_forgets_an_index_of_weights_that_are_gone(context: LiveContext) -> None:
    pictures = dict(load_pictures({f"p{i}": picture for i, (picture, _) in enumerate(data(4))}))
    library = Library(context.model, pictures, index_of(context))
    assert library.knowing("1") is library.index and library.knowing("layer9") is None and library.count == 30
    with torch.no_grad():
        next(context.model.net.parameters()).add_(1)
    assert library.knowing("1") is None and library.index is None and library.count == 30
    assert Library(context.model, pictures).count == 4
    with pytest.raises(NbvizError, match="no pictures"):
        Library(context.model, {}).items()


def test_own_pictures_can_be_looked_through(context: LiveContext) -> None:
    pictures = dict(load_pictures({f"p{i}": picture for i, (picture, _) in enumerate(data(4))}))
    library = Library(context.model, pictures)
    library.put(context.answer(LookThrough(library.items())).index)
    assert library.knowing("1") is library.index is not None and library.index.seen == 4


def test_where_nobody_has_looked_it_says_what_could_be(context: LiveContext) -> None:
    assert context.answer(NoIndex("1", 5)) == Unsearched("1", 5) and NoIndex("1", 5) != NoIndex("1", 6)


def test_all_of_a_data_set_is_looked_through_and_not_the_first_few(context: LiveContext, tmp_path: Path) -> None:
    class Many(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 40

        def __getitem__(self, number: int) -> torch.Tensor:
            return data(40)[number][0]

    few = dict(load_pictures(Many()))
    library = Library(context.model, few, images=Many())
    assert len(few) < library.count == len(library.items()) == 40
    assert library.items() is library.items()
    for number in range(3):
        Image.new("RGB", (16, 16), (number, 9, 9)).save(tmp_path / f"{number}.png")
    assert Library(context.model, few, images=str(tmp_path)).count == 3
    assert Library(context.model, few, images=[1, 2]).count == len(few)
