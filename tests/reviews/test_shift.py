"""Corruptions are what they say, and a shift's table equals corrupting each picture by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.filters import gaussian
from torch import nn

import nbviz
from nbviz.errors import NbvizError, Refused, UnknownName
from nbviz.reviews.shift import against
from nbviz.reviews.shift.answers import mcnemar
from nbviz.reviews.shift.corruptions import CORRUPTIONS, SEVERITIES, corrupted, plasma
from nbviz.reviews.statistics.intervals import holm

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("planes", [1, 3])
def test_laws_of_every_corruption(name: str, planes: int) -> None:
    colours = RNG.random((planes, 24, 32)) * 0.8 + 0.1
    before = colours.copy()
    assert corrupted(colours, name, 0, 5) is colours
    moved = []
    for severity in SEVERITIES:
        found = corrupted(colours, name, severity, 5)
        assert found.shape == colours.shape and found.min() >= 0 and found.max() <= 1
        np.testing.assert_allclose(found * 255, np.round(found * 255), atol=1e-9)
        np.testing.assert_array_equal(found, corrupted(colours, name, severity, 5))
        moved.append(np.abs(found - colours).mean())
    assert moved[-1] > moved[0] and (colours == before).all()
    random = name in ("gaussian_noise", "shot_noise", "fog")
    assert np.array_equal(corrupted(colours, name, 3, 5), corrupted(colours, name, 3, 6)) != random


def test_closed_forms() -> None:
    gray = np.full((3, 224, 224), 0.4)
    assert corrupted(gray, "brightness", 2, 0) == pytest.approx(np.full_like(gray, 0.6), abs=1 / 255)
    red = np.zeros((3, 8, 8))
    red[0] = 0.5
    assert corrupted(red, "brightness", 1, 0)[:, 0, 0] == pytest.approx([0.6, 0, 0], abs=1 / 255)
    step = np.zeros((1, 8, 8))
    step[:, :4] = 1
    assert sorted(set(corrupted(step, "contrast", 3, 0).ravel())) == pytest.approx([0.4, 0.6], abs=1 / 255)
    noisy = corrupted(gray, "gaussian_noise", 1, 0)
    assert noisy.std() == pytest.approx(0.08, rel=0.01) and noisy.mean() == pytest.approx(0.4, abs=0.002)
    shot = corrupted(gray, "shot_noise", 1, 0)
    assert shot.var() == pytest.approx(0.4 / 60, rel=0.03)
    wide = RNG.random((1, 112, 112))
    np.testing.assert_allclose(
        corrupted(wide, "gaussian_blur", 2, 0)[0], gaussian(wide[0], 1.0, mode="reflect"), atol=1 / 255
    )
    pixels = corrupted(RNG.random((1, 16, 16)), "pixelate", 2, 0)
    assert len(np.unique(pixels)) <= 64


def test_a_plasma_is_smooth_where_it_decays_fast() -> None:
    rough, smooth = (plasma(64, decay, np.random.default_rng(0)) for decay in (1.2, 3))
    assert rough.shape == smooth.shape == (64, 64) and (smooth.min(), smooth.max()) == (0, 1)
    assert np.abs(np.diff(smooth)).mean() < np.abs(np.diff(rough)).mean() / 2


def test_mcnemar_by_hand() -> None:
    before, now = np.array([True] * 8 + [False] * 4), np.array([True] * 3 + [False] * 9)
    assert mcnemar(before, now) == (pytest.approx(2 * 0.5**5), 5, 0)
    assert mcnemar(before, before) == (1.0, 0, 0)


def test_unknown_corruptions_and_severities_are_refused() -> None:
    with pytest.raises(UnknownName, match="Nearest: 'fog'"):
        corrupted(np.zeros((1, 4, 4)), "fogg", 1, 0)
    with pytest.raises(NbvizError, match="from 0 to 5, not 6"):
        corrupted(np.zeros((1, 4, 4)), "fog", 6, 0)


class Lights(torch.utils.data.Dataset):
    """Two classes that only their brightness tells apart."""

    classes = ("dark", "bright")

    def __len__(self) -> int:
        return 60

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        if number >= len(self):
            raise IndexError(number)
        label = number % 2
        pixels = np.random.default_rng(number).integers(100 * label, 100 * label + 60, (16, 16, 3), dtype=np.uint8)
        return Image.fromarray(pixels), label


def brightness_model() -> nbviz.InstrumentedModel:
    """Says bright from a mean of 80 of 255 on."""
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)).eval()
    with torch.no_grad():
        net[2].weight.copy_(torch.tensor([[-1.0] * 3, [1.0] * 3]) * 4)
        net[2].bias.copy_(torch.tensor([1.0, -1.0]) * 12 * 80 / 255)
    return nbviz.InstrumentedModel(net, lambda image: torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255)


def test_a_table_equals_changing_each_picture_by_hand() -> None:
    model, data = brightness_model(), Lights()
    review = nbviz.review(model, data, progress=False)
    table = review.shift(["brightness", "gaussian_noise"], sample=None).set_index(["corruption", "severity"])
    for severity in (0, *SEVERITIES):
        right = []
        for number, (image, label) in enumerate(data):
            colours = np.asarray(image, dtype=float).transpose(2, 0, 1) / 255
            seen = corrupted(colours, "brightness", severity, number)
            right.append(int(model(torch.from_numpy(seen)[None].float()).argmax()) == label)
        row = table.loc["brightness", severity]
        assert row["accuracy"] == np.mean(right) and row["pictures"] == 60
        assert row["low"] <= row["accuracy"] <= row["high"]
    assert table.loc["brightness", 0]["accuracy"] == 1 and table.loc["brightness", 5]["accuracy"] == 0.5
    assert table.loc["brightness", 5]["corrected"] < 0.01 and table.loc["brightness", 5]["lost"] == 0.5
    assert table.loc["gaussian_noise", 5]["corrected"] > 0.05


def test_other_data_that_is_darker_is_told_and_the_same_is_not() -> None:
    model = brightness_model()
    review = nbviz.review(model, Lights(), progress=False)
    dark = [(Image.eval(image, lambda value: value // 4), label) for image, label in Lights()]
    table = review.shift(against=dark).set_index("measure")
    assert table.loc["accuracy", "effect"] == pytest.approx(-0.5) and table.loc["accuracy", "corrected"] < 0.001
    assert table.loc["brightness", "effect"] < 0 and table.loc["feature 0", "corrected"] < 0.05
    twins = review, nbviz.review(model, dark, progress=False)
    gaps = [float((one.confidence - one.right).mean()) for one in twins]
    assert table.loc["overconfidence", ["here", "there", "effect"]].tolist() == pytest.approx(
        [*gaps, gaps[1] - gaps[0]]
    )
    assert gaps[1] > 0.3 and table.loc["overconfidence", "corrected"] < 0.001
    given = nbviz.review(model, Lights(), against=dark, progress=False)
    assert given.against is not None and given.shift(against=given.with_against(twins[1]).against).equals(
        table.reset_index()
    )
    with pytest.raises(NbvizError, match="against= is a review of another network"):
        given.with_against(nbviz.review(headless(), Lights(), progress=False))
    same = review.shift(against=Lights())
    assert (same["effect"] == 0).all() and (same["corrected"] > 0.9).all()


def headless() -> nbviz.InstrumentedModel:
    """No linear head: channels 0 and 1 are the red and green of a picture, channel 2 is 1 everywhere."""
    net = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    with torch.no_grad():
        net[0].weight.copy_(torch.diag(torch.tensor([1.0, 1.0, 0.0]))[:, :, None, None])
        net[0].bias.copy_(torch.tensor([0.0, 0.0, 1.0]))
    return nbviz.InstrumentedModel(net, lambda image: torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255)


def test_channels_of_any_layer_are_compared_and_a_network_needs_no_head() -> None:
    review = nbviz.review(headless(), Lights(), progress=False)
    redder = [(Image.merge("RGB", [image.getchannel(0).point(lambda v: v + 60), *image.split()[1:]]), label)
              for image, label in Lights()]  # fmt: skip
    table = review.shift(against=redder, layer="1", sample=None)
    assert table.attrs == {"layer": "1", "pictures": (60, 60)}
    channels = table.set_index("measure").loc[["channel 0", "channel 1", "channel 2"]]
    reds = [[float(np.asarray(image)[:, :, 0].mean() / 255) for image, _ in data] for data in (Lights(), redder)]
    np.testing.assert_allclose(channels.loc["channel 0", ["here", "there"]].tolist(), np.mean(reds, 1), rtol=1e-5)
    # the share of pairs in which the redder one is larger, less that in which it is smaller
    effect = np.sign(np.subtract.outer(reds[1], reds[0])).mean()
    assert channels["effect"].tolist() == [pytest.approx(effect), 0, 0]
    assert channels["corrected"].tolist() == [pytest.approx(0, abs=0.05), 1, 1]
    assert review.shift(against=redder, sample=10).attrs == {"layer": "2", "pictures": (10, 10)}
    with pytest.raises(UnknownName, match="Layer '9' is not in this model"):
        review.shift(against=redder, layer="9")
    with pytest.raises(NbvizError, match="pass against= as well"):
        review.shift(layer="1")


def test_halves_of_one_data_set_differ_in_nothing_at_the_rate_stated() -> None:
    """Of 200 splits of the same pictures, 40 channels each, 5 of 100 at most may show one beyond chance."""
    rng, shown = np.random.default_rng(0), 0
    for _ in range(200):
        values = np.maximum(rng.normal(size=(80, 40)) * rng.exponential(size=40), 0)
        tested = against._tested([""] * 40, values[:40], values[40:])
        shown += holm([row[-1] for row in tested]).min() < 0.05
    assert shown <= 18  # 10 expected; 18 or fewer with a probability of .994


def corner_model() -> nbviz.InstrumentedModel:
    """Says bright or dark from the left half; the right half counts for nothing."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 256, 2)).eval()
    weight = torch.zeros(3, 16, 16)
    weight[:, :, :8] = torch.linspace(0.5, 1.5, 16)[None, :, None] * 4 / 128
    with torch.no_grad():
        net[1].weight.copy_(torch.stack([-weight.flatten(), weight.flatten()]))
        net[1].bias.copy_(torch.tensor([1.0, -1.0]) * 12 * 80 / 255)
    return nbviz.InstrumentedModel(net, lambda image: torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255)


