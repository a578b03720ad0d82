"""Places where evidence should rarely lie: the border, the corners, and with masks the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.reviews.cues.candidates import gradient_maps
from nbviz.reviews.masks import Truth, mask_seen, truth_of
from nbviz.reviews.records.records import Records
from nbviz.reviews.statistics.intervals import mean_of

if TYPE_CHECKING:
    import pandas

WIDTH = 0.1
"""Width of the border, and side of the corners, as shares of the picture's sides."""


def evidence_table(
    model: InstrumentedModel,
    items: Items,
    records: Records,
    rows: NDArray[np.int64],
    truth: Truth | None = None,
) -> pandas.DataFrame:
    """Return one row per place: ``evidence``, the mean share of the answers' maps there, and ``area``, that of pixels.

    The area is the share by chance; ``low`` and ``high``: 95 % interval of the evidence (Student's t). Places: border
    and corners (a tenth of each side), and with ``truth`` (item → mask or box) background. Maps: absolute integrated
    gradients; pictures whose map is empty are left out, those of ``pictures`` counted.
    """
    import pandas

    shares: dict[str, list[tuple[float, float]]] = {}
    for row in rows.tolist():
        item = int(records.column("items")[row])
        picture = items.read(item)
        # of the answer, right or wrong: asked is what the network looked at for what it said
        index = int(records.explained[row])
        heat = gradient_maps(model, model.input(picture), index)[0].double().numpy()
        if not heat.sum() > 0:  # a share of nothing is no number
            continue
        places = fixed_places(heat.shape)
        shape = truth_of(truth, item)
        if shape is not None:
            places["background"] = ~mask_seen(model, picture, shape, item).numpy()
        for name, inside in places.items():
            shares.setdefault(name, []).append((float(heat[inside].sum() / heat.sum()), float(inside.mean())))
    table = []
    for name, pairs in shares.items():
        found = mean_of(np.array([evidence for evidence, _ in pairs])).clipped()
        area = float(np.mean([area for _, area in pairs]))
        table.append((name, found.value, found.low, found.high, area, len(pairs)))
    return pandas.DataFrame(table, columns=["place", "evidence", "low", "high", "area", "pictures"])


def fixed_places(size: tuple[int, ...]) -> dict[str, NDArray[np.bool_]]:
    """Return border and corners of a picture (H, W) as masks."""
    height, width = (max(1, round(WIDTH * side)) for side in size)
    rows, columns = np.zeros(size, bool), np.zeros(size, bool)
    rows[:height] = rows[-height:] = True
    columns[:, :width] = columns[:, -width:] = True
    return {"border": rows | columns, "corners": rows & columns}


def read_inputs(model: InstrumentedModel, items: Items, records: Records, rows: NDArray[np.int64]) -> torch.Tensor:
    """Return the network's inputs of rows of a review, (rows, C, H, W)."""
    return torch.cat([model.input(items.read(int(records.column("items")[row]))) for row in rows])
