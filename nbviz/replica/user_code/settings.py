"""Settings of the process that a forward may change: those of torch, the environment, the working directory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch


class Setting(NamedTuple):
    """Setting that can be read and written."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    setters: frozenset[str] = frozenset()
    """Native functions that every change of it comes down to; none where each thread has a setting of its own."""


def _of_process(read: Callable[[], Any], write: Callable[[Any], object], setters: str) -> Setting:
    return Setting(read, write, frozenset(setters.split()))


def _environment_write(variables: dict[str, str]) -> None:
    for name in set(os.environ).difference(variables):
        del os.environ[name]
    # only those that differ: every write reaches the process's own environment
    os.environ.update({name: text for name, text in variables.items() if os.environ.get(name) != text})


def _directory() -> str | None:
    """Return the working directory; None where it has been deleted, and so nothing leads back to it."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _directory_write(path: str | None) -> None:
    if path is not None:
        os.chdir(path)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _cudnn() -> tuple[bool, ...]:
    cudnn = torch.backends.cudnn
    return cudnn.enabled, cudnn.benchmark, cudnn.deterministic


def _cudnn_write(flags: tuple[bool, ...]) -> None:
    cudnn = torch.backends.cudnn
    cudnn.enabled, cudnn.benchmark, cudnn.deterministic = flags


def _autocast() -> list[tuple[str, bool, torch.dtype]]:
    return [(kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in ("cpu", "cuda")]


def _autocast_write(modes: list[tuple[str, bool, torch.dtype]]) -> None:
    for kind, enabled, dtype in modes:
        torch.set_autocast_enabled(kind, enabled)
        torch.set_autocast_dtype(kind, dtype)


def _filters_write(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]  # noqa: SLF001 - else Python goes on with the old ones


SETTINGS = {
    "os.environ": _of_process(lambda: dict(os.environ), _environment_write, "putenv unsetenv"),
    "working directory": _of_process(_directory, _directory_write, "chdir fchdir"),
    "warning filters": _of_process(
        lambda: list(warnings.filters), _filters_write, "_filters_mutated _filters_mutated_lock_held"
    ),
    "numpy's error handling": Setting(np.geterr, lambda handling: np.seterr(**handling)),
    "numpy's print options": Setting(np.get_printoptions, lambda options: np.set_printoptions(**options)),
    "torch's default dtype": _of_process(
        torch.get_default_dtype, torch.set_default_dtype, "_set_default_dtype _set_default_tensor_type"
    ),
    "torch's deterministic mode": _of_process(
        _deterministic,
        lambda modes: torch.use_deterministic_algorithms(modes[0], warn_only=modes[1]),
        "_set_deterministic_algorithms",
    ),
    "torch's number of threads": Setting(torch.get_num_threads, torch.set_num_threads),
    "torch's matmul precision": _of_process(
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
        "_set_float32_matmul_precision _set_cublas_allow_tf32 _set_fp32_precision_setter",
    ),
    "cuDNN's flags": _of_process(
        _cudnn, _cudnn_write, "_set_cudnn_enabled _set_cudnn_benchmark _set_cudnn_deterministic"
    ),
    "autocast": Setting(_autocast, _autocast_write),
    "grad mode": Setting(torch.is_grad_enabled, torch.set_grad_enabled),
    "anomaly detection": _of_process(
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        lambda modes: torch.autograd.set_detect_anomaly(*modes),
        "set_anomaly_enabled",
    ),
}
"""Settings by the name that the user is told."""


def set_by(function: object) -> str | None:
    """Return the name of the setting that a native function's call changes; None for any other call."""
    if getattr(function, "__self__", None) is warnings.filters:
        return "warning filters"
    return _SET_BY.get(getattr(function, "__name__", ""))


_SET_BY = {setter: name for name, setting in SETTINGS.items() for setter in setting.setters}
