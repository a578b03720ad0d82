"""What holds for every test: one torch thread, and torchvision importable beside any build of torch.

Two torch threads collapse when another process wants the core, so one thread is also what keeps timings sane.
A torchvision built for CUDA cannot be imported beside a torch for CPUs; nbviz survives that, and timm and
captum, which the tests compare with, survive it once nbviz has imported torchvision for them.
"""

from __future__ import annotations

import os
import tempfile
import warnings

os.environ["NBVIZ_CACHE"] = tempfile.mkdtemp(prefix="nbviz-tests-")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import torch

from nbviz.replica.torchvision_import import torchvision

torch.set_num_threads(1)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torchvision()
