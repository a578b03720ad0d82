"""Side effects of a network's forward: seen at first contact, and minded at every pass after."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from nbviz.replica.user_code.quiet import Caught


class Conduct:
    """Side effects of one network, for all its replicas."""

    def __init__(self) -> None:
        self.writes_input = False
        self.writes_itself = False
        """Whether its attributes, containers or private buffers are others after a pass."""
        self.draws = False
        """Whether it draws from Python's or numpy's global stream, or seeds torch's."""
        self.caught = Caught()

    @contextmanager
    def input(self, batch: torch.Tensor, first: bool) -> Iterator[torch.Tensor]:
        """The batch to hand over: a copy, no leaf, for a network that writes to its input or may do so."""
        given = batch.clone() if first or self.writes_input else batch
        before = None if given.is_inference() else given._version
        yield given
        if before is not None and given._version != before:
            self.writes_input = True

    @contextmanager
    def streams(self, first: bool) -> Iterator[None]:
        """Python's, numpy's and torch's global random streams, as they were after a network that draws from them."""
        if not first and not self.draws:
            yield
            return
        python, generator, torchs = random.getstate(), np.random.get_state(), torch.get_rng_state()
        if self.draws:  # the same request has the same answer
            random.seed(0)
            np.random.seed(0)
        try:
            yield
        finally:
            now = random.getstate(), _bytes(np.random.get_state(legacy=True)), _bytes(torch.get_rng_state())
            if now != (python, _bytes(generator), _bytes(torchs)):
                self.draws = True
                random.setstate(python)
                np.random.set_state(generator)
                torch.set_rng_state(torchs)


def _bytes(state: object) -> bytes:
    return pickle.dumps(state if not isinstance(state, torch.Tensor) else state.numpy().tobytes())
