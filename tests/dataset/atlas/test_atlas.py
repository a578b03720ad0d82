"""An atlas of planted clusters: found apart, the same again, kept and read, refused in words where it can't be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.dataset import Atlas, Stopped
from nbviz.dataset.atlas.build import BuildStep
from nbviz.errors import NbvizError, UnknownName
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import state_hash

SIDE = 8
COLOURS = torch.eye(3)


class Colours(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Red, green and blue pictures, a little noisy; the label is the colour."""

    classes = ("red", "green", "blue")

    def __init__(self, length: int = 90) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        noise = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(index))
        return COLOURS[index % 3][:, None, None] + 0.1 * noise, index % 3


def network(seed: int = 0) -> InstrumentedModel:
    """Passes colours on at 8 × 8 places; the score of a class is its colour's mean."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    with torch.no_grad():
        net[0].weight.copy_(torch.cat([COLOURS, 0.5 * COLOURS])[:, :, None, None] * (1 + seed))
        net[0].bias.zero_()
        net[4].weight.copy_(torch.cat([COLOURS, COLOURS], 1))
        net[4].bias.zero_()
    return InstrumentedModel(net, classes=["rot", "grün", "blau"])


def build(model: InstrumentedModel | None = None, dataset: object = None, **options: object) -> Atlas:
    asked = {"places": 3, "progress": False, **options}
    return Atlas.build(model or network(), dataset or Colours(), "1", **asked)  # type: ignore[arg-type]


def test_planted_clusters_lie_apart_and_speak_for_their_class() -> None:
    atlas = build()
    assert len(atlas) == 270 and nbviz.Atlas is Atlas and atlas.layout == "tsne"
    for cell in atlas.cells:
        assert len(cell.labels) == 1 and sum(cell.labels.values()) == cell.count >= 3
        colour = ("red", "green", "blue").index(next(iter(cell.labels)))
        assert (cell.index, cell.name, cell.share) == (colour, ["rot", "grün", "blau"][colour], 1.0)
        assert cell.direction.argmax() == colour
    neighbours = 0
    squares = {(cell.row, cell.column): cell.index for cell in atlas.cells}
    for (row, column), index in squares.items():
        beside = [squares.get((row + 1, column)), squares.get((row, column + 1))]
        neighbours += sum(other is not None and other != index for other in beside)
    assert neighbours <= len(squares) / 8


def test_what_a_point_adds_is_gradient_times_activation() -> None:
    atlas, model = build(layout="pca"), network()
    tensors = atlas._chart.tensors
    weight = model.net[4].weight.detach() / (SIDE * SIDE)
    for row in (0, 100, 200):
        item, place = int(tensors["items"][row]), int(tensors["places"][row])
        with model.capture("1") as outputs:
            model(Colours()[item][0][None])
        here = outputs["1"][0, :, place // SIDE, place % SIDE]
        assert int(tensors["predicted"][row]) == item % 3
        assert float(tensors["gains"][row]) == pytest.approx(float(weight[item % 3] @ here), rel=1e-4)


def test_places_are_not_of_the_border_and_depend_on_the_seed_alone() -> None:
    one, again, other = build(layout="pca"), build(layout="pca", batch=7), build(layout="pca", seed=1)
    places = one._chart.tensors["places"]
    rows, columns = places // SIDE, places % SIDE
    assert rows.min() >= 1 and rows.max() <= SIDE - 2 and columns.min() >= 1 and columns.max() <= SIDE - 2
    assert Counter(one._chart.tensors["items"].tolist()) == Counter(dict.fromkeys(range(90), 3))
    for name, tensor in one._chart.tensors.items():
        assert torch.allclose(tensor, again._chart.tensors[name], atol=1e-5), name
    assert not torch.equal(places, other._chart.tensors["places"])


def test_no_more_pictures_are_looked_at_than_asked_for() -> None:
    few = build(places=None, pictures=12)
    assert len(few.plan.numbers) == 12 and few.plan.numbers[-1] >= 12 and few.plan.places == int(0.8 * 36)
    assert set(few.examples(0, 1)[0].picture.shape) == {SIDE, 3} and few.plan.items == 90
    assert build(pictures=500).plan == build().plan
    for wrong in (0, 2.5, True):
        with pytest.raises(NbvizError, match="pictures= is a whole number of at least 1"):
            build(pictures=wrong)


def test_the_same_seed_lays_out_the_same() -> None:
    one, two = build(), build()
    assert torch.equal(one._chart.tensors["flat"], two._chart.tensors["flat"])
    assert [cell.row for cell in one.cells] == [cell.row for cell in two.cells]


def test_a_cell_shows_its_most_typical_pictures_each_once() -> None:
    atlas = build()
    cell = max(atlas.cells, key=lambda cell: cell.count)
    shown = atlas.examples(cell.number, 4)
    assert len(shown) == min(4, cell.count)
    assert [example.name for example in shown] == [next(iter(cell.labels))] * len(shown)
    everything = atlas.examples(cell.number, 10_000)
    distinct = len({example.item for example in everything})
    assert len(everything) == cell.count and len({example.item for example in everything[:distinct]}) == distinct
    assert shown[0].picture.shape == (SIDE, SIDE, 3) and shown[0].crop.shape == (1, 1, 3)
    unit = cell.direction / np.linalg.norm(cell.direction)
    assert shown[0].activation <= 1 and unit @ unit == pytest.approx(1)
    with pytest.raises(NbvizError, match="asked of a channel"):
        shown[0].effective  # noqa: B018
    with pytest.raises(NbvizError, match="there is no 999"):
        atlas.examples(999)


def test_what_sets_a_cell_apart_adds_up_to_nothing_over_the_map() -> None:
    atlas = build(layout="pca", least=1)
    units = {cell.number: cell.direction / np.linalg.norm(cell.direction) for cell in atlas.cells}
    for cell in atlas.cells[:5]:
        other = next(other for other in atlas.cells if other.index != cell.index)
        assert atlas.apart(cell.number) @ units[cell.number] > 0 > atlas.apart(cell.number) @ units[other.number]
    total = sum(cell.count * atlas.apart(cell.number) for cell in atlas.cells) / len(atlas)
    assert total == pytest.approx(np.zeros(6), abs=0.01)


def test_a_picture_is_found_on_the_map() -> None:
    atlas, model = build(), network()
    for colour in range(3):
        with model.capture("1") as outputs:
            model(Colours()[colour][0][None])
        found = atlas.cells_of(outputs["1"][0].numpy())
        assert found.shape == (SIDE, SIDE)
        assert {atlas.cells[number].index for number in found.flatten() if number >= 0} == {colour}
    assert (atlas.cells_of(np.zeros((6, 2, 2), np.float32)) == -1).all()


def test_it_is_kept_and_read_and_refused_for_another_network(tmp_path: Path) -> None:
    path, model = tmp_path / "atlas", network()
    atlas = build(model, path=path)
    assert sorted(file.name for file in path.iterdir()) == ["atlas.json", "atlas.safetensors"]
    again = Atlas.load(path, model, Colours())
    assert [vars(cell) | {"direction": None} for cell in again.cells] == [
        vars(cell) | {"direction": None} for cell in atlas.cells
    ]
    assert np.array_equal(again.examples(0)[0].picture, atlas.examples(0)[0].picture)
    read: list[BuildStep | Atlas] = list(Atlas.building(model, Colours(), "1", 3, path=path))
    assert len(read) == 1 and isinstance(read[0], Atlas)
    with pytest.raises(NbvizError, match="without its pictures"):
        Atlas.load(path).examples(0)[0].picture  # noqa: B018
    with pytest.raises(NbvizError, match="another network"):
        Atlas.load(path, network(1))
    with pytest.raises(NbvizError, match="another network"):
        build(network(1), path=path)
    for loaded in ((model, Colours(60)), (None, Colours(60)), (model, Colours(), [0] * 90)):
        with pytest.raises(NbvizError, match="other pictures"):
            Atlas.load(path, *loaded)
    assert Atlas.load(path, model, Colours(), [n % 3 for n in range(90)]).cells
    with pytest.raises(NbvizError, match="another data set"):
        build(model, Colours(60), path=path)
    with pytest.raises(NbvizError, match="other places, another seed"):
        build(model, path=path, seed=3)


def test_a_damaged_or_foreign_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(NbvizError, match="holds other files"):
        build(path=tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep"
    with pytest.raises(NbvizError, match="There is no atlas"):
        Atlas.load(tmp_path)
    whole = tmp_path / "atlas"
    build(path=whole)
    (whole / "atlas.safetensors").write_bytes(b"half")
    with pytest.raises(NbvizError, match="damaged"):
        Atlas.load(whole)
    (whole / "atlas.json").unlink()
    assert len(build(path=whole)) == 270  # half an atlas is built anew


def test_it_can_be_stopped_at_any_step(tmp_path: Path) -> None:
    calls = iter(range(100))
    with pytest.raises(Stopped, match="Stopped"):
        build(path=tmp_path / "atlas", cancel=lambda: next(calls) == 2)
    assert not (tmp_path / "atlas").exists()
    steps = list(Atlas.building(network(), Colours(), "1", 3))
    done = [step.done for step in steps if isinstance(step, BuildStep)]
    assert done == sorted(done) and steps[0].progress == "32 of 90 pictures"  # type: ignore[union-attr]


def test_too_few_places_are_said_with_the_way_out() -> None:
    with pytest.raises(NbvizError, match=r"50 places or more; 2 pictures give 20 places .*places=25"):
        build(dataset=Colours(2), places=20)
    with pytest.raises(NbvizError, match=r"1 picture gives 28 places .*\(it takes 2\)\.$"):
        build(dataset=Colours(1), places=None)
    with pytest.raises(NbvizError, match=r"places= is 99, but '1' has 36"):
        build(places=99)
    with pytest.raises(NbvizError, match="1 place each of '4'. Add pictures"):
        Atlas.build(network(), Colours(12), "4", progress=False)
    with pytest.raises(UnknownName, match="Nearest: '1'"):
        Atlas.build(network(), Colours(), "1x", progress=False)
    for wrong in ({"places": 0}, {"seed": -1}, {"least": 0}, {"layout": "map"}):
        with pytest.raises(NbvizError, match=next(iter(wrong))):
            build(**wrong)


def test_umap_is_refused_in_words_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbviz.dataset.atlas.options.find_spec", lambda name: None)
    with pytest.raises(NbvizError, match=r"needs umap-learn.*nbviz\[umap\]"):
        build(layout="umap")


def test_a_layer_without_places_has_one_point_a_picture() -> None:
    atlas = Atlas.build(network(), Colours(), "4", progress=False)
    assert len(atlas) == 90 and atlas.examples(0)[0].place is None
    assert atlas.examples(0)[0].crop.shape == (SIDE, SIDE, 3)


def test_silent_places_and_pictures_that_cannot_be_read_are_counted() -> None:
    class Some(Colours):
        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            if index == 5:
                raise OSError("gone")
            picture, label = super().__getitem__(index)
            return (torch.zeros_like(picture) if index == 6 else picture), label

    atlas = build(dataset=Some())
    assert len(atlas) == 270 - 6
    assert any("1 pictures could not be used: item 5" in note for note in atlas.notes)
    assert any("At 3 places every channel was zero" in note for note in atlas.notes)


def test_places_that_the_score_does_not_hear_are_said() -> None:
    class Beside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heard, self.unheard = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.unheard(x)
            return self.heard(x).mean((2, 3))

    atlas = Atlas.build(InstrumentedModel(Beside()), Colours(), "unheard", 3, layout="pca", progress=False)
    assert {cell.name for cell in atlas.cells} == {None} and "No place of this layer reaches" in atlas.notes[-1]


def test_the_network_is_left_as_it_was() -> None:
    model = network()
    before = state_hash(model.net)
    build(model, layout="pca")
    assert state_hash(model.net) == before
    with pytest.raises(Stopped):
        build(model, cancel=lambda: True)
    assert state_hash(model.net) == before


def test_cells_and_activations_that_are_not_there_are_said() -> None:
    atlas = build(layout="pca")
    assert atlas.examples(np.int64(0), torch.tensor(2)) == atlas.examples(0, 2)  # type: ignore[arg-type]
    assert np.array_equal(atlas.cells_of(torch.ones(6, 2, 3)), atlas.cells_of(np.ones((6, 2, 3))))  # type: ignore[arg-type]
    for cell in (-1, len(atlas.cells), 0.5, "a", None):
        for ask in (atlas.examples, atlas.apart):
            with pytest.raises(NbvizError, match=f"The atlas has cells 0 to {len(atlas.cells) - 1}: there is no"):
                ask(cell)  # type: ignore[arg-type, operator]
    for activation in (np.zeros((5, 2, 2)), np.zeros((6, 4)), 3):
        with pytest.raises(NbvizError, match=r"An activation of '1' is \(6, height, width\), not \("):
            atlas.cells_of(activation)  # type: ignore[arg-type]
    with pytest.raises(NbvizError, match="n= is a whole number of at least 0, not -1"):
        atlas.examples(0, -1)
    for layer in (3, ["1"]):
        with pytest.raises(NbvizError, match="given by its name"):
            Atlas.build(network(), Colours(), layer, progress=False)  # type: ignore[arg-type]


def test_a_disk_that_is_full_at_the_end_loses_no_atlas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path, text: str, encoding: str) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_text", full)
        with pytest.warns(UserWarning, match=r"No space left on device.*atlas\.save\(path\) writes it"):
            atlas = build(path=tmp_path / "atlas")
    assert atlas.problem and not (tmp_path / "atlas" / "atlas.json").exists()
    atlas.save(tmp_path / "atlas")
    again = Atlas.load(tmp_path / "atlas")
    assert not atlas.problem and len(again) == len(atlas) and len(again.cells) == len(atlas.cells)
