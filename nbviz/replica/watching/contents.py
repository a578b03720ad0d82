"""Checksums of every value of a network's tensors, read in pieces at the speed of memory.

A sum of products modulo 2⁶⁴ with fixed odd factors: any change of one value changes it for certain, and other
changes but for one in billions, wherever they lie. (A digest that resists attacks is five times slower.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import torch

PIECE = 2**17
"""Values in a piece: a tenth of a millisecond, and it stays in the processor's cache."""
_INTEGERS = {1: torch.uint8, 2: torch.int16}


class Contents:
    """Values of some tensors, as they were when each piece was last read. Thread-safe."""

    def __init__(self, tensors: Iterable[torch.Tensor]) -> None:
        self._lock = threading.Lock()
        self._pieces = list(_pieces(tensors))
        self._sums: list[int] = []
        self._next = 0
        self.changes = 0
        """Differences found so far."""

    def read(self) -> tuple[int, ...]:
        """Read everything at once; return the checksums."""
        with self._lock:
            sums = [_checksum(piece) for piece in self._pieces]
            self.changes += bool(self._sums) and sums != self._sums
            self._sums, self._next = sums, 0
            return tuple(sums)

    def read_on(self, seconds: float) -> bool:
        """Read on for about so long from where the last call ended; return whether a round is unfinished."""
        if not self._sums:
            self.read()
        end = time.perf_counter() + seconds
        with self._lock:
            while self._next < len(self._pieces):
                checksum = _checksum(self._pieces[self._next])
                self.changes += checksum != self._sums[self._next]
                self._sums[self._next] = checksum
                self._next += 1
                if time.perf_counter() > end:
                    break
            # a round is over: the next call begins another
            self._next %= max(1, len(self._pieces))
            return self._next > 0


def _pieces(tensors: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Return lists of parts of at most :data:`PIECE` values together, each of one type and device, sharing memory."""
    gathered: dict[tuple[torch.dtype, torch.device], list[torch.Tensor]] = {}
    for tensor in tensors:
        data = tensor.detach()
        for part in _as_integers(data).split(PIECE) if _is_whole(data) else [data]:
            parts = gathered.setdefault((part.dtype, part.device), [])
            if parts and sum(t.numel() for t in parts) + part.numel() > PIECE:
                yield list(parts)
                parts.clear()
            parts.append(part)
    yield from (parts for parts in gathered.values() if parts)


def _is_whole(data: torch.Tensor) -> bool:
    """Return whether a tensor's values are all that lies between its first and its last, in whatever order."""
    steps = sum((size - 1) * stride for size, stride in zip(data.shape, data.stride(), strict=True))
    return data.numel() == steps + 1 and not data.is_conj() and not data.is_neg()


def _as_integers(data: torch.Tensor) -> torch.Tensor:
    """Return the values of a whole tensor in the order of its memory, as integers; what isn't whole is copied."""
    if _is_whole(data):
        data = data.as_strided((data.numel(),), (1,))
    else:  # contiguous: a column stays one when it is flattened, and can't be read as other numbers
        data = data.resolve_conj().resolve_neg().reshape(-1).contiguous()
    data = torch.view_as_real(data).view(-1) if data.is_complex() else data
    return data.view(_INTEGERS.get(data.element_size(), torch.int32))


def _checksum(piece: Sequence[torch.Tensor]) -> int:
    total = 0
    with torch.no_grad():
        parts = [_as_integers(t) for t in piece]
        for part in (parts[0] if len(parts) == 1 else torch.cat(parts)).split(PIECE):
            factors = _factors(part.device)[: len(part)]
            # times 3, so that two parts that change places don't give the same sum
            total = 3 * total + int(part.to(torch.int64, copy=True).mul_(factors).sum())
    return total


@cache
def _factors(device: torch.device) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode(False):
        factors = torch.randint(-(2**62), 2**62, (PIECE,), generator=generator, dtype=torch.int64, device="cpu")
        # odd: a product with an even one could be 0 modulo 2⁶⁴ though the value changed
        return (2 * factors + 1).to(device)
