"""Laws of every registered measure, and a measure and a method as a newcomer writes them, in one cell each.

A new measure is under these laws by being registered.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import GeneratorType
from typing import Annotated, Any

import pytest
import torch

import nbviz
import tests.test_laws as laws
from nbviz.attribution.base import About, Attribution, _methods, register, result
from nbviz.errors import NbvizError
from nbviz.evaluation import MEASURES, Case, settle
from nbviz.evaluation.base import Steps, Verdict, scored
from nbviz.evaluation.registry import Measured, _measures, common, measure
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import ExplainRequest
from nbviz.session.requests.trust import Trust, TrustDetail
from tests.evaluation.rig import Constant, Linear, by, hand_made, picture
from tests.networks import build, state_hash
from tests.networks import picture as small

EVERY_MEASURE = pytest.mark.parametrize("name", MEASURES)
MEASURE_HOSTS = ("inplace", "drops", "writes", "hooked")


def _case(net: Any, x: torch.Tensor, name: str, explains: bool = True) -> Case:
    model, target, seen = InstrumentedModel(net), Target(1), as_picture(x)
    drawn = nbviz.attribute(model, seen, target, "saliency")
    truth = (2.0, 2.0, 9.0, 9.0)
    known = common(MEASURES[name], model, seen, target)
    return Case(model, seen, target, drawn, by("saliency") if explains else None, truth, known)


def _states(found: Measured) -> list[str]:
    figures = [f"{name} {value}" for name, value in found.figures.items()]
    return figures if found.verdict is None else [*figures, repr(found.verdict)]


@EVERY_MEASURE
def test_a_measure_is_described(name: str) -> None:
    one = MEASURES[name]
    assert one.sentence.endswith(".") and one.progress and one.name == name and one.cost >= 0


@EVERY_MEASURE
@pytest.mark.parametrize("host", MEASURE_HOSTS)
def test_a_measure_leaves_the_network_as_it_was_wherever_it_is_left(name: str, host: str) -> None:
    net = build(host)
    case = _case(net, small(), name)
    before = state_hash(net)
    count = sum(1 for _ in MEASURES[name].of(case))
    assert state_hash(net) == before
    for after in {0, 1, count // 2, max(0, count - 1)}:
        steps = MEASURES[name].of(case)
        for _, _ in zip(range(after), steps, strict=False):
            assert state_hash(net) == before
        steps.close()
        assert state_hash(net) == before and torch.is_grad_enabled()


@EVERY_MEASURE
def test_the_same_case_has_the_same_answer(name: str) -> None:
    case = _case(Linear(), picture(), name)
    torch.manual_seed(1)
    one = settle(MEASURES[name].of(case))
    torch.manual_seed(2)
    assert _states(settle(MEASURES[name].of(case))) == _states(one)


@EVERY_MEASURE
def test_of_a_score_that_depends_on_nothing_no_measure_says_anything_good(name: str) -> None:
    net = Constant()
    model, target, seen = InstrumentedModel(net), Target(1), as_picture(picture())
    nothing = hand_made(torch.zeros(28, 28, dtype=torch.float64))
    known = common(MEASURES[name], model, seen, target)
    found = settle(MEASURES[name].of(Case(model, seen, target, nothing, by("saliency"), (2.0, 2.0, 9.0, 9.0), known)))
    assert found.verdict is None or found.verdict.state == "can't tell"


@EVERY_MEASURE
def test_rows_are_named_alike_for_every_map(name: str) -> None:
    one, case = MEASURES[name], _case(Linear(), picture(), name)
    maps = [case.map, hand_made(torch.zeros(28, 28, dtype=torch.float64))]
    cases = [Case(case.model, case.picture, case.target, m, case.explain, case.truth, case.common) for m in maps]
    assert len({tuple(settle(one.of(each)).figures) for each in cases}) == 1


@pytest.fixture
def cells() -> Iterator[None]:
    """A newcomer's cells; what they registered is taken back."""
    methods, measures = dict(_methods), dict(_measures)
    yield
    for registry, before in ((_methods, methods), (_measures, measures)):
        registry.clear()
        registry.update(before)  # type: ignore[arg-type]


