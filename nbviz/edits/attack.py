"""Adversarial attacks: the smallest changes that a person would not see and the network does.

FGSM (Goodfellow, Shlens and Szegedy 2015, arXiv:1412.6572) takes one step along the sign of the gradient, PGD (Madry et
al. 2018, arXiv:1706.06083) several, each put back into the allowed distance. The loss is the cross-entropy of the class
that is left, or of the one that is wanted. Distances are in grey levels of 255 of the picture before normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from nbviz.arguments import at_least, one_of, real, seed_number, whole, yes_or_no
from nbviz.edits.base import edit
from nbviz.edits.rgb import Rgb, picture_of
from nbviz.errors import NbvizError, Refused
from nbviz.model.brief import ModelLike
from nbviz.model.classes import class_index
from nbviz.model.edit import Editable, PictureEdit, without_picture_edits
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.prediction import prediction
from nbviz.pictures.picture import PictureLike
from nbviz.replica.gradients import grad
from nbviz.replica.guest import Pass

METHODS = ("fgsm", "pgd", "noise")
NORMS = ("linf", "l2")
STEPS = 10
"""Steps of PGD where nobody says how many."""
FARTHEST = 1e6
"""Farther than any two pictures are apart, in whites: beyond it only floats overflow."""
ONE_SCORE = (
    "The network puts out one score, of a binary question: there is no other class to lead it to. Where classes= names "
    "both, negative first, each has a score."
)
STRIDE = 2.5
"""A PGD step is the size over the number of steps, times this (Madry et al.): the border can be reached and left."""


@edit("Attack")
@dataclass(frozen=True)
class Attack(PictureEdit):
    """Change every pixel a little, so that the network predicts something else."""

    method: str = "pgd"
    """``"fgsm"``, ``"pgd"``, or ``"noise"``, which asks nothing of the network: random signs, or by ``"l2"`` random
    signs of that length, as the control.
    """
    size: float = 1.0
    """How far a pixel may move, in grey levels of 255; by ``"l2"`` the root of the sum of squares over the picture, in
    the same unit. 0 is the picture to the bit.
    """
    into: int | str | None = None
    """The class it is led to; None leads away from the predicted one."""
    norm: str = "linf"
    """``"linf"`` or ``"l2"``."""
    steps: int = STEPS
    """Steps of PGD."""
    random_start: bool = False
    """True if PGD begins at a random place within the distance."""
    seed: int = 0

    asks_network = True

    def __post_init__(self) -> None:
        size = real(self.size)
        if size is None or not 0 <= size < math.inf:
            raise NbvizError(f"size= is how far a pixel may move, in grey levels from 0 on, not {self.size!r}.")
        into = self.into if self.into is None or isinstance(self.into, str) else whole(self.into)
        if into is None and self.into is not None:
            raise NbvizError(f"into= is a class, by index or name, or None for away from its own, not {self.into!r}.")
        plain = object.__setattr__
        for name, value in (
            ("method", one_of("Attack", self.method, METHODS)),
            ("norm", one_of("Norm", self.norm, NORMS)),
            ("size", size),
            ("into", into),
            ("steps", at_least("steps", self.steps, 1)),
            ("random_start", yes_or_no("random_start", self.random_start)),
            ("seed", seed_number(self.seed)),
        ):
            plain(self, name, value)

    @property
    def control(self) -> Attack:
        """Noise of the same size, into no class."""
        return replace(self, method="noise", into=None, random_start=False)

    @property
    def words(self) -> str:
        levels = f"{self.size:g} grey level{'' if self.size == 1 else 's'}"
        # what sets two of one size apart comes first: a chip is cut at its end
        kind = [self.method if self.method == "noise" else self.method.upper(), "L2" if self.norm == "l2" else ""]
        if self.method == "pgd":
            kind.append("" if self.steps == STEPS else f"{self.steps} step{'' if self.steps == 1 else 's'}")
            kind.append("random start" if self.random_start else "")
        if self.seed and (self.method == "noise" or self.random_start):
            kind.append(f"({self.seed})")
        named = " ".join(filter(None, kind))
        if self.method == "noise":
            return f"{named}, {levels}"
        if self.into is None:
            return f"{named}, {levels} away"
        return f"{named}, {levels} into {self.into if isinstance(self.into, str) else f'class {self.into}'}"

    def apply(self, x: Tensor, model: Editable) -> Tensor:
        """Return the attacked input as an 8-bit file would hold it: colours rounded to whole grey levels.

        Raises Refused where no gradient leads from the scores to the picture, NbvizError for a class that it is
        already.
        """
        return self.run(x, InstrumentedModel.ensure(model)).input if self.size else x  # inputs without colours, too

    def run(self, x: Tensor, model: InstrumentedModel) -> _Run:
        """Attack an input (1, C, H, W); see :func:`attack` for a picture."""
        rgb = Rgb.of(model, x)
        if not self.size:
            return _Run(rgb.colours(x), rgb.colours(x), x, x)
        model.trace(x)
        if self.method == "noise":
            return self._noisy(rgb, x)

        def work(run: Pass) -> Tensor:
            colours = rgb.colours(x)
            own = model.evaluate(run, x)
            if own.logits.shape[1] == 1:
                raise Refused(ONE_SCORE)
            # away from what the network says, not from the label: a picture that is wrong already has an attack too
            label = int(prediction(own, model, (x.shape[2], x.shape[3])).order[0])
            wanted = None if self.into is None else class_index(self.into, model)
            if wanted == label:
                raise Refused(f"The network says {model.class_name(label)} already: lead it into another class.")
            goal = label if wanted is None else wanted

            def loss(batch: Tensor) -> Tensor:
                scores = scores_of(model, run, rgb.input(batch))
                labels = scores.new_full((len(scores),), goal, dtype=torch.long)
                entropy = functional.cross_entropy(scores, labels)
                return entropy if wanted is None else -entropy

            return self.perturb(colours, loss)

        attacked = model.guest.steady(work)
        return _Run.of(attacked, rgb, x)

    def _noisy(self, rgb: Rgb, x: Tensor) -> _Run:
        colours = rgb.colours(x)
        # another stream than the random start's: else the control would be a part of the attack
        generator = torch.Generator().manual_seed(self.seed + 1)
        signs = torch.randint(0, 2, colours.shape, generator=generator, device="cpu").to(colours) * 2 - 1
        # of one length in every pixel, so that its L2 norm is the size exactly
        far = self.size / 255 / (math.sqrt(signs[0].numel()) if self.norm == "l2" else 1.0)
        exact = (colours + far * signs).clamp(min(0.0, float(colours.min())), max(1.0, float(colours.max())))
        return _Run.of(exact, rgb, x)

    def perturb(self, colours: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """Return colours (1, P, H, W) moved within the size so that ``loss`` of colours rises; not rounded."""
        # a bicubic resize overshoots 0…1, and an attack of size 0 must leave those colours alone
        far, low, high = min(self.size / 255, FARTHEST), min(0.0, float(colours.min())), max(1.0, float(colours.max()))
        steps, step = (1, far) if self.method == "fgsm" else (self.steps, STRIDE * far / self.steps)
        now = colours.clone()
        if self.random_start and self.method == "pgd":
            now = (colours + self._start(colours, far)).clamp(low, high)
        first: Tensor | None = None
        for _ in range(steps):
            leaf = now.detach().requires_grad_()
            first = leaf if first is None else first
            value = loss(leaf)
            gradient = grad(value, leaf, allow_unused=True)[0] if value.requires_grad else None
            # zero at a later step is a summit; at the first it would pass for an attack that fails
            if gradient is None or (leaf is first and not bool(gradient.any())):
                what = "No gradient leads" if gradient is None else "A gradient of zero leads"
                raise Refused(
                    f"{what} from this network's scores to the picture, so that no attack by gradients can be made: "
                    "its forward detaches, rounds, has quantised weights, or runs without gradients."
                )
            moved = now + step * self._direction(gradient)
            now = (colours + self._within(moved - colours, far)).clamp(low, high).detach()
        return now

    def _direction(self, gradient: Tensor) -> Tensor:
        if self.norm == "linf":
            return gradient.sign()
        return gradient / gradient.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)

    def _within(self, change: Tensor, far: float) -> Tensor:
        if self.norm == "linf":
            return change.clamp(-far, far)
        length = change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        return change * (far / length.clamp(min=1e-12)).clamp(max=1.0)

    def _start(self, colours: Tensor, far: float) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.rand(colours.shape, generator=generator, dtype=torch.float64, device="cpu").to(colours) * 2 - 1
        return self._within(drawn * far, far)


@dataclass(frozen=True, eq=False)
class _Run:
    """Attacked picture in its forms."""

    exact: Tensor
    """Colours (1, P, H, W), before rounding."""
    colours: Tensor
    """Colours (1, P, H, W), rounded to grey levels."""
    input: Tensor
    """(1, C, H, W), the network's input for the rounded ones."""
    unrounded: Tensor
    """(1, C, H, W), that for the others."""

    @classmethod
    def of(cls, exact: Tensor, rgb: Rgb, x: Tensor) -> _Run:
        """Round colours; x: the input that they were, for its type."""
        # what is reported is what an 8-bit file holds: steps of a quarter grey level vanish in one
        rounded = (exact * 255).round() / 255
        return cls(exact, rounded, rgb.input(rounded).to(x), rgb.input(exact).to(x))


