"""The plan of an atlas, fixed before its first picture: the layer, which pictures, which places of each."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from nbviz.dataset.atlas.options import AtlasOptions
from nbviz.dataset.shards.plan import Origin, data_digest, model_digest
from nbviz.errors import NbvizError
from nbviz.model.batches import batch_size
from nbviz.model.inputs.input_size import noise
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import with_channels
from nbviz.pictures.samples import Items

FORMAT = 2
"""2: as of an index."""
USUAL, MOST, FEWEST = 5_000, 20_000, 50
"""Places of all pictures together: as many as are drawn if nothing is said, at most, and at least."""
SHARE = 0.8
"""Of a picture's places, at most, where few pictures have to give many: neighbours say nearly the same."""


@dataclass(frozen=True)
class AtlasPlan(Origin):
    """Choices that decide an atlas."""

    layer: str
    channels: int
    grid: tuple[int, int]
    """Rows and columns of the layer's places; (1, 1) where it has none."""
    has_places: bool
    places: int
    """Drawn of each picture."""
    points: int
    """Places wanted of all pictures together."""
    seed: int
    layout: str
    """As asked for; "auto" among others."""
    least: int
    """Places a cell needs."""
    batch: int
    format: int = FORMAT

    @property
    def numbers(self) -> list[int]:
        """Numbers of the pictures that are looked at, ascending: all, or as many as give the places wanted."""
        count = -(-self.points // self.places)
        if count >= self.items:
            return list(range(self.items))
        order = torch.randperm(self.items, generator=torch.Generator().manual_seed(self.seed), device="cpu")
        return sorted(order[:count].tolist())

    @property
    def inside(self) -> torch.Tensor:
        """Return the places (n,) that may be drawn: not the border, where half of what a place sees is padding."""
        height, width = self.grid
        # of a grid of three the border is all but one place
        edge = 1 if min(height, width) >= 4 else 0
        places = torch.arange(height * width, device="cpu").view(height, width)
        return places[edge : height - edge, edge : width - edge].flatten()

    def places_of(self, item: int) -> torch.Tensor:
        """Draw the places (places,) of one picture; they depend on the seed and its number alone."""
        inside = self.inside
        # a prime far above most numbers of items, so that seed and item rarely give what another pair gives
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + item)
        return inside[torch.randperm(len(inside), generator=generator, device="cpu")[: self.places]].sort().values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> AtlasPlan:
        """Read the plan of a manifest."""
        known = {field.name: values[field.name] for field in fields(cls)}
        return cls(**{**known, "shape": tuple(known["shape"]), "grid": tuple(known["grid"])})


def planned(model: InstrumentedModel, items: Items, options: AtlasOptions) -> AtlasPlan:
    """Look at the network and the data set once and fix everything. NbvizError for what can't be."""
    shape = items.shape(model.transform)
    (known,) = with_channels(model.trace(noise(model.guest, shape)).layers, [options.layer])
    assert known.channels is not None
    plan = AtlasPlan(
        model=model_digest(model),
        data=data_digest(items, model)[0],
        items=len(items),
        shape=shape,
        layer=known.name,
        channels=known.channels,
        grid=known.places or (1, 1),
        has_places=known.places is not None,
        places=1,
        points=USUAL,
        seed=options.seed,
        layout=options.layout,
        least=options.least,
        batch=batch_size(model, shape, options.batch),
    )
    return _with_places(plan, options.places, min(len(items), options.pictures or len(items)))


def _with_places(plan: AtlasPlan, places: int | None, pictures: int) -> AtlasPlan:
    most = len(plan.inside)
    if places is not None and places > most:
        raise NbvizError(f"places= is {places}, but '{plan.layer}' has {most} places per picture, its border aside.")
    usual = min(-(-USUAL // pictures), max(1, int(SHARE * most)))
    each = usual if places is None else places
    points = min(each * pictures, USUAL if places is None else MOST)
    if points < FEWEST:
        raise NbvizError(_too_few(plan, each, most))
    return replace(plan, places=each, points=points)


def _too_few(plan: AtlasPlan, each: int, most: int) -> str:
    pictures = f"{plan.items} pictures give" if plan.items > 1 else "1 picture gives"
    needed = -(-FEWEST // each)
    more = f"Add pictures (it takes {needed})"
    if most * plan.items >= FEWEST:
        more += f", or draw more places of each: places={-(-FEWEST // plan.items)}"
    elif not plan.has_places or most < 20:
        more += ", or choose a layer with more places"
    of = f"{each} place" + ("s" if each > 1 else "")
    return f"An atlas needs {FEWEST} places or more; {pictures} {of} each of '{plan.layer}'. {more}."
