"""An index made a batch at a time is the one that a build makes; one of another network is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import nbviz
from nbviz.dataset import Index, LiveIndex, fitting, indexing
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel

BUILD = {"progress": False}


def network(seed: int = 0) -> InstrumentedModel:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Linear(5, 3))  # fmt: skip
    return InstrumentedModel(net.eval())


class Pictures(torch.utils.data.Dataset):
    def __init__(self, count: int, broken: int | None = None) -> None:
        self.x = torch.rand(count, 3, 24, 24, generator=torch.Generator().manual_seed(1))
        self.broken = broken

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        if number == self.broken:
            raise OSError("no such file")
        return self.x[number], number % 3


def last(model: InstrumentedModel, data: object) -> LiveIndex:
    *_, answer = indexing(model, data)
    return answer


def test_it_is_the_index_that_a_build_makes() -> None:
    model, data = network(), Pictures(150)
    steps = list(indexing(model, data))
    assert [step.seen for step in steps] == [0, 64, 128, 150, 150] and steps[1].progress == "64 of 150 pictures"
    assert [step.done for step in steps] == sorted(step.done for step in steps) and steps[-2].done < steps[-1].done == 1
    mine, built = steps[-1].index, Index.build(model, data, **BUILD)  # type: ignore[arg-type]
    assert mine is not None and mine.layers == built.layers and mine.seen == 150
    for layer, channels in (("0", 6), ("2", 5), ("5", 3)):
        for channel in range(channels):
            assert mine.top(layer, channel) == built.top(layer, channel)
            assert mine.profile(layer, channel) == built.profile(layer, channel)


def test_what_cannot_be_read_is_left_out_and_told() -> None:
    found = last(network(), Pictures(20, broken=7)).index
    assert found is not None and found.seen == 19 and "item 7" in found.problems[0]
    assert all(example.item != 7 for example in found.top("2", 0))


@pytest.mark.parametrize("data", [[], Pictures(1, broken=0)])
def test_nothing_to_look_at_is_an_error_in_words(data: object) -> None:
    with pytest.raises(NbvizError, match="empty|can be read"):
        last(network(), data)


def test_dropped_half_way_it_leaves_nothing_behind() -> None:
    model = network()
    steps = indexing(model, Pictures(150))
    next(steps), next(steps)
    steps.close()
    assert all(not module._forward_hooks for module in model.net.modules())


def test_an_index_of_the_same_weights_fits() -> None:
    built = Index.build(network(), Pictures(20), **BUILD)  # type: ignore[arg-type]
    again = fitting(built, network())
    assert again.top("0", 1) == built.top("0", 1) and again.top("0", 1)[0].crop.shape == (3, 3, 3)


def test_another_networks_index_is_refused(tmp_path: Path) -> None:
    model, data = network(), Pictures(20)
    built = Index.build(model, data, path=tmp_path, **BUILD)  # type: ignore[arg-type]
    with pytest.raises(NbvizError, match="of another network, or of other weights"):
        fitting(built, network(seed=5))
    with pytest.raises(NbvizError, match=r"loaded without its data set.*Index\.load"):
        fitting(Index.load(tmp_path, model), model)
    with pytest.raises(NbvizError, match="is an nbviz.Index, not str"):
        fitting("index", model)
    assert fitting(Index.load(tmp_path, None, data), model).top("0", 1)[0].crop.shape == (3, 3, 3)


def test_means_are_those_of_every_picture_one_by_one() -> None:
    model, data = network(), Pictures(20, broken=7)
    index = Index.build(model, data, layers=["0", "2"], batch=6, **BUILD)  # type: ignore[arg-type]
    for layer in ("0", "2", "5"):  # of a layer that was not ranked, too
        outputs = list[torch.Tensor]()
        for number in (n for n in range(20) if n != 7):
            with torch.no_grad(), model.capture(layer) as captured:
                model(model.transform(data.x[number]))
            outputs.append(captured[layer].double().flatten(2).mean(2)[0] if captured[layer].ndim == 4 else
                           captured[layer].double()[0])  # fmt: skip
        torch.testing.assert_close(torch.tensor(index.means(layer)).double(), torch.stack(outputs).mean(0))
    steps = list(index.averaging("2"))
    assert [step.seen for step in steps] == [0, 6, 12, 18, 19, 19] and steps[-2].done < steps[-1].done == 1.0
    off = model.edited(nbviz.edits.Channels("2", off=[3], fill=index.means("2")))
    with off.capture("2") as captured:
        off(model.transform(data.x[0]))
    assert captured["2"][0, 3].unique().tolist() == pytest.approx([index.means("2")[3]])


def test_means_are_refused_where_there_are_none(tmp_path: Path) -> None:
    model, data = network(), Pictures(6)
    Index.build(model, data, path=tmp_path, **BUILD)  # type: ignore[arg-type]
    with pytest.raises(NbvizError, match="without its data set"):
        Index.load(tmp_path).means("2")
    with pytest.raises(NbvizError, match="nowhere"):
        Index.load(tmp_path, model, data).means("nowhere")
    index = Index.load(tmp_path, model, data)
    with torch.no_grad():
        next(model.net.parameters()).add_(1.0)
    with pytest.raises(NbvizError, match="has changed since"):
        index.means("2")
