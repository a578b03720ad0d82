"""Cache of made pictures on disk: whoever runs the same network next has them at once.

Layout, under ``$NBVIZ_CACHE``, else ``$XDG_CACHE_HOME/nbviz``, else ``~/.cache/nbviz``::

    made/<network>/<layer>/<channel>.<recipe>.png

``<network>`` is a digest of weights, structure and preprocessing; ``<layer>`` its name, percent-encoded ("scores"
for class scores); ``<channel>`` the channel's number, or a digest of another objective; ``<recipe>`` a digest of
recipe and objective. Facets lie side by side in one file. The PNG's text chunk ``nbviz`` is JSON: ``words``,
``layer``, ``recipe``, ``rise`` (one list per facet). Files are written under another name and then renamed, so a
half-written one is never read. They may be copied between machines and deleted at any time.

Those of the zoo's own networks that come with nbviz lie in its ``zoo/data``, in the same layout; they are only read.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import tempfile
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor, nn

from nbviz.arguments import path_of
from nbviz.features.model_view import colours_of
from nbviz.features.objectives import Objective
from nbviz.features.optimise import Made
from nbviz.features.recipe import Recipe, recipe_for
from nbviz.features.request import ChannelsLike, objectives_for
from nbviz.model.brief import ModelLike
from nbviz.model.by_model import ByModel
from nbviz.model.edit import NetworkEdit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Pass
from nbviz.replica.watching import identity
from nbviz.zoo.shipped import DATA

# Of every module, and no matter to what it puts out in a pass.
_MODULES_OWN = frozenset(vars(nn.Module()))
# Raised when the same recipe makes other pictures than before.
_EDITION = 1
_digests: ByModel[InstrumentedModel, tuple[Hashable, str]] = ByModel()


Path = str | os.PathLike[str] | None


@dataclass(frozen=True, eq=False)
class Entry:
    """Pictures of one objective."""

    pictures: Tensor
    """(facets, 3, H, W), float32 in 0…1."""
    rise: np.ndarray
    """(facets, steps)."""

    @classmethod
    def of(cls, page: Made, place: int) -> Entry:
        """Return the entry of an objective by its place on a page."""
        rows = slice(place * page.recipe.facets, (place + 1) * page.recipe.facets)
        return cls(page.pictures[rows], page.rise[rows])


def page_of(objectives: Sequence[Objective], recipe: Recipe, entries: Sequence[Entry]) -> Made:
    """Join entries to the page they make."""
    return Made(
        torch.cat([entry.pictures for entry in entries]),
        tuple(objective.words for objective in objectives for _ in range(recipe.facets)),
        np.concatenate([entry.rise for entry in entries]),
        recipe,
        facts={"seconds": 0.0, "kept": len(entries)},
    )


def cached_page(
    model: ModelLike, layer: str, channels: ChannelsLike, preset: str = "default", path: Path = None, **recipe: object
) -> Made | None:
    """Read the page that :func:`making` would give at once; None where it would have to make a picture."""
    model = InstrumentedModel.ensure(model)
    objectives, chosen = objectives_for(model, layer, channels), recipe_for(model, layer, preset, **recipe)

    def look(run: Pass) -> Made | None:
        cache = PictureCache(network_digest(model, run.net), path)
        entries = [entry for objective in objectives if (entry := cache.get(objective, chosen)) is not None]
        return page_of(objectives, chosen, entries) if len(entries) == len(objectives) else None

    return model.guest.steady(look)


class PictureCache:
    """Pictures made for one version of one network."""

    def __init__(self, network: str, path: Path = None) -> None:
        self.folder = (default_path() if path is None else path_of("path", path)) / "made" / network
        self._shipped = DATA / "made" / network if path is None else None
        self.problem = ""
        """Why pictures could not be kept, in a sentence; empty where they were."""

    def place(self, objective: Objective, recipe: Recipe) -> pathlib.Path | None:
        """Return the path of a picture, there or not; None for an objective without a key."""
        if objective.key is None or recipe.key is None:
            return None
        digest = _digest([_EDITION, objective.layers, objective.key, recipe.key], 6)
        name = objective.key if objective.key.isdigit() else _digest(objective.key, 6)
        file = pathlib.Path(quote(objective.layers[-1], safe="") or "scores", f"{name}.{digest}.png")
        shipped = None if self._shipped is None else self._shipped / file
        # only beside the usual folder: whoever names one wants to see what is in it
        return shipped if shipped is not None and shipped.is_file() else self.folder / file

    def get(self, objective: Objective, recipe: Recipe) -> Entry | None:
        """Read an entry; None where there is none, or none that can be read."""
        place = self.place(objective, recipe)
        if place is None or not place.is_file():
            return None
        try:
            with Image.open(place) as image:
                pixels, text = np.asarray(image.convert("RGB")), json.loads(image.info["nbviz"])
                rise = np.asarray(text["rise"], np.float32)
        except (OSError, UnidentifiedImageError, KeyError, ValueError, SyntaxError):
            return None  # damaged or not ours: it is made again, and replaced
        pictures = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)
        if rise.shape != (recipe.facets, recipe.steps) or pictures.shape[2] % recipe.facets:
            return None
        return Entry(torch.stack(pictures.chunk(recipe.facets, dim=2)), rise)

    def put(self, objective: Objective, recipe: Recipe, entry: Entry) -> None:
        """Write an entry; a disk that is full or read-only is a :attr:`problem`, no error."""
        place = self.place(objective, recipe)
        # after one failure the disk is asked no more: each try may take seconds
        if place is None or self.problem or DATA in place.parents:
            return
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(
                place,
                entry,
                {"words": objective.words, "layer": objective.layers[-1], "recipe": sorted(recipe.values.items())},
            )
        except OSError as error:
            self.problem = f"The pictures could not be kept in {self.folder}: {error.strerror or error}."


def default_path() -> pathlib.Path:
    """Return the folder of the cache."""
    given = os.environ.get("NBVIZ_CACHE")
    if given:
        return pathlib.Path(given).expanduser()
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "nbviz"


def network_digest(model: InstrumentedModel, net: nn.Module) -> str:
    """Return the digest of a network and its preprocessing, see :mod:`nbviz.replica.watching.identity`.

    net: the network itself or a replica of it.
    """
    # read anew: a picture cached for other weights would stay wrong on the disk for ever
    version = model.fingerprint(reread=True)
    known = _digests.get(model)
    if known is None or known[0] != version:
        colours = colours_of(model)
        shown = colours.matrix.float().tolist(), colours.offset.float().tolist(), model.transform.size
        edits = tuple(edit for edit in model.edits if isinstance(edit, NetworkEdit))
        digested = (identity.network_digest(net), shown, *edits)
        known = _digests[model] = (version, _digest(digested, 10))
    return known[1]


def _digest(value: object, size: int) -> str:
    return hashlib.blake2b(repr(value).encode(), digest_size=size).hexdigest()


def _write(place: pathlib.Path, entry: Entry, text: dict[str, Any]) -> None:
    from PIL.PngImagePlugin import PngInfo

    pixels = (torch.cat(list(entry.pictures), dim=2) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    info = PngInfo()
    info.add_text("nbviz", json.dumps({**text, "rise": np.round(entry.rise.astype(float), 5).tolist()}))
    handle, temporary = tempfile.mkstemp(dir=place.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            Image.fromarray(pixels).save(file, format="PNG", pnginfo=info)
        os.replace(temporary, place)
    except BaseException:
        # KeyboardInterrupt too: nothing half-written stays
        os.unlink(temporary)
        raise
