"""Lessons of the course: guesses that open a reveal, and questions whose answers are computed and judged.

A lesson is a notebook. :func:`guess` asks before it shows, :func:`check` judges a Python value by computing the right
one again, :func:`hint` helps, :func:`progress` lists the questions. Nothing is kept outside the running kernel, unless
:func:`pool` names a folder in which a class gathers its guesses.
"""

from nbviz.lessons.checks import Judgement, check, hint, progress
from nbviz.lessons.guess import Guess, GuessFirst, demo, guess
from nbviz.lessons.plots import show
from nbviz.lessons.pool import guesses, pool
from nbviz.lessons.question import QUESTIONS, Question, question

__all__ = [
    "QUESTIONS",
    "Guess",
    "GuessFirst",
    "Question",
    "Judgement",
    "check",
    "demo",
    "guess",
    "guesses",
    "hint",
    "pool",
    "progress",
    "question",
    "show",
]
