"""Receptive field: the part of the picture that one place of a layer can see, exactly.

The network is made linear and positive: every weight is one, a convolution and a linear layer take means, norms
and activations pass on what they get, max pooling becomes average pooling, attention the mean of its values. The
gradient of one place in the input is then above zero exactly where the place can see. What isn't known is run as
it is, so additions, concatenations, shifts and products follow the true graph. As usual the statistics of norms
and the choice that attention makes are not counted: what attention could look at, it sees.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from nbviz.errors import NbvizError
from nbviz.model.boxes import Box
from nbviz.model.inputs.input_size import noise
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.replica.gradients import grad
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import Arguments, Keywords, RawOutput, output_at
from nbviz.replica.replica import replicate
from nbviz.replica.torch_modes import isolated

Operation = Callable[..., Any]
"""One of torch's functions, or the rule that stands in for it; each has its own arguments."""
Pair = int | tuple[int, ...] | list[int]
"""One number for rows and columns, or one for each."""
MOST_BOXES = 4096
"""Boxes that are held; beyond it the oldest go."""


class ReceptiveFields:
    """Receptive fields in inputs of one shape (C, H, W). Thread-safe; results are cached."""

    def __init__(self, model: InstrumentedModel, shape: tuple[int, ...]) -> None:
        self._model, self._shape = model, tuple(shape)
        self._lock = threading.Lock()
        self._run: Pass | None = None
        self._known: OrderedDict[tuple[str, tuple[int, int]], Box] = OrderedDict()
        self._grids: dict[str, tuple[_Axis, _Axis] | None] = {}

    def box(self, layer: str, place: tuple[int, int] | None) -> Box:
        """Return the receptive field of a place (row, column); all of the picture for a layer without places.

        Where the channels of a layer see differently far, the union. NbvizError for an unknown layer and a place
        outside of it.
        """
        known = self._model.trace(noise(self._model.guest, self._shape)).layers.get(layer) or self._model.layer(layer)
        if place is None or not known.places:
            return Box(0, 0, self._shape[-2], self._shape[-1])
        if not all(0 <= at < size for at, size in zip(place, known.places, strict=True)):
            raise NbvizError(f"Layer '{layer}' has {known.places[0]} × {known.places[1]} places: there is no {place}.")
        with self._lock:
            if layer not in self._grids:
                self._grids[layer] = self._grid(known, known.places)
            grid = self._grids[layer]
            if grid is not None:
                (top, bottom), (left, right) = (axis.at(at) for axis, at in zip(grid, place, strict=True))
                return Box(top, left, bottom, right)
            return self._boxes(known, [place])[0]

    def _grid(self, layer: Layer, places: tuple[int, int]) -> tuple[_Axis, _Axis] | None:
        """Return steps and reach of a layer whose places see the same, shifted; None where they don't."""
        height, width = places
        # fewer places have no two neighbours free of the border: each is measured by itself
        if min(height, width) < 4:
            return None
        # two neighbours at the start, in the middle and at the end: step and reach come from the middle, where no
        # padding is seen, the others try them
        steps = [(0.0, 0), (0.0, 1), (0.5, 0), (0.5, 1), (1.0, -2), (1.0, -1)]
        probes = [tuple(min(size - 1, int(part * size) + off) for size in places) for part, off in steps]
        boxes = self._boxes(layer, probes)  # type: ignore[arg-type]
        axes = []
        for axis in (0, 1):
            spans = [box.slices[axis] for box in boxes]
            ends = [(span.start, span.stop) for span in spans]
            fitted = _fitted([probe[axis] for probe in probes], ends, self._shape[-2:][axis])
            if fitted is None:
                return None
            axes.append(fitted)
        return axes[0], axes[1]

    def _boxes(self, layer: Layer, places: list[tuple[int, int]]) -> list[Box]:
        missing = [place for place in places if (layer.name, place) not in self._known]
        if missing:
            for place, box in zip(missing, self._measured(layer, missing), strict=True):
                self._known[layer.name, place] = box
        boxes = [self._known[layer.name, place] for place in places]
        while len(self._known) > MOST_BOXES:
            self._known.popitem(last=False)
        return boxes

    def _measured(self, layer: Layer, places: list[tuple[int, int]]) -> Iterator[Box]:
        assert layer.layout is not None
        with isolated():
            if self._run is None:
                guest = self._model.guest
                net = replicate(guest.module, _ones, guest.hooks).requires_grad_(False)
                self._run = Pass(net, torch.device("cpu"), guest.random, conduct=guest.conduct)
            # double: means upon means of a deep network leave the far pixels less than single precision's least number
            x = torch.ones(1, *self._shape, dtype=torch.float64, device="cpu", requires_grad=True)
            with _linear():
                output = output_of(self._run, x, layer)
            maps = layer.layout.maps(output).sum(1)[0]
            for place in places:
                (gradient,) = grad(maps[place], x, retain_graph=True, allow_unused=True)
                yield _bounds(gradient, self._shape)


class _Axis:
    """Places along one axis that see ``reach`` pixels each, ``step`` apart, from ``start``; clipped to ``size``."""

    def __init__(self, start: int, step: int, reach: int, size: int) -> None:
        self._start, self._step, self._reach, self._size = start, step, reach, size

    def at(self, place: int) -> tuple[int, int]:
        """Return the first pixel, and the one after the last."""
        first = self._start + self._step * place
        return max(0, first), min(self._size, first + self._reach)


