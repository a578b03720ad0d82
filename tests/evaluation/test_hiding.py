"""Hiding: closed forms on a linear network, and what can't be told."""

from __future__ import annotations

import pytest
import torch

from nbviz.attribution.baselines import blurred
from nbviz.evaluation import Hidings, hiding, hidings
from nbviz.evaluation.maps import BLUR, cell_of, cell_sums
from nbviz.evaluation.measures.hiding import CELLS, MASKS, PROBABILITY, _copies, _partial, _weighted, compared, masks
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from tests.bench.trust_tables import smooth
from tests.evaluation.rig import SIZE, Constant, Linear, hand_made, picture


def hidden(net: torch.nn.Module | None = None, target: int = 1) -> Hidings:
    return list(hidings(InstrumentedModel(net or Linear()), picture(), Target(target)))[-1]


def exact(target: int = 1) -> torch.Tensor:
    """What each value adds to the linear score when it is shown instead of hidden."""
    x = picture()
    weight = Linear().weight.detach()[target].view(1, 3, SIZE, SIZE)
    return weight * (x - blurred(x, BLUR * SIZE))


def test_the_exact_map_of_a_linear_score_passes() -> None:
    verdict = hiding(hidden(), hand_made(exact()))
    assert verdict.state == "passed"
    assert verdict.figures["r"] == pytest.approx(1, abs=1e-9)
    assert verdict.figures["p"] == 1 / 392
    assert verdict.figures["reach"] > 0.99


def test_scores_are_those_of_the_masked_pictures() -> None:
    found, x = hidden(), picture()
    rows = cell_of(SIZE, CELLS)
    mask = found.masks[5][rows][:, rows]
    wanted = Linear()(torch.where(mask > 0, x, blurred(x, BLUR * SIZE)))[0, 1]
    assert float(found.scores[5]) == pytest.approx(float(wanted.detach()), abs=1e-9)
    assert len(found.scores) == MASKS and found.masks.mean() == pytest.approx(PROBABILITY, abs=0.02)
    assert torch.equal(masks((CELLS, CELLS)), found.masks)


def test_maps_that_know_nothing_hardly_ever_pass() -> None:
    found = hidden()
    verdicts = [compared(found, smooth(found.cells, 0.7, seed)) for seed in range(60)]
    assert sum(verdict.state == "passed" for verdict in verdicts) <= 0.08 * 60
    assert sum(verdict.figures["p"] < 0.05 for verdict in verdicts) <= 0.15 * 60


def test_a_shuffled_a_reversed_and_a_wrong_class_map_do_not_pass() -> None:
    found, right = hidden(), exact()
    shuffled = right.flatten()[torch.randperm(right.numel(), generator=torch.Generator().manual_seed(0))]
    for wrong in (shuffled.view_as(right), -right, exact(3)):
        verdict = hiding(found, hand_made(wrong))
        assert verdict.state == "not passed"
        assert "nor that it is wrong" in verdict.sentence


def test_a_control_does_not_beat_itself_and_is_named() -> None:
    found = hidden()
    cells = cell_sums(exact().sum((0, 1)), found.size, found.cells)
    for name, words in (("edges", "plain edges predict the"), ("centre", "a blob in the centre predicts the")):
        rivals = {**found.controls, name: cells}
        verdict = compared(Hidings(found.masks, found.scores, rivals, found.size), cells * 3)
        assert verdict.state == "not passed" and words in verdict.sentence
        assert verdict.figures[f"ahead of {name}"] == 0


def test_what_can_not_be_told() -> None:
    found = hidden()
    zero = torch.zeros(SIZE, SIZE, dtype=torch.float64)
    for judged, words in (
        (hand_made(zero), "zero everywhere"),
        (hand_made(zero + 1), "same everywhere"),
        (hand_made(zero / 0), "not finite"),
    ):
        verdict = hiding(found, judged)
        assert verdict.state == "can't tell" and words in verdict.sentence
    flat = hiding(hidden(Constant()), hand_made(exact()))
    assert flat.state == "can't tell" and "stays the same" in flat.sentence


def test_a_score_that_no_sum_of_parts_predicts_tests_no_map() -> None:
    found = hidden()
    noise = torch.randn(MASKS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    verdict = hiding(Hidings(found.masks, noise, found.controls, found.size), hand_made(exact()))
    assert verdict.state == "can't tell" and verdict.figures["reach"] < 0.3


def test_the_number_kept_is_partialled_out() -> None:
    found = hidden()
    count = found.masks.sum((1, 2))
    only_count = Hidings(found.masks, 5 * count + 0.01 * found.scores, found.controls, found.size)
    one, other = (compared(h, cell_sums(exact().sum((0, 1)), h.size, h.cells)) for h in (found, only_count))
    assert one.figures["r"] == pytest.approx(other.figures["r"], abs=1e-9)


def test_copies_are_all_different_and_the_map_comes_first() -> None:
    cells = torch.rand(7, 7, generator=torch.Generator().manual_seed(0))
    copies = _copies(cells)
    assert torch.equal(copies[0], cells)
    assert len({tuple(copy.flatten().tolist()) for copy in copies}) == 392
    assert torch.allclose(copies.sum((1, 2)), cells.sum().expand(392))


def test_weighted_correlations_are_those_of_the_resampled_masks() -> None:
    generator = torch.Generator().manual_seed(0)
    y, n, p = torch.randn(3, 40, generator=generator, dtype=torch.float64)
    drawn = torch.randint(40, (40,), generator=generator)
    weights = torch.bincount(drawn, minlength=40).double()[None] / 40
    wanted = _partial(y[drawn], p[drawn][:, None], n[drawn])
    assert torch.allclose(_weighted(torch.stack([y, n, p]), weights)[0], wanted, atol=1e-12)


def test_partial_answers_and_a_picture_smaller_than_its_cells() -> None:
    model = InstrumentedModel(Linear(size=5))
    answers = list(hidings(model, picture(size=5), Target(0)))
    assert [round(a.done * MASKS) for a in answers] == [len(a.scores) for a in answers]
    assert answers[-1].cells == (5, 5) and answers[-1].done == 1
