"""The zoo's own networks come with pictures made for the layer on which an Explorer opens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import nbviz
from nbviz.features import cached_page, making
from nbviz.features.model_view import colours_of
from nbviz.features.picture_cache import PictureCache
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.watching.identity import network_digest
from nbviz.session.start import first_layer
from nbviz.zoo.registry import own_networks
from nbviz.zoo.shipped import DATA


@pytest.fixture(params=sorted(own_networks()))
def model(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InstrumentedModel]:
    monkeypatch.setenv("NBVIZ_CACHE", str(tmp_path))
    yield nbviz.zoo.load(request.param, device="cpu")


def test_every_channel_has_one_that_fits_the_network_and_the_recipe(model: InstrumentedModel) -> None:
    layer = first_layer(model)
    channels = range(model.layer(layer).channels or 0)
    made = cached_page(model, layer, channels)
    assert made is not None and len(made.pictures) == len(channels), "run python -m tests.ship"


def test_nearly_all_of_them_drive_their_channel_more_than_the_noise_they_began_as(model: InstrumentedModel) -> None:
    layer = first_layer(model)
    made = cached_page(model, layer, range(model.layer(layer).channels or 0))
    assert made is not None and np.isfinite(made.rise).all()
    assert (made.rise[:, -1] > made.rise[:, 0]).mean() > 0.9


def test_one_that_is_shipped_is_neither_made_nor_written(model: InstrumentedModel, tmp_path: Path) -> None:
    pages = list(making(model, first_layer(model), [1, 2]))
    assert len(pages) == 1 and pages[0].facts["kept"] == 2
    assert not list(tmp_path.rglob("*.png"))


def test_a_folder_of_one_s_own_has_none_of_them(model: InstrumentedModel, tmp_path: Path) -> None:
    assert cached_page(model, first_layer(model), [1], path=tmp_path) is None


def test_another_network_has_none(model: InstrumentedModel) -> None:
    with torch.no_grad():
        next(model.net.parameters()).add_(1e-3)
    assert cached_page(model, first_layer(model), [1]) is None


def test_they_are_at_most_six_megabytes() -> None:
    sizes = [file.stat().st_size for file in (DATA / "made").rglob("*.png")]
    assert len(sizes) > 300 and sum(sizes) <= 6e6


def test_what_is_made_anew_is_written_to_the_user_s_folder(model: InstrumentedModel, tmp_path: Path) -> None:
    for page in making(model, first_layer(model), [1], steps=2):
        assert np.isfinite(page.pixels[0]).all()
    (file,) = tmp_path.rglob("*.png")
    assert PictureCache("x").folder.parent in file.parents


def test_the_network_is_the_same_before_and_after_its_preprocessing_was_used(model: InstrumentedModel) -> None:
    before = network_digest(model.net), model.fingerprint()
    model.predict(nbviz.zoo.photographs()["cat"])
    _ = colours_of(model), model.transform.colours
    assert (network_digest(model.net), model.fingerprint()) == before
