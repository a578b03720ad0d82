"""scikit-learn's import leaves the user's random generators where they were."""

from __future__ import annotations

import subprocess
import sys


def test_importing_scikit_learn_draws_nothing_from_the_users_generators() -> None:
    code = """
import random
import numpy as np
from nbviz.lazy_sklearn import scikit
before = random.getstate(), np.random.get_state()[1].tobytes()
assert scikit("cluster").AgglomerativeClustering
assert (random.getstate(), np.random.get_state()[1].tobytes()) == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)
