"""Audits: what is drawn, who answered what, and figures by hand and by brute force."""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.errors import NbvizError, UnknownName
from nbviz.reviews.audits.agreement import agreement, combine, inside_of, pairs
from nbviz.reviews.audits.inside import measure_sample
from nbviz.reviews.audits.log import AuditLog
from nbviz.reviews.audits.sample import AuditSample, SampleGroup, draw
from nbviz.reviews.masks import mask_seen
from nbviz.reviews.statistics.intervals import share_of, wilson
from tests.reviews.test_review import review_of

RNG = np.random.default_rng(0)


def sample_of(**groups: tuple[int, tuple[int, ...]]) -> AuditSample:
    made = tuple(SampleGroup(name, size, items) for name, (size, items) in groups.items())
    return AuditSample("weights", "data", "saliency", 0, made)


def wrong_every(step: int, count: int = 600) -> nbviz.Review:
    """A review of five classes in which every ``step``-th answer is wrong."""
    labels = RNG.integers(0, 5, count)
    said = np.where(np.arange(count) % step, labels, (labels + 1) % 5)
    return review_of(4 * np.eye(5)[said], labels)


def test_half_of_what_is_drawn_is_wrong_and_every_class_is_there() -> None:
    review = wrong_every(6)
    sample = draw(review, 40)
    groups = {group.name: group for group in sample.groups}
    assert {name: len(group.items) for name, group in groups.items()} == {"wrong": 20, "right": 20}
    assert groups["wrong"].size == 100 and groups["right"].size == 500
    assert all(number % 6 == 0 for number in groups["wrong"].items)
    for group in groups.values():
        said, count = np.unique(review.column("prediction")[list(group.items)], return_counts=True)
        assert len(said) == 5 and count.max() <= 7
    assert draw(review, 40) == sample != draw(review, 40, seed=1)
    assert sorted(sample.items) == sorted(item for group in sample.groups for item in group.items) != sample.items
    assert AuditSample.from_json(json.loads(json.dumps(sample.to_json()))) == sample


def test_every_picture_of_a_group_is_drawn_as_often_as_another() -> None:
    review = wrong_every(4, 80)
    counts = np.zeros(80)
    for seed in range(600):
        for group in draw(review, 20, seed).groups:
            counts[list(group.items)] += 1
    wrong = np.arange(80) % 4 == 0
    assert counts[wrong].mean() == 300 and counts[~wrong].mean() == 100
    assert 230 < counts[wrong].min() and counts[wrong].max() < 370 and counts[~wrong].max() < 145


def test_few_wrong_few_pictures_and_no_labels() -> None:
    assert [len(group.items) for group in draw(wrong_every(300), 40).groups] == [2, 38]
    assert [len(group.items) for group in draw(wrong_every(2, 10), 40).groups] == [5, 5]
    (every,) = draw(review_of(np.eye(3)[np.arange(90) % 3], np.full(90, -1)), 12).groups
    assert every.name == "all" and len(every.items) == 12
    with pytest.raises(NbvizError, match="count= is a whole number of at least 1, not 0"):
        draw(wrong_every(3, 30), 0)


def test_agreement_by_hand() -> None:
    sample = sample_of(wrong=(10, (0, 1, 2, 3)), right=(90, (4, 5, 6, 7)))
    said = {0: "yes", 1: "no", 2: "no", 3: "can't tell", 4: "yes", 5: "yes", 6: "yes", 7: "no"}
    found = agreement(sample, said)
    assert found.value == pytest.approx(0.1 / 3 + 0.9 * 3 / 4)
    (a, b), (c, d) = wilson(1, 3), wilson(3, 4)
    assert found.low == pytest.approx(found.value - np.hypot(0.1 * (1 / 3 - a), 0.9 * (3 / 4 - c)))
    assert found.high == pytest.approx(found.value + np.hypot(0.1 * (b - 1 / 3), 0.9 * (d - 3 / 4)))
    assert np.isnan(agreement(sample, {4: "yes"}).value)


def test_one_group_is_wilson_and_the_interval_holds_its_level() -> None:
    one, low, high = combine([(50, share_of(7, 9))]), *wilson(7, 9)
    assert (one.low, one.high) == (pytest.approx(float(low)), pytest.approx(float(high)))
    rng, inside = np.random.default_rng(1), 0
    truth = 0.1 * 0.3 + 0.9 * 0.85
    for _ in range(1000):
        hits = rng.binomial(20, 0.3), rng.binomial(20, 0.85)
        found = combine([(10, share_of(hits[0], 20)), (90, share_of(hits[1], 20))])
        inside += found.low <= truth <= found.high
    assert 930 <= inside <= 985


