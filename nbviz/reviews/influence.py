"""Influence of training pictures on an answer, through the last layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbviz.errors import NbvizError, Refused
from nbviz.reviews.records.plan import ReviewPlan
from nbviz.reviews.records.records import Records
from nbviz.reviews.records.scores import log_probabilities

if TYPE_CHECKING:
    import pandas

CHUNK = 4096
"""Training pictures at once: probabilities of a thousand classes for all of them would not fit."""


def influence_table(here: Records, training: Records, item: int, top: int = 10) -> pandas.DataFrame:
    """Return the training pictures that speak loudest for the answer to an item, the loudest first.

    A step of gradient descent on a training picture lowers the loss of an answer by the product of both gradients. For
    the last layer's weights it is ⟨p − y, p′ − y′⟩ · ⟨a, a′⟩ (TracIn of one layer: Pruthi et al. 2020,
    arXiv:2002.08484): p probabilities, a the layer's input; y the class that the network says of the item, y′ the label
    of the training picture. Columns: ``item`` of the training data, its ``label`` and ``prediction``, ``influence``,
    and the two factors ``errors`` and ``likeness``. Above zero the picture speaks for the answer, below against it.

    ``attrs["share"]``: share of all that speaks for the answer which these carry, beside ``attrs["even"]``, their share
    of the training pictures: what they would carry if all spoke alike. NaN where nothing speaks for it.

    Raises Refused for networks whose last layer is no linear one under a softmax over all scores kept, and training
    data without labels; NbvizError for an item that was not reviewed.
    """
    import pandas

    check_influence(here.plan)
    row = int(np.searchsorted(here.column("items"), item))
    if row == len(here) or here.column("items")[row] != item:
        raise NbvizError(f"Item {item} is not among the {len(here):,} pictures that were reviewed.")
    factors = list(_factors(here, training, row))
    errors, likeness = (np.concatenate(part) for part in zip(*factors, strict=True))
    influence = errors * likeness
    order = np.argsort(-influence, kind="stable")[:top]
    names, rows = np.array(training.names, dtype=object), training.known[order]
    table = pandas.DataFrame(
        {
            "item": training.column("items")[rows], "label": names[training.column("labels")[rows]],
            "prediction": names[training.column("prediction")[rows]], "influence": influence[order],
            "errors": errors[order], "likeness": likeness[order],
        }
    )  # fmt: skip
    # of what speaks for it alone: beside what speaks against it a share could be above 1
    loud = np.maximum(influence, 0)
    table.attrs["share"] = float(loud[order].sum() / loud.sum()) if loud.any() else float("nan")
    table.attrs["even"] = len(order) / len(influence)
    return table


def _factors(here: Records, training: Records, row: int) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield ⟨p − y, p′ − y′⟩ and ⟨a, a′⟩ of a row with the labelled training pictures, some after the others."""
    # of the answer, not of the label: asked is what speaks for what the network says
    error = _errors(here, np.array([row]), here.column("prediction")[[row]])[0]
    features = here.column("features")[row].astype(float)
    for start in range(0, len(training.known), CHUNK):
        rows = training.known[start : start + CHUNK]
        errors = _errors(training, rows, training.column("labels")[rows])
        yield errors @ error, training.column("features")[rows].astype(float) @ features


def _errors(records: Records, rows: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return p − y (rows, classes)."""
    errors = np.exp(log_probabilities(records.column("scores")[rows], records.plan))
    errors[np.arange(len(rows)), classes] -= 1
    return errors


def check_influence(plan: ReviewPlan) -> None:
    """Raise Refused for a network whose answers no training picture's influence is known for."""
    if not plan.head:
        raise Refused("Influence goes through a linear layer that puts out the scores, and this network has none.")
    if plan.scores < 2 or plan.scale != "softmax":
        raise Refused("Influence is of networks that choose one of several classes by a softmax.")
    if not plan.every:
        raise Refused(
            f"Influence needs every score of a picture, and of {plan.scores} classes a review keeps {plan.kept}."
        )
