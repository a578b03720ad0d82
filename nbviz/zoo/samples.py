"""Photographs to start with, from scikit-image's own files: no download, and all are free to use."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from nbviz.errors import NbvizError
from nbviz.pictures.load import load_pictures

_FILES = {
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "astronaut": "astronaut.png",
    "rocket": "rocket.jpg",
    "cameraman": "camera.png",
}


def photographs() -> dict[str, Image.Image]:
    """Name → RGB picture: cat, coffee, astronaut, rocket, cameraman."""
    # Found without importing scikit-image, which takes longer than reading all five.
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise NbvizError("The photographs come with scikit-image, which is not installed. pip install scikit-image")
    folder = Path(spec.origin).parent / "data"
    pictures = load_pictures({name: folder / file for name, file in _FILES.items()})
    if pictures.problems:
        raise NbvizError(f"scikit-image's photographs are incomplete. {pictures.problems[0]}.")
    return {name: picture.open() for name, picture in pictures.items()}
