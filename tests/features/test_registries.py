"""Laws of every registered objective and regulariser, a newcomer's own among them; and of the keys they are kept by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import tests.features.own_objective
import tests.features.own_regulariser  # noqa: F401
from nbviz.errors import NbvizError, UnknownName
from nbviz.features import (
    OBJECTIVES,
    REGULARISERS,
    Objective,
    Recipe,
    cached_page,
    making,
    objective,
    regulariser,
    visualize,
)
from nbviz.features.objectives import base as objectives
from nbviz.features.regularisers import base as regularisers
from nbviz.features.regularisers.blur import blur
from nbviz.model.instrumented import InstrumentedModel
from tests.features.test_visualize import _high_frequencies, small
from tests.networks import SIZE, build, state_hash

LAYER = "3"
# arguments of the kinds that are not made by channel
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "direction": (LAYER, [1.0, -1.0, 0, 0, 0, 0, 0, 0]),
    "logit": (build("plain").eval(), 2),
    "energy": (LAYER,),
    "likeness": (LAYER, torch.linspace(0, 1, 8 * 16).view(8, 4, 4)),
    "sameness": (LAYER, torch.linspace(0, 1, 8 * 16).view(8, 4, 4)),
}
STRENGTHS = {"jitter": 3, "rotate": 15, "scale": 1.3}


def asked(kind: str) -> Objective:
    return OBJECTIVES[kind].make(*ARGUMENTS.get(kind, (LAYER, 1)))


def switched_on(name: str) -> dict[str, float]:
    """A regulariser's options, on; the usual warps off."""
    off = {"jitter": 0, "rotate": 0, "scale": 1}
    return off | {option.name: STRENGTHS.get(option.name, 0.8) for option in REGULARISERS[name].options}


def lawful(make: Callable[[Any], Tensor]) -> None:
    net = build("plain").eval()
    model = small()
    model.trace()
    first, again = make(model), make(model)
    assert torch.equal(first, again) and first.isfinite().all()
    assert float(first.min()) >= 0 and float(first.max()) <= 1 and first.dtype == torch.float32
    before = state_hash(net)
    make(net)
    assert state_hash(net) == before


@pytest.mark.parametrize("kind", list(OBJECTIVES))
def test_every_objective(kind: str) -> None:
    assert OBJECTIVES[kind].sentence
    lawful(lambda model: visualize(model, LAYER, asked(kind), steps=4, size=SIZE, path=False))
    pages = list(making(small(), LAYER, asked(kind), steps=40, size=SIZE, path=False))
    assert pages[-1].rise[0, -5:].mean() > pages[-1].rise[0, :3].mean()


@pytest.mark.parametrize("name", list(REGULARISERS))
def test_every_regulariser(name: str) -> None:
    on = switched_on(name)
    lawful(lambda model: visualize(model, LAYER, 1, steps=4, size=SIZE, path=False, **on))
    off = {key: 1 if key == "scale" else 0 for key in on}
    with_it, without = (visualize(small(), LAYER, 1, steps=8, path=False, **values) for values in (on, off))
    assert not torch.equal(with_it, without)


def test_a_kind_of_one_s_own_is_asked_for_by_channel_and_kept_on_disk(tmp_path: Path) -> None:
    model = small()
    pictures = visualize(model, LAYER, [1, 2], objective="contrast", steps=4, path=tmp_path)
    (page,) = making(model, LAYER, [1, 2], objective="contrast", steps=4, seed=0, path=tmp_path)
    assert page.facts["kept"] == 2 and torch.equal(page.pictures, pictures)
    assert not torch.equal(pictures, visualize(model, LAYER, [1, 2], steps=4, path=False))
    for wrong, words in (("contrst", "Nearest: 'contrast'"), ("energy", "'channel', 'contrast', 'neuron'|channel by")):
        with pytest.raises(NbvizError, match=words):
            visualize(model, LAYER, 1, objective=wrong)


def test_an_option_of_one_s_own_is_checked_as_a_recipe_s() -> None:
    with pytest.raises(NbvizError, match="even= is a number of at least 0 and at most 1, not 2"):
        visualize(small(), LAYER, 1, even=2)
    with pytest.raises(TypeError, match="did you mean 'even'"):
        visualize(small(), LAYER, 1, evne=1)
    assert Recipe(even=1).even == 1.0 and Recipe().even == 0.0


@pytest.fixture
def registries() -> Iterator[None]:
    """The registries, put back as they were."""
    before = dict(objectives._kinds), dict(regularisers._regularisers)
    yield
    for registry, entries in zip((objectives._kinds, regularisers._regularisers), before, strict=True):
        registry.clear()
        registry.update(entries)  # type: ignore[arg-type]


@pytest.mark.usefixtures("registries")
def test_a_new_regulariser_renames_no_picture(tmp_path: Path) -> None:
    visualize(small(), LAYER, [0, 1], steps=4, path=tmp_path)
    keys = [Recipe().key, Recipe(size=32, blur=1.0).key]

    @regulariser("gradient")
    def halved(gradient: Tensor, *, halved: float = 0.0) -> Tensor:
        """Take a share of the gradient off."""
        return gradient * (1 - halved)

    assert [Recipe().key, Recipe(size=32, blur=1.0).key] == keys
    assert cached_page(small(), LAYER, [0, 1], steps=4, seed=0, path=tmp_path) is not None
    assert cached_page(small(), LAYER, [0, 1], steps=4, seed=0, halved=0.5, path=tmp_path) is None


