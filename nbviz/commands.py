"""Commands that work without a browser: made pictures, an index, a report, a comparison of reports.

Both go on where they were stopped, say in a sentence what is wrong, and put what they made where a notebook finds
it: `nbviz.visualize(…, path=folder)` or `NBVIZ_CACHE=folder`, and `nbviz.Index.load(folder)`.

`nbviz features --out F` writes the pictures into ``F/made`` (layout: :mod:`nbviz.features.picture_cache`) and contact
sheets beside it, ``F/sheets/<network>/<layer>.<number>.png``, channels by rows from the upper left.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from nbviz.features.recipe import Recipe
    from nbviz.model.instrumented import InstrumentedModel

PAGE, COLUMNS, ROWS, GAP, FOOT = 24, 12, 8, 4, 14


def run(arguments: Sequence[str]) -> int:
    """Run one of the commands; returns its exit status."""
    from nbviz.errors import NbvizError

    options = _parser().parse_args(arguments)
    try:
        return options.work(options)
    except (NbvizError, OSError) as error:
        print(error, file=sys.stderr)
        return getattr(options, "error", 1)
    except KeyboardInterrupt:
        print("Stopped. What was done is kept: the same command goes on from there.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nbviz")
    commands = parser.add_subparsers(required=True, metavar="command")
    made = commands.add_parser("features", help="make the pictures that drive channels", description=_features.__doc__)
    found = commands.add_parser("index", help="find the pictures that drive channels", description=_index.__doc__)
    judged = commands.add_parser("report", help="review a network over a data set", description=_report.__doc__)
    _compare_options(commands.add_parser("compare", help="compare two reports", description=_compare.__doc__))
    for command in (made, found, judged):
        command.add_argument(
            "--model",
            default="efficientnet_lite0",
            help="a name nbviz.zoo.load knows, or module:function that returns a network",
        )
        command.add_argument("--weights", help="for a network of torchvision's or timm's: DEFAULT")
    made.add_argument("--layers", nargs="+", required=True, help="names of layers")
    made.add_argument("--channels", default="all", help='"all", or numbers and ranges: 0-23,40')
    made.add_argument("--preset", default="default", choices=("preview", "default", "high"))
    made.add_argument("--size", type=int, help="pixels a side; left out, the layer chooses")
    made.add_argument("--steps", type=int, help="left out, the layer chooses")
    made.add_argument("--out", type=Path, help="folder for pictures and sheets; left out, nbviz's usual one")
    made.set_defaults(work=_features)
    found.add_argument("--data", required=True, help='a folder of pictures, "fashion", or module:function')
    found.add_argument("--layers", nargs="+", help="names of layers; left out, all")
    found.add_argument("--out", type=Path, required=True, help="folder of the index")
    for name, value, words in (
        ("k", 9, "pictures per channel"),
        ("bottom", 0, "least pictures per channel"),
        ("sample", 0, "pictures for quantiles"),
        ("batch", None, "pictures per forward"),
    ):
        found.add_argument(f"--{name}", type=int, default=value, help=words)
    found.set_defaults(work=_index)
    judged.add_argument("--data", required=True, help='a folder of pictures, "fashion", or module:function')
    judged.add_argument("--out", type=Path, required=True, help="folder of the report")
    judged.add_argument("--private", action="store_true", help="no pixel, no name, no row; groups of 20 or more")
    judged.add_argument("--salt", default="", help="for hashes of names in a private report")
    judged.add_argument("--corruptions", nargs="*", help="names of those to measure; none: none; left out: all")
    judged.add_argument("--no-cues", dest="cues", action="store_false", help="don't hunt for cues")
    judged.add_argument("--no-maps", dest="maps", action="store_false", help="don't explain a panel of pictures")
    judged.set_defaults(work=_report)
    return parser


def _compare_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, help="folder of a report")
    parser.add_argument("new", type=Path, help="folder of a report of the same data")
    parser.add_argument("--fail-on", choices=("warn", "fail"), default="fail", help="exit with 1 from this on")
    parser.add_argument("--thresholds", type=Path, help="a TOML file: accuracy, recall, collapsed, dead, calibration")
    parser.add_argument("--out", type=Path, help="folder for compare.md and compare.xml (JUnit)")
    parser.set_defaults(work=_compare, error=2)


def _features(options: argparse.Namespace) -> int:
    """Make pictures of channels, cache them, and draw them on contact sheets."""
    from nbviz.features import recipe_for
    from nbviz.features.layer_defaults import check_layers

    model = _model(options)
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
    model: InstrumentedModel, layer: str, channels: Sequence[int], recipe: Recipe, out: Path | None, bar: Any
) -> Iterator[Tensor]:
    """Yield page after page; cached pictures are only read. NbvizError where nothing can be kept."""
    from nbviz.errors import NbvizError
    from nbviz.features.objectives import channel
    from nbviz.features.visualize import make

    bar.set_postfix_str(layer)
    for start in range(0, len(channels), PAGE):
        page = channels[start : start + PAGE]
        *_, made = make(model, [channel(layer, number) for number in page], recipe, out)
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

    data = _data(options.data)
    model = _model(options)
    index = Index.build(
        model,
        data,
        options.layers,
        options.k,
        options.out,
        bottom=options.bottom,
        sample=options.sample,
        batch=options.batch,
    )
    for problem in index.problems:
        print(problem, file=sys.stderr)
    print(f"{index} in {options.out}")
    return 0


def _data(name: str) -> Any:
    """Open the data set that was passed as ``--data``."""
    if name == "fashion":
        from nbviz.zoo import fashion

        return fashion()
    return _called(name) if ":" in name and not Path(name).exists() else name


def _report(options: argparse.Namespace) -> int:
    """Review a network over a data set: report.html, report.json, report.md and report.xml (JUnit)."""
    from nbviz.reports import report

    model, data = _model(options), _data(options.data)
    chosen = {name: getattr(options, name) for name in ("corruptions", "cues", "maps", "salt")}
    out = report(model, data, options.out, options.private, **chosen)
    print((out / "report.md").read_text("utf-8"))
    return 0


def _compare(options: argparse.Namespace) -> int:
    """Compare two reports of the same data. Exit status 0: no worse; 1: worse, from --fail-on on; 2: can't be told."""
    from nbviz.reports import Thresholds, compare_reports
    from nbviz.reports.verdicts import STATES, junit

    limits = Thresholds() if options.thresholds is None else Thresholds.read(options.thresholds)
    comparison = compare_reports(options.old, options.new, limits)
    print(comparison.markdown())
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "compare.md").write_text(comparison.markdown(), "utf-8")
        xml = junit("nbviz compare", comparison.verdicts, options.fail_on)
        (options.out / "compare.xml").write_text(xml, "utf-8")
    return int(STATES.index(comparison.state) >= STATES.index(options.fail_on))


def _model(options: argparse.Namespace) -> InstrumentedModel:
    from nbviz.model.instrumented import InstrumentedModel
    from nbviz.zoo import load

    if ":" in options.model:
        return InstrumentedModel.ensure(_called(options.model))
    return load(options.model, weights=options.weights)


def _called(name: str) -> Any:
    """Return the value of ``module:function()`` or ``module:name``; the current folder's modules count.

    NbvizError where there is none, and where the function raises.
    """
    from torch import nn

    from nbviz.errors import NbvizError
    from nbviz.model.instrumented import InstrumentedModel

    module, _, function = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        value: Any = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise NbvizError(f"'{name}' can't be found: {error}. It is read as module:function.") from error
    if isinstance(value, (nn.Module, InstrumentedModel)) or not callable(value):
        return value
    try:
        return value()
    except Exception as error:  # a function of the user's own can raise anything
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        raise NbvizError(f"{name}() raised {type(error).__name__}: {error} ({where}).") from error


def _bar(total: int, unit: str, words: str) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=total, unit=unit, desc=words)