def _cell() -> None:
    @measure("half the score", verdict=True, cost=2, progress="hiding the lower half")
    def half(case: Case) -> Steps[Verdict]:
        """Whether the upper half of the picture has more of the map where it has more of the score."""
        x = case.model.input(case.picture)
        rows = x.shape[2] // 2
        upper, lower = x.clone(), x.clone()
        upper[:, :, rows:], lower[:, :, :rows] = 0, 0
        scores = torch.zeros(2)
        for scores in scored(case.model, case.target, lambda: iter([torch.cat([upper, lower])])):
            yield
        heat = case.map.heat(case.map.size)
        agree = bool(heat[:rows].sum() > heat[rows:].sum()) == bool(scores[0] > scores[1])
        return Verdict("half the score", "passed" if agree else "not passed", "The halves were compared.")

    @measure("spread")
    def spread(case: Case) -> float:
        """Share of the map's strength outside its strongest tenth."""
        strength = case.map.heat().abs().flatten()
        top = strength.topk(max(1, len(strength) // 10)).values
        return float(1 - top.sum() / strength.sum()) if strength.any() else float("nan")

    @register("Blurred gradient", "nobody 2026")
    def blurred_gradient(
        subject: Any, *, width: Annotated[int, About("Side of the square that is averaged.", 1, 9)] = 3
    ) -> Iterator[Attribution]:
        """Where the gradient is large, averaged over small squares."""
        _, gradient = subject.gradient(subject.x)
        pooled = torch.nn.functional.avg_pool2d(gradient.abs(), width | 1, 1, (width | 1) // 2)
        yield result(subject, gradient, pooled[0].amax(0))


def test_a_measure_from_a_cell_is_in_the_table_and_among_the_dots(cells: None) -> None:
    _cell()
    table = nbviz.compare(Linear(), {"one": picture()}, ["saliency"], target=1, progress=False)
    for name in ("half the score", "spread"):
        rows = table[table["measure"] == name].set_index("method")["value"]
        assert set(rows.index) == {"saliency", "random", "edges", "centre"}
    assert (table[table["measure"] == "spread"]["value"].between(0, 1)).all()
    assert set(table[table["measure"] == "half the score"]["value"]) <= {0.0, 1.0}
    request = ExplainRequest(as_picture(picture()), Target(1), "saliency", None)
    context = LiveContext(InstrumentedModel(Linear()))
    answers = list(context.answers(Trust(request)))
    assert answers[-1].verdicts["half the score"].state in ("passed", "not passed")
    assert "hiding the lower half" in {answer.progress for answer in answers}
    value, sentence = context.answer(TrustDetail(request)).figures["spread"]
    assert 0 < value < 1 and sentence.startswith("Share of the map's strength")


@pytest.mark.parametrize("name", ["half the score", "spread"])
def test_a_measure_from_a_cell_passes_the_laws(cells: None, name: str) -> None:
    _cell()
    test_a_measure_is_described(name)
    test_a_measure_leaves_the_network_as_it_was_wherever_it_is_left(name, "inplace")
    test_the_same_case_has_the_same_answer(name)
    test_rows_are_named_alike_for_every_map(name)


def test_a_method_from_a_cell_passes_the_laws(cells: None) -> None:
    _cell()
    method = "blurred_gradient"
    laws.test_every_method_is_described(method)
    laws.test_shapes_facts_and_sign(method)
    laws.test_a_network_that_raises_is_left_as_it_was(method, 7)
    laws.test_a_target_or_an_option_that_fails_leaves_the_network_as_it_was(method)
    laws.test_closing_a_method_anywhere_leaves_the_network_as_it_was(method)
    laws.test_partials_rise_to_done_and_the_last_one_is_final(method)
    laws.test_the_same_request_has_the_same_answer(method, "inplace")
    laws.test_a_constant_network_gives_zero_and_says_so(method, False)
    with pytest.raises(NbvizError, match="^width lies between 1 and 9, not 0.$"):
        nbviz.attribute(build("inplace"), small(), 1, method, width=0)
    table = nbviz.compare(Linear(), [picture()], [method], target=1, measures="converged", progress=False)
    assert method in set(table["method"])


def test_what_a_measure_may_return_and_what_not(cells: None) -> None:
    def of(found: Any, **about: Any) -> Measured:
        @measure("odd", **about)
        def odd(case: Case) -> Any:
            """Something odd."""
            return found

        return settle(MEASURES["odd"].of(_case(Linear(), picture(), "odd")))

    assert of(0.5).figures == {"odd": 0.5}
    assert of(True).figures == {"odd": 1.0}
    assert str(of(None).figures["odd"]) == "nan"
    assert of({"a": 1, "b": (1, 0, 2)}).figures == {"a": 1.0, "b": (1.0, 0.0, 2.0)}
    with pytest.raises(NbvizError, match="Measure 'odd' returns a number"):
        of("much")
    with pytest.raises(NbvizError, match="registered as a verdict and returned 0.5"):
        of(0.5, verdict=True)
    with pytest.raises(NbvizError, match="needs a docstring"):
        measure("bare")(lambda case: 1.0)
    assert not any(isinstance(one.run, GeneratorType) for one in MEASURES.values())


@pytest.mark.parametrize("value", [None, 3, float("nan"), True, b"saliency", torch.tensor(3), [3], object()])
def test_what_names_no_methods_or_measures_is_refused(value: Any) -> None:
    net = build("eval")
    with pytest.raises(NbvizError, match="methods= is a name, or a list of names, not"):
        nbviz.compare(net, picture(), value, progress=False)
    if value is not None:  # left out, they are those asked by default
        with pytest.raises(NbvizError, match="measures= is a name, or a list of names, not"):
            nbviz.compare(net, picture(), ["saliency"], measures=value, progress=False)
    with pytest.raises(NbvizError, match=r"methods= has for 'mine' a name, or \(name, options\), not"):
        nbviz.compare(net, picture(), {"mine": value}, progress=False)
    with pytest.raises(NbvizError, match="A method is given by its name"):
        nbviz.attribute(net, picture(), 0, value)
