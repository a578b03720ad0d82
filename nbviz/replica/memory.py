"""Memory that runs out on a device: the error that says so, and what can be given back."""

from __future__ import annotations

import torch


def out_of_memory(error: Exception) -> bool:
    """Return whether an error says that a device, or the machine, has no memory left."""
    # libraries under torch, Apple's devices and the CPU's allocator raise a plain RuntimeError
    signs = ("out of memory", "ALLOC_FAILED", "can't allocate memory", "not enough memory")
    worded = isinstance(error, RuntimeError) and any(sign in str(error) for sign in signs)
    return worded or isinstance(error, torch.OutOfMemoryError)


def free(device: torch.device) -> None:
    """Give memory that torch holds in reserve on an accelerator back to it."""
    backend = getattr(torch, device.type, None)
    if backend is not None and hasattr(backend, "empty_cache"):
        backend.empty_cache()
