"""Code of a user's hook, read for its effects as far as the source shows them for certain.

A hook that *only looks* returns nothing and changes nothing that it is given: it appends to a list, fills a dict,
sets an attribute of an object of its own. A replica can do without it. Anything else, or anything not understood, is
not taken for one: a call of an unknown function, an in-place operation, a source that is not that of the code.
"""

from __future__ import annotations

import ast
import builtins
import collections
import functools
import linecache
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

_MISSING = object()
_RECORDS = {"append", "appendleft", "extend", "add", "update", "insert", "__setitem__"}
"""Methods of containers that put something in and return None."""
_CONTAINERS = (list, dict, set, collections.deque)
_READERS = set("len tuple list isinstance type str float int repr id max min sum print".split())
_TENSOR_READERS = set(
    "detach clone cpu numpy float double half to mean sum std var norm abs max min amax amin item tolist size dim "
    "numel flatten view reshape permute transpose squeeze unsqueeze relu sigmoid softmax argmax values items keys get "
    "type contiguous".split()
)


@dataclass
class HookTargets:
    """Targets that a hook which only looks may write to."""

    objects: list[object] = field(default_factory=list)
    globals: set[str] = field(default_factory=set)


def looks_only(hook: object) -> HookTargets | None:
    """Return the hook's targets, if it is seen to return nothing and to write to nothing it is given; else None."""
    function, bound = function_of(hook)
    if function is None:
        return None
    node = _source(function.__code__)
    if node is None:
        return None
    reader = _Reader(function, node, bound)
    return reader.look if reader.harmless() else None


def function_of(hook: object) -> tuple[types.FunctionType | None, list[object]]:
    """Return the Python function that a hook runs, and the values of its first arguments."""
    if isinstance(hook, functools.partial) and not hook.keywords:
        function, bound = function_of(hook.func)
        return function, [*bound, *hook.args]
    if isinstance(hook, types.MethodType):
        function, bound = function_of(hook.__func__)
        return function, [*bound, hook.__self__]
    if isinstance(hook, types.FunctionType):
        return hook, []
    call = next((vars(base)["__call__"] for base in type(hook).__mro__ if "__call__" in vars(base)), None)
    return (call, [hook]) if isinstance(call, types.FunctionType) else (None, [])


@functools.lru_cache(maxsize=256)
def _source(code: types.CodeType) -> ast.FunctionDef | ast.Lambda | None:
    """Return the syntax tree of which this is the code; None where the source is missing, or another's by now."""
    text = "".join(linecache.getlines(code.co_filename))
    try:
        tree = ast.parse(text, code.co_filename)
        compiled = compile(tree, code.co_filename, "exec", flags=code.co_flags & _FUTURE, dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    # a file edited since shows what the hook no longer does
    if not any(item == code for item in _codes(compiled)):
        return None
    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Lambda)) and _is(node, code)]
    # two lambdas on one line can't be told apart
    return nodes[0] if len(nodes) == 1 else None


