"""Strip of a panel: an exception as a sentence, with the traceback folded under it where it isn't ours."""

from __future__ import annotations

import traceback

from nbviz.errors import NbvizError, Refused
from nbviz.panels.base.front import Front


def error_words(error: BaseException) -> str:
    """Return the sentence of an error: its own where it is ours, else with the kind of error in front."""
    return str(error) if isinstance(error, NbvizError) else f"{type(error).__name__}: {error}"


def fail(view: Front, error: BaseException) -> None:
    """Show an error: "refused" for a method that can't be had here, else "failed"."""
    with view.hold_sync():
        view.state = "refused" if isinstance(error, Refused) else "failed"
        view.message = error_words(error)
        # a sentence of ours says what to do; anything else is a fault, whose finder needs the traceback
        view.details = "" if isinstance(error, NbvizError) else "".join(traceback.format_exception(error))


def refuse(view: Front, error: Exception) -> None:
    """Show that a person's act can't be done, or went wrong; what is on show stays."""
    fail(view, error)
    # "failed" would offer *Retry*, which computes all again, and would not do the act
    if isinstance(error, NbvizError):
        view.state = "refused"


def ready(view: Front) -> None:
    """Take the strip away: the answer is on show."""
    view.state, view.message, view.details = "ready", "", ""
