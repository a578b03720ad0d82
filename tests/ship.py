"""Make the pictures that come with nbviz again: ``python -m tests.ship``, about a minute of one core.

For each of the zoo's own networks those of all channels of the layer that an Explorer opens on, by the default recipe,
into ``nbviz/zoo/data/made``. To be run, and its result committed, when a test says that those there no longer fit: a
network, its preprocessing or the default recipe has changed.
"""

from __future__ import annotations

import shutil

import nbviz
from nbviz.features import making
from nbviz.session.start import first_layer
from nbviz.zoo.registry import own_networks
from nbviz.zoo.shipped import DATA

PAGE = 12
"""Channels made at a time."""


def main() -> None:
    """Write all anew, and print how much it is."""
    shutil.rmtree(DATA / "made", ignore_errors=True)
    for name in own_networks():
        model = nbviz.zoo.load(name, device="cpu")
        layer = first_layer(model)
        count = model.layer(layer).channels or 0
        for start in range(0, count, PAGE):
            for _ in making(model, layer, range(start, min(start + PAGE, count)), path=DATA):
                pass
        print(f"{name}: {count} channels of {layer}")
    files = list((DATA / "made").rglob("*.png"))
    for file in files:
        file.chmod(0o644)
    print(f"{len(files)} pictures, {sum(file.stat().st_size for file in files) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
