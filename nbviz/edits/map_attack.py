"""Attack on the map: a change that no one sees gives the map of another picture, while the answer stays.

Dombrowski et al. 2019 (arXiv:1906.07983). Steps follow the gradient of the map's likeness to the wanted one, beside a
term that keeps the scores. A network of ReLUs has no second derivative to follow, so while the steps are taken each of
them is a softplus, and fused attention is written out; the result is judged on the real network, as an 8-bit file holds
the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from nbviz.attribution import Attribution, attribute
from nbviz.edits.attack import Attack, scores_of
from nbviz.edits.rgb import Rgb, picture_of
from nbviz.errors import NbvizError, Refused, unknown
from nbviz.model.brief import ModelLike
from nbviz.model.edit import without_picture_edits
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.picture import PictureLike
from nbviz.replica.gradients import grad
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import Arguments, Keywords, RawOutput

METHODS = ("saliency", "input_x_gradient")
"""Methods whose map can be attacked: those that are one gradient."""
BETAS = (10.0, 100.0)
"""Sharpness of the softplus, from the first step to the last: at infinity it is a ReLU."""
SHOWN = 10
"""Steps from one judgement to the next."""
KEEP = 1.0
"""Weight of the scores' change beside the map's distance."""
_STRAIGHT = (
    "No second gradient leads from this network's scores to the picture: its map is the same for every picture, or its "
    "forward detaches, so that no steps can lead the map elsewhere."
)
_ONCE = (
    "The map can't be led: the steps need a second gradient, and an operation of this network has a first one only "
    "({}). Attack the answer instead, or explain another network."
)
RELUS = (functional.relu, functional.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_)
RELU6S = (functional.relu6, functional.hardtanh, functional.hardtanh_)


class Softplus(TorchFunctionMode):
    """Mode in which every ReLU and ReLU6 that is called is a softplus of some sharpness, and attention is not fused."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.beta = beta

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Arguments = (),
        kwargs: Keywords | None = None,
    ) -> RawOutput:
        kwargs = kwargs or {}
        x: RawOutput = args[0] if args else kwargs.get("input")
        if func in RELUS:
            return functional.softplus(x, self.beta)
        if func in RELU6S:
            low, high = (0.0, 6.0) if func is functional.relu6 else _limits(*args[1:], **kwargs)
            return low + functional.softplus(x - low, self.beta) - functional.softplus(x - high, self.beta)
        if func is functional.scaled_dot_product_attention:
            # the fused kernels have no second derivative
            return torch._scaled_dot_product_attention_math(*args, **kwargs)[0]  # noqa: SLF001 - public nowhere
        return func(*args, **kwargs)


def _limits(min_val: float = -1.0, max_val: float = 1.0, *_: object, **__: object) -> tuple[float, float]:
    return min_val, max_val


@dataclass(frozen=True, eq=False)
class MapAttacked:
    """Picture whose map was attacked, and how it was judged on the real network."""

    method: str
    picture: Image.Image
    """The attacked picture as the network saw it, 8 bit."""
    original: Image.Image
    before: list[tuple[str, int, float, float]]
    """Prediction for the original, as ``model.predict`` gives it."""
    after: list[tuple[str, int, float, float]]
    """Prediction for the attacked picture."""
    maps: Mapping[str, Attribution]
    """``"before"`` and ``"after"``, for the class predicted before; ``"noisy"`` with noise of the same size."""
    wanted: Tensor
    """(H, W): the map that it was led to."""
    like: Image.Image | None
    """The picture whose map is wanted, as the network saw it; None where a map was given."""
    likeness: Mapping[str, float]
    """Correlation of ``"before"``, ``"after"`` and ``"noisy"`` with the wanted map; ``"own"`` is after with before, and
    ``"own noisy"`` its control.
    """
    largest: float
    """Grey levels by which a pixel moved at most."""
    done: float = 1.0

    @property
    def stays(self) -> bool:
        """True if the network's answer is the same."""
        return self.before[0][1] == self.after[0][1]

    def __repr__(self) -> str:
        alike = self.likeness
        return (
            f"MapAttacked({self.before[0][0]} {self.before[0][2]:.2f} → {self.after[0][0]} {self.after[0][2]:.2f}, "
            f"likeness to the wanted map {alike['before']:.2f} → {alike['after']:.2f})"
        )