def scores_of(model: InstrumentedModel, run: Pass, x: Tensor) -> Tensor:
    """Return scores (N, classes) of inputs made from colours; single precision at least."""
    scores = model.evaluate(run, x.to(model.guest.dtype)).logits
    # the sign of a gradient is all that is used, and half precision rounds small ones to none
    return scores if scores.dtype == torch.float64 else scores.float()


@dataclass(frozen=True, eq=False)
class Attacked:
    """Attacked picture and the network's prediction for it."""

    edit: Attack
    picture: Image.Image
    """The attacked picture as the network saw it, 8 bit."""
    original: Image.Image
    """The picture as the network saw it before."""
    before: list[tuple[str, int, float, float]]
    """Prediction for the original, as ``model.predict`` gives it."""
    after: list[tuple[str, int, float, float]]
    """Prediction for the attacked picture as an 8-bit file holds it."""
    unrounded: list[tuple[str, int, float, float]]
    """Prediction before rounding to 8 bit."""
    noise: list[tuple[str, int, float, float]]
    """The control: what it says of the original with random signs of the same size added."""
    largest: float
    """Grey levels by which a pixel moved at most, after rounding."""
    noisy: Image.Image
    """The original with that noise, 8 bit."""
    inputs: Mapping[str, Tensor]
    """``"original"``, ``"attacked"`` and ``"noisy"`` as the network takes them, (1, C, H, W)."""

    @property
    def flipped(self) -> bool:
        """True if the network predicts another class for the 8-bit picture."""
        return self.before[0][1] != self.after[0][1]

    def __repr__(self) -> str:
        one, other = self.before[0], self.after[0]
        return f"Attacked({self.edit.words}: {one[0]} {one[2]:.2f} → {other[0]} {other[2]:.2f})"


