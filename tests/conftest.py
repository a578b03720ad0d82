"""What holds for every test: one torch thread, and torchvision importable beside any build of torch.

Two torch threads collapse when another process wants the core, so one thread is also what keeps timings sane.
A torchvision built for CUDA cannot be imported beside a torch for CPUs; nbviz survives that, and timm and
captum, which the tests compare with, survive it once nbviz has imported torchvision for them.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings

os.environ["NBVIZ_CACHE"] = tempfile.mkdtemp(prefix="nbviz-tests-")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

from nbviz.replica.torchvision_import import torchvision

torch.set_num_threads(1)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torchvision()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come first: they wait more than they compute, and another process goes on meanwhile."""
    items.sort(key=lambda item: "browser" not in item.path.parts)


class FileByFile(LoadScopeScheduling):
    """Processes share files, not tests, so that what a file sets up is set up once.

    One process alone drives the browser, and one runs the lessons, whose files share what a notebook gave.
    """

    def _split_scope(self, nodeid: str) -> str:
        whole = re.match("tests/(browser|lessons)/", nodeid)
        return whole[1] if whole else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FileByFile:
    return FileByFile(config, log)