def _fitted(places: list[int], ends: list[tuple[int, int]], size: int) -> _Axis | None:
    """Fit the axis that explains all that was measured, if two neighbours lie inside the picture."""
    (low, high), (next_low, next_high) = ends[2], ends[3]
    if low == 0 or next_high == size or places[3] != places[2] + 1:
        return _Axis(0, 0, size, size) if all(end == (0, size) for end in ends) else None
    step = next_low - low
    axis = _Axis(low - step * places[2], step, high - low, size)
    return axis if all(axis.at(place) == end for place, end in zip(places, ends, strict=True)) else None


def _bounds(gradient: torch.Tensor | None, shape: tuple[int, ...]) -> Box:
    # no way back, or a value that overflowed where a module is run as it is: all of the picture, never too little of it
    if gradient is None or not bool(gradient.isfinite().all()):
        return Box(0, 0, shape[-2], shape[-1])
    inside = gradient[0].abs().sum(0) > 0
    rows, columns = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
    if not len(rows):
        return Box(0, 0, shape[-2], shape[-1])
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def _ones(tensor: torch.Tensor) -> torch.Tensor:
    # weights are computed with by our own rules; what else there is, gates and scales, must not be 0
    return torch.ones_like(tensor, dtype=torch.float64, device="cpu") if tensor.is_floating_point() else tensor.cpu()


def output_of(run: Pass, x: torch.Tensor, layer: Layer) -> torch.Tensor:
    """Return a layer's output, in a forward that ends there. Raises NbvizError where it isn't reached."""
    output = output_at(run.net, layer.address, lambda: run(x))
    if output is None:
        raise NbvizError(f"Layer '{layer.name}' was not reached in this forward.")
    return output


@contextmanager
def _linear() -> Iterator[None]:
    with torch.enable_grad(), _Linear():
        yield


class _Linear(TorchFunctionMode):
    """Mode that runs a network as sums over what each operation reads."""

    def __torch_function__(
        self, func: Operation, types: Sequence[type], args: Arguments = (), kwargs: Keywords | None = None
    ) -> RawOutput:
        kwargs = kwargs or {}
        rule = _RULES.get(func)
        if rule is not None:
            return rule(*args, **kwargs)
        return args[0] if func in _PASSED_ON and args else func(*args, **kwargs)


def _convolution(func: Operation) -> Operation:
    def rule(
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,  # noqa: ARG001 - the signature is its caller's
        *args: object,
        **kwargs: object,
    ) -> torch.Tensor:
        fan_in = weight[0].numel()
        return func(x, torch.full_like(weight, 1 / fan_in, dtype=x.dtype), None, *args, **kwargs)

    return rule


def _linear_layer(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,  # noqa: ARG001 - the signature is its caller's
) -> torch.Tensor:
    return x.mean(-1, keepdim=True).expand(*x.shape[:-1], weight.shape[0])


def _max_pool(
    x: torch.Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,  # noqa: ARG001 - the signature is its caller's
) -> torch.Tensor:
    kernel, dilated = _pair(kernel_size), _pair(dilation)
    # torch's own call says [] for a stride left out
    stride = _pair(kernel_size if stride is None or stride == [] else stride)
    # avg_pool2d has no dilation: a convolution of equal weights per channel does the same
    if dilated != (1, 1):
        weight = torch.full((x.shape[1], 1, *kernel), 1 / (kernel[0] * kernel[1]), dtype=x.dtype, device=x.device)
        return functional.conv2d(x, weight, None, stride, _pair(padding), dilated, x.shape[1])
    return functional.avg_pool2d(x, kernel, stride, _pair(padding), ceil_mode)


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
    # keys and the query itself decide what is attended to, and so are seen
    mean = value.mean(-2, keepdim=True) + key.mean((-2, -1), keepdim=True)
    return mean.expand(*query.shape[:-1], value.shape[-1]) + query.mean(-1, keepdim=True)


def _multi_head(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: object, **__: object
) -> tuple[torch.Tensor, None]:
    # (length, batch, width)
    mean = (value.mean((0, 2), keepdim=True) + key.mean((0, 2), keepdim=True)).expand_as(query)
    return mean + query.mean(-1, keepdim=True), None


def _softmax(x: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
    # what a mask forbids is not seen; other scores may be negative only by a mask's offset
    return torch.where(x < -50, 0.0, 1.0).to(x) * (1 + x.abs())


def _pair(value: Pair) -> tuple[int, int]:
    return (int(value[0]), int(value[-1])) if isinstance(value, (tuple, list)) else (int(value), int(value))


_NAMES = (
    "relu relu_ relu6 hardtanh hardtanh_ elu elu_ selu selu_ celu celu_ leaky_relu leaky_relu_ prelu rrelu gelu silu "
    "mish hardswish hardsigmoid sigmoid tanh softplus softsign logsigmoid threshold dropout dropout2d alpha_dropout "
    "batch_norm layer_norm group_norm instance_norm local_response_norm rms_norm normalize"
)
_PASSED_ON = {
    getattr(home, name)
    for home in (functional, torch, torch.Tensor, torch._C._nn)
    for name in (*_NAMES.split(), "clamp", "clamp_", "clip", "clamp_min", "clamp_max", "sigmoid_", "tanh_", "abs")
    if callable(getattr(home, name, None))
}
_RULES: dict[Operation, Operation] = {
    **{getattr(torch, name): _convolution(getattr(torch, name)) for name in ("conv1d", "conv2d", "conv3d")},
    functional.linear: _linear_layer,
    torch._C._nn.linear: _linear_layer,
    functional.max_pool2d: _max_pool,
    torch.max_pool2d: _max_pool,
    functional.adaptive_max_pool2d: functional.adaptive_avg_pool2d,
    functional.scaled_dot_product_attention: _attention,
    functional.multi_head_attention_forward: _multi_head,
    functional.softmax: _softmax,
    torch.softmax: _softmax,
    torch.Tensor.softmax: _softmax,
}
