"""Photographs to start with, from the files that scikit-image and scikit-learn install: no download, all free to use.

Left out are those whose licence the packages don't state: scikit-image's moon, page and motorcycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from nbviz.errors import NbvizError
from nbviz.pictures.load import Picture, Pictures

_CC0, _CC_BY, _PUBLIC, _BSD = "CC0", "CC BY 2.0", "public domain", "BSD-3-Clause"


@dataclass(frozen=True)
class Credit:
    """Source of a picture, and the licence that allows its use."""

    file: str
    """Path inside the installed package."""
    author: str
    licence: str

    @property
    def package(self) -> str:
        """Name of the package that installs the file."""
        return "scikit-learn" if self.file.startswith("sklearn") else "scikit-image"


def _image(file: str, author: str, licence: str) -> Credit:
    return Credit(f"skimage/data/{file}", author, licence)


CREDITS: Mapping[str, Credit] = {
    "cat": _image("chelsea.png", "Stéfan van der Walt", _CC0),
    "coffee": _image("coffee.png", "Rachel Michetti, Pikolo Espresso Bar", _CC0),
    "astronaut": _image("astronaut.png", "NASA", _PUBLIC),
    "rocket": _image("rocket.jpg", "SpaceX", _PUBLIC),
    "cameraman": _image("camera.png", "Lav Varshney", _CC0),
    "china": Credit("sklearn/datasets/images/china.jpg", "danielbuechele (Flickr)", _CC_BY),
    "flower": Credit("sklearn/datasets/images/flower.jpg", "vultilion (Flickr)", _CC_BY),
    "clock": _image("clock_motion.png", "Stéfan van der Walt", _PUBLIC),
    "coins": _image("coins.png", "Brooklyn Museum", "no known copyright restrictions"),
    "horse": _image("horse.png", "Andreas Preuss (marauder, Openclipart)", _CC0),
    "grass": _image("grass.png", "linolafett (DeviantArt)", _CC0),
    "gravel": _image("gravel.png", "CC0 Textures", _CC0),
    "brick": _image("brick.png", "CC0 Textures", _CC0),
    "text": _image("text.png", "Wikimedia Commons", _PUBLIC),
    "galaxies": _image("hubble_deep_field.jpg", "NASA", _PUBLIC),
    "retina": _image("retina.jpg", "Mikael Häggström", _CC0),
    "tissue": _image("ihc.png", "Center for Microscopy and Molecular Imaging", "no known copyright restrictions"),
    "cell": _image("cell.png", "Paul Müller and others", _CC0),
    "vessels": _image("microaneurysms.png", "Andreas Maier, HRF database", _CC0),
    "colour wheel": _image("color.png", "scikit-image team", _BSD),
    "logo": _image("logo.png", "scikit-image team", _BSD),
}
"""Name → author and licence, in the order of ``photographs``; as the packages' own documentation states them."""


class Photographs(Mapping[str, Image.Image]):
    """Photographs by name, in RGB; each is decoded when it is first asked for."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._pictures = {name: Picture(name, file) for name, file in files.items()}
        self._opened: dict[str, Image.Image] = {}

    def __getitem__(self, name: str) -> Image.Image:
        if name not in self._opened:
            # A copy, so that drawing on it leaves what the Explorer shows as it is.
            self._opened[name] = self._pictures[name].open().copy()
        return self._opened[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pictures)

    def __len__(self) -> int:
        return len(self._pictures)

    def __repr__(self) -> str:
        return f"Photographs({', '.join(self)})"

    @property
    def pictures(self) -> Pictures:
        """The same as ``Picture`` objects, none of them decoded."""
        return Pictures(self._pictures.values())


def photographs() -> Photographs:
    """Name → RGB picture: cat, coffee, astronaut, rocket, cameraman and more; :data:`CREDITS` says whose they are.

    Raises NbvizError if scikit-image or scikit-learn, which bring the files, is not installed whole.
    """
    roots = {package: _root(package) for package in ("skimage", "sklearn")}
    files = {}
    for name, credit in CREDITS.items():
        file = roots[credit.file.split("/")[0]] / credit.file
        if not file.is_file():
            raise NbvizError(f"{credit.package}'s picture '{file.name}' is missing ({file.parent}). Install it again.")
        files[name] = file
    return Photographs(files)


def _root(package: str) -> Path:
    # Found without importing it, which takes longer than reading every picture.
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise NbvizError(
            "The photographs come with scikit-image and scikit-learn. pip install scikit-image scikit-learn"
        )
    return Path(spec.origin).parent.parent