def test_maps_stay_alike_where_the_answer_holds_and_only_there() -> None:
    review = nbviz.review(corner_model(), Lights(), progress=False)
    table = review.shift(["brightness", "gaussian_noise"], sample=None, maps=24).set_index(["corruption", "severity"])
    for key, row in table.iterrows():
        name, severity = key
        if not severity:
            assert row["maps"] == 0 and np.isnan(row["alike"])
            continue
        held = 0
        for number in range(24):
            colours = np.asarray(Lights()[number][0], dtype=float).transpose(2, 0, 1) / 255
            changed = torch.from_numpy(corrupted(colours, str(name), severity, number))[None].float()
            held += int(review.model(changed).argmax()) == review.column("prediction")[number]  # type: ignore[misc]
        assert row["maps"] == held
    light = table.loc["gaussian_noise"]["alike"]
    assert light[1] > light[5] > table.attrs["alike_by_chance"] - 0.1 and light[1] > 0.7
    assert (table["alike_low"].dropna() <= table["alike"].dropna()).all()


def test_a_change_of_one_s_own_is_measured_and_one_that_fails_is_named() -> None:
    review, model = nbviz.review(brightness_model(), Lights(), progress=False), brightness_model()
    table = review.shift(own={"darker": lambda image: Image.eval(image, lambda value: value // 3)}, sample=None)
    assert table["severity"].tolist() == [0, 1] and set(table["corruption"]) == {"darker"}
    right = [
        int(model(torch.from_numpy(np.asarray(image) // 3).permute(2, 0, 1)[None] / 255).argmax()) == label
        for image, label in Lights()
    ]
    assert table["accuracy"].iloc[1] == np.mean(right) == 0.5 and table["corrected"].iloc[1] < 0.001
    both = review.shift(["jpeg"], own={"same": lambda image: image}, sample=20)
    assert both.groupby("corruption")["severity"].max().to_dict() == {"jpeg": 5, "same": 1}
    assert both.set_index("corruption").loc["same", "same"].tolist() == [1, 1]
    with pytest.raises(NbvizError, match="change 'crop' makes \\(4, 4\\) out of \\(16, 16\\)"):
        review.shift(own={"crop": lambda image: image.crop((0, 0, 4, 4))})
    with pytest.raises(NbvizError, match="change 'none' raised AttributeError"):
        review.shift(own={"none": lambda _: None})


def test_fog_over_a_small_picture_is_the_fog_over_a_large_one_seen_from_afar() -> None:
    """Its lengths are the picture's: at 28 pixels it is as strong as at 224, and as coarse beside the object."""
    for decay in (2.0, 1.4):
        large, small = (plasma(side, decay, np.random.default_rng(3)) for side in (224, 28))
        assert np.corrcoef(large[::8, ::8].ravel(), small.ravel())[0, 1] == pytest.approx(1)


def test_without_labels_it_says_how_many_answers_stay() -> None:
    review = nbviz.review(brightness_model(), [image for image, _ in Lights()], progress=False)
    table = review.shift(["contrast"], sample=20)
    assert table["accuracy"].isna().all() and table["same"].iloc[0] == 1 and set(table["pictures"]) == {20}


def test_a_review_without_its_pictures_says_so(tmp_path: object) -> None:
    nbviz.review(brightness_model(), Lights(), path=str(tmp_path), progress=False)
    from nbviz.reviews import load

    with pytest.raises(Refused, match="loaded without its network or data set"):
        load(str(tmp_path)).shift()
