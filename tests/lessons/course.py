"""The lessons' notebooks, run once a session, with right answers put in behind the open questions."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import nbformat
from nbclient import NotebookClient

from nbviz import cli, course
from nbviz.lessons.guess import VARIABLE
from nbviz.lessons.question import QUESTIONS, Question, load

ROOT = Path(__file__).resolve().parents[2]
LESSONS = [ROOT / "notebooks" / name for name in course.LESSONS]
PEAK = "print(next(int(line.split()[1]) // 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')))"
load()


def number(path: Path) -> int:
    """Number of a notebook's lesson: ``02_….ipynb`` is lesson 1."""
    return int(path.name[:2]) - 1


def questions(path: Path) -> list[Question]:
    """The questions of a notebook's lesson."""
    return [asked for asked in QUESTIONS.values() if asked.lesson == number(path)]


def solution(asked: Question) -> str:
    """A cell that answers by the way there: wrong values three times, then the right one, its verdict printed."""
    *before, last = asked.way.splitlines()
    wrong = f"[bool(check({asked.name!r}, wrong)) for wrong in (None, 'moose', [0.123])]"
    return "\n".join([*before, f"right = {last}", f"print({wrong}, bool(check({asked.name!r}, right)))"])


@dataclass
class Run:
    """A notebook that has run: its cells, and what the appended cells printed."""

    notebook: nbformat.NotebookNode
    verdicts: dict[str, str]
    conclusions: dict[str, str]
    """Expression → its value as text."""
    mebibytes: int

    def words(self) -> list[str]:
        """The text of the notebook's own outputs."""
        outputs = [output for cell in self.notebook.cells for output in cell.get("outputs", [])]
        return [output.get("text") or str(output.get("data", {}).get("text/plain", "")) for output in outputs]


@cache
def run(path: Path, *conclusions: str) -> Run:
    """Run a notebook as it is, then answer its questions, then ask for the values of expressions."""
    notebook = nbformat.read(path, as_version=4)
    asked = questions(path)
    cells = [*map(solution, asked), *(f"print(repr({expression}))" for expression in conclusions), PEAK]
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    folder = mkdtemp(prefix="nbviz-lesson-")
    before = dict(os.environ)
    search = os.pathsep.join(filter(None, [str(ROOT), before.get("PYTHONPATH")]))
    os.environ.update({**cli.SETTINGS, VARIABLE: "1", "PYTHONPATH": search, "IPYTHONDIR": f"{folder}/ipython"})
    try:
        NotebookClient(notebook, timeout=150, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    finally:
        os.environ.clear()
        os.environ.update(before)
    printed = ["".join(output.text for output in cell.outputs) for cell in notebook.cells[-len(cells) :]]
    verdicts = dict(zip([one.name for one in asked], printed, strict=False))
    values = dict(zip(conclusions, printed[len(asked) : -1], strict=True))
    return Run(notebook, verdicts, {key: value.strip() for key, value in values.items()}, int(printed[-1]))


def code(path: Path) -> list[str]:
    """The source of a notebook's code cells."""
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def calls(path: Path, name: str) -> list[ast.Call]:
    """Calls of a function of that name in a notebook."""
    trees = [ast.walk(ast.parse(cell)) for cell in code(path)]
    found = [node for tree in trees for node in tree if isinstance(node, ast.Call)]
    return [node for node in found if isinstance(node.func, ast.Name) and node.func.id == name]


def text(path: Path) -> str:
    """All text of a notebook."""
    return "\n\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")


def headings(path: Path) -> list[str]:
    """Headings of the second level, without what follows a colon."""
    return [line.split(":")[0] for line in re.findall(r"^## (.+)$", text(path), re.MULTILINE)]
