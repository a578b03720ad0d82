"""Hooks of the user's own on a network: which of them a replica has, and their arguments.

A hook may be a part of what the network computes, or a recorder that the user left on it. torch's own (weight norm,
pruning, parametrisation …) are the former. One that can be seen to only look is left out, unless the network reads
what it writes. Any other runs, and is told apart as it runs: one that returns nothing and writes to nothing it is
given is handed detached tensors, so that no graph of ours stays in the user's list.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Literal

import torch

from nbviz.errors import NbvizError
from nbviz.replica.copying.copier import Copier, Hook
from nbviz.replica.user_code.hook_code import HookTargets, function_of, looks_only

Hooks = Literal["auto", "run", "skip"]
CHOICES = ("auto", "run", "skip")


class UserHooks:
    """Decisions on the hooks of one network, for all its replicas."""

    def __init__(self, choice: Hooks = "auto") -> None:
        if not isinstance(choice, str) or choice not in CHOICES:
            raise NbvizError(f"hooks={choice!r} is none of {', '.join(map(repr, CHOICES))}.")
        self.choice = choice
        self._run: dict[int, HookListener] = {}

    @property
    def note(self) -> str:
        """Sentence about hooks that are run, for the user to decide on; "" where there are none."""
        count = len(self._run)
        if self.choice != "auto" or not count:
            return ""
        return f"{count} of the network's own hooks {'is' if count == 1 else 'are'} run; hooks='skip' leaves them out"

    @property
    def codes(self) -> frozenset[types.CodeType]:
        """Code of the hooks that are run: what they write, the user has asked for."""
        functions = (function_of(listener.hook)[0] for listener in self._run.values())
        return frozenset(function.__code__ for function in functions if function is not None)

    def forget(self) -> None:
        """Forget hooks seen so far, as the network has changed."""
        self._run.clear()

    def copy(self, copier: Copier, attribute: str, hook: Hook) -> object | None:
        """Copy the user's hook in this attribute of a module for a replica; None for one that is left out."""
        if isinstance(hook, HookListener) or is_torchs(hook):
            return copier.copy(hook)
        if self.choice == "skip" or self.choice == "auto" and _can_be_spared(copier, hook):
            return None
        # one for all replicas: what is learnt of a hook in one pass holds for the next
        listener = self._run.setdefault(id(hook), HookListener(hook))
        if copier.touches(hook):
            return copier.copy(hook)  # what it writes, the network may read
        return hook if "backward" in attribute else listener  # gradients have no graph that could stay


class HookActs(BaseException):
    """Signal that a hook of the user's takes part in the computation: the pass is to be run again."""


class HookListener:
    """Wrapper that calls a hook with detached tensors, as long as it returns nothing and writes to none of them."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.acts: bool | None = None
        """True if it takes part in the computation; None before its first call."""

    def __call__(self, module: object, *given: object) -> object:
        """Return the hook's result; :class:`HookActs` when it returns or writes something for the first time."""
        if self.acts:
            return self.hook(module, *given)
        # what it writes to in its first call must not be the pass's own
        detached = torch.Tensor.detach if self.acts is False else lambda t: t.detach().clone()
        handed = tuple(_mapped(value, detached) for value in given)
        before = _versions(handed)
        answer = self.hook(module, *handed)
        self.acts = answer is not None or _versions(handed) != before
        if self.acts:
            # the pass went on without what the hook does: it is worth nothing
            raise HookActs
        return None


def is_torchs(hook: object) -> bool:
    """Return whether a hook is torch's own: of weight norm, pruning, lazy modules …"""
    function = getattr(hook, "func", hook)
    function = function.__func__ if isinstance(function, types.MethodType) else function
    home = function.__module__ if isinstance(function, types.FunctionType) else type(function).__module__
    return str(home).partition(".")[0] == "torch"


def _can_be_spared(copier: Copier, hook: object) -> bool:
    look = looks_only(hook)
    return look is not None and not any(map(copier.met, look.objects)) and not _read_by_network(copier, hook, look)


def _read_by_network(copier: Copier, hook: object, look: HookTargets) -> bool:  # noqa: ARG001 - the signature is its caller's
    """Return whether a method of the network's modules names a global variable that the hook writes to."""
    kinds = {type(module) for module in copier.modules.values()}
    methods = [item for kind in kinds for item in vars(kind).values() if isinstance(item, types.FunctionType)]
    return any(look.globals.intersection(method.__code__.co_names) for method in methods)


def _mapped(value: object, change: Callable[[torch.Tensor], torch.Tensor]) -> object:
    if isinstance(value, torch.Tensor):
        return change(value)
    if type(value) is tuple or type(value) is list:
        return type(value)(_mapped(item, change) for item in value)
    if type(value) is dict:
        return {key: _mapped(item, change) for key, item in value.items()}
    return value


def _versions(value: object) -> list[int]:
    if isinstance(value, torch.Tensor):
        return [] if value.is_inference() else [value._version]
    if type(value) is tuple or type(value) is list:
        return [version for item in value for version in _versions(item)]
    return [version for item in value.values() for version in _versions(item)] if type(value) is dict else []
