"""An objective of one's own, as a newcomer writes it: one file, or one cell."""

from nbviz.features import Objective, objective


@objective
def contrast(layer: str, index: int) -> Objective:
    """How much a channel varies from place to place."""
    return Objective(f"contrast of channel {index} of {layer}", (layer,), lambda says: says[layer][index].std())
