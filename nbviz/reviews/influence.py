"""Influence of training pictures on an answer, through the last layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbviz.errors import NbvizError, Refused
from nbviz.reviews.records.records import Records
from nbviz.reviews.records.scores import log_probabilities

if TYPE_CHECKING:
    import pandas


def influence_table(here: Records, training: Records, item: int, top: int = 10) -> pandas.DataFrame:
    """Return the training pictures that speak loudest for the answer to an item, the loudest first.

    A step of gradient descent on a training picture lowers the loss of an answer by the product of both gradients. For
    the last layer's weights it is ⟨p − y, p′ − y′⟩ · ⟨a, a′⟩ (TracIn of one layer: Pruthi et al. 2020,
    arXiv:2002.08484): p probabilities, a the layer's input; y the class that the network says of the item, y′ the label
    of the training picture. Columns: ``item`` of the training data, its ``label`` and ``prediction``, ``influence``,
    and the two factors ``errors`` and ``likeness``. Above zero the picture speaks for the answer, below against it.

    Raises Refused for networks whose last layer is no linear one under a softmax over all scores kept, and training
    data without labels; NbvizError for an item that was not reviewed.
    """
    import pandas

    _check(here)
    row = int(np.searchsorted(here.column("items"), item))
    if row == len(here) or here.column("items")[row] != item:
        raise NbvizError(f"Item {item} is not among the {len(here):,} pictures that were reviewed.")
    one = slice(row, row + 1)
    # of the answer, not of the label: asked is what speaks for what the network says
    error = _errors(here, np.arange(len(here))[one], here.column("prediction")[one])[0]
    errors = _errors(training, training.known, training.labels) @ error
    likeness = training.column("features")[training.known].astype(float) @ here.column("features")[row].astype(float)
    influence = errors * likeness
    order = np.argsort(-influence, kind="stable")[:top]
    names, rows = np.array(training.names, dtype=object), training.known[order]
    return pandas.DataFrame(
        {
            "item": training.column("items")[rows], "label": names[training.column("labels")[rows]],
            "prediction": names[training.column("prediction")[rows]], "influence": influence[order],
            "errors": errors[order], "likeness": likeness[order],
        }
    )  # fmt: skip


def _errors(records: Records, rows: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return p − y (rows, classes)."""
    errors = np.exp(log_probabilities(records.column("scores")[rows], records.plan))
    errors[np.arange(len(rows)), classes] -= 1
    return errors


def _check(here: Records) -> None:
    if not here.plan.head:
        raise Refused("Influence goes through a linear layer that puts out the scores, and this network has none.")
    if here.plan.scores < 2 or here.plan.scale != "softmax":
        raise Refused("Influence is of networks that choose one of several classes by a softmax.")
