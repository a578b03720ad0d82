"""Prints the table of ratios. ``python -m tests.bench``; names of parts (``tensors``) choose among them."""

from __future__ import annotations

import os
import sys
from importlib import import_module

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

PARTS = ("costs", "tensors", "methods", "explorer", "path", "features", "dataset", "switches", "edits", "cancel")


def main() -> None:
    import torch

    torch.set_num_threads(1)
    for part in sys.argv[1:] or PARTS:
        for row in import_module(f"tests.bench.{part}").rows():
            print(row, flush=True)


if __name__ == "__main__":
    main()