def map_attack(
    model: ModelLike,
    image: PictureLike,
    like: PictureLike,
    method: str = "saliency",
    size: float = 4.0,
    steps: int = 40,
) -> MapAttacked:
    """Change a picture so that its map is another picture's, and the prediction stays.

    model: any ``nn.Module`` or an :class:`InstrumentedModel`; it is left untouched. image: a picture. like: another
    picture, whose map is wanted, or a map (H, W) of the network's input. method: ``"saliency"`` or
    ``"input_x_gradient"``. size: grey levels of 255 by which a pixel may move. Raises NbvizError where it can't be
    done.
    """
    model, answer = InstrumentedModel.ensure(model), None
    for answer in attacking_map(model, image, like, method, size, steps):
        pass
    assert answer is not None
    return answer


def attacking_map(
    model: InstrumentedModel, image: PictureLike, like: PictureLike, method: str, size: float, steps: int
) -> Iterator[MapAttacked]:
    """Yield the attack so far, judged, a few times; see :func:`map_attack`."""
    if method not in METHODS:
        raise unknown("Method", method, METHODS, "attacks on maps")
    limits = Attack("pgd", size, steps=steps)  # checks size and steps
    x = model.input(image)
    rgb, goal = Rgb.of(model, x), wanted_map(model, like, method, x)
    other = None if _is_map(like) else picture_of(rgb.colours(model.input(like)))
    judge, colours = _Judge(model, rgb, x, goal, other, method, limits), rgb.colours(x)
    label = judge.before[0][1]
    now, far = colours.clone(), limits.size / 255
    for step in range(steps):
        part = (step + 1) / steps
        # soft first, where far-off maps pull; sharp last, where the map is nearly that of the real network
        beta = BETAS[0] * (BETAS[1] / BETAS[0]) ** part
        gradient = model.guest.steady(_gradient(model, rgb, now, colours, goal, label, method, beta))
        # shorter and shorter: long steps at the end leave the map where the last one threw it
        stride = 2.5 * far / steps * (1.5 - part)
        now = now - stride * gradient.sign()
        now = (colours + (now - colours).clamp(-far, far)).clamp(0, 1).detach()
        if step == steps - 1 or (step + 1) % SHOWN == 0:
            yield judge.judged(now, part)


def wanted_map(model: InstrumentedModel, like: PictureLike, method: str, x: Tensor) -> Tensor:
    """Return the map that is wanted, (H, W) ≥ 0, summing to 1: of another picture, or as it is given."""
    if _is_map(like):
        heat = like
    else:
        heat = attribute(model, like, method=method).heat((x.shape[2], x.shape[3]))
    heat = heat.detach().double().abs().cpu()
    if tuple(heat.shape) != tuple(x.shape[2:]) or not float(heat.sum()) or not bool(torch.isfinite(heat).all()):
        raise NbvizError(
            f"The wanted map is {' × '.join(map(str, heat.shape))} and sums to {float(heat.sum()):.3g}; the network's "
            f"input is {x.shape[2]} × {x.shape[3]}, and a map has something in it."
        )
    return heat / heat.sum()


def _is_map(like: PictureLike) -> TypeGuard[Tensor]:
    return isinstance(like, Tensor) and like.dim() == 2


