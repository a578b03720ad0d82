"""See what a cell or a notebook shows, as a picture.

``python -m tests.browser.look "import nbviz; nbviz.Explorer()" --width 1400 --dark --out x.png`` starts
a JupyterLab of its own, runs the cells, acts, takes the picture, prints every complaint and stops. Exit
status 1 says that a cell raised or the console complained.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from tests.browser.page import FRAME, Lab, browser, window
from tests.browser.server import Server, end_on_signal, jupyterlab, voila


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.look", description=__doc__.split("\n")[0])
    parser.add_argument("source", nargs="+", help="a notebook's path, or code, one cell an argument")
    parser.add_argument("--out", default="look.png", help="the picture to write (default look.png)")
    parser.add_argument("--width", type=int, default=1400, help="of the window (default 1400)")
    parser.add_argument("--height", type=int, default=1100, help="of the window (default 1100)")
    parser.add_argument("--dark", action="store_true", help="the dark theme")
    parser.add_argument("--sidebar", action="store_true", help="leave the file browser open")
    parser.add_argument("--voila", action="store_true", help="Voila instead of JupyterLab")
    parser.add_argument("--frame", default=FRAME, help="selector to photograph, or 'window' (default .nbviz)")
    parser.add_argument(
        "--act",
        "-a",
        action="append",
        default=[],
        metavar="VERB:WHAT",
        help=(
            "in order: click:SELECTOR, double:SELECTOR, hover:SELECTOR, press:KEY, type:TEXT, js:CODE, "
            "wait:MILLISECONDS or wait:SELECTOR, shot:PATH"
        ),
    )
    parser.add_argument("--click", dest="act", action="append", type="click:{}".format, help="-a click:…")
    parser.add_argument("--wait", dest="act", action="append", type="wait:{}".format, help="-a wait:…")
    return parser


def _wait(lab: Lab, what: str) -> None:
    if what.isdigit():
        lab.page.wait_for_timeout(int(what))
    else:
        lab.page.locator(what).first.wait_for()


def act(lab: Lab, step: str, frame: str) -> None:
    """Do one ``verb:what``."""
    verb, _, what = step.partition(":")
    page = lab.page
    verbs = {
        "click": lambda: page.locator(what).first.click(),
        "double": lambda: page.locator(what).first.dblclick(),
        "hover": lambda: page.locator(what).first.hover(),
        "press": lambda: page.keyboard.press(what),
        "type": lambda: page.keyboard.type(what),
        "js": lambda: print(page.evaluate(what)),
        "wait": lambda: _wait(lab, what),
        "shot": lambda: lab.shoot(what, frame),
    }
    if verb not in verbs:
        raise SystemExit(f"no such act: {step!r}; there are {', '.join(verbs)}")
    verbs[verb]()


def _notebook(server: Server, source: list[str]) -> str:
    if len(source) == 1 and source[0].endswith(".ipynb"):
        return Path(shutil.copy(source[0], server.folder)).name
    return server.write(source)


def _show(lab: Lab, options: argparse.Namespace) -> list[str]:
    """Open and run what was asked for; return the cells' tracebacks."""
    name = _notebook(lab.server, options.source)
    if options.voila:
        theme = "dark" if options.dark else "light"
        lab.page.goto(f"{lab.server.url}/voila/render/{name}?theme={theme}", wait_until="commit")
        lab.page.locator(".jp-OutputArea-output").first.wait_for(timeout=60_000)
        return []
    lab.open(name, options.dark, options.sidebar)
    try:
        lab.run()
    except AssertionError as raised:
        return [str(raised)]
    return []


def _look(lab: Lab, options: argparse.Namespace) -> list[str]:
    """Show, act, photograph; return every complaint."""
    started = time.monotonic()
    failures = _show(lab, options)
    print(f"ran in {time.monotonic() - started:.1f} s")
    lab.page.wait_for_timeout(500)
    for step in options.act:
        act(lab, step, options.frame)
    lab.shoot(options.out, options.frame)
    return failures + lab.errors


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 when something complained."""
    options = _parser().parse_args(arguments)
    end_on_signal(lambda: None)
    serve = voila if options.voila else jupyterlab
    with serve() as server, browser() as chrome, window(chrome, server, options.width, options.height) as lab:
        complaints = _look(lab, options)
    print("\n".join(complaints) or "no complaint", f"\n{options.out}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
