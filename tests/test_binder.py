"""Binder's folder, as repo2docker reads it: one environment for all, scripts that run, and a start that hands over."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

BINDER = Path(__file__).resolve().parents[1] / "binder"


def test_the_requirements_lead_to_files_that_are_there_and_pin_torch_and_jupyterlab() -> None:
    lines = (BINDER / "requirements.txt").read_text("utf-8").split("\n")
    assert "-c constraints.txt" in lines and "-e ." in lines  # pip reads -c from beside the file, -e from the root
    pins = dict(line.split("==") for line in (BINDER / "constraints.txt").read_text("utf-8").splitlines()[1:])
    assert {"torch", "torchvision", "jupyterlab", "ipywidgets", "anywidget"} <= set(pins)
    assert re.fullmatch(r"python-3\.\d+\n?", (BINDER / "runtime.txt").read_text("utf-8"))


def test_the_build_stops_at_the_first_failure(tmp_path: Path) -> None:
    """With a python that fails, so does the build; it asks for one thread and the course's preparation."""
    python = tmp_path / "python"
    python.write_text('#!/bin/bash\necho "$OMP_NUM_THREADS $*"\nexit 3\n')
    python.chmod(0o755)
    search = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    ran = subprocess.run(["bash", BINDER / "postBuild"], capture_output=True, text=True, env={"PATH": search})
    assert (ran.returncode, ran.stdout) == (3, "1 -m nbviz teach --prepare\n")


def test_the_start_becomes_the_server_with_one_thread_and_one_heap() -> None:
    names = ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "MALLOC_ARENA_MAX")
    asked = f"import os, sys; print(*(os.environ[name] for name in {names}), *sys.argv[1:])"
    line = ["bash", BINDER / "start", sys.executable, "-c", asked, "a name", "--ip=0.0.0.0"]
    ran = subprocess.run(line, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert ran.stdout == "1 1000 1 a name --ip=0.0.0.0\n", ran.stderr
