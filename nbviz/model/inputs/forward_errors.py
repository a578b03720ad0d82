"""Sentences for a forward that raises: the cause, and the way out."""

from __future__ import annotations

import inspect
import re

import torch
from torch import nn

from nbviz.errors import NbvizError
from nbviz.model.inputs.first_call import FirstCall, first_call
from nbviz.replica.guest import Guest
from nbviz.replica.torchvision_import import missing_operators

_NOT_OF_SIZE = (TypeError, AttributeError, ImportError, NameError, NotImplementedError)
_OF_TYPE = re.compile("dtype|scalar type|[Ii]nput type|on the same device")
"""Words of torch's own errors about types and devices, which no other size mends."""
_NOT_A_PICTURE = (TypeError, AttributeError, IndexError, KeyError)


def of_size(error: Exception) -> bool:
    """Return whether an error may be due to the picture's size, so that another size is worth trying."""
    other = isinstance(error, _NOT_OF_SIZE) or _OF_TYPE.search(str(error)) is not None
    return not other and not missing_operators(error)


def forward_error(
    guest: Guest, x: torch.Tensor, error: Exception, all_sizes: bool = False, same: bool = False
) -> NbvizError:
    """Return the error that names why a forward of ``x`` (1, C, H, W) raised ``error``.

    all_sizes: whether all usual sizes were tried; same: whether all raised this.
    """
    raised = f"{type(error).__name__}: {error}"
    return NbvizError(
        # from the surest cause to the vaguest
        missing_operators(error)
        or _missing_package(error)
        or _looked_up(guest, error)
        or _devices(guest.module)
        or _signature(guest.module)
        or (_sizes(x, error, same) if all_sizes and of_size(error) else _data(guest, x, error, raised))
        or f"The network fails on an input of shape {tuple(x.shape)}: {raised}"
    )


def check_signature(net: nn.Module) -> None:
    """Raise NbvizError for a forward that can't be called with a picture alone, whatever its size."""
    if words := _signature(net):
        raise NbvizError(words)


def check_volumes(guest: Guest, x: torch.Tensor) -> None:
    """Raise NbvizError for a network that would take a picture (1, C, H, W) for one volume (C, depth, H, W)."""
    # a Conv3d takes four axes without a batch, and runs without an error
    if any(isinstance(module, nn.Conv3d) for module in guest.module.modules()):
        call = first_call(guest, x)
        if call is not None:
            check_data(guest.module, call)


def _missing_package(error: Exception) -> str:
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    package = error.name.partition(".")[0]
    return f"The network's forward needs the package '{package}', which is not installed: pip install {package}."


def _looked_up(guest: Guest, error: Exception) -> str:
    part = guest.copied_key(error.args[0]) if isinstance(error, KeyError) and error.args else None
    if part is None:
        return ""
    return (
        f"The network looks up its own {type(part).__name__} in a table by its id, or in one that is not a part of the "
        "network, and the copies of its modules that nbviz runs are not in there. Look it up by its name, or keep the "
        "table on the network (self.table = {module: …})."
    )


def _devices(net: nn.Module) -> str:
    places = list(dict.fromkeys(str(tensor.device) for tensor in (*net.parameters(), *net.buffers())))
    if len(places) < 2:
        return ""
    return (
        f"The network's weights lie on several devices ({', '.join(places)}). Put them on one: net.to('{places[0]}')."
    )


def _signature(net: nn.Module) -> str:
    """Return a sentence for a forward that can't be called with one picture alone, else an empty one."""
    parameters = inspect.signature(net.forward).parameters
    needed = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    kind, first = type(net).__name__, next(iter(parameters), None)
    if first is None:
        return f"{kind}.forward takes no input, so there is no picture to explain."
    if all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values()):
        return f"{kind}.forward takes its input by keyword alone. {_wrap(f'self.net({first}=x)')}"
    if len(needed) > 1:
        rest = ", ".join(f"{name}={name}" for name in needed[1:])
        return (
            f"{kind}.forward needs {len(needed)} inputs ({', '.join(needed)}), and it is called with a picture alone. "
            f"{_wrap(f'self.net(x, {rest})')}"
        )
    if first == "input_ids" and "pixel_values" not in parameters:
        return f"{kind}.forward takes the numbers of tokens (input_ids), not pictures (N, C, H, W)."
    if "pixel_values" in parameters and first != "pixel_values":
        return f"{kind}.forward takes its pictures as pixel_values=, not first. {_wrap('self.net(pixel_values=x, …)')}"
    return ""


def check_data(net: nn.Module, call: FirstCall) -> None:
    """Raise NbvizError where the first layer called shows that a network takes something else than pictures."""
    kind = type(net).__name__
    if call.key is not None:
        raise NbvizError(
            f"{kind}.forward takes a dictionary: it asks its input for '{call.key}'. "
            + _wrap(f"self.net({{'{call.key}': x}})")
        )
    if call.odd:
        raise NbvizError(
            f"{kind} takes {call.odd}, not pictures (N, C, H, W). To explain it by pictures all the same, wrap it in a "
            "module whose forward takes a batch of pictures x, makes of them what the network takes, and returns its "
            "scores."
        )


def _data(guest: Guest, x: torch.Tensor, error: Exception, raised: str) -> str:
    """Return a sentence for a forward that wants something else than a picture, else an empty one."""
    call = first_call(guest, x)
    if call is not None:
        try:
            check_data(guest.module, call)
        except NbvizError as other:
            return str(other)
    elif isinstance(error, _NOT_A_PICTURE):
        return (
            f"{type(guest.module).__name__}.forward fails on a picture tensor {tuple(x.shape)} before its first "
            f"layer: {raised}. If it takes something else than one tensor (N, C, H, W): {_wrap('self.net(…)')}"
        )
    return ""


def _wrap(call: str) -> str:
    return f"Wrap it in a module whose forward takes a batch of pictures x and returns {call}."


def _sizes(x: torch.Tensor, error: Exception, same: bool) -> str:
    sentence = (
        f"The network takes none of the usual square inputs with {x.shape[1]} channels "
        f"({error}). Pass transform=, or an image as a float tensor (C, H, W) of the right size."
    )
    if not same:
        return sentence
    return f"{sentence} All raise the same, so it may as well take something else than pictures: {_wrap('self.net(…)')}"
