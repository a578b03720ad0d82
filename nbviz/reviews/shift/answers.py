"""Answers of a network when the light, the weather, the sensor or the file changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from nbviz.edits.rgb import Rgb
from nbviz.errors import NbvizError, Refused, unknown
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.outputs import ClassScores, Output
from nbviz.pictures.samples import Batch, Items
from nbviz.replica.guest import Pass
from nbviz.reviews.records.job import scored
from nbviz.reviews.records.plan import ReviewPlan
from nbviz.reviews.shift.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from nbviz.reviews.shift.map_stability import MapStability
from nbviz.reviews.statistics.calibration import LEAST, reliability
from nbviz.reviews.statistics.intervals import Estimate, holm, mean_of, wilson

if TYPE_CHECKING:
    import pandas

Key = tuple[str, int]
"""Corruption and severity; ("none", 0) for pictures as they are."""
NONE: Key = ("none", 0)
"""Key of the pictures as they are."""
SNAP = 1e-4
"""Distance, in 0…1, from a colour of 8 bits that is rounding."""
OF_LABELS = ("accuracy", "low", "high", "log_loss", "error", "lost", "p", "corrected")
"""Columns of a shift's table that are of labelled pictures alone."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to the same pictures under one change."""

    labels: NDArray[np.int64]
    prediction: NDArray[np.int64]
    probability: NDArray[np.float64]
    loss: NDArray[np.float64]
    alike: NDArray[np.float64]
    """How alike its map is to that of the picture unchanged, NaN where that was not looked at or the answer is another;
    of :data:`NONE` how alike it is to another picture's with the same answer.
    """


def answers_under(
    model: InstrumentedModel,
    items: Items,
    plan: ReviewPlan,
    numbers: Sequence[int],
    changes: Changes,
    labels: NDArray[np.int64],
) -> Iterator[int | dict[Key, Answers]]:
    """Ask the network about pictures as they are and under every change and severity.

    Yields the number of pictures asked so far, and last all answers.

    numbers: ascending items. labels: (len(numbers),) their classes, −1 where there is none.
    """
    by_item = dict(zip(numbers, labels.tolist(), strict=True))
    tensors: dict[Key, list[dict[str, Tensor]]] = {}
    maps = MapStability(model, changes.maps, plan)
    for batch in items.readable(numbers, plan.batch, model.transform, plan.shape):
        truth = torch.tensor([by_item[number] for number in batch.numbers.tolist()], device="cpu")
        for key, inputs in _changed(model, batch, changes):
            row = {"labels": truth, **scored(_scores(model, inputs), truth, plan)}
            compare = maps.begin if key == NONE else maps.compare
            alike = torch.from_numpy(compare(inputs, row["prediction"].numpy()))
            tensors.setdefault(key, []).append({**row, "alike": alike})
        yield sum(len(row["labels"]) for row in tensors[NONE])
    fields = Answers.__dataclass_fields__
    yield {
        key: Answers(**{name: torch.cat([row[name] for row in rows]).numpy() for name in fields})
        for key, rows in tensors.items()
    }


@dataclass(frozen=True)
class Changes:
    """Changes that pictures are put through."""

    names: tuple[str, ...] = ()
    """Corruptions, each in five severities."""
    own: Mapping[str, Callable[[Image.Image], Image.Image]] = field(default_factory=dict)
    """A user's own: name → PIL picture, as the network sees it, to another of the same size; severity 1."""
    seed: int = 0
    maps: int = 0
    """Pictures whose maps are compared."""


def _changed(model: InstrumentedModel, batch: Batch, changes: Changes) -> Iterator[tuple[Key, Tensor]]:
    yield NONE, batch.inputs
    rgb = Rgb.of(model, batch.inputs)
    pictures = _snapped(rgb.colours(batch.inputs).clamp(0, 1).double().numpy())
    numbers = batch.numbers.tolist()
    for name in changes.names:
        for severity in SEVERITIES:
            # seeded by item: the same noise whatever the batch, so a run that is repeated is the same
            changed = [corrupted(p, name, severity, n, changes.seed) for p, n in zip(pictures, numbers, strict=True)]
            yield (name, severity), rgb.input(torch.from_numpy(np.stack(changed))).to(batch.inputs)
    for name, act in changes.own.items():
        changed = [_own(name, act, p) for p in pictures]
        yield (name, 1), rgb.input(torch.from_numpy(np.stack(changed))).to(batch.inputs)


