"""The coverage table as Markdown: a line a method, a line a network, and the refusals in words below."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from nbviz.attribution.base import FAMILIES, METHODS

Row = dict[str, Any]
NOT_MEASURED = "not measured yet"
"""What stands where a method is newer than the table."""

_HEAD = """# Which methods run on which networks

Written by `python -m tests.bench.coverage --out notebooks/reference/coverage.md`, never by hand. Weights are random
(what is asked is whether a method runs, not what it shows), batch norms fitted to noise, the network left in training
mode as a user might, the picture noise of the smallest size from 64 pixels up that the network takes. Every map is
that of the predicted class (in a segmentation network where it says it; of a detector, its best box), by cheap options.
R-CNNs are left out: without torchvision's compiled operators, missing here, their `roi_align` takes seconds a forward.

*{networks} networks, {maps} maps; {crashed} crashed, {refused} refused in a sentence, {changed} networks changed by
it.* Whether a network was changed is told by a digest of every tensor, version counter, mode, gradient, hook and
attribute of it and of the random generators' states. torch {torch}, torchvision {torchvision}, timm {timm}.
"""


def markdown(rows: list[Row]) -> str:
    """The whole file."""
    said = [said for row in rows for said in row["methods"].values()]
    notes = Notes()
    parts = [
        _HEAD.format(
            networks=len(rows),
            maps=sum(not s.startswith(("refused", "crashed")) for s in said),
            crashed=_count([*said, *(row["opens"] for row in rows)], "crashed"),
            refused=_count(said, "refused"),
            changed=sum(not row["untouched"] for row in rows) or "no",
            torch=version("torch"),
            torchvision=version("torchvision"),
            timm=version("timm"),
        ),
        "## Methods\n",
        *_methods(rows),
        "\n## Networks\n\nMethods that run, of those of the family; the numbers are the reasons below.\n",
        *_networks(rows, notes),
        "\n## Why not\n",
        *notes.lines(),
    ]
    return "\n".join(parts) + "\n"


def _count(said: list[str], word: str) -> int:
    return sum(one.startswith(word) for one in said)


def _methods(rows: list[Row]) -> Iterator[str]:
    groups = list(dict.fromkeys(row["group"] for row in rows))
    yield f"| method | {' | '.join(groups)} |\n|---|{'---:|' * len(groups)}"
    for name, method in METHODS.items():
        cells = []
        for group in groups:
            said = [row["methods"][name] for row in rows if row["group"] == group and name in row["methods"]]
            cells.append(f"{sum(map(runs, said))} of {len(said)}" if said else NOT_MEASURED)
        yield f"| {method.title} | {' | '.join(cells)} |"


def runs(said: str) -> bool:
    """Whether an outcome is a map's status."""
    return not said.startswith(("refused", "crashed"))


def _networks(rows: list[Row], notes: Notes) -> Iterator[str]:
    rows = sorted(rows, key=lambda row: list(dict.fromkeys(r["group"] for r in rows)).index(row["group"]))
    heads = ["network", "input", "parameters", "layers", *FAMILIES, "left as it was"]
    yield f"| {' | '.join(heads)} |\n|{'---|' * 2}{'---:|' * 6}---|"
    group = None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            yield f"| **{group}** |{' |' * (len(heads) - 1)}"
        size, layers = "×".join(map(str, row["input"])), row.get("layers", "–")
        cells = [row["name"], size, _millions(row["parameters"]), layers]
        cells += [_family(row, family, notes) for family in FAMILIES]
        yield f"| {' | '.join(map(str, cells))} | {'yes' if row['untouched'] else '**no**'} |"


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 1e5 else f"{count:,}"


def _family(row: Row, family: str, notes: Notes) -> str:
    measured = row["methods"]
    said = {name: measured[name] for name, one in METHODS.items() if one.family == family and name in measured}
    numbers = sorted({notes.number(METHODS[name].title, one, row["name"]) for name, one in said.items() if one != "ok"})
    marks = f" <sup>{', '.join(map(str, numbers))}</sup>" if numbers else ""
    return f"{sum(map(runs, said.values()))} of {len(said)}{marks}"


class Notes:
    """Reasons, numbered as they come; what differs only in names and counts is one reason."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, set[str], int]] = {}

    def number(self, title: str, said: str, network: str) -> int:
        """The number of a reason."""
        reason = abbreviated(title, said, network)
        number, titles, count = self._found.get(reason, (len(self._found) + 1, set(), 0))
        self._found[reason] = (number, titles | {title}, count + 1)
        return number

    def lines(self) -> Iterator[str]:
        """A numbered list of the reasons."""
        for reason, (number, titles, count) in self._found.items():
            names = ", ".join(method.title for method in METHODS.values() if method.title in titles)
            yield f"{number}. {reason} *({names}; {count})*"


def abbreviated(title: str, said: str, network: str) -> str:
    """A refusal's sentence without the method's, the network's and the layers' names, and without counts."""
    kind, _, sentence = said.partition(": ")
    if kind not in ("refused", "crashed"):
        return f"The map's status is “{said}”."
    sentence = sentence.replace(network, "this network").replace(title, "It", 1)
    sentence = re.sub(r"'[\w.]*'", "a layer", sentence)
    sentence = re.sub(r"\b\d+ (?=[A-Z])", "", sentence)
    sentence = re.sub(r"\bblock \d+", "a block", sentence)
    sentence = re.sub(r"\d[\d,. ×]*\d|\d", "n", sentence)
    return f"**Crashed**: {sentence}" if kind == "crashed" else sentence
