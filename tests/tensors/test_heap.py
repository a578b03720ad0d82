"""Passes one after the other write to the same memory instead of fetching it anew."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
import nbviz
if sys.argv[1] == "nbviz":
    nbviz.InstrumentedModel(torch.nn.Identity())
def work():
    for _ in range(4):
        torch.ones(10 * 2**20)  # 40 MB, as a layer of eight pictures
for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(which: str) -> int:
    made = subprocess.run([sys.executable, "-c", FAULTS, which], capture_output=True, text=True, check=True)
    return int(made.stdout.split()[-1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_freed_memory_is_used_again() -> None:
    bare, ours = faults("bare"), faults("nbviz")
    assert 10 * ours < bare, f"pages fetched from the system: {ours}, by torch alone {bare}"
