"""Commands that work without a browser: made pictures, an index, a report, a comparison of reports, an audit.

They go on where they were stopped, say in a sentence what is wrong, and put what they made where a notebook finds it:
``nbviz.visualize(…, path=folder)`` or ``NBVIZ_CACHE=folder``, and ``nbviz.Index.load(folder)``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from nbviz.commands import made_pictures, reviewing


def run(arguments: Sequence[str], open_lab: Callable[[Path, bool, int | None], int]) -> int:
    """Run one of the commands; return its exit status.

    open_lab: opens JupyterLab on a notebook, in a browser window or not, at a port or the usual one.
    """
    # here, as torch is in each command: --help and a slip in an option answer at once
    from nbviz.errors import NbvizError

    options = _parser().parse_args(arguments)
    options.open_lab = open_lab
    try:
        return options.work(options)
    except (NbvizError, OSError) as error:
        print(error, file=sys.stderr)
        return getattr(options, "error", 1)
    except KeyboardInterrupt:
        kept = "Stopped. What was done is kept: the same command goes on from there."
        print(getattr(options, "stopped", kept), file=sys.stderr)
        # as shells tell of an interrupt: 128 and the number of its signal
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nbviz")
    commands = parser.add_subparsers(required=True, metavar="command")
    made = commands.add_parser("features", help="make the pictures that drive channels")
    found = commands.add_parser("index", help="find the pictures that drive channels")
    judged = commands.add_parser("report", help="review a network over a data set")
    compared = commands.add_parser("compare", help="compare two reports")
    audited = commands.add_parser("audit", help="have a sample of a report's maps judged")
    for command in (made, found, judged, audited):
        command.add_argument(
            "--model",
            default="efficientnet_lite0",
            help="a name nbviz.zoo.load knows, or module:function that returns a network",
        )
        command.add_argument("--weights", help="for a network of torchvision's or timm's: DEFAULT")
    for command in (found, judged, audited):
        command.add_argument("--data", required=True, help='a folder of pictures, "fashion", or module:function')
    for command in (judged, audited):
        command.add_argument("--out", type=Path, required=True, help="folder of the report")
    made_pictures.add_features(made)
    made_pictures.add_index(found)
    reviewing.add_report(judged)
    reviewing.add_compare(compared)
    reviewing.add_audit(audited)
    for command in (made, found, judged, compared, audited):
        command.description = command.get_default("work").__doc__
    return parser
