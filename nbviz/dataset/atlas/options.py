"""Options of one atlas build, checked once and passed on whole."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from nbviz.arguments import at_least
from nbviz.errors import NbvizError

LAYOUTS = ("auto", "umap", "tsne", "pca")


@dataclass(frozen=True)
class AtlasOptions:
    """Choices of a build. NbvizError, with the argument's name, for what can't be."""

    layer: str
    """Its name."""
    places: int | None = None
    """Drawn at random of each picture, its border aside; None for as many as come to 5,000 of all pictures together.
    At most 20,000 are looked at."""
    seed: int = 0
    """Of places and layout: the same gives the same atlas."""
    layout: str = "auto"
    """"tsne" (scikit-learn), "umap" (needs umap-learn), "pca", or "auto": t-SNE, and UMAP above 10,000 places where it
    is installed."""
    least: int = 3
    """Places a cell needs."""
    batch: int = 32
    """Pictures per forward."""
    pictures: int | None = None
    """Looked at, at most, drawn at random; None for all."""

    def __post_init__(self) -> None:
        for name, least in (("places", 1), ("pictures", 1), ("seed", 0), ("least", 1), ("batch", 1)):
            value = getattr(self, name)
            if value is not None or name not in ("places", "pictures"):
                # plain numbers: numpy's can't be written to a manifest
                object.__setattr__(self, name, at_least(name, value, least))
        if self.layout not in LAYOUTS:
            raise NbvizError(f"layout= is one of {', '.join(map(repr, LAYOUTS))}, not {self.layout!r}.")
        if self.layout == "umap" and find_spec("umap") is None:
            raise NbvizError("layout='umap' needs umap-learn, which is not installed: pip install 'nbviz[umap]'.")
