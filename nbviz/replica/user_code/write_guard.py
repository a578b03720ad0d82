"""Guard: a dispatch mode that keeps a forward from writing to the user's tensors or drawing from the global RNG.

Some networks write to their own weights in a forward even in eval mode (``Embedding(max_norm=…)``, counters
in buffers), some draw random numbers. The first, tracing pass runs under this mode: it names the tensors that
would be written, so that the replica gets private copies of just those, and it tells whether the network
draws at all. A network that does runs under it ever after, drawing from seeded generators of its own: the
user's RNG is where it was, another thread may draw from it meanwhile, and the same request has the same answer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from nbviz.replica.copying.memory_parts import strided_parts
from nbviz.replica.hooks import Arguments, Keywords
from nbviz.replica.user_code.streams import OwnGenerator, Streams, current

_global_rng = threading.RLock()


class WeightsWritten(BaseException):
    """Signal that the forward is about to write to one of the user's tensors, :attr:`Guard.refused`.

    The compiler raises another of the same class in its place, so it holds nothing.
    """


class Guard(TorchDispatchMode):
    """Mode that raises :class:`WeightsWritten` before a write to ``tensors``; random operations get an own stream."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # True would import the whole compiler, 1 to 5 s, on the first operation
        return False

    def __init__(self, tensors: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()
        self._owned: dict[int, torch.Tensor] = {}
        self.protect(tensors)
        # those of the block that it is put on in, for a backward's own threads, too
        self.streams = current() or Streams()
        self._copies: dict[int, tuple[torch.Generator, torch.Generator]] = {}
        self.random = False
        """True if a random operation ran."""
        self.refused: torch.Tensor | None = None
        """The protected tensor of the last write that was refused."""

    def protect(self, tensors: Iterable[torch.Tensor]) -> None:
        """Let nothing be written to these, either."""
        # by address: a view or an alias is another object over the same memory
        self._owned.update({part.data_ptr(): t for t in tensors for part in strided_parts(t) if part.numel()})

    def __torch_dispatch__(
        self, func: OpOverload, types: Sequence[type], args: Arguments = (), kwargs: Keywords | None = None
    ) -> object:
        kwargs = kwargs or {}
        acts = _acts(func)
        if self._owned and (acts.writes or acts.normalises):
            self._check(acts, args, kwargs)
        if not acts.draws or _drops_nothing(func, args, kwargs):
            return func(*args, **kwargs)
        self.random = True
        return self._drawn(func, args, kwargs)

    def _drawn(self, func: OpOverload, args: Arguments, kwargs: Keywords) -> object:
        if func is torch.ops.aten.native_dropout.default:
            return self._dropout(*args, **kwargs)
        func = _with_generator(func)
        names = [argument.name for argument in func._schema.arguments]
        if "generator" not in names:
            return _put_back(func, args, kwargs)
        place = names.index("generator")
        given = kwargs.get("generator", args[place] if place < len(args) else None)
        generator = self._generator(_device(args, kwargs)) if given is None else self._copy_of(given)
        if place < len(args):
            return func(*args[:place], generator, *args[place + 1 :], **kwargs)
        return func(*args, **{**kwargs, "generator": generator})

    def _dropout(self, x: torch.Tensor, p: float, train: bool | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        if train is False:
            return x.clone(), torch.ones_like(x, dtype=torch.bool)
        # torch's own dropout takes no generator
        mask = torch.empty_like(x).bernoulli_(1 - p, generator=self._generator(x.device))
        # p = 1 drops everything: 0, not 0 / 0
        return x * mask / max(1 - p, 1e-30), mask.bool()

    def _copy_of(self, generator: torch.Generator) -> torch.Generator:
        """Return the generator to draw from in place of one that the forward names: a replica's own is itself."""
        address: int = generator._cdata  # noqa: SLF001 - torch.Generator has no other name for it
        if address in OwnGenerator.addresses:
            return generator
        if address not in self._copies:
            self._copies[address] = generator, generator.clone_state()
        return self._copies[address][1]

    def _generator(self, device: torch.device) -> torch.Generator:
        # of this moment: a pass inside has streams of its own, which a forward may seed
        return (current() or self.streams).on(device)

    def _check(self, acts: _Acts, args: Arguments, kwargs: Keywords) -> None:
        for place, name in acts.writes:
            self.refuse(kwargs.get(name, args[place] if place < len(args) else None))
        # argument 5 is training, 3 and 4 the running mean and variance
        if acts.normalises and len(args) > 5 and args[5] is True:
            self.refuse(args[3:5])

    def refuse(self, value: object) -> None:
        """Raise :class:`WeightsWritten` for a tensor, or one of several, over protected memory."""
        for tensor in value if isinstance(value, (list, tuple)) else [value]:
            if not isinstance(tensor, torch.Tensor):
                continue
            # a write through a view starts elsewhere in the same storage
            parts = strided_parts(tensor)
            for pointer in (place for part in parts for place in (part.data_ptr(), part.untyped_storage().data_ptr())):
                if pointer in self._owned:
                    self.refused = self._owned[pointer]
                    raise WeightsWritten


class _Acts(NamedTuple):
    """Effects of an operation besides its result."""

    writes: tuple[tuple[int, str], ...]
    """Place and name of each argument it writes to."""
    normalises: bool
    """True if it is a batch norm, which in training writes its running statistics without its schema saying so."""
    draws: bool


# a schema takes torch longer to read than a small operation takes to run
@cache
def _acts(func: OpOverload) -> _Acts:
    written = [
        (place, argument.name)
        for place, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    name = func._schema.name
    normalises = "batch_norm" in name and "backward" not in name
    return _Acts(tuple(written), normalises, torch.Tag.nondeterministic_seeded in func.tags)


@cache
def _with_generator(func: OpOverload) -> OpOverload:
    """Return the overload of an operation that takes a generator and the same arguments; itself where there is none."""
    packet, own = func.overloadpacket, _arguments(func)
    named = [argument.name for argument in func._schema.arguments]
    others = [] if "generator" in named else [getattr(packet, name) for name in packet.overloads()]
    fitting = (o for o in others if "generator" in [a.name for a in o._schema.arguments] and _arguments(o) == own)
    return next(fitting, func)


def _arguments(func: OpOverload) -> list[tuple[str, str]]:
    """Return name and type of each argument but a generator."""
    return [(argument.name, str(argument.type)) for argument in func._schema.arguments if argument.name != "generator"]


def _drops_nothing(func: OpOverload, args: Arguments, kwargs: Keywords) -> bool:
    """Return whether a random operation's only chance is a dropout of zero, as attention's is in eval mode."""
    for place, argument in enumerate(func._schema.arguments):
        if argument.name == "dropout_p":
            return kwargs.get("dropout_p", args[place] if place < len(args) else argument.default_value) in (0, None)
    return False


def _put_back(func: OpOverload, args: Arguments, kwargs: Keywords) -> object:
    """Put the global generator back after the few random operations that take no generator."""
    with _global_rng:
        cpu = torch.get_rng_state()
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
        try:
            return func(*args, **kwargs)
        finally:
            torch.set_rng_state(cpu)
            if cuda is not None:
                torch.cuda.set_rng_state_all(cuda)


def _device(args: Arguments, kwargs: Keywords) -> torch.device:
    tensors = (value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor))
    first = next(tensors, None)
    if first is not None:
        return first.device
    return torch.device(kwargs.get("device") or "cpu")


def _keep_from_compiler() -> None:
    """Have torch's compiler run the guard, and all that it calls, as it is: it would take them for the user's code."""
    try:
        from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy
    except ImportError:  # another torch: its compiler is left to find out
        return
    skip = _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.SKIP)  # the frame itself, and those within it
    set_code_exec_strategy(Guard.__torch_dispatch__.__code__, skip)


_keep_from_compiler()