def test_a_difference_is_beyond_chance_only_where_it_is() -> None:
    was, same, worse = share_of(18, 20), share_of(17, 20), share_of(4, 20)
    assert not same.less(was).beyond_chance and worse.less(was).beyond_chance
    assert worse.less(was).high < 0 and worse.less(was).value == pytest.approx(-0.7)


def test_answers_are_kept_with_who_and_when_and_the_last_one_counts(tmp_path: Path) -> None:
    log, sample = AuditLog(tmp_path / "new" / "audit.jsonl"), sample_of(all=(9, (1, 2, 3)))
    log.begin(sample)
    log.begin(sample)
    for answer in ("no", "yes"):
        log.answer(sample, 1, answer, "Ada <b>")  # type: ignore[arg-type]
    log.answer(sample, 2, "can't tell", "Ada <b>")
    log.answer(sample, 2, None, "Ada <b>")
    log.answer(sample, 2, "no", "Grace")
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["sample"] + ["answer"] * 5 and all("when" in line for line in lines)
    (found,) = AuditLog(log.path).read().values()
    assert found.sample == sample and found.answers == {"Ada <b>": {1: "yes"}, "Grace": {2: "no"}}
    other = AuditSample("weights", "data", "saliency", 1, sample.groups)
    log.begin(other)
    assert list(log.read()) == [sample.audit, other.audit]


def test_what_is_no_answer_is_refused(tmp_path: Path) -> None:
    log, sample = AuditLog(tmp_path / "audit.jsonl"), sample_of(all=(9, (1, 2, 3)))
    log.begin(sample)
    with pytest.raises(UnknownName, match="Answer 'yess' is not in an audit. Nearest: 'yes'"):
        log.answer(sample, 1, "yess", "Ada")  # type: ignore[arg-type]
    with pytest.raises(NbvizError, match="Item 7 is not in this audit's sample of 3"):
        log.answer(sample, 7, "yes", "Ada")
    with pytest.raises(NbvizError, match="keeps who answered"):
        log.answer(sample, 1, "yes", " ")
    with pytest.raises(NbvizError, match="is a folder"):
        AuditLog(tmp_path)


def test_a_line_cut_off_is_mended_and_a_foreign_one_is_named(tmp_path: Path) -> None:
    log, sample = AuditLog(tmp_path / "audit.jsonl"), sample_of(all=(9, (1, 2, 3)))
    log.begin(sample)
    log.answer(sample, 1, "yes", "Ada")
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + b'{"kind": "answ')
    assert log.read()[sample.audit].answers == {"Ada": {1: "yes"}}
    log.answer(sample, 2, "no", "Ada")
    assert log.read()[sample.audit].answers == {"Ada": {1: "yes", 2: "no"}} and log.path.read_bytes().startswith(whole)
    for line in ("[]", "x", '{"kind": "vote", "audit": "a"}', '{"kind": "answer", "audit": "none", "item": 1}'):
        log.path.write_bytes(whole + line.encode() + b"\n")
        with pytest.raises(NbvizError, match="Line 3 of .* is none of an audit's"):
            log.read()
    log.path.write_bytes(whole.replace(b'"format": 1', b'"format": 9'))
    with pytest.raises(NbvizError, match="format 9; this nbviz reads 1"):
        log.read()


def test_a_full_disk_says_so_and_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, sample = AuditLog(tmp_path / "audit.jsonl"), sample_of(all=(9, (1, 2, 3)))
    log.begin(sample)
    before = log.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(NbvizError, match="No space left on device.*make room and answer again"):
            log.answer(sample, 1, "yes", "Ada")
    assert log.path.read_bytes() == before


def test_two_people_s_kappa_is_by_hand(tmp_path: Path) -> None:
    log, sample = AuditLog(tmp_path / "audit.jsonl"), sample_of(all=(90, tuple(range(10))))
    log.begin(sample)
    for item in range(10):
        log.answer(sample, item, "yes" if item < 6 else "no", "Ada")
        log.answer(sample, item, "yes" if item < 5 or item == 9 else "no", "Grace")
    (found,) = pairs(log.read()[sample.audit])
    assert found.both == 10 and found.same.value == 0.8
    assert found.kappa == pytest.approx((0.8 - 0.52) / (1 - 0.52))  # both say yes to six, so chance is .36 + .16


