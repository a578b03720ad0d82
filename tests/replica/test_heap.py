"""Passes one after the other write to the same memory instead of fetching it anew."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from nbviz.attribution.explanation import explain
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica import heap
from tests.networks import build, picture

FAULTS = """
import resource, sys, torch
from contextlib import nullcontext
from nbviz.replica.heap import kept_heap
def work():
    for _ in range(4):
        torch.ones(10 * 2**20)  # 40 MB, as a layer of eight pictures
def page():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
with kept_heap() if sys.argv[1] == "kept" else nullcontext():
    for _ in range(10):  # blocks are aligned, and creep up the heap at first
        work()
    before = page()
    for _ in range(3):
        work()
    print(page() - before)
"""

GIVEN_BACK = """
import torch
from nbviz.replica.heap import kept_heap
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 2**20
before = resident()
with kept_heap(), kept_heap():
    held = [torch.ones(5 * 2**20) for _ in range(10)]
    del held
    during = resident() - before
print(during, resident() - before)
"""


LAYERS = """
import resource, sys, torch
from nbviz.replica.heap import grown_heap
if sys.argv[1] == "grown":
    grown_heap()
def page():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for number in range(13):
    if number == 10:
        before = page()
    held = [torch.ones(2**18) for _ in range(40)]  # of 1 MB each, as the layers of one picture
    del held
print(page() - before)
"""


def faults(which: str, code: str = FAULTS, **environment: str) -> int:
    command, variables = [sys.executable, "-c", code, which], {**os.environ, **environment}
    made = subprocess.run(command, capture_output=True, text=True, check=True, env=variables)
    return int(made.stdout.split()[-1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_freed_memory_is_used_again() -> None:
    bare, kept = faults("bare"), faults("kept")
    assert 10 * kept < bare, f"pages fetched from the system: {kept}, by torch alone {bare}"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_a_pass_writes_where_the_last_one_did() -> None:
    small = str(8 * 2**20)  # what the largest layer of a small network makes of the thresholds
    bare, grown = (faults(which, LAYERS, MALLOC_TRIM_THRESHOLD_=small) for which in ("bare", "grown"))
    assert 10 * grown < bare, f"pages fetched from the system: {grown}, by torch alone {bare}"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_it_is_given_back_at_the_end() -> None:
    made = subprocess.run([sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=True)
    during, after = (int(word) for word in made.stdout.split())
    assert during > 150 and after < 50, "MB of 200 that stay after they were freed"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_a_method_of_many_passes_keeps_its_memory_until_it_ends() -> None:
    model = InstrumentedModel(build("plain"))
    steps = explain(model, picture(), 1, "integrated_gradients", rule="gausslegendre", steps=40)
    inside = []
    for _ in range(3):
        next(steps)
        inside.append(heap._inside)
    steps.close()
    assert inside == [0, 1, 1] and heap._inside == 0
    list(explain(model, picture(), 1, "saliency"))
    assert heap._inside == 0
