"""From a click to what is painted in the browser: the photograph in gray, and the map of a class or picture.

python -m tests.bench painted
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import median

from tests.browser.page import Lab, browser, window
from tests.browser.server import jupyterlab

TIMES = 10
OPEN = ["import nbviz; explorer = nbviz.Explorer(method='grad_cam')", "explorer"]
PAINTED = """([act, canvas, blank]) => new Promise((resolve) => {
  const look = () => {
    const one = document.querySelector(`.nbviz-saliency canvas.${canvas}, .nbviz-saliency .${canvas} canvas`),
      { data } = one.getContext('2d').getImageData(0, 0, one.width, one.height);
    let sum = 0, all = 0;
    for (let i = 0; i < data.length; i += 97) { sum = (sum * 31 + data[i]) >>> 0; all += data[i]; }
    return [sum, all > 0];
  };
  const [before] = look(), begun = performance.now();
  let cleared = !blank;
  const wait = () => {
    const [now, drawn] = look();
    cleared ||= !drawn;
    if (drawn && cleared && now !== before) resolve(performance.now() - begun);
    else if (performance.now() - begun > 20000) resolve(NaN);
    else requestAnimationFrame(wait);
  };
  eval(act);
  requestAnimationFrame(wait);
})"""
PICTURE = "document.querySelectorAll('.nbviz-thumb')[{}].click()"
BAR = "document.querySelectorAll('.nbviz-score-row')[{}].click()"
ACTS = (
    ("gray photograph of another picture", PICTURE, "nbviz-picture", False, 150),
    ("Grad-CAM of a new class", BAR, "nbviz-heat", False, 500),
    ("Grad-CAM of a new picture", PICTURE, "nbviz-heat", True, 700),
    ("Grad-CAM of a class seen before", BAR, "nbviz-heat", False, 120),
)


def rows() -> Iterator[str]:
    """A line an act: median and worst of ten, with the load of the machine."""
    with jupyterlab() as server, browser() as chrome, window(chrome, server, 1400, 1100) as lab:
        lab.open(server.write(OPEN))
        lab.run()
        lab.page.locator(".nbviz [role=tree]").wait_for()
        for what, act, canvas, blank, limit in ACTS:
            spent = list(_times(lab, what, act, canvas, blank))
            late = "  !" if median(spent) > limit else ""
            words = f"median {median(spent):5.0f} ms, worst {max(spent):5.0f}"
            yield f"{what:<36} {words} (≤ {limit}), load {os.getloadavg()[0]:.1f}{late}"


def _times(lab: Lab, what: str, act: str, canvas: str, blank: bool) -> Iterator[float]:
    for turn in range(TIMES):
        if "picture" in what:
            lab.ask("explorer._context.cache.clear()")
        elif "new" in what and turn % 4 == 0:
            lab.ask("explorer._context.cache.clear()")
        lab.until("explorer._activity.resting", 120)
        place = 1 + turn % 4 if "class" in what else (turn + 1) % 5
        yield float(lab.page.evaluate(PAINTED, [act.format(place), canvas, blank]))
        lab.ask("explorer.wait(60)")
