"""Page and summary of a report say first what was found, and show a flagged cue before and after."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import nbviz
from nbviz import cli
from nbviz.reports.findings import findings
from nbviz.reports.page.tables import number, p_value
from tests.reviews.test_cues import Marked, network


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """A report of a network that reads a planted mark; what it drew meanwhile."""
    folder, drawn = tmp_path_factory.mktemp("marked"), Drawn()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", drawn)
        nbviz.report(network(30.0), Marked(0.9), folder, corruptions=["contrast"], maps=False)
    return folder, json.loads((folder / "report.json").read_text()), drawn.text


class Drawn:
    """A terminal that keeps what is drawn on it."""

    text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None: ...


def test_a_flagged_cue_stands_first_and_is_shown_before_and_after(marked: tuple[Path, dict[str, Any], str]) -> None:
    folder, values, _ = marked
    (line,) = (line for line in findings(values) if line.startswith("Cues"))
    flagged = [row for row in values["cues"] if row["flagged"]]
    assert flagged and f"{len(flagged)} of {len(values['cues'])} suspects flagged; first: right at rows 0–2" in line
    html, text = ((folder / name).read_text() for name in ("report.html", "report.md"))
    assert html.index("<h2>Findings") < html.index("<h2>Summary") and f"- {line}" in text
    donor = f'alt="right, item {flagged[0]["item"]}: rows 0–2, columns 0–2"'
    assert html.count(donor) == 1 == html.count('alt="with these pixels: right"')
    assert flagged[0]["item"] % 2 == 1, "an item of the class"


def test_every_part_has_its_line_and_none_is_silent(marked: tuple[Path, dict[str, Any], str]) -> None:
    folder, values, _ = marked
    starts = [line.split(":")[0] for line in findings(values)]
    assert "; the commonest label for all would be right for 50.0%." in findings(values)[0]
    assert starts == ["Right", "Calibration", "Slices", "Labels", "Cues", "Shift", "Filters"]
    assert "<h2>Filters" in (folder / "report.html").read_text()
    clean = {**values, "cues": [], "health": {"findings": [], "pictures": 40}, "slices": [], "shift": None}
    lines = findings(clean)
    assert lines[-2:] == ["Cues: none of 0 suspects flagged.", "Filters: nothing found, over 40 pictures."]
    assert not any(line.startswith(("Slices", "Shift")) for line in lines)


def test_progress_is_drawn_for_each_long_part(marked: tuple[Path, dict[str, Any], str]) -> None:
    for words in ("reviewing: 100%", "corruptions: 100%", "cues: 100%"):
        assert words in marked[2]


def test_figures_are_written_for_a_reader() -> None:
    assert [number(value) for value in (True, False, None, 0.12345, 3)] == ["yes", "no", "–", "0.123", "3"]
    assert [p_value(value) for value in (4e-37, 0.001, 0.25, None)] == ["< 0.001", "0.001", "0.25", "–"]


def test_a_report_that_is_stopped_says_that_nothing_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nbviz.reports.writing.reviewed", stop)
    assert cli.main(["report", "--model", "fashion_cnn", "--data", "fashion", "--out", str(tmp_path / "out")]) == 130
    assert "Nothing was written" in capsys.readouterr().err and not (tmp_path / "out").exists()
