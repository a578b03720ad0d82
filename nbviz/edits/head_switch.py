"""Switch of attention heads: while it is on, what chosen heads give is zero, however the heads are mixed afterwards.

Where the heads lie is not guessed from the names of layers or from the width of what they put out: the attention itself
is watched. Fused attention gives (…, heads, queries, channels). Attention written out is a softmax over the last axis
that goes, through changes of shape and type alone, into a matrix product with the values, which takes it with the heads
at zero. Torch's own attention mixes its heads by a matrix that it is called with, whose columns are zeroed. All of it
happens above autograd, so gradients are those of the network without these heads.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from nbviz.errors import NbvizError
from nbviz.replica.hooks import Arguments, Keywords, RawOutput

RESHAPING = frozenset(
    "view reshape flatten unflatten transpose permute movedim moveaxis swapaxes swapdims squeeze unsqueeze contiguous "
    "expand clone alias to type type_as float double half bfloat16 t adjoint view_as reshape_as expand_as "
    "__get__ masked_fill".split()  # __get__: an attribute, such as .mT; masked_fill: another switch within this one
)
"""Functions that change the shape, order or type of values, never the values."""
PRODUCTS = frozenset("matmul __matmul__ __rmatmul__ bmm mm einsum".split())


class HeadSwitch(TorchFunctionMode):
    """Mode in which heads of every attention that is computed are off."""

    def __init__(self, layer: str, off: tuple[int, ...], of: int) -> None:
        """layer: for what is refused. off: heads, from 0. of: heads in all."""
        super().__init__()
        self._layer, self._off, self._of = layer, off, of
        self._stand_ins: dict[int, tuple[Tensor, Tensor]] = {}
        """Of a tensor that holds attention: itself, which keeps its id its own, and the same without the heads."""
        self.attentions = 0
        """Attentions so far."""
        self._odd = 0
        """Heads of a softmax that isn't one of so many; 0 where there was none."""

    def check(self) -> None:
        """Raise NbvizError where no attention of so many heads has been computed."""
        if self.attentions:
            return
        if self._odd:
            raise self._others(self._odd)
        raise NbvizError(
            f"Layer '{self._layer}' computes no attention whose heads can be told apart, or changes it before it meets "
            "its values: choose the layer that mixes tokens, such as 'blocks.3.attention'."
        )

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Arguments = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> RawOutput:
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        if name == "scaled_dot_product_attention":
            self._meet(kwargs["value"] if "value" in kwargs else args[2])
            return self._without(func(*args, **kwargs))
        if name == "multi_head_attention_forward":
            return self._torch_attention(func, args, kwargs)
        if name in PRODUCTS and (arguments := self._with_stand_ins(args)) is not None:
            for value in args:
                self._meet(value)
            return func(*arguments, **kwargs)
        result = func(*args, **kwargs)
        if name == "softmax":
            self._begin(result, args, kwargs)
        elif isinstance(result, Tensor):
            self._follow(func, name, result, args, kwargs)
        return result

    def _begin(self, result: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Note a softmax over the last axis, which is attention if it meets the values."""
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        # over another axis it normalises something else: channels, or a gate of experts
        if dim not in (-1, result.ndim - 1) or result.ndim < 2:
            return
        if self._splits(result):
            self._stand_ins[id(result)] = result, self._without(result)
        else:
            self._odd = self._heads(result)

    def _follow(
        self, func: Callable[..., Any], name: str, result: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        """Note what a function made of attention, where it changed no value."""
        if not args or id(args[0]) not in self._stand_ins:
            return
        # in training a dropout changes values; without it, it hands them on
        idle = name == "dropout" and not (kwargs["training"] if "training" in kwargs else args[2:3] != (False,))
        stand_in = self._stand_ins[id(args[0])][1]
        if name in RESHAPING:
            self._stand_ins[id(result)] = result, func(stand_in, *args[1:], **kwargs)
        elif idle:
            self._stand_ins[id(result)] = result, stand_in
        elif result is args[0]:  # changed in place
            del self._stand_ins[id(result)]

    def _with_stand_ins(self, args: Arguments) -> Arguments | None:
        """Return arguments with the stand-ins of attention in its place; None where none of them has one."""
        found = False

        def swapped(value: Any) -> Any:  # noqa: ANN401 - an argument of one of torch's functions
            nonlocal found
            if isinstance(value, (tuple, list)):
                return type(value)(swapped(item) for item in value)
            if id(value) not in self._stand_ins:
                return value
            found = True
            return self._stand_ins[id(value)][1]

        swaps = swapped(args)
        return swaps if found else None

    def _meet(self, value: object) -> None:
        """Count an attention that meets its values. Raises NbvizError where windows lie where heads do elsewhere.

        The channels of a head are next to each other in what its tokens were projected to, windows are not.
        """
        self.attentions += 1
        if not isinstance(value, Tensor) or value.ndim < 5 or value.shape[-3] == 1 or id(value) in self._stand_ins:
            return
        if value.stride(-3) != value.shape[-1] * value.stride(-1):
            raise NbvizError(f"The heads of '{self._layer}' can't be told from its windows: none can be switched off.")

    def _torch_attention(self, func: Callable[..., Any], args: Arguments, kwargs: Keywords) -> RawOutput:
        self.attentions += 1
        bound = inspect.signature(functional.multi_head_attention_forward).bind(*args, **kwargs)
        heads = bound.arguments["num_heads"]
        if heads != self._of:
            raise self._others(heads)
        weight = bound.arguments["out_proj_weight"]
        columns = weight.unflatten(1, (heads, -1)).transpose(0, 1)
        bound.arguments["out_proj_weight"] = columns.masked_fill(self._mask(columns), 0).transpose(0, 1).flatten(1)
        return func(*bound.args, **bound.kwargs)

    def _splits(self, values: Tensor) -> bool:
        """Return whether values (…, heads, queries, keys) can be those of so many heads; pictures may be folded in."""
        lead = values.shape[:-2]
        return math.prod(lead) % self._of == 0 and (len(lead) < 2 or lead[-1] == self._of)

    def _without(self, values: Tensor) -> Tensor:
        """Return values (…, heads, queries, any) with the heads at zero."""
        if not self._splits(values):
            raise self._others(self._heads(values))
        by_head = values.reshape(-1, self._of, *values.shape[-2:])
        return by_head.masked_fill(self._mask(by_head[0]), 0).reshape(values.shape)

    def _heads(self, values: Tensor) -> int:
        return values.shape[-3] if values.ndim > 2 else 1

    def _mask(self, values: Tensor) -> Tensor:
        """Return which of the heads are off, for values (heads, any, any)."""
        return tensor([head in self._off for head in range(self._of)], device=values.device)[:, None, None]

    def _others(self, heads: int) -> NbvizError:
        return NbvizError(f"'{self._layer}' has {heads} head{'s' if heads != 1 else ''}, which {self._of} can't share.")
