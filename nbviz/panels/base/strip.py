"""Strip of a panel: an exception as a sentence, with the traceback folded under it where it isn't ours."""

from __future__ import annotations

import traceback

from nbviz.errors import NbvizError, Refused
from nbviz.panels.base.front import Front


def fail(view: Front, error: BaseException) -> None:
    """Show an error: "refused" for a method that can't be had here, else "failed"."""
    ours = isinstance(error, NbvizError)
    with view.hold_sync():
        view.state = "refused" if isinstance(error, Refused) else "failed"
        view.message = str(error) if ours else f"{type(error).__name__}: {error}"
        view.details = "" if ours else "".join(traceback.format_exception(error))


def refuse(view: Front, error: Exception) -> None:
    """Show that a person's act can't be done, or went wrong; what is on show stays."""
    fail(view, error)
    if isinstance(error, NbvizError):
        view.state = "refused"


def ready(view: Front) -> None:
    """Take the strip away: the answer is on show."""
    view.state, view.message, view.details = "ready", "", ""
