"""Libraries imported on first use leave the user's random streams where they are, at every moment."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

import nbviz
from nbviz.replica.scikit_import import library

DRAWING = """
import random
import threading
from random import randint

import numpy as np
import torch

at_work, go_on = threading.Event(), threading.Event()
first = randint(0, 2**30), random.random(), np.random.rand(), torch.manual_seed(3)
at_work.set()
assert go_on.wait(20)
later = randint
"""


def test_importing_scikit_learn_draws_nothing_from_the_users_generators() -> None:
    code = """
import random
import numpy as np
from nbviz.replica.scikit_import import scikit
before = random.getstate(), np.random.get_state()[1].tobytes()
assert scikit("cluster").AgglomerativeClustering
assert (random.getstate(), np.random.get_state()[1].tobytes()) == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_cell_that_draws_in_the_middle_of_an_import_gets_its_own_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches an import that moves a global stream and puts it back: a second on a worker, a cell drawing meanwhile."""
    (tmp_path / "nbviz_test_draws.py").write_text(DRAWING)
    monkeypatch.syspath_prepend(str(tmp_path))

    def numbers() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    def seed() -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    seed()
    alone = numbers() + numbers()
    seed()
    worker = threading.Thread(target=library, args=("nbviz_test_draws",), daemon=True)
    worker.start()
    while "nbviz_test_draws" not in sys.modules or not hasattr(sys.modules["nbviz_test_draws"], "at_work"):
        assert worker.is_alive()
    module = sys.modules["nbviz_test_draws"]
    assert module.at_work.wait(20)
    during = numbers()
    module.go_on.set()
    worker.join(20)
    assert during + numbers() == alone
    # a function that the module imported by name draws from the global stream from now on, as it would without nbviz
    random.seed(2)
    right = random.randint(0, 2**30)
    random.seed(2)
    assert module.later(0, 2**30) == right
    del sys.modules["nbviz_test_draws"]


def test_scikit_learn_is_imported_in_no_other_way() -> None:
    """Catches ``from sklearn…`` in a function of ours: the first call of it would move Python's stream."""
    own_process = "embed.py"  # runs by itself, or after its library was imported so
    files = [path for path in Path(nbviz.__file__).parent.rglob("*.py") if path.name != own_process]
    found = [
        str(path) for path in files if re.search(r"^\s*(from|import) (sklearn|umap|rich)\b", path.read_text(), re.M)
    ]
    assert not found
