"""Still picture in a cell's output, under the live frame: for pages without a kernel, and for when it has gone.

The output is plain HTML with the picture inside, so that a saved notebook and a static page need nothing else. Style
alone hides it while the live frame is in the page and connected. It has a display id of its own: it is renewed
whenever everything is computed, without touching the live view.
"""

from __future__ import annotations

import html
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from PIL import Image

from nbviz.drawing.png import data_url, lean_png
from nbviz.panels.base.front import asset
from nbviz.session.cells import cell_message, shell

GONE = "Nothing is running here: this is the last picture. In a notebook, run the cell again (Shift+Enter) to go on."
EMPTY = "Nothing is running here, and no picture was ready yet. In a notebook, run the cell again (Shift+Enter)."
CLOSED = "This Explorer was closed: this is its last picture. Run the cell again (Shift+Enter) to open it."
LIVE = "Live in a running notebook; its still picture follows."
PAUSE_SECONDS = 10.0
"""Least time between two renewals: each sends about 200 kB, and whoever explores settles every few seconds."""
HIDDEN = """
body:has(.{live}:not(.jupyter-widgets-disconnected, .nbviz-gone)) :is(.{still}, .jp-OutputArea-child:has(.{still})),
.jp-OutputArea-child:has(+ .jp-OutputArea-child .{still}):not(
  :has(.{live}:not(.jupyter-widgets-disconnected, .nbviz-gone))) {{ display: none !important; }}
"""
"""Hides the still beside a live frame; and, beside the still, a frame that is dead or that a page could not restore."""


class CellStill:
    """Outputs of one Explorer that show its picture where it is not live.

    draw: returns the finished picture, None while something is computed; called from any thread.
    """

    def __init__(self, draw: Callable[[], Image.Image | None]) -> None:
        # a name of their own: else one Explorer's live frame would hide the still of another on the same page
        name = uuid4().hex[:10]
        self.live, self.still = f"nbviz-live-{name}", f"nbviz-still-{name}"
        """Classes of the live frame, and of the still."""
        self._draw = draw
        self._drawn = ""
        """The last finished picture, as markup."""
        self._shown = False
        self._closing = threading.Event()
        self._at = 0.0
        """When it was last drawn, monotonic seconds."""
        self._thread: threading.Thread | None = None

    def show(self, live: Mapping[str, Any], words: str, draft: Callable[[], Image.Image] | None = None) -> None:
        """Publish the live view, a mimebundle, and the still under it; ``words`` is both as plain text.

        draft: draws the picture as it stands, to be shown where it isn't finished: for a cell that nobody sees again.
        """
        # a static page shows the first of these kinds that it knows: an empty one, and then the still
        _publish({**live, "text/html": f"<!-- {LIVE} -->", "text/plain": words})
        if not self._draw_again(words) and draft is not None:
            self._keep(draft(), words)
        # not an update: IPython updates only what was published under that id before
        self._replace(GONE if self._drawn else EMPTY, words, update=False)
        self._shown = True

    def renew(self, words: str) -> None:
        """Draw the picture again on a thread of its own and replace the one on the page, at most every 10 seconds."""
        # one thread at a time: whoever explores fast would otherwise have a drawing of every step
        if not self._shown or (self._thread is not None and self._thread.is_alive()):
            return
        wait = max(0.0, self._at + PAUSE_SECONDS - time.monotonic())
        # a daemon: a process that ends must not wait for the ten seconds
        self._thread = threading.Thread(target=self._renew, args=(words, wait), name="nbviz still", daemon=True)
        self._thread.start()

    def close(self, words: str, again: bool) -> None:
        """Leave the last finished picture and a line; ``again`` where the cell runs again and its outputs are gone."""
        self._closing.set()
        if self._shown and not again:
            self._draw_again(words)
            self._replace(CLOSED, words)
        self._shown, self._drawn = False, ""

    def _renew(self, words: str, wait: float) -> None:
        # asked again once it is drawn: closed meanwhile, its last line must not be written over
        if not self._closing.wait(wait) and self._draw_again(words) and not self._closing.is_set():
            self._replace(GONE, words)

    def _draw_again(self, words: str) -> bool:
        """Draw the picture if it is finished; return whether it was."""
        picture = self._draw()
        if picture is None:
            return False
        self._at = time.monotonic()
        self._keep(picture, words)
        return True

    def _keep(self, picture: Image.Image, words: str) -> None:
        self._drawn = f'<img alt="{html.escape(words)}" src="{data_url(lean_png(picture))}">'

    def _replace(self, sentence: str, words: str, update: bool = True) -> None:
        # in the output itself: where no kernel runs, the widgets' own stylesheet is not there either
        style = (asset("nbviz.panels.base", "still.css") or "") + HIDDEN.format(live=self.live, still=self.still)
        line = f"<p>{html.escape(sentence)}</p>"
        page = f'<div class="nbviz-still {self.still}"><style>{style}</style>{line}{self._drawn}</div>'
        _publish({"text/html": page, "text/plain": f"{words}: {sentence}"}, self.still, update)


def _publish(bundle: Mapping[str, Any], display_id: str = "", update: bool = False) -> None:
    from IPython.display import publish_display_data  # a script without a notebook needs no IPython

    publish_display_data(dict(bundle), transient={"display_id": display_id} if display_id else None, update=update)


def in_notebook() -> bool:
    """Return whether a kernel runs this code, so that a front end shows what is published."""
    return getattr(shell(), "kernel", None) is not None


def unattended() -> bool:
    """Return whether nobody can act while the cell runs, as when nbconvert or papermill runs a notebook to its end."""
    # nbclient, below both, lets no cell ask for input; so does Voila, whose page is then live for a person
    voila = os.environ.get("SERVER_SOFTWARE", "").startswith("voila")
    return cell_message().get("content", {}).get("allow_stdin") is False and not voila
