"""The workflow of the reference page, run line by line as a CI runs it: a sound twin passes, damaged networks fail."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from nbviz import cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "notebooks" / "reference" / "reports.md").read_text("utf-8")
MINE = """
import os
from tests.reports.test_reports import NAMES, Corners, collapsed, trained, transform, worse_on_one_class
import nbviz

KINDS = {"old": lambda: trained(0), "twin": lambda: trained(1), "collapsed": lambda: collapsed(trained(0)),
         "worse": lambda: worse_on_one_class(trained(0))}

def network():
    return nbviz.InstrumentedModel(KINDS[os.environ["KIND"]](), transform, NAMES, name="corners")

pictures = Corners
"""
FAST = " --corruptions --no-cues --no-maps"
"""Parts that a comparison doesn't read."""


def steps() -> list[str]:
    """The workflow's own commands."""
    workflow = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert {"pull_request", "schedule"} <= set(workflow.get("on", workflow.get(True)))  # YAML reads "on" as true
    (job,) = workflow["jobs"].values()
    return [step["run"] for step in job["steps"] if step.get("run", "").startswith("nbviz ")]


def in_a_shell(line: str, kind: str) -> int:
    """Run a line in a shell of its own, `nbviz` being this one."""
    line = line.replace("nbviz", f"{sys.executable} -m nbviz", 1)
    settings = {**os.environ, "KIND": kind, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(["/bin/sh", "-c", line], env=settings, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode


def in_this_process(line: str, kind: str) -> int:
    os.environ["KIND"] = kind
    return cli.main(shlex.split(line)[1:])


@pytest.mark.skipif(os.name == "nt", reason="the page's lines are a shell's")
def test_the_page_s_workflow_passes_a_twin_and_fails_damaged_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    report, compare = steps()
    assert in_this_process(report.replace("reports/new", "reports/main") + FAST, "old") == 0
    # a process takes longer to start than a small report: one of the three is run to the letter
    for kind, status, name, run in (
        ("twin", 0, "", in_this_process), ("collapsed", 1, "collapsed in '0'", in_this_process),
        ("worse", 1, "recall of <b>east</b>", in_a_shell),
    ):  # fmt: skip
        assert run(report + FAST, kind) == 0
        assert run(compare, kind) == status, kind
        suite = ElementTree.parse(tmp_path / "reports" / "compared" / "compare.xml").getroot()
        failed = [case.get("name", "") for case in suite if case.find("failure") is not None]
        assert name in failed if status else not failed
        assert "| what | detail |" in (tmp_path / "reports" / "compared" / "compare.md").read_text()


def test_the_page_has_every_threshold_with_its_default_and_a_line_for_cron() -> None:
    import tomllib

    from nbviz.reports import Thresholds

    given = tomllib.loads(re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert given == vars(Thresholds())
    cron = re.search(r"^17 4 \* \* 1 +(cd .*)$", PAGE, re.MULTILINE)
    assert cron is not None and "nbviz compare main new" in cron.group(1)
