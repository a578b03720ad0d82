"""Pool of a class's guesses, gathered in a shared folder: opt-in and anonymous.

Each kernel that takes part writes a file of its own with a random name, so that nobody waits for anybody's lock and no
file says whose it is. A line is one guess, as JSON: ``{"question": …, "answer": …}``; a later line of the same file
takes the place of an earlier one.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from nbviz.errors import NbvizError
from nbviz.lessons.values import numbers

if TYPE_CHECKING:
    import pandas

VARIABLE = "NBVIZ_LESSONS_POOL"
"""Environment variable with the folder of guesses."""

Answer = str | float | list[float]


class Pool:
    """Folder of guesses, and the file that this kernel adds to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # not of random, which a notebook may seed: a class would then write to one file
        self.file = folder / f"{secrets.token_hex(8)}.jsonl"

    def add(self, question: str, answer: Answer) -> None:
        """Append a guess."""
        # a file of its own: a shared one would need a lock, which a network folder of a class may not hold
        with self.file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"question": question, "answer": answer}, ensure_ascii=False) + "\n")

    def answers(self, question: str) -> list[Answer]:
        """Return the class's guesses at a question, one per student."""
        return [answer for _, name, answer in _read(self.folder) if name == question]


_here: dict[str, Pool] = {}


def pool(folder: str | Path | None) -> Pool | None:
    """Take part: write this kernel's guesses, without a name, into a folder; None stops it.

    Raises NbvizError where the folder isn't there or can't be written to.
    """
    _here.clear()
    if folder is None:
        return None
    path = Path(folder).expanduser()
    if not path.is_dir() or not os.access(path, os.W_OK):
        raise NbvizError(f"Guesses can't be gathered in '{folder}': it is not a folder that you may write to.")
    return _here.setdefault("pool", Pool(path))


def current() -> Pool | None:
    """Return the pool that this kernel takes part in, by :func:`pool` or ``NBVIZ_LESSONS_POOL``; None for none."""
    if "pool" not in _here and os.environ.get(VARIABLE):
        pool(os.environ[VARIABLE])
    return _here.get("pool")


def guesses(folder: str | Path) -> pandas.DataFrame:
    """Return the guesses of a class as a pandas table: question, answer, student (a random name).

    Raises NbvizError where the folder isn't there.
    """
    import pandas

    path = Path(folder).expanduser()
    if not path.is_dir():
        raise NbvizError(f"There is no folder '{folder}' with a class's guesses.")
    rows = [(question, answer, student) for student, question, answer in _read(path)]
    return pandas.DataFrame(rows, columns=["question", "answer", "student"])


def _read(folder: Path) -> list[tuple[str, str, Answer]]:
    """Return student, question, answer: each student's last guess at each question; other lines are left out."""
    last: dict[tuple[str, str], Answer] = {}
    for file in sorted(folder.glob("*.jsonl")):
        # a line that another kernel is writing may end within a letter
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                guess = json.loads(line)
                question, answer = str(guess["question"]), _answer(guess["answer"])
            except (ValueError, KeyError, TypeError):  # another kernel is in the middle of writing it
                continue
            last[file.stem, question] = answer
    return [(student, question, answer) for (student, question), answer in last.items()]


def _answer(value: object) -> Answer:
    """Return a guess as it was written: a word, a number, or a box; raises TypeError for anything else."""
    if isinstance(value, str):
        return value
    given = numbers(value)
    if given is None or given.shape not in ((), (4,)):
        raise TypeError
    read: Answer = given.tolist()
    return read