def _gradient(
    model: InstrumentedModel, rgb: Rgb, now: Tensor, start: Tensor, goal: Tensor, label: int, method: str, beta: float
) -> Callable[[Pass], Tensor]:
    """Return the pass that gives the gradient of the map's distance to the goal, by colours."""

    def work(run: Pass) -> Tensor:
        with Softplus(beta):
            with torch.no_grad():
                # of the softened network: the real one's scores are another function's
                scores = scores_of(model, run, rgb.input(start))[0]
            leaf = now.detach().requires_grad_()
            x = rgb.input(leaf)
            logits = scores_of(model, run, x)[0]
            slope = grad(logits[label], x, create_graph=True)[0] if logits.requires_grad else None
            if slope is None or not slope.requires_grad:
                raise Refused(_STRAIGHT)
            # the square is smooth where a map takes the size
            heat = (slope if method == "saliency" else (x * slope).sum(1, keepdim=True)).square().sum(1)[0]
            wanted = goal.to(heat).square()
            apart = 1 - functional.cosine_similarity(heat.flatten(), wanted.flatten(), dim=0)
            # over their variance, of a single one over its square: logits have no unit that networks share
            spread = scores.var() if len(scores) > 1 else scores.square().mean()
            kept = functional.mse_loss(logits, scores) / spread.clamp(min=1e-12)
            bend = _second(apart, leaf)
            if bend is None:
                raise Refused(_STRAIGHT)
            return bend + KEEP * grad(kept, leaf)[0]

    return work


def _second(apart: Tensor, leaf: Tensor) -> Tensor | None:
    """Return the gradient of what is itself made of a gradient; None where none leads to the leaf."""
    try:
        bend: Tensor | None = grad(apart, leaf, retain_graph=True, allow_unused=True)[0]
    except RuntimeError as error:
        # torch has no class of error for it
        if "is not implemented" not in str(error) and "differentiate twice" not in str(error):
            raise
        raise Refused(_ONCE.format(str(error).splitlines()[0].rstrip("."))) from error
    return bend


class _Judge:
    """Judge of an attack on the real network, as an 8-bit file holds the picture.

    The picture before, and noise of the same size, are the same at every step: they are explained once.
    """

    def __init__(
        self,
        model: InstrumentedModel,
        rgb: Rgb,
        x: Tensor,
        goal: Tensor,
        like: Image.Image | None,
        method: str,
        limits: Attack,
    ) -> None:
        # x is of the edited picture: what edits it must not be made on it again
        self.model = without_picture_edits(model)
        self.rgb, self.x, self.goal, self.like, self.method = rgb, x, goal, like, method
        self.before = self.model.predict(x)
        noisy = limits.control.run(x, model).input
        self.maps = {"before": self._map(x), "noisy": self._map(noisy)}

    def _map(self, x: Tensor) -> Attribution:
        return attribute(self.model, x, self.before[0][1], self.method)

    def judged(self, now: Tensor, done: float) -> MapAttacked:
        """Judge the attack so far. now: its colours; done: the share of the steps that are done."""
        rounded, shown = (now * 255).round() / 255, self.rgb.colours(self.x)
        after = self.rgb.input(rounded).to(self.x)
        maps = {**self.maps, "after": self._map(after)}
        size = (self.x.shape[2], self.x.shape[3])
        heats = {name: made.heat(size).double().cpu() for name, made in maps.items()}
        alike = {name: correlation(heat, self.goal) for name, heat in heats.items()}
        alike |= {"own": correlation(heats["after"], heats["before"])}
        alike |= {"own noisy": correlation(heats["noisy"], heats["before"])}
        return MapAttacked(
            self.method, picture_of(rounded), picture_of(shown), self.before, self.model.predict(after), maps,
            self.goal, self.like, alike, float((rounded - shown).abs().max()) * 255, done,
        )  # fmt: skip


def correlation(one: Tensor, other: Tensor) -> float:
    """Return the Pearson correlation of two maps; 0 where one is flat."""
    pair = torch.stack([one.flatten(), other.flatten()]).double()
    value = float(torch.corrcoef(pair)[0, 1])
    return value if math.isfinite(value) else 0.0
