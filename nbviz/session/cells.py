"""Notebook cells: which one made an Explorer, so that running it again frees the one before.

ipywidgets keeps every widget alive until it is closed; a cell run fifty times would keep fifty Explorers.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Protocol


class Closable(Protocol):
    """Protocol of an object that a cell can close."""

    def close(self) -> None: ...


_open: dict[str, list[tuple[str, Closable]]] = {}


@dataclass(frozen=True)
class NotebookCell:
    """Execution of one cell; empty names where there is no notebook."""

    name: str = ""
    execution: str = ""

    @classmethod
    def current(cls) -> NotebookCell:
        """Return the execution under way: of the cell's id where the front end sends it, else of its text."""
        parent = cell_message()
        header, content = parent.get("header", {}), parent.get("content", {})
        if header.get("msg_type") != "execute_request":
            return cls()
        # the id first: a cell whose text is edited is still the same place on the page
        name = parent.get("metadata", {}).get("cellId") or content.get("code", "")
        return cls(str(name), str(header.get("msg_id", "")))

    def enter(self, owner: Closable) -> None:
        """Close what earlier executions of this cell made, and remember ``made``."""
        if not self.name:
            return
        # a copy: closing one takes it out of the list
        for execution, earlier in list(_open.get(self.name, [])):
            # one cell may make several, and they stay beside each other
            if execution != self.execution:
                earlier.close()
        _open.setdefault(self.name, []).append((self.execution, owner))

    def runs_again(self) -> bool:
        """Return whether this cell is being run once more at this moment."""
        now = self.current()
        return bool(self.name) and now.name == self.name and now.execution != self.execution

    def leave(self, owner: Closable) -> None:
        """Forget what was closed."""
        entries = [entry for entry in _open.get(self.name, []) if entry[1] is not owner]
        if entries:
            _open[self.name] = entries
        else:
            _open.pop(self.name, None)


def variable_of(value: object, otherwise: str) -> str:
    """Return the notebook's own name of an object, such as ``"explorer"``; ``otherwise`` where it has none."""
    names: dict[str, Any] = getattr(shell(), "user_ns", {})
    own = [name for name, named in list(names.items()) if named is value and not name.startswith("_")]
    return own[0] if own else otherwise


def cell_message() -> dict[str, Any]:
    """Return the front end's message that this code runs for; empty where there is none."""
    return getattr(shell(), "get_parent", dict)() or {}


def shell() -> Any:  # noqa: ANN401 - IPython's own, which nbviz doesn't import
    """Return IPython's shell; None where this code runs without it. Imports nothing."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
