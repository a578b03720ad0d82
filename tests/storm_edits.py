"""Edits and surgery that people do to a network while it is looked at."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Edits:
    """Random changes of one network; each keeps its shapes, but for the head's number of classes."""

    def __init__(self, net: nn.Module, chance: random.Random) -> None:
        self.net, self.random = net, chance
        self.recorded: list[torch.Size] = []
        self._handles: list[Any] = []
        self._start = copy.deepcopy(net.state_dict())

    def twin(self) -> nn.Module:
        """Return a copy that shares nothing, to be put beside."""
        bare, hooks = copy.deepcopy(self.net), self._handles
        return bare if not hooks else bare.eval()

    def weights(self) -> str:
        """Change values, by one of the ways there are; return its name."""
        return self._one_of(
            self._in_place, self._through_data, self._through_numpy, self._step, self._loaded, self._running, self._mode
        )

    def surgery(self) -> str:
        """Change what the network is made of; return how."""
        return self._one_of(self._new_module, self._new_head, self._recorder, self._scaling, self._unhook, self._grads)

    def _one_of(self, *acts: Callable[[], None]) -> str:
        act = self.random.choice(acts)
        act()
        return act.__name__.strip("_").replace("_", " ")

    def _weight(self) -> torch.Tensor:
        return self.random.choice([p for p in self.net.parameters() if p.dim() > 1])

    # -- values ---------------------------------------------------------------------------------------

    def _in_place(self) -> None:
        with torch.no_grad():
            self._weight().mul_(self.random.uniform(0.9, 1.1))

    def _through_data(self) -> None:
        weight = self._weight()
        weight.data[self.random.randrange(len(weight))] *= 0.5

    def _through_numpy(self) -> None:
        values = self._weight().detach().numpy()
        values[self.random.randrange(len(values))] += 0.02

    def _step(self) -> None:
        kind = self.random.choice((torch.optim.SGD, torch.optim.Adam))
        optimizer = kind([p for p in self.net.parameters() if p.requires_grad], lr=1e-3)
        self._scores().logsumexp(1).mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    def _loaded(self) -> None:
        own = self.net.state_dict()
        same = {name: value for name, value in self._start.items() if name in own and own[name].shape == value.shape}
        self.net.load_state_dict(same, strict=False)

    def _running(self) -> None:
        training = self.net.training
        self.net.train()
        with torch.no_grad():
            self._scores()
        self.net.train(training)

    def _mode(self) -> None:
        self.net.train(not self.net.training)

    def _scores(self) -> torch.Tensor:
        channels = next(m for m in self.net.modules() if isinstance(m, nn.Conv2d)).in_channels
        return self.net(torch.rand(4, channels, 20, 20))

    # -- surgery --------------------------------------------------------------------------------------

    def _slots(self, kind: type[nn.Module]) -> list[tuple[nn.Module, str]]:
        return [(m, name) for m in self.net.modules() for name, child in m.named_children() if isinstance(child, kind)]

    def _new_module(self) -> None:
        kind = self.random.choice((nn.Conv2d, nn.BatchNorm2d, nn.ReLU))
        parent, name = self.random.choice(self._slots(kind))
        if kind is nn.ReLU:
            setattr(parent, name, nn.ReLU(inplace=self.random.random() < 0.5))
            return
        new = copy.deepcopy(getattr(parent, name))
        with torch.no_grad():
            for parameter in new.parameters():
                parameter.mul_(0.9)
        setattr(parent, name, new)

    def _new_head(self) -> None:
        parent, name = self._slots(nn.Linear)[-1]
        setattr(parent, name, nn.Linear(getattr(parent, name).in_features, self.random.choice((2, 4, 10))))

    def _recorder(self) -> None:
        self._hook(lambda module, inputs, output: self.recorded.append(output.shape))

    def _scaling(self) -> None:
        self._hook(lambda module, inputs, output: output * 0.9)

    def _hook(self, hook: Callable[..., Any]) -> None:
        if len(self._handles) > 3:
            self._unhook()
        module = self.random.choice([m for m in self.net.modules() if isinstance(m, (nn.Conv2d, nn.ReLU, nn.Linear))])
        self._handles.append(module.register_forward_hook(hook))

    def _unhook(self) -> None:
        if self._handles:
            self._handles.pop(self.random.randrange(len(self._handles))).remove()

    def _grads(self) -> None:
        weight = self._weight()
        weight.requires_grad_(not weight.requires_grad)
        next(self.net.parameters()).requires_grad_(True)
