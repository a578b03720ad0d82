"""Refusals of what is given in a network's place, and of networks that no replica can be made of."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch
from torch import nn

from nbviz.errors import NbvizError

_PARAMETERS = ("model", "module", "net", "network", "backbone")
"""Attributes under which wrappers (pipelines, trainers, learners) hold their network."""


def not_a_network(value: object) -> str:
    """Return the sentence for something that is no ``nn.Module``, with the way from it to one."""
    sentence = f"A network must be a torch.nn.Module, not {type(value).__name__}"
    if isinstance(value, type):
        return f"A network must be a torch.nn.Module, not the class {value.__name__} itself: pass {value.__name__}(…)."
    if isinstance(value, Mapping):
        return f"{sentence}. {_of_mapping(value)}"
    if type(value).__name__ == "ExportedProgram":
        return f"{sentence}: its layers are gone from the exported graph. Pass the Python module it was exported from."
    held = _held(value)
    if held:
        return f"{sentence}. It holds one: pass its .{held}."
    if isinstance(value, (list, tuple)) and any(isinstance(item, nn.Module) for item in value):
        return f"{sentence}: it holds {len(value)}. Pass one; Explorer.beside(other) and nbviz.compare show several."
    if isinstance(value, (str, PathLike)):
        return (
            f"{sentence}: {value!r:.80}. A network of torchvision, timm or nbviz is made by nbviz.zoo.load(name); one "
            "in a file is built by its own code, then net.load_state_dict(torch.load(path))."
        )
    if callable(value):
        return f"{sentence}: {value!r:.80}. Pass the module that it calls, or wrap it in one whose forward does."
    return f"{sentence}: {value!r:.80}"


def check_runnable(net: nn.Module) -> None:
    """Raise NbvizError for a module that can't be copied structurally or run, and name the part that is at fault."""
    kinds = {base.__name__ for base in type(net).__mro__}
    # what ExportedProgram.module() returns; the class is private
    if "_StatefulGraphModule" in kinds:
        raise NbvizError(
            "This network was exported by torch.export: its graph is fixed to the shapes it was exported with and its "
            "layers are never called. Pass the Python module it was exported from."
        )
    for name, module in net.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise NbvizError(_scripted(name, module))
        # a forward may also be set on the network itself
        if module is net and type(net).forward is nn.Module.forward and "forward" not in net.__dict__:
            raise NbvizError(_without_forward(net))
        # by name: torch may be built without torch.distributed
        if type(module).__name__ == "FullyShardedDataParallel":
            raise NbvizError(_sharded(name or "the network"))
        for key, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None:
                _check_tensor(f"{name}.{key}" if name else key, tensor)


def checked_device(device: str | torch.device) -> str | torch.device:
    """Return a ``device=`` that exists here, or "auto". Raises NbvizError for any other, with those that do."""
    if isinstance(device, str) and device == "auto":
        return device
    try:
        place = torch.device(device)
        # torch.device takes any number: only memory on it tells whether it is there
        torch.empty(0, device=place)
    except (RuntimeError, TypeError, ValueError, AssertionError, ImportError) as error:
        raise NbvizError(f"device={str(device)!r} is not there. {_devices()}") from error
    return place


def _devices() -> str:
    kind = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    names = [f"'{kind}:{number}'" for number in range(torch.accelerator.device_count() if kind else 0)]
    sentence = "There are 'cpu', " + ", ".join(names) if names else "There is only 'cpu'"
    return f"{sentence} here; 'auto' is where the weights are."


def _of_mapping(value: Mapping[Any, Any]) -> str:
    if value and all(isinstance(item, torch.Tensor) for item in value.values()):
        return "It is a state_dict, weights without the code: build the network, then net.load_state_dict(…)."
    nets = [key for key, item in value.items() if isinstance(item, nn.Module)]
    if nets:
        return f"It holds one: pass […][{nets[0]!r}]."
    states = [key for key, item in value.items() if isinstance(item, Mapping) and "state" in str(key).lower()]
    if states:
        return f"It is a checkpoint, not a network: build that, then net.load_state_dict(…[{states[0]!r}])."
    return f"Its keys are {', '.join(map(repr, list(value)[:5]))}."


def _held(value: object) -> str | None:
    """Return the attribute under which an object holds a network, or None."""
    attributes = getattr(value, "__dict__", None) or {}
    held = {name: item for name, item in attributes.items() if isinstance(item, nn.Module)}
    return next((name for name in (*_PARAMETERS, *held) if name in held), None)


def _without_forward(net: nn.Module) -> str:
    kind = type(net).__name__
    children = dict(net.named_children())
    held = next((name for name in _PARAMETERS if name in children), None)
    if held:
        return f"{kind} has no forward of its own; it holds the network: pass its .{held}."
    if isinstance(net, (nn.ModuleList, nn.ModuleDict)):
        return f"{kind} has no forward: it lists layers without calling them. Pass the network, or nn.Sequential(*…)."
    return f"{kind} has no forward, so it can't be run. Pass the module whose forward takes the pictures."


def _scripted(name: str, module: nn.Module) -> str:
    if not name:
        return (
            f"{type(module).__name__} is a TorchScript module, whose layers cannot be hooked. "
            "Pass the Python module it was scripted or traced from."
        )
    return (
        f"Part '{name}' of the network is a TorchScript module, whose layers cannot be hooked. "
        "Pass the network with the Python module that part was scripted or traced from."
    )


def _sharded(what: str) -> str:
    return (
        f"The weights of {what} are sharded over processes (FSDP or another DTensor). nbviz runs in one process: "
        "load a full state dict into the plain network and pass that."
    )


def _check_tensor(name: str, tensor: torch.Tensor) -> None:
    if type(tensor).__name__ == "DTensor":
        raise NbvizError(_sharded(f"'{name}'"))
    if tensor.device.type == "meta":
        raise NbvizError(
            f"'{name}' is on the meta device: it has a shape and no values. Load the weights first, as by "
            "net.to_empty(device='cpu') and net.load_state_dict(…), or leave device_map= out."
        )
