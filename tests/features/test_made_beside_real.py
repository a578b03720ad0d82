"""Made pictures drive their channels more than the best of many real ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import nbviz
from nbviz.features import visualize
from tests.features.real_pictures import crops
from tests.features.test_visualize import says


@pytest.mark.parametrize("layer", ["blocks.2", "blocks.4.body.2", "blocks.8"])
def test_made_pictures_drive_their_channel_more_than_the_best_of_200_real_ones(
    layer: str,
) -> None:
    zoo = nbviz.zoo.load("efficientnet_lite0")
    made = visualize(zoo, layer, range(6), preset="preview", path=False)
    real = crops(200, made.shape[-1])
    best = says(zoo, real, layer)[:, :6].mean((2, 3)).amax(0)
    reached = says(zoo, made, layer)[:, :6].mean((2, 3)).diagonal()
    assert int((reached > best).sum()) >= 5


@pytest.mark.parametrize("layer", ["blocks.0", "blocks.2", "blocks.4"])
def test_also_those_of_a_small_network_beat_the_best_of_200_garments(layer: str) -> None:
    model, data = nbviz.zoo.load("fashion_cnn"), nbviz.zoo.fashion()
    real = torch.stack([torch.from_numpy(np.asarray(data[i][0], np.float32)) for i in range(200)])[:, None] / 255
    made = visualize(model, layer, range(8), path=False)
    best = says(model, real, layer)[:, :8].mean((2, 3)).amax(0)
    reached = says(model, made.mean(1, keepdim=True), layer)[:, :8].mean((2, 3)).diagonal()
    assert int((reached > best).sum()) >= 6