def test_a_key_holds_what_differs_from_the_usual_recipe_and_nothing_else() -> None:
    assert Recipe().key == ()
    assert Recipe(size=32, jitter=0, scale=1.1).key == (("jitter", 0.0), ("size", 32))
    assert Recipe(jitter=8).key == Recipe(jitter=8.0).key == Recipe().key
    assert Recipe(diversity=1.0).key == () and Recipe(diversity=1.0, facets=2).key != Recipe(facets=2).key
    assert len({Recipe(**{name: value}).key for name in ("blur", "gray", "total_variation") for value in (1, 2)}) == 6


def define(code: str, **names: Any) -> Any:
    """A notebook cell that is run."""
    cell = {"__name__": "__main__", **names}
    exec(code, cell)
    return cell


@pytest.mark.usefixtures("registries")
def test_changed_code_makes_a_picture_anew() -> None:
    cell = """
from nbviz.features import Objective, objective
def square(x): return x ** POWER
@objective
def energetic(layer, index):
    "Mean power of a channel."
    return Objective(f"power of {index}", (layer,), lambda says: square(says[layer][index]).mean())
"""
    keys = [define(text, POWER=power)["energetic"](LAYER, 1).key
            for text, power in ((cell, 2), (cell, 2), (cell, 4), (cell.replace("mean()", "sum()"), 2),
                                (cell.replace("x **", "-x **"), 2))]  # fmt: skip
    assert keys[0] == keys[1] and len(set(keys)) == 4 and None not in keys
    assert define(cell, POWER=torch.ones(()))["energetic"](LAYER, 1).key is None


@pytest.mark.usefixtures("registries")
def test_what_can_be_no_regulariser_or_objective_is_refused() -> None:
    def taken(gradient: Tensor, *, size: float = 0.0) -> Tensor:
        """Collides with a recipe's own field."""
        return gradient * size

    def nothing(gradient: Tensor) -> Tensor:
        """Has no option to switch it off."""
        return gradient

    def silent(gradient: Tensor, *, silent: float = 0.0) -> Tensor:
        return gradient * silent

    for run, words in (
        (taken, "an option 'size', which a recipe has already"),
        (nothing, "needs keyword-only options that are numbers"),
        (silent, "'silent' needs a docstring"),
    ):
        with pytest.raises(NbvizError, match=words):
            regulariser("gradient")(run)
    with pytest.raises(NbvizError, match="'penalty', 'gradient', 'warp', not 'noise'"):
        regulariser("noise")  # type: ignore[arg-type]
    with pytest.raises(NbvizError, match="'<lambda>' needs a docstring"):
        objective(lambda layer: Objective("", (layer,), lambda says: says[layer].mean()))


def test_blur_of_a_point_is_a_gaussian_and_of_what_is_even_nothing() -> None:
    point = torch.zeros(1, 1, 41, 41)
    point[..., 20, 20] = 1
    places = torch.arange(41.0) - 20
    gaussian = torch.exp(-places.square() / (2 * 2.5**2))
    gaussian /= gaussian.sum()
    blurred = blur(point, blur=2.5)[0, 0]
    assert torch.allclose(blurred, gaussian[:, None] * gaussian[None], atol=1e-3)
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-5)
    even = torch.full((2, 3, 5, 9), 0.7)
    assert torch.allclose(blur(even, blur=30.0), even, atol=1e-6)


def test_a_page_is_blurred_picture_by_picture() -> None:
    pictures = torch.rand(3, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    assert torch.equal(blur(pictures, blur=1.5)[1:2], blur(pictures[1:2], blur=1.5))


def test_more_blur_leaves_less_of_high_frequencies() -> None:
    pixels: dict[str, Any] = {"parametrisation": "pixel", "jitter": 0, "scale": 1, "rotate": 0, "path": False}
    shares = [_high_frequencies(visualize(small(), LAYER, 1, blur=sigma, **pixels)) for sigma in (0, 0.7, 1.5, 3)]
    assert shares == sorted(shares, reverse=True) and shares[-1] < 0.3 * shares[0]


def test_unknown_kinds_are_told_from_objectives_that_exist() -> None:
    with pytest.raises(UnknownName, match="is not in nbviz"):
        visualize(small(), LAYER, 1, objective="zzzz")


def test_an_instrumented_model_is_no_key() -> None:
    """What can't be told from another is not kept."""

    model = InstrumentedModel(build("plain"))
    made = objectives.objective(_of_model)
    try:
        assert made(model).key is None
    finally:
        objectives._kinds.pop("_of_model")


def _of_model(model: InstrumentedModel) -> Objective:
    """An objective made of an object."""
    return Objective(model.name, (LAYER,), lambda says: says[LAYER].mean())
