"""The house rules that no other tool checks: what an import costs, what lies where, how long files are."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nbviz
from tests.imports import borrowed, circles, dangling, import_graph, tree_of, twins

ROOT = Path(__file__).resolve().parents[1]
TOP = {"setup.cfg", "nbviz", "notebooks", "tests", "binder", "README.md", "pyproject.toml", "LICENSE", "CHANGELOG.md"}
# What building, installing and running leave behind; .gitignore keeps them out of the history.
LEFT_BEHIND = re.compile(r"\..*|build|dist|__pycache__|.*\.egg-info|look.*\.png")
HEAVY = [
    "ipywidgets", "bqplot", "ipycanvas", "anywidget", "torchvision", "skimage", "pandas", "cmap", "sklearn",
    "scipy.stats", "scipy.optimize", "scipy.ndimage",
]  # fmt: skip
FLOORS = [
    "nbviz", "nbviz.pictures", "nbviz.drawing", "nbviz.replica", "nbviz.model", "nbviz.passes", "nbviz.attention",
    "nbviz.zoo", "nbviz.attribution", "nbviz.features", "nbviz.dataset", "nbviz.evaluation", "nbviz.edits",
    "nbviz.circuits", "nbviz.reviews", "nbviz.session",
]  # fmt: skip


def modules_after(statement: str) -> set[str]:
    """The names of the modules a fresh Python has loaded after `statement`."""
    probe = f"import sys\n{statement}\nprint(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr
    return set(answer.stdout.split())


@pytest.mark.parametrize("floor", FLOORS)
def test_no_floor_below_the_panels_loads_a_widget_library_or_torchvision(floor: str) -> None:
    assert modules_after(f"import {floor}").isdisjoint(HEAVY)


def test_an_explorer_and_a_report_begin_without_the_libraries_of_their_tables() -> None:
    loaded = modules_after("import nbviz, nbviz.reports\nnbviz.Explorer, nbviz.report, nbviz.audit")
    assert loaded.isdisjoint(("scipy.stats", "scipy.optimize", "sklearn", "pandas"))


def test_the_default_network_is_loaded_only_when_asked_for() -> None:
    assert "nbviz.zoo.efficientnet_lite0" not in modules_after("import nbviz")


def test_every_public_name_can_be_had() -> None:
    modules_after("import nbviz\nfor name in nbviz.__all__: getattr(nbviz, name)")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Explorre"):
        nbviz.Explorre  # noqa: B018


def test_the_top_level_holds_only_what_tools_demand() -> None:
    there = {path.name for path in ROOT.iterdir() if not LEFT_BEHIND.fullmatch(path.name)}
    assert there <= TOP


@pytest.mark.parametrize("folder", ["nbviz", "tests"])
def test_no_file_is_above_300_lines(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".js", ".css"}]
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert not {path: count for path, count in lines.items() if count > 300}


def test_no_folder_is_above_15_python_files_save_the_methods() -> None:
    counts = {room: len(list(room.glob("*.py"))) for room in (ROOT / "nbviz").rglob("*") if room.is_dir()}
    crowded = {str(room.relative_to(ROOT)) for room, count in counts.items() if count > 15}
    assert crowded <= {"nbviz/attribution/methods"}


def test_one_name_is_one_class() -> None:
    places: dict[str, list[str]] = {}
    for path in (ROOT / "nbviz").rglob("*.py"):
        for name in re.findall(r"^class ([A-Z]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            places.setdefault(name, []).append(path.relative_to(ROOT).as_posix())
    assert len(places) > 300
    assert not {name: files for name, files in places.items() if len(files) > 1}


def test_no_function_is_above_40_lines() -> None:
    long = []
    for path in (ROOT / "nbviz").rglob("*.py"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (node.end_lineno or 0) - node.lineno > 40:
                long.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert not long


def test_no_function_stands_twice(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('def f(x):\n    """A."""\n    y = x\n    y += y\n    return y\n')
    (tmp_path / "b.py").write_text("def g(z):\n    y = z\n    y += y\n    return y\n")
    assert [*twins(tmp_path).values()] in ([["a.py:f", "b.py:g"]], [["b.py:g", "a.py:f"]])
    assert twins(ROOT / "nbviz") == {}


def test_names_are_imported_from_where_they_are_made(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("X = 1\n")
    (tmp_path / "b.py").write_text(f"from {tmp_path.name}.a import X\nY = X\n")
    (tmp_path / "c.py").write_text(f"from {tmp_path.name}.b import X, Y\n")
    assert list(borrowed(tmp_path)) == [(f"{tmp_path.name}.c", f"{tmp_path.name}.b", "X")]
    assert list(borrowed(ROOT / "nbviz")) == []


def test_docstrings_refer_to_names_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        '"""See :func:`f`, :meth:`A.g`, :func:`sys.exit` and :func:`gone`."""\n'
        "class A:\n    def g(self): self.h = 1\ndef f(): ':attr:`h`'\n"
    )
    assert list(dangling(tmp_path)) == [("a.py", "gone")]
    assert list(dangling(ROOT / "nbviz")) == []


def test_no_import_leads_back_in_a_circle() -> None:
    """import-linter doesn't look at imports for types alone: a class that a helper only names may import the helper."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [{"b", "c"}]
    graph = import_graph(ROOT / "nbviz")
    assert "nbviz.session.selection" in graph["nbviz.explorer"] | graph["nbviz.panels.base.stage"]
    assert circles(graph) == []


def test_rooms_of_panels_know_the_shared_ones_and_never_each_other() -> None:
    """Which rooms there are is read from the tree, so that a new stage's folder is written down nowhere."""
    shared = {"base", "scenes", "snapshot"}
    rooms = {path.parent.name for path in (ROOT / "nbviz" / "panels").glob("*/__init__.py")} - shared
    assert len(rooms) > 8
    for module, imported in import_graph(ROOT / "nbviz").items():
        room = module.split(".")[2] if module.startswith("nbviz.panels.") else ""
        if room in rooms | shared:
            allowed = shared | {room} if room in rooms else shared
            reached = {name.split(".")[2] for name in imported if name.startswith("nbviz.panels.")}
            assert reached <= allowed, module


def test_modules_are_hooked_in_one_place() -> None:
    """Nine rooms had a loop of their own over modules, each with its own way of undoing it."""
    files = [path for path in (ROOT / "nbviz").rglob("*.py") if "register_forward" in path.read_text()]
    assert [str(path.relative_to(ROOT)) for path in files] == ["nbviz/replica/hooks.py"]


def test_requirements_have_pins() -> None:
    """A requirement without a pin would let a fresh machine install what nobody has tried."""
    lines = (ROOT / "binder" / "constraints.txt").read_text().splitlines()
    pins = {line.split("==")[0] for line in lines if "==" in line}
    section = (ROOT / "setup.cfg").read_text().split("install_requires =")[1].split("[mypy]")[0]
    wanted = set(re.findall(r"^    ([a-z0-9-]+)[><=!]", section, re.MULTILINE))
    assert len(wanted) > 15 and wanted <= pins


def test_the_checks_run_what_readme_says() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    commands = [line.split("&& ")[-1] for line in lines if line.startswith("python3 -m venv ")]
    assert commands == [".venv/bin/nbviz", ".venv/bin/python -m pytest -n 2"]
