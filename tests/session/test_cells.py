"""Running a cell again closes what it made before; two in one execution both stay."""

from __future__ import annotations

from nbviz.session.cells import NotebookCell


class Thing:
    def __init__(self, cell: NotebookCell) -> None:
        self.cell, self.closed = cell, False
        cell.enter(self)

    def close(self) -> None:
        self.closed = True
        self.cell.leave(self)


def test_a_second_run_closes_the_first() -> None:
    first = Thing(NotebookCell("c", "run 1"))
    beside = Thing(NotebookCell("c", "run 1"))
    other = Thing(NotebookCell("d", "run 1"))
    assert not first.closed and not beside.closed
    second = Thing(NotebookCell("c", "run 2"))
    assert first.closed and beside.closed
    assert not second.closed and not other.closed
    third = Thing(NotebookCell("c", "run 3"))
    assert second.closed and not third.closed


def test_outside_a_notebook_nothing_is_closed() -> None:
    assert NotebookCell.current() == NotebookCell()
    first, second = Thing(NotebookCell()), Thing(NotebookCell())
    assert not first.closed and not second.closed
