"""Verdicts of a report or a comparison, and their JUnit XML, which CI servers show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import quoteattr

State = Literal["pass", "warn", "fail"]
STATES: tuple[State, ...] = ("pass", "warn", "fail")
"""From good to bad: the worst has the last place."""


@dataclass(frozen=True)
class ReportVerdict:
    """Judgement of one figure."""

    name: str
    state: State
    detail: str = ""


def worst(verdicts: Sequence[ReportVerdict]) -> State:
    """Return the worst state among verdicts; "pass" where there is none."""
    return max((verdict.state for verdict in verdicts), key=STATES.index, default="pass")


def junit(suite: str, verdicts: Sequence[ReportVerdict], level: State = "fail") -> str:
    """Return JUnit XML, one test case per verdict; those at ``level`` or worse are failures."""
    bad = [STATES.index(verdict.state) >= STATES.index(level) for verdict in verdicts]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuite name={quoteattr(suite)} tests="{len(verdicts)}" failures="{sum(bad)}">')
    for verdict, failed in zip(verdicts, bad, strict=True):
        words = quoteattr(verdict.detail)
        # a warning below the level is told as output: a CI shows it, and passes
        inner = f"<failure message={words}/>" if failed else f"<system-out>{_text(verdict)}</system-out>"
        lines.append(f" <testcase name={quoteattr(verdict.name)}>{inner}</testcase>")
    return "\n".join([*lines, "</testsuite>"]) + "\n"


def _text(verdict: ReportVerdict) -> str:
    return f"{verdict.state}: {verdict.detail}".replace("&", "&amp;").replace("<", "&lt;")