_FUTURE = 0x1FFE000
"""Bits of ``co_flags`` that ``from __future__`` sets."""


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _is(node: ast.FunctionDef | ast.Lambda, code: types.CodeType) -> bool:
    """Return whether a node on the code's first line is the code's: by its arguments and where its body ends."""
    arguments = node.args
    names = [item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    if names != list(code.co_varnames[: len(names)]):
        return False
    if isinstance(node, ast.FunctionDef):
        first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
        return node.name == code.co_name and first == code.co_firstlineno
    ends = [(end, column) for _, end, _, column in code.co_positions() if end is not None and column]
    return code.co_name == "<lambda>" and (node.body.end_lineno, node.body.end_col_offset) == max(ends, default=None)


class _Reader:
    """Reader of one function; ``look`` collects what it writes to."""

    def __init__(self, function: types.FunctionType, node: ast.FunctionDef | ast.Lambda, bound: list[object]) -> None:
        self.look = HookTargets()
        self._function, self._node = function, node
        arguments = node.args
        names = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
        self._values: dict[str, object] = dict(zip(names, bound, strict=False))
        extra = [item.arg for item in (*arguments.kwonlyargs, arguments.vararg, arguments.kwarg) if item is not None]
        self._given = {*names[len(bound) :], *extra}
        closure = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._cells = dict(closure)

    def harmless(self) -> bool:
        """Return whether every statement is understood and leaves alone what the hook is given."""
        if isinstance(self._node, ast.Lambda):
            return self._nothing(self._node.body)
        return all(map(self._statement, self._node.body))

    def _statement(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Return):
            return node.value is None or self._nothing(node.value)
        if isinstance(node, ast.If):
            return self._read(node.test) and all(map(self._statement, [*node.body, *node.orelse]))
        if isinstance(node, ast.Assign):
            return self._read(node.value) and all(self._write(target, node.value) for target in node.targets)
        if isinstance(node, ast.AugAssign):
            return self._read(node.value) and self._write(node.target, None)
        if isinstance(node, ast.Expr):
            return self._read(node.value)
        return isinstance(node, (ast.Pass, ast.Nonlocal, ast.Global))

    def _nothing(self, node: ast.expr) -> bool:
        """Return whether an expression is understood and is None."""
        if isinstance(node, ast.Constant):
            return node.value is None
        if isinstance(node, ast.IfExp):
            return self._read(node.test) and self._nothing(node.body) and self._nothing(node.orelse)
        return isinstance(node, ast.Call) and self._read(node) and (self._records(node) or self._name(node) == "print")

    def _write(self, target: ast.expr, value: ast.expr | None) -> bool:
        if isinstance(target, (ast.Attribute, ast.Subscript)):
            inside = self._read(target.slice) if isinstance(target, ast.Subscript) else True
            return inside and self._own(target.value, containers=isinstance(target, ast.Subscript))
        if not isinstance(target, ast.Name):
            return False
        if target.id in self._cells:
            self.look.objects.append(self._cells[target.id])
            return True
        if target.id not in self._function.__code__.co_varnames:
            self.look.globals.add(target.id)
            return True
        if value is None:
            return target.id not in self._given  # x += 1 is in place for a tensor
        self._values.pop(target.id, None)
        self._given.add(target.id)  # a local may well be a part of what is given
        return True

    def _read(self, node: ast.expr) -> bool:
        """Return whether an expression is understood and changes nothing but what it records in."""
        if isinstance(node, ast.Call):
            values = [*node.args, *(item.value for item in node.keywords)]
            return all(map(self._read, values)) and (self._records(node) or self._reader(node))
        if isinstance(node, (ast.Constant, ast.Name)):
            return True
        if isinstance(node, (ast.Attribute, ast.Starred)):
            return self._read(node.value)
        known = (ast.Subscript, ast.Tuple, ast.List, ast.Dict, ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.Compare)
        if not isinstance(node, (*known, ast.Slice, ast.IfExp, ast.JoinedStr, ast.FormattedValue)):
            return False
        return all(self._read(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))

    def _records(self, node: ast.Call) -> bool:
        """Return whether a call puts something into a container, or sets an attribute, of the hook's own."""
        if isinstance(node.func, ast.Attribute):
            return node.func.attr in _RECORDS and self._own(node.func.value, containers=True)
        return self._name(node) == "setattr" and len(node.args) == 3 and self._own(node.args[0], containers=False)

    def _reader(self, node: ast.Call) -> bool:
        if isinstance(node.func, ast.Attribute):
            return node.func.attr in _TENSOR_READERS and self._read(node.func.value)
        return self._name(node) in _READERS

    def _name(self, node: ast.Call) -> str | None:
        """Return the name of the builtin that is called; None for anything else."""
        if not isinstance(node.func, ast.Name) or node.func.id in self._given:
            return None
        value = self._value(node.func)
        return node.func.id if value is getattr(builtins, node.func.id, _MISSING) else None

    def _own(self, node: ast.expr, containers: bool) -> bool:
        """Return whether an expression is an object of the hook's own, which then counts as written to."""
        value = self._value(node)
        if value is _MISSING or containers and not _is_container(value):
            return False
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            self.look.objects.append(self._value(node))
            node = node.value
        self.look.objects.append(self._value(node))
        if isinstance(node, ast.Name) and node.id not in self._cells and node.id not in self._values:
            self.look.globals.add(node.id)
        return True

    def _value(self, node: ast.expr) -> object:
        """Return the object that an expression names now; ``_MISSING`` where it depends on the hook's arguments."""
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            # not getattr: a property would run code
            return getattr(owner, "__dict__", {}).get(node.attr, _MISSING) if owner is not _MISSING else _MISSING
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            owner = self._value(node.value)
            return _item(owner, node.slice.value) if isinstance(owner, (list, dict)) else _MISSING
        if not isinstance(node, ast.Name) or node.id in self._given:
            return _MISSING
        if node.id in self._values:
            return self._values[node.id]
        if node.id in self._cells:
            try:
                return self._cells[node.id].cell_contents
            except ValueError:
                return _MISSING
        return self._function.__globals__.get(node.id, getattr(builtins, node.id, _MISSING))


def _item(owner: list[object] | dict[object, object], key: object) -> object:
    if isinstance(owner, dict):
        return owner.get(key, _MISSING)
    return owner[key] if isinstance(key, int) and -len(owner) <= key < len(owner) else _MISSING


def _is_container(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, _CONTAINERS) and type(value).__module__ in ("builtins", "collections")