class Halves(torch.utils.data.Dataset):
    """Noise; a bright square in the left or right half is the class. The mask is the square."""

    classes = ("left", "right")

    def __len__(self) -> int:
        return 40

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        if number >= len(self):
            raise IndexError(number)
        label = number % 2
        pixels = np.random.default_rng(number).integers(0, 40, (24, 32), dtype=np.uint8)
        pixels[8:16, 4 + 16 * label : 12 + 16 * label] = 250
        return Image.fromarray(pixels), label


def mask_of(number: int) -> np.ndarray:
    mask = np.zeros((24, 32), bool)
    mask[8:16, 4 + 16 * (number % 2) : 12 + 16 * (number % 2)] = True
    return mask


def halves_model(look: float = 1.0) -> nbviz.InstrumentedModel:
    """Half as large a picture; scores a half's brightness from ``look`` of it, and the rest from the upper edge."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(12 * 16, 2)).eval()
    weight = torch.zeros(2, 12, 16)
    for label in range(2):
        weight[label, 4:8, 2 + 8 * label : 6 + 8 * label] = look
        weight[label, 0, 8 * label : 8 * label + 8] = 1 - look
    with torch.no_grad():
        net[1].weight.copy_(weight.flatten(1))
        net[1].bias.zero_()

    def transform(image: Image.Image) -> torch.Tensor:
        small = image.convert("L").resize((16, 12), Image.Resampling.BOX)
        return torch.from_numpy(np.array(small)).float()[None] / 255

    return nbviz.InstrumentedModel(net, transform, ["left", "right"])


def test_masks_go_the_way_of_their_pictures_and_a_network_on_the_object_is_told_from_one_that_is_not(
    tmp_path: Path,
) -> None:
    figures = []
    for number, look in enumerate((1.0, 0.0)):
        review = nbviz.review(halves_model(look), Halves(), progress=False)
        sample, log = draw(review, 16, method="input_x_gradient"), AuditLog(tmp_path / f"{number}.jsonl")
        assert list(measure_sample(review, sample, mask_of, log)) == list(range(1, 17))
        figures.append(inside_of(log.read()[sample.audit]))
        assert review.model is not None
        box = (8.0, 4.0, 16.0, 12.0)
        seen = [mask_seen(review.model, review.items.read(0), truth, 0) for truth in (mask_of(0), box)]  # type: ignore[union-attr]
        assert seen[0].shape == (12, 16) and seen[0].sum() == 16 and torch.equal(*seen)
    on, off = figures
    assert on.count == off.count == 16 and on.covered.value == off.covered.value == pytest.approx(16 / 192)
    assert on.hit.value == 1 and on.inside.value == pytest.approx(1) and on.beyond.low > 0
    assert off.hit.value == 0 and off.inside.value == 0 and off.beyond.high < 0


def test_measures_of_one_group_alone_are_no_share_of_the_data_set(tmp_path: Path) -> None:
    groups = (SampleGroup("wrong", 2, (0, 2)), SampleGroup("right", 8, (1, 3, 5)))
    sample, log = AuditSample("w", "d", "saliency", 0, groups), AuditLog(tmp_path / "audit.jsonl")
    log.begin(sample)
    for item in (1, 3, 5):
        log.measure(sample, item, (1.0, 0.8, 0.1))
    half = inside_of(log.read()[sample.audit])
    assert half.count == 3 and np.isnan([*astuple(half.hit), *astuple(half.inside), *astuple(half.beyond)]).all()
    for item in (0, 2):
        log.measure(sample, item, (0.0, 0.3, 0.1))
    whole = inside_of(log.read()[sample.audit])
    assert whole.hit.value == pytest.approx(0.8) and whole.inside.value == pytest.approx(0.8 * 0.8 + 0.3 * 0.2)


def test_a_mask_of_another_size_and_one_of_nothing_are_refused() -> None:
    review = nbviz.review(halves_model(), Halves(), progress=False)
    assert review.model is not None and review.items is not None
    picture = review.items.read(0)
    with pytest.raises(NbvizError, match=r"The object of item 0 is a mask \(24, 32\).*not of shape \(5, 5\)"):
        mask_seen(review.model, picture, np.ones((5, 5)), 0)
    with pytest.raises(NbvizError, match="covers nothing"):
        mask_seen(review.model, picture, np.zeros((24, 32)), 0)
    assert mask_seen(review.model, picture, np.ones((24, 32)), 0).all()
