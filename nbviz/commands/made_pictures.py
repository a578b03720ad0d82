"""Commands ``nbviz features`` and ``nbviz index``: made pictures and found ones, where a notebook looks for them.

``nbviz features --out F`` writes the pictures into ``F/made`` (layout: :mod:`nbviz.features.picture_cache`) and contact
sheets beside it, ``F/sheets/<network>/<layer>.<number>.png``, channels by rows from the upper left.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from nbviz.commands.opening import dataset, network

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor
    from tqdm import tqdm

    from nbviz.features.recipe import Recipe
    from nbviz.model.instrumented import InstrumentedModel

PAGE, COLUMNS, ROWS, GAP, FOOT = 24, 12, 8, 4, 14
"""Pictures made at once; pictures a row, and rows, of a sheet; pixels between pictures, and under each."""


def add_features(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``nbviz features``."""
    parser.add_argument("--layers", nargs="+", required=True, help="names of layers")
    parser.add_argument("--channels", default="all", help='"all", or numbers and ranges: 0-23,40')
    parser.add_argument("--preset", default="default", choices=("preview", "default", "high"))
    parser.add_argument("--size", type=int, help="pixels a side; left out, the layer chooses")
    parser.add_argument("--steps", type=int, help="left out, the layer chooses")
    parser.add_argument("--out", type=Path, help="folder for pictures and sheets; left out, nbviz's usual one")
    parser.set_defaults(work=_features)


def add_index(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``nbviz index``."""
    parser.add_argument("--layers", nargs="+", help="names of layers; left out, all")
    parser.add_argument("--out", type=Path, required=True, help="folder of the index")
    for name, value, words in (
        ("k", 9, "pictures per channel"),
        ("bottom", 0, "least pictures per channel"),
        ("sample", 0, "pictures for quantiles"),
        ("batch", None, "pictures per forward"),
    ):
        parser.add_argument(f"--{name}", type=int, default=value, help=words)
    parser.set_defaults(work=_index)


def _features(options: argparse.Namespace) -> int:
    """Make pictures of channels, cache them, and draw them on contact sheets."""
    from nbviz.features import recipe_for
    from nbviz.features.layer_defaults import check_layers

    model = network(options.model, options.weights)
    # every layer before the first picture: a slip in the last name is not told after an hour
    check_layers(model, options.layers)
    chosen = {layer: _channels(options.channels, model, layer) for layer in options.layers}
    recipes = {
        layer: recipe_for(model, layer, options.preset, size=options.size, steps=options.steps) for layer in chosen
    }
    with _bar(sum(map(len, chosen.values())), " pictures", "making") as bar:
        for layer, channels in chosen.items():
            for number, start in enumerate(range(0, len(channels), COLUMNS * ROWS)):
                part = channels[start : start + COLUMNS * ROWS]
                pictures = list(_pictures(model, layer, part, recipes[layer], options.out, bar))
                print(_written(model, layer, number, _sheet(pictures, part), options.out))
    return 0


def _pictures(
    model: InstrumentedModel, layer: str, channels: Sequence[int], recipe: Recipe, out: Path | None, bar: tqdm[object]
) -> Iterator[Tensor]:
    """Yield page after page; cached pictures are only read. NbvizError where nothing can be kept."""
    from nbviz.errors import NbvizError
    from nbviz.features.objectives import channel
    from nbviz.features.visualize import make

    bar.set_postfix_str(layer)
    for start in range(0, len(channels), PAGE):
        page = channels[start : start + PAGE]
        # not unpacked: that would keep every page on the way, gigabytes of high quality
        for made in make(model, [channel(layer, number) for number in page], recipe, out):
            if "note" in made.facts:
                raise NbvizError(
                    f"{made.facts['note']} What was kept before is there: make room, and the same command goes on."
                )
        bar.update(len(page))
        yield from made.pictures


def _sheet(pictures: Sequence[Tensor], numbers: Sequence[int]) -> Image.Image:
    """Draw pictures (3, S, S) in rows, each with its channel's number under it."""
    from PIL import Image, ImageDraw

    side = pictures[0].shape[-1]
    columns = min(COLUMNS, len(pictures))
    size = (columns * (side + GAP) + GAP, -(-len(pictures) // columns) * (side + GAP + FOOT) + GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for place, (picture, number) in enumerate(zip(pictures, numbers, strict=True)):
        left = GAP + place % columns * (side + GAP)
        top = GAP + place // columns * (side + GAP + FOOT)
        sheet.paste(Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy()), (left, top))
        draw.text((left, top + side + 1), str(number), fill="black")
    return sheet


def _written(model: InstrumentedModel, layer: str, number: int, sheet: Image.Image, out: Path | None) -> Path:
    from nbviz.features.picture_cache import default_path, network_digest

    network = model.guest.steady(lambda run: network_digest(model, run.net))
    folder = (default_path() if out is None else out.expanduser()) / "sheets" / network
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{quote(layer, safe='')}.{number}.png"
    # moved into place whole: a stopped command leaves no half sheet, and two of them none of both
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        sheet.save(beside, format="PNG")
        os.replace(beside, place)
    finally:
        beside.unlink(missing_ok=True)
    return place


def _channels(text: str, model: InstrumentedModel, layer: str) -> list[int]:
    """Read ``"0-23,40"`` as numbers, ascending, each once. NbvizError for what is no number, or not there."""
    from nbviz.errors import NbvizError

    count = model.layer(layer).channels or 0
    if text == "all":
        return list(range(count))
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not (first.isdigit() and (last.isdigit() and int(first) <= int(last) or not last)):
            raise NbvizError(f"--channels takes numbers and ranges such as 0-23,40, or all; not '{text}'.")
        numbers |= set(range(int(first), int(last or first) + 1))
    missing = sorted(number for number in numbers if number >= count)
    if missing or not numbers:
        raise NbvizError(f"Layer '{layer}' has {count} channels, 0 to {count - 1}: --channels {text} asks for others.")
    return sorted(numbers)


def _index(options: argparse.Namespace) -> int:
    """Look through a data set and keep the pictures that drive each channel most."""
    from nbviz.dataset import Index

    data = dataset(options.data)
    model = network(options.model, options.weights)
    found = Index.build(
        model,
        data,
        options.layers,
        options.k,
        options.out,
        bottom=options.bottom,
        sample=options.sample,
        batch=options.batch,
    )
    for problem in found.problems:
        print(problem, file=sys.stderr)
    print(f"{found} in {options.out}")
    return 0


def _bar(total: int, unit: str, words: str) -> tqdm[object]:
    from tqdm.auto import tqdm

    return tqdm(total=total, unit=unit, desc=words)