def _own(name: str, act: Callable[[Image.Image], Image.Image], colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put colours (P, H, W) through a user's own change of a picture. NbvizError where it raises or resizes."""
    # 8 bit, as a camera's file: a person's function is written for pictures, not for floats
    pixels = np.round(colours * 255).astype(np.uint8)
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    try:
        changed = np.asarray(act(picture).convert(picture.mode), dtype=np.float64) / 255
    except Exception as error:  # a function of the user's own can raise anything
        raise NbvizError(f"The change '{name}' raised {type(error).__name__}: {error}.") from error
    if changed.shape[:2] != colours.shape[1:]:
        raise NbvizError(f"The change '{name}' makes {changed.shape[:2]} out of {colours.shape[1:]} pixels.")
    return changed.reshape(*colours.shape[1:], len(colours)).transpose(2, 0, 1)


def _snapped(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round colours that come from 8 bits to exactly those: a rounding error must not decide a tie in what follows."""
    nearest = np.round(colours * 255) / 255
    return np.where(np.abs(colours - nearest) < SNAP, nearest, colours)


def _scores(model: InstrumentedModel, inputs: Tensor) -> ClassScores:
    def work(run: Pass) -> Output:
        with torch.no_grad():
            return model.evaluate(run, inputs.to(run.device, model.guest.dtype))

    output = model.guest.steady(work)
    assert isinstance(output, ClassScores)
    return output


def shift_table(answers: dict[Key, Answers]) -> pandas.DataFrame:
    """Return one row per corruption and severity, each corruption from 0, the same pictures throughout.

    Columns: ``corruption``, ``severity``, ``pictures``, ``same`` (share of answers as without it), ``confidence`` (mean
    probability of the answer), and of those ``labelled`` ``accuracy`` with its 95 % Wilson interval ``low`` and
    ``high``, ``log_loss``, ``error`` (of calibration; NaN below 30 pictures), ``lost`` (accuracy without the corruption
    less with it), ``p`` (McNemar's exact test of it) and ``corrected`` (by Holm). Figures of labels are NaN without.
    ``alike``: mean rank correlation of a map with the one before, of the ``maps`` pictures whose answer held, with its
    95 % interval (Student's t); ``attrs["alike_by_chance"]`` is that of different pictures with one answer.
    """
    import pandas

    base = answers[NONE]
    rows = []
    for name in dict.fromkeys(key[0] for key in answers if key != NONE):
        for severity in (0, *(key[1] for key in answers if key[0] == name)):
            now = answers[name, severity] if severity else base
            rows.append({"corruption": name, "severity": severity, **_figures(now, base)})
    table = pandas.DataFrame(rows)
    # over all corruptions and severities: of forty some would fall by chance
    table["corrected"] = holm(table["p"].to_numpy(float))
    table.attrs["alike_by_chance"] = float(_known(base.alike).mean()) if len(_known(base.alike)) else None
    return table


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _figures(now: Answers, before: Answers) -> dict[str, Any]:
    known = now.labels >= 0
    right, was = (now.prediction == now.labels)[known], (before.prediction == before.labels)[known]
    figures = {
        "pictures": len(now.labels), "labelled": int(known.sum()),
        "same": float((now.prediction == before.prediction).mean()),
        "confidence": float(now.probability.mean()), **_likeness_figures(now, now is before),
    }  # fmt: skip
    if not known.any():
        return figures | dict.fromkeys(OF_LABELS, np.nan)
    low, high = wilson(int(right.sum()), len(right))
    enough = len(right) >= LEAST
    return {
        **figures, "accuracy": float(right.mean()), "low": float(low), "high": float(high),
        "log_loss": float(now.loss[known].mean()),
        "error": reliability(now.probability[known], right, draws=1).error if enough else np.nan,
        "lost": float(was.mean() - right.mean()),
        "p": np.nan if now is before else mcnemar(was, right)[0],
    }  # fmt: skip


def _likeness_figures(now: Answers, unchanged: bool) -> dict[str, float]:
    """Return the number of maps compared, and their mean likeness with its interval."""
    values = _known(now.alike)
    mean = mean_of(values) if len(values) and not unchanged else Estimate(np.nan, np.nan, np.nan)
    figures = {"alike": mean.value, "alike_low": mean.low, "alike_high": mean.high}
    return {"maps": 0 if unchanged else len(values), **figures}


def mcnemar(before: NDArray[np.bool_], now: NDArray[np.bool_]) -> tuple[float, int, int]:
    """Return the exact two-sided p of McNemar's test (1947) for paired answers (N,), and how many were lost and won."""
    from scipy.stats import binomtest

    lost, won = int((before & ~now).sum()), int((~before & now).sum())
    # only pictures whose answer changed tell: those right, or wrong, both times favour neither
    return (float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0), lost, won


def chosen(names: Sequence[str] | None) -> tuple[str, ...]:
    """Return names of corruptions, all where None; UnknownName for one that isn't there."""
    if isinstance(names, str):
        names = [names]
    for name in names or ():
        if name not in CORRUPTIONS:
            raise unknown("Corruption", name, CORRUPTIONS, "nbviz")
    return tuple(CORRUPTIONS) if names is None else tuple(names)


def pictures_for(items: Items | None, model: InstrumentedModel | None) -> tuple[InstrumentedModel, Items]:
    """Return network and data set of a review that has them; Refused for one that was loaded without."""
    if items is None or model is None:
        raise Refused(
            "The review was loaded without its network or data set, and pictures must be changed: "
            "nbviz.reviews.load(path, model, dataset)."
        )
    return model, items
