"""Commands ``nbviz report``, ``nbviz compare`` and ``nbviz audit``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nbviz.commands.opening import called, dataset, network

CELL = """import nbviz
from nbviz.commands.opening import dataset, network

desk = nbviz.audit(
    network({model!r}, {weights!r}),
    dataset({data!r}),
    {out!r},
    by={by!r},
    count={count},
    seed={seed},
    method={method!r},
    answers={answers!r},
)
desk"""


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``nbviz report``."""
    parser.add_argument("--private", action="store_true", help="no pixel, no name, no row; groups of 20 or more")
    parser.add_argument("--salt", default="", help="for hashes of names in a private report")
    parser.add_argument("--noise", type=float, help="ε of the noise on a private report's mean maps; left out: none")
    parser.add_argument("--corruptions", nargs="*", help="names of those to measure; none: none; left out: all")
    parser.add_argument("--no-cues", dest="cues", action="store_false", help="don't hunt for cues")
    parser.add_argument("--no-maps", dest="maps", action="store_false", help="don't explain a panel of pictures")
    parser.add_argument("--ignore", type=int, default=255, help="value of a mask's pixels that are not counted")
    parser.add_argument("--audits", type=Path, help="log of nbviz audit; left out, audit.jsonl in the report's folder")
    parser.set_defaults(work=_report, stopped="Stopped. Nothing was written: what the folder had is as it was.")


def add_audit(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``nbviz audit``."""
    parser.add_argument("--by", default="", help="name of the person who is asked; kept with every answer")
    parser.add_argument(
        "--truth", help="module:function that takes an item and returns its mask or box: nobody is asked"
    )
    parser.add_argument("--count", type=int, default=40, help="pictures that are drawn (default 40)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw: another one asks about other pictures")
    parser.add_argument("--method", default="integrated_gradients", help="attribution method of the maps")
    parser.add_argument("--answers", type=Path, help="log; left out, audit.jsonl in the report's folder")
    parser.add_argument("--no-browser", action="store_true", help="start JupyterLab, open no browser window")
    parser.add_argument("--port", type=int, help="JupyterLab's port")
    parser.set_defaults(work=_audit)


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``nbviz compare``."""
    parser.add_argument("old", type=Path, help="folder of a report")
    parser.add_argument("new", type=Path, help="folder of a report of the same data")
    parser.add_argument("--fail-on", choices=("warn", "fail"), default="fail", help="exit with 1 from this on")
    names = "accuracy, recall, collapsed, dead, calibration, maps, agreement"
    parser.add_argument("--thresholds", type=Path, help=f"a TOML file: {names}")
    parser.add_argument("--out", type=Path, help="folder for compare.md and compare.xml (JUnit)")
    # 1 says that the newer network is worse: what can't be compared has a status of its own
    parser.set_defaults(work=_compare, error=2)


def _report(options: argparse.Namespace) -> int:
    """Review a network over a data set: report.html, report.json, report.md and report.xml (JUnit)."""
    from nbviz.reports import report

    model, data = network(options.model, options.weights), dataset(options.data)
    chosen = {
        name: getattr(options, name) for name in ("corruptions", "cues", "maps", "salt", "noise", "audits", "ignore")
    }
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


def _audit(options: argparse.Namespace) -> int:
    """Have a sample of a report's maps judged, by a person in a notebook or by masks, and sign the report with it."""
    from nbviz.errors import NbvizError

    if options.truth is not None:
        return _measure(options)
    if not options.by.strip():
        raise NbvizError("An audit keeps who answers: --by with a name, or --truth with masks of the objects.")
    from nbviz.reports.comparison import read_report

    # in the shell: without a report a notebook would open on an error
    read_report(options.out)
    return options.open_lab(notebook(options, Path.cwd()), not options.no_browser, options.port)


def _measure(options: argparse.Namespace) -> int:
    from nbviz.reports import audit_by_masks

    truth = called(options.truth, call=False)
    model, data = network(options.model, options.weights), dataset(options.data)
    chosen = {name: getattr(options, name) for name in ("count", "seed", "method", "answers")}
    print(audit_by_masks(model, data, options.out, truth, **chosen), file=sys.stdout)
    return 0


def notebook(options: argparse.Namespace, folder: Path) -> Path:
    """Write the notebook of an audit into a folder, never over another one; return its path."""
    import nbformat

    given = {name: getattr(options, name) for name in ("model", "weights", "data", "by", "count", "seed", "method")}
    answers = None if options.answers is None else str(options.answers)
    cell = CELL.format(**given, out=str(options.out), answers=answers)
    words = (
        f"# Audit of {options.out.name}\n\nRun the cell, then answer with the arrow keys. Every answer is kept at once."
    )
    cells = [nbformat.v4.new_markdown_cell(words, id="about"), nbformat.v4.new_code_cell(cell, id="audit")]
    book = nbformat.v4.new_notebook(cells=cells)
    place, number = folder / "audit.ipynb", 1
    # a notebook that was answered in is somebody's work
    while place.exists() and not _same(place, cell):
        number += 1
        place = folder / f"audit-{number}.ipynb"
    if not place.exists():
        nbformat.write(book, place)
    return place


def _same(place: Path, cell: str) -> bool:
    """Return whether a notebook is that of the same audit, run or not."""
    import nbformat

    try:
        return any(one.source == cell for one in nbformat.read(place, as_version=4).cells)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError):
        return False
