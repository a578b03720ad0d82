"""A network's structure, looked at again in half a millisecond.

Identities of modules, tensors, hooks and plain attributes, read at C speed from the modules' dictionaries. What
they pointed to is held meanwhile, else the address of something freed could come back as something else's.
Training modes are left out: passes run in eval mode, and a training loop switches all the time.
"""

from __future__ import annotations

from typing import Any

from torch import nn

_IRRELEVANT = (
    *("_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"),
    *("_non_persistent_buffers_set", "_backward_pre_hooks", "_is_full_backward_hook"),
    *("_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs"),
)
_CONTAINERS = (dict, list, tuple, set)


class Structure:
    """The structure as it was when this was made; ``still()`` tells whether it is now."""

    def __init__(self, net: nn.Module) -> None:
        self._modules = [(module.__dict__, _attributes(module.__dict__)) for module in net.modules()]
        containers: dict[int, Any] = {}
        for attributes, _ in self._modules:
            for name, value in list(attributes.items()):
                if name not in _IRRELEVANT:
                    _collect(value, containers)
        changeable = [container for container in containers.values() if not isinstance(container, tuple)]
        self._containers = [(container, _items(container)) for container in changeable if container]
        self._empty = [container for container in changeable if not container]
        self._held = [list(attributes.values()) for attributes, _ in self._modules]
        self._held += [list(_values(container)) for container in containers.values()]

    def still(self) -> bool:
        """Whether all modules, tensors, hooks and plain attributes are the very same."""
        return (
            not any(self._empty)
            and all(_attributes(now) == then for now, then in self._modules)
            and all(_items(now) == then for now, then in self._containers)
        )


def _attributes(attributes: dict[str, Any]) -> list[int]:
    return list(map(id, {**attributes, "training": None}.values()))


def _items(container: Any) -> list[int]:
    return list(map(id, _values(container)))


def _values(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container


def _collect(value: Any, found: dict[int, Any], depth: int = 2) -> None:
    if isinstance(value, _CONTAINERS) and id(value) not in found:
        found[id(value)] = value
        for item in list(_values(value)) if depth else ():
            _collect(item, found, depth - 1)
