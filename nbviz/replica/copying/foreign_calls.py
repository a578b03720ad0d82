"""Foreign calls: modules that a forward calls and that are not the replica's.

A replica holds copies of all modules that can be found. One that is held where nothing can find it, in a global
variable or in an object of another language's, would be called as the user's own: its hooks, its training mode, its
buffers. This thread's profiler sees every call of Python code, and so each such module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

import torch
from torch import nn
from torch.utils.hooks import BackwardHook

from nbviz.errors import Refused
from nbviz.replica.user_code.calls import watched
from nbviz.replica.user_code.outside import Sight

_BIRTHS, _CALLS, _STEPS = ("__init__", "__setstate__"), ("forward", "_call_impl"), ("step", "zero_grad")
_NAMES = frozenset((*_BIRTHS, *_CALLS, *_STEPS))
_PYTHON_BACKWARD = {
    id(function.__code__): function.__code__
    for function in (
        torch.Tensor.register_hook,
        torch.autograd.Function.apply.__func__,
        torch.autograd.graph.saved_tensors_hooks.__enter__,  # checkpoints, offloading
        BackwardHook.__init__,
    )
}
"""Code of functions after whose call a backward runs Python code, by address: its hash is worked out each time."""
_NODE_HOOKS = ("register_hook", "register_prehook")


class ForeignCalls:
    """Modules that this thread called inside :meth:`watch` and that are neither copies nor made there.

    protect: is handed the tensors of one that is about to be called. refuse: a tensor that is about to be an array,
    those that an optimiser is about to change. hooks: code of the network's own hooks that are run.
    """

    def __init__(
        self,
        copies: Iterable[nn.Module],
        protect: Callable[[Iterable[torch.Tensor]], None],
        refuse: Callable[[object], None],
        hooks: Iterable[CodeType] = (),
    ) -> None:
        self.sight = Sight(protect, hooks)
        """Places outside of the network that the functions called can write to."""
        self._known = set(map(id, copies))
        self._protect, self._refuse = protect, refuse
        self._born: list[nn.Module] = []  # held, so that no other comes to have the address of one
        self.module: nn.Module | None = None
        """The first that has weights or buffers."""
        self.python_backward = False
        """True if a backward may run Python code: a hook of a tensor, a function of one's own, a checkpoint."""

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watch the calls in this block."""
        with watched(self._see) as possible:
            if not possible:
                self.python_backward = True
                self.sight.see_nothing()
            yield

    def _see(self, frame: FrameType, event: str, function: object) -> None:
        if event == "c_call":
            self._see_native(function, frame)
            return
        # before the function has run: what it writes to is still as it was
        self.sight.see(frame)
        code = frame.f_code
        if id(code) in _PYTHON_BACKWARD:
            self.python_backward = True
        # by name first: a frame's arguments take longer to read than most calls last
        if code.co_name not in _NAMES or not code.co_argcount or self.module is not None:
            return
        first = frame.f_locals.get(code.co_varnames[0])
        if isinstance(first, torch.optim.Optimizer) and code.co_name in _STEPS:
            for group in first.param_groups:
                self._refuse(group["params"])
        if not issubclass(type(first), nn.Module) or id(first) in self._known:
            return
        assert isinstance(first, nn.Module)
        # made by the forward itself: nobody else's
        if code.co_name in _BIRTHS:
            self._known.add(id(first))
            self._born.append(first)
        elif code.co_name in _CALLS:
            tensors = [*first.parameters(), *first.buffers()]
            if tensors:
                self.module = first
                self._protect(tensors)

    def _see_native(self, function: object, frame: FrameType) -> None:
        name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
        if name == "numpy" and isinstance(owner, torch.Tensor):  # what is written through its array is seen by nobody
            self._refuse(owner)
        self.python_backward |= name in _NODE_HOOKS
        self.sight.see_native(function, frame)

    def refusal(self, act: str = "calls") -> Refused | None:
        """Return the sentence for a network that called such a module; None for one that did not."""
        if self.module is None:
            return None
        kind = type(self.module).__name__
        return Refused(
            f"The network {act} a {kind} that it does not hold as its own (a global variable holds it, or an object "
            f"that can't be copied), so it can't be run without touching that {kind}. "
            "Make it an attribute of the network (self.name = module), and call it through that."
        )
