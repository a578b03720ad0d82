"""The notebooks we ship run from top to bottom, say what each cell is for, and store no outputs."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from nbviz import cli

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
TOURS = [path for path in NOTEBOOKS if path.name == cli.TOUR]
"""The others are lessons: tests/lessons runs them."""
MEBIBYTES = 900
"""What a whole notebook may hold resident at its peak: Binder's smallest machines have 1 GiB."""
# not ru_maxrss: a process starts with the peak of the one that started it, here the whole test run's
PEAK = "print(next(int(line.split()[1]) // 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')))"


@pytest.fixture(params=TOURS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    """One shipped notebook."""
    return nbformat.read(request.param, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_stored(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells and all(not cell.outputs and cell.execution_count is None for cell in cells)


def test_every_step_has_a_purpose_and_something_to_try(notebook: nbformat.NotebookNode) -> None:
    steps = [cell.source for cell in notebook.cells if cell.source.startswith("## ")]
    assert steps and all("**Purpose:**" in step and "**Try:**" in step for step in steps)


@pytest.mark.timeout(300)
def test_it_runs_within_a_small_machines_memory(
    notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(Path(__file__).resolve().parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name, value in cli.SETTINGS.items():
        monkeypatch.setenv(name, value)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not [words for words in said if "nbviz" in words]
    assert int(outputs[-1].text) < MEBIBYTES
