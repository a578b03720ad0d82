"""Statistics of channels over many pictures, in memory that doesn't grow with them."""

from __future__ import annotations

import torch

SHIFTS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
"""Steps, down and right, to the neighbours that places are compared with."""
LEAST_SIDE = 8
"""Places a side from which it can be told whether a map is noise."""
COMPARED, WINDOW = 32, 32
"""Pictures, and places a side in their middle, that tell noise: more costs and tells no more."""
SAMPLES = 1024
"""Values a channel that are kept, for comparing channels."""


class ChannelStatistics:
    """Running statistics of each channel: range, share at a limit, sampled values, spatial correlation."""

    def __init__(self, channels: int, pictures: int, limit: float | None) -> None:
        self.limit = limit
        """The value a bounded activation can't exceed."""
        self.low = torch.full((channels,), torch.inf, dtype=torch.float32, device="cpu")
        self.high = torch.full((channels,), -torch.inf, dtype=torch.float32, device="cpu")
        self._at_limit = torch.zeros(channels, dtype=torch.float64, device="cpu")
        self.count, self._compared = 0, 0
        """Values a channel."""
        self._a_picture = max(1, SAMPLES // pictures)
        self._samples: list[torch.Tensor] = []
        self._together = torch.zeros(len(SHIFTS), channels, dtype=torch.float64, device="cpu")
        self._energy = torch.zeros(len(SHIFTS), channels, dtype=torch.float64, device="cpu")
        self._generator = torch.Generator().manual_seed(0)

    def update(self, maps: torch.Tensor) -> None:
        """Take in an output (N, C, h, w)."""
        maps = maps.float()
        flat = maps.flatten(2)
        # one axis at a time is several times faster; both carry NaN and infinity on
        self.low = torch.minimum(self.low, flat.amin(2).amin(0).cpu())
        self.high = torch.maximum(self.high, flat.amax(2).amax(0).cpu())
        if self.limit is not None:
            self._at_limit += (flat >= self.limit).to(flat.dtype).sum(2).sum(0).cpu()
        self.count += flat.shape[0] * flat.shape[2]
        # the same places for all channels, for channels are compared with each other
        where = torch.randperm(flat.shape[2], generator=self._generator, device="cpu")[: self._a_picture]
        self._samples.append(flat[:, :, where.to(flat.device)].transpose(0, 1).flatten(1).cpu())
        left = COMPARED - self._compared
        if left > 0 and min(maps.shape[-2:]) >= LEAST_SIDE:
            self._compare_neighbours(_middle(maps[:left]))

    def _compare_neighbours(self, maps: torch.Tensor) -> None:
        self._compared += len(maps)
        centred = maps - maps.mean((2, 3), keepdim=True)
        for number, (down, right) in enumerate(SHIFTS):
            height, width = centred.shape[-2] - down, centred.shape[-1] - right
            one, other = centred[..., :height, :width], centred[..., down:, right:]
            self._together[number] += (one * other).sum((0, 2, 3)).cpu()
            # mean of both ends' energy: at the border their sums differ, and a correlation must not exceed 1
            self._energy[number] += ((one.square() + other.square()) / 2).sum((0, 2, 3)).cpu()

    @property
    def finite(self) -> bool:
        """True if every value was a finite number."""
        return bool((torch.isfinite(self.low) & torch.isfinite(self.high)).all())

    @property
    def at_limit(self) -> torch.Tensor:
        """Return the share of values at the limit, (C,)."""
        return self._at_limit / max(1, self.count)

    @property
    def sample(self) -> torch.Tensor:
        """Sample of the values, the same places for all channels: (C, samples)."""
        return torch.cat(self._samples, 1)

    @property
    def likeness(self) -> torch.Tensor | None:
        """Strongest correlation of places one or two apart, (C,): near 0 for noise; None for small maps."""
        if not self._energy.any():
            return None
        return (self._together / self._energy.clamp(min=1e-30)).abs().amax(0)


def _middle(maps: torch.Tensor) -> torch.Tensor:
    height, width = maps.shape[-2:]
    top, left = max(0, (height - WINDOW) // 2), max(0, (width - WINDOW) // 2)
    return maps[..., top : top + WINDOW, left : left + WINDOW]
