"""Layout of an atlas: directions, the axes along which they differ most, two dimensions, a grid of cells."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from nbviz.dataset.atlas import embed
from nbviz.dataset.atlas.embed import LAYOUTS
from nbviz.errors import NbvizError
from nbviz.replica.scikit_import import library, scikit

AXES = 50
MANY = 10_000
"""Points from which umap-learn is the faster one: it takes 50 s to start, t-SNE 2 s a thousand points."""
EDGE = 0.005
"""Share of points at either end of an axis that go to the outermost cells."""
SMALLEST, LARGEST, EACH = 6, 20, 9
"""Cells a side, at least and at most, and points a cell that are aimed at."""
FEW = 500
"""Points up to which t-SNE takes less time than a process takes to start."""
POLL = 0.05
"""Seconds between looks at a process."""
_LIBRARIES = {"tsne": "sklearn.manifold", "umap": "umap"}


@dataclass(frozen=True)
class Axes:
    """Principal axes of directions: a point is brought to length 1, centred, and projected."""

    centre: np.ndarray
    """(C,)."""
    basis: np.ndarray
    """(d, C)."""

    @classmethod
    def of(cls, values: np.ndarray, seed: int) -> Axes:
        """Find the axes along which the directions of values (N, C) differ most."""
        unit = units(values)
        pca = scikit("decomposition").PCA(min(AXES, *values.shape), svd_solver="randomized", random_state=seed)
        fit = pca.fit(unit)
        return cls(fit.mean_.astype(np.float32), fit.components_.astype(np.float32))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Project (N, C) → (N, d)."""
        return (units(values) - self.centre) @ self.basis.T


def units(values: np.ndarray) -> np.ndarray:
    """Scale the rows of (N, C) to length 1; a row of zeros stays."""
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(length > 0, length, 1)


def chosen_layout(name: str, points: int) -> str:
    """Choose for "auto": t-SNE, or for many points umap-learn where it is installed."""
    if name != "auto":
        return name
    return "umap" if points > MANY and find_spec("umap") is not None else "tsne"


def flattening(points: np.ndarray, layout: str, seed: int) -> Generator[np.ndarray | None, None, None]:
    """Lay points (N, d) out as (N, 2), each axis in 0…1: yields None until it is done, then the layout.

    The same for the same seed on the same number of threads. Neither t-SNE nor UMAP can be stopped within, so many
    points are laid out in a process of their own, which ends with this generator.
    """
    flat: np.ndarray | None = None
    if layout != "pca" and len(points) > FEW:
        with closing(_in_process(points, layout, seed)) as waiting:
            for flat in waiting:
                yield None
    if flat is None:
        if layout in _LIBRARIES:
            library(_LIBRARIES[layout])  # imported here, no global random stream moves
        flat = LAYOUTS[layout](points, seed)
    # a few far points would squeeze all others into the middle cells
    low, high = np.quantile(flat, [EDGE, 1 - EDGE], axis=0)
    yield np.clip((flat - low) / np.maximum(high - low, 1e-12), 0, 1).astype(np.float32)


def _in_process(points: np.ndarray, layout: str, seed: int) -> Generator[np.ndarray | None, None, None]:
    """Yield None until a process has ended, then its layout; None where no process can be started."""
    with TemporaryDirectory(prefix="nbviz") as folder:
        source, out, problem = (Path(folder, name) for name in ("points.npy", "layout.npy", "problem.txt"))
        np.save(source, points)
        # -P: nothing beside the script is taken for a library; the threads are those of this process
        command = [sys.executable, "-P", embed.__file__, str(source), str(out), layout, str(seed)]
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": str(torch.get_num_threads())}
        try:
            with problem.open("wb") as errors:
                process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=errors)
        except (OSError, TypeError):  # an interpreter inside another program has none to start
            return
        try:
            while process.poll() is None:
                yield None
                with suppress(subprocess.TimeoutExpired):
                    process.wait(POLL)
        finally:
            # also when the generator is closed halfway: nobody waits for the layout any more
            process.kill()
            process.wait()
        if process.returncode:
            raise NbvizError(f"The map could not be laid out: {_reason(problem, process.returncode)}")
        yield np.load(out)


def _reason(problem: Path, code: int) -> str:
    """Return the error's own line of what a process has written, from its type on."""
    lines = problem.read_text(errors="replace").strip().splitlines()
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return [f"exit status {code}", *lines[-1:], *errors[-1:]][-1]


def side_of(points: int) -> int:
    """Return the number of cells along a side."""
    return int(np.clip(round((points / EACH) ** 0.5), SMALLEST, LARGEST))


def gridded(flat: np.ndarray, side: int) -> np.ndarray:
    """Return which square of a grid each point lies in, (N,), counted by rows; y runs down."""
    column, row = np.minimum((flat * side).astype(int), side - 1).T
    return row * side + column
