"""The layer tree: every module's kind, shape, parameters and layout, in call order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from nbviz.model.layers import Layer, label
from nbviz.model.layouts.layout import AxisEvidence, Layout, evidence, infer_layouts, probe_batch
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import Address, hooked, layer_name, modules_of


@dataclass
class Record:
    """Output of one module call in the tracing pass."""

    order: int
    shape: tuple[int, ...]
    overwritten: bool = False


Records = dict[str, list[Record]]


def layer_tree(run: Pass, x: torch.Tensor, records: Records) -> Layer:
    """Return the root of the tree, from what a forward of ``x`` recorded; takes a forward of a probing batch."""
    layouts = _layouts(run, x, records)
    run.rest()  # a forward may put other layers in the place of some
    # each module's own parameters are listed once: to ask every layer for all below it was a tenth of a first call
    own = {id(module): list(module.parameters(recurse=False)) for module in run.net.modules()}
    sizes = {key: {id(one): one.numel() for one in parameters} for key, parameters in own.items()}
    return _layer("", run.net, records, layouts, sizes)


def version(tensor: torch.Tensor) -> int:
    """Return the count of in-place changes; 0 for what was made in inference mode, which keeps none."""
    return 0 if tensor.is_inference() else tensor._version


def _layouts(run: Pass, x: torch.Tensor, records: Records) -> dict[str, Layout]:
    picture = (x.shape[-2], x.shape[-1])
    evidences: dict[str, AxisEvidence] = {}
    modules = modules_of(run.net)
    last: list[tuple[torch.Tensor, int, AxisEvidence]] = []

    def judge(name: str, call: int, tensor: torch.Tensor) -> None:
        calls = len(records.get(name, []))
        # a network may call a module more often for a batch than for one picture
        if call > calls:
            return
        # a Sequential puts out the object its last child did
        if not (last and last[0][0] is tensor and last[0][1] == version(tensor)):
            last[:] = [(tensor, version(tensor), evidence(tensor, picture, modules.get(name)))]
        evidences[f"{name}#{call}" if calls > 1 else name] = last[0][2]

    batch = probe_batch(x)
    try:
        with torch.no_grad(), hooked(modules, judge):
            run(batch)
    except torch.OutOfMemoryError:
        raise
    except Exception:
        evidences.clear()
        # within the picture's own values: what a network looks up by them may end there
        low, high = x.aminmax()
        batch = batch.clamp(low, high) if low < high else batch
        for (name, call), output in _one_by_one(run, batch, modules).items():
            judge(name, call, output)
    return infer_layouts(evidences, picture)


def _one_by_one(run: Pass, batch: torch.Tensor, modules: Mapping[str, nn.Module]) -> dict[Address, torch.Tensor]:
    """Join outputs of pictures that pass one at a time: (name, call) → output of the batch."""
    outputs: dict[tuple[str, int], list[torch.Tensor]] = {}

    def keep(name: str, call: int, tensor: torch.Tensor) -> None:
        # cloned, for they outlive the operations that overwrite them
        outputs.setdefault((name, call), []).append(tensor.clone())

    for row in batch.split(1):
        with torch.no_grad(), hooked(modules, keep):
            run(row)
    whole = {key: rows for key, rows in outputs.items() if len(rows) == len(batch)}
    # what has lost the axis of the batch gets it back, as a squeezed output does
    return {key: torch.cat(rows) if rows[0].shape[:1] == (1,) else torch.stack(rows) for key, rows in whole.items()}


def _layer(
    path: str,
    module: nn.Module,
    records: Records,
    layouts: dict[str, Layout],
    sizes: dict[int, dict[int, int]],
) -> Layer:
    name = layer_name(path)
    calls = records.get(name, [])
    if len(calls) > 1:
        layouts[name] = layouts[f"{name}#{len(calls)}"]
    children = [
        _layer(f"{path}.{child}" if path else child, inner, records, layouts, sizes)
        for child, inner in module.named_children()
    ]
    children.sort(key=_order)
    for inner in module.children():
        sizes[id(module)] |= sizes[id(inner)]
    if len(calls) > 1:
        children += _calls(name, module, calls, layouts)
    return Layer(
        name=name,
        kind=type(module).__name__,
        shape=calls[-1].shape if calls else None,
        parameters=sum(sizes[id(module)].values()),
        children=tuple(children),
        calls=len(calls),
        label=label(module),
        layout=layouts.get(name),
        first_call=_first(calls, children),
        order=calls[-1].order if calls else None,
    )


def _calls(name: str, module: nn.Module, calls: list[Record], layouts: dict[str, Layout]) -> Iterable[Layer]:
    for i, record in enumerate(calls, start=1):
        layout = layouts.get(f"{name}#{i}")
        kind, order = type(module).__name__, record.order
        yield Layer(f"{name}#{i}", kind, record.shape, 0, (), 1, f"call {i}", layout, first_call=order, order=order)


def _first(calls: list[Record], children: list[Layer]) -> int | None:
    orders = [c.order for c in calls[:1]] + [c.first_call for c in children if c.first_call is not None]
    return min(orders, default=None)


def _order(layer: Layer) -> float:
    return float("inf") if layer.first_call is None else layer.first_call
