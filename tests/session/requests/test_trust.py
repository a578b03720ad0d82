"""Verdicts as a request: what arrives when, what is shared, and that it can be left anywhere."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.comparison import CONTROLS, compare
from nbviz.evaluation.registry import verdicts
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import ExplainRequest
from nbviz.session.requests.trust import Common, Trust, TrustDetail
from tests.evaluation.rig import Constant, Linear, picture
from tests.networks import NETWORKS, build, state_hash
from tests.networks import picture as small

NAMES = [one.name for one in verdicts()]
PICTURE = as_picture(picture())


def trust(method: str = "input_x_gradient", target: Target | None = None) -> Trust:
    return Trust(ExplainRequest(PICTURE, Target(1) if target is None else target, method, None))


def test_verdicts_arrive_one_by_one_and_the_last_answer_has_all() -> None:
    answers = list(LiveContext(InstrumentedModel(Linear())).answers(trust()))
    counts = [len(answer.verdicts) for answer in answers]
    assert counts == sorted(counts) and set(range(5)) - {0} <= set(counts)
    assert set(answers[-1].verdicts) == set(NAMES)
    assert all(answer.done < 1 and answer.progress for answer in answers[:-1])
    assert answers[-1].done == 1 and not answers[-1].progress
    # answers shown earlier are not changed by later ones
    assert counts == [len(answer.verdicts) for answer in answers]


def test_hidden_pictures_are_shared_by_all_maps_of_a_class() -> None:
    context = LiveContext(InstrumentedModel(Linear()))
    one = context.answer(trust())
    hidden = context.known(Common(PICTURE, Target(1), "hiding"))
    assert hidden is not None
    context.answer(trust("saliency"))
    assert context.known(Common(PICTURE, Target(1), "hiding")) is hidden
    assert context.known(ExplainRequest(PICTURE, Target(1), "input_x_gradient", None, ())) is not None
    assert context.answer(trust()) is one


def test_predicted_is_settled_before_weights_are_redrawn() -> None:
    model = InstrumentedModel(Linear())
    index = model.predict(PICTURE, 1)[0][1]
    by_index, predicted = (LiveContext(model).answer(trust(target=t)) for t in (Target(index), Target()))
    for name in NAMES:
        assert by_index.verdicts[name] == predicted.verdicts[name]


def test_sentences_name_what_was_not_passed_first() -> None:
    answer = LiveContext(InstrumentedModel(Constant())).answer(trust())
    assert {verdict.state for verdict in answer.verdicts.values()} == {"can't tell"}
    assert len(answer.sentences) == 4
    integrated = LiveContext(InstrumentedModel(Linear())).answer(trust("integrated_gradients"))
    states = [v.state for s in integrated.sentences for v in integrated.verdicts.values() if v.sentence == s]
    assert states == sorted(states, reverse=True) and "passed" not in states


@pytest.mark.parametrize("name", ["inplace", "drops", "writes", "shared", "weight_norm", "dict"])
def test_leaving_at_any_yield_leaves_the_network_as_it_was(name: str) -> None:
    net, seen = build(name), as_picture(small())
    model = InstrumentedModel(net)
    model.predict(seen)
    before = state_hash(net)
    request = Trust(ExplainRequest(seen, Target(), "grad_cam", None))
    count = sum(1 for _ in LiveContext(model).answers(request))
    assert state_hash(net) == before
    for after in [*range(4), *range(4, count, 7), count - 2, count - 1]:
        answers = LiveContext(model).answers(request)
        for _ in range(after):
            next(answers)
        answers.close()
        assert state_hash(net) == before
        assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gets_verdicts_and_details(name: str) -> None:
    net = build(name)
    seen = as_picture(small(dtype=torch.float64 if name == "float64" else torch.float32))
    before = state_hash(net)
    context = LiveContext(InstrumentedModel(net))
    asked: tuple[Any, ...] = (seen, Target(2), "saliency", None, ())
    assert set(context.answer(Trust(ExplainRequest(*asked))).verdicts) == set(NAMES)
    assert context.answer(TrustDetail(ExplainRequest(*asked))).done == 1
    assert state_hash(net) == before


def test_compare_is_tidy_and_has_the_controls() -> None:
    images = {"one": picture(0), "two": picture(1)}
    methods = {"saliency": ("saliency", {}), "ig": ("integrated_gradients", {"tolerance": 0.3})}
    table = compare(Linear(), images, methods, progress=False, truth={"one": (0.0, 0.0, 14.0, 14.0)})
    assert list(table.columns) == ["picture", "target", "method", "measure", "value", "low", "high"]
    assert set(table["method"]) == {"saliency", "ig", "random", "edges", "centre"}
    assert not table.duplicated(["picture", "method", "measure"]).any()
    everywhere = {"deletion", "insertion", "hiding r", "hiding p", "hiding"}
    for _, rows in table.groupby(["picture", "method"]):
        assert everywhere <= set(rows["measure"])
    assert set(table[table["measure"] == "pointing"]["picture"]) == {"one"}
    r = table[table["measure"] == "hiding r"]
    assert ((r["low"] <= r["value"]) & (r["value"] <= r["high"])).all()
    summary = nbviz.evaluation.summary(table, against="edges")
    assert set(summary["method"]) == {"saliency", "ig", "random", "centre"}
    ahead = summary[(summary["method"] == "ig") & (summary["measure"] == "insertion")].iloc[0]
    of = table[table["measure"] == "insertion"].pivot(index="picture", columns="method", values="value")
    assert ahead["mean"] == pytest.approx((of["ig"] - of["edges"]).mean())
    assert ahead["low"] <= ahead["mean"] <= ahead["high"] and ahead["pictures"] == 2


def test_controls_may_be_asked_for_by_name() -> None:
    images, truth = {"one": picture()}, {"one": (0.0, 0.0, 9.0, 9.0)}
    asked = partial(compare, Linear(), images, measures="pointing", truth=truth, progress=False)
    named, bare = (table[table.measure != "seconds"] for table in map(asked, [[*CONTROLS, "saliency"], ["saliency"]]))
    assert set(named.method) == {"saliency", *CONTROLS}
    assert named.equals(bare)


def test_compare_says_what_it_can_not_do() -> None:
    with pytest.warns(UserWarning, match="guided_backprop is left out: .*ReLU") as caught:
        table = compare(Linear(), [picture()], ["guided_backprop", "saliency"], measures="converged", progress=False)
    assert set(table["method"]) == {"saliency"}
    assert [warning.filename for warning in caught] == [__file__]  # the line that asked, not its caller's
    # a network without places refuses maps of a layer, and the others are compared
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4)).eval()
    with pytest.warns(UserWarning, match="grad_cam is left out: No layer of Sequential has an output with places"):
        table = compare(flat, [torch.rand(3, 8, 8)], ["grad_cam", "saliency"], measures="converged", progress=False)
    assert set(table["method"]) == {"saliency"}
    with pytest.raises(nbviz.NbvizError, match="Nearest: 'saliency'"):
        compare(Linear(), [picture()], ["salency"])
    with pytest.raises(nbviz.NbvizError, match="Nearest: 'curves'"):
        compare(Linear(), [picture()], ["saliency"], measures=["curve"])
    with pytest.raises(nbviz.NbvizError, match="control's name"):
        compare(Linear(), [picture()], {"edges": ("saliency", {})})