def attack(
    model: ModelLike,
    image: PictureLike,
    method: Literal["pgd", "fgsm", "noise"] = "pgd",
    size: float = 1.0,
    into: int | str | None = None,
    **options: Any,  # noqa: ANN401 - further fields of Attack, which checks them
) -> Attacked:
    """Attack one picture; the network is left untouched.

    model: any ``nn.Module`` or an :class:`InstrumentedModel`. image: a picture, or a preprocessed float tensor. method:
    ``"pgd"``, ``"fgsm"`` or ``"noise"``, the control. size: grey levels of 255 by which a pixel may move. into: the
    class it is led to; None leads away from the predicted one. options: further fields of :class:`Attack` (norm, steps,
    random_start, seed). Raises NbvizError where it can't be done.
    """
    model = InstrumentedModel.ensure(model)
    edit, x = Attack(method, size, into, **options), model.input(image)
    ran, noisy = edit.run(x, model), edit.control.run(x, model)
    # these inputs are of the edited picture: what edits it must not be made on them again
    rgb, judge = Rgb.of(model, x), without_picture_edits(model)
    shown = rgb.colours(x)
    return Attacked(
        edit,
        picture_of(ran.colours),
        picture_of(shown),
        judge.predict(x),
        judge.predict(ran.input),
        judge.predict(ran.unrounded),
        judge.predict(noisy.input),
        float((ran.colours - shown).abs().max()) * 255,
        picture_of(noisy.colours),
        {"original": x, "attacked": ran.input, "noisy": noisy.input},
    )
