"""Atlas on disk: a folder with a manifest in JSON and one safetensors file.

::

    atlas.json           format, plan (network's and data set's digests, layer, grid, places, seed …), squares a side,
                         layout that was used, versions, class names, what was left out
    atlas.safetensors    items, places, labels, predicted (N,) int64; gains (N,), flat (N, 2), cells (N,);
                         reduced (N, d), centre (C,), basis (d, C); squares (cells,), directions (cells, C);
                         typical (N,): cosine of a point with its cell's direction

Both are written beside their names and moved there, the manifest last: a folder with a manifest is whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nbviz.dataset.atlas.plan import FORMAT, AtlasPlan
from nbviz.dataset.files import holds_only, intact, manifest_in, write_whole
from nbviz.errors import NbvizError
from nbviz.version import __version__

MANIFEST, TENSORS = "atlas.json", "atlas.safetensors"
ROOM = "; make room first."


def write_atlas(path: Path, manifest: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
    """Write both files, each whole or not at all. NbvizError where the disk refuses."""
    from safetensors.torch import save

    versions = {"nbviz": __version__, "torch": torch.__version__}
    text = json.dumps({"format": FORMAT, "versions": versions, **manifest}, indent=1, ensure_ascii=False)
    data = save({name: tensor.contiguous() for name, tensor in sorted(tensors.items())})
    write_whole(path / TENSORS, lambda to: to.write_bytes(data), ROOM)
    write_whole(path / MANIFEST, lambda to: to.write_text(text, "utf-8"), ROOM)


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest. NbvizError where there is none, or of another format."""
    return manifest_in(path, MANIFEST, "atlas", FORMAT)


def read_atlas(path: Path) -> tuple[AtlasPlan, dict[str, Any], dict[str, torch.Tensor]]:
    """Read plan, manifest and tensors."""
    from safetensors.torch import load_file

    manifest = read_manifest(path)
    with intact(path, "atlas"):
        return AtlasPlan.from_json(manifest["plan"]), manifest, load_file(path / TENSORS)


def free_or_same(path: Path, plan: AtlasPlan) -> bool:
    """Return whether the atlas of this plan is there already. NbvizError where something else is."""
    if not path.exists():
        return False
    if not (path / MANIFEST).exists():
        if not holds_only(path, TENSORS, MANIFEST):
            raise NbvizError(f"'{path}' holds other files and no atlas: choose an empty or a new folder.")
        return False
    with intact(path, "atlas"):
        old = AtlasPlan.from_json(read_manifest(path)["plan"])
    away = "Choose another path, or remove that folder."
    # from the coarsest cause to the finest: of another network everything else differs as well
    if old.model != plan.model:
        raise NbvizError(f"The atlas in '{path}' is of another network, or of other weights of this one. {away}")
    if old.data != plan.data:
        raise NbvizError(
            f"The atlas in '{path}' is of another data set ({old.items} pictures, here {plan.items}). {away}"
        )
    if old.layer != plan.layer:
        raise NbvizError(f"The atlas in '{path}' is of layer '{old.layer}', not '{plan.layer}'. {away}")
    if old != plan:
        raise NbvizError(f"The atlas in '{path}' has other places, another seed or layout. {away}")
    return True
