"""nbviz: open a trained vision network in a notebook, live.

``nbviz.Explorer(model, images)`` draws four linked panels over your own PyTorch model: the layer tree,
the channel grid, the saliency canvas and the class dropdown. The same computations are plain calls
(``nbviz.attribute``, ``nbviz.InstrumentedModel``) for scripts. Names are loaded when first used, so that
``import nbviz`` costs neither a widget library nor a model.

Words, and the one meaning of each here ("not" is what the code doesn't call it):

activation    output of a layer for one picture, before any later operation overwrites it; not: response
answer        result of a request, perhaps partial
atlas         map of what a layer tells apart in a data set, its places laid out so that like is beside like
attribution   result of a method for one target: signed values, heat to draw, facts
audit         sample of explained pictures that a person, or masks of the objects, judge
baseline      picture that counts as showing nothing, where a path starts; not: reference image
box           rectangle (top, left, bottom, right) in pixels of the network's input; not: bbox, bounding rectangle
cache         answers, or made pictures on disk, for the next time; not: shelf
channel       one feature of a layer's output, by number; over the layer's places it is a map
circuit       channels that drive a class, and those that drive these, found by switching channels off
context       the model, edits and cache over which requests are answered
contribution  sum over places of gradient × activation: a channel's first-order share in a score
control       map that knows nothing of the network: edges, centre, random; not: dummy map
cue           window that a network leans on and should not; not: artefact, artifact
desk          panel in the explanation's place while an edit is made
digest        hash of a network, data set or recipe, equal in every process; not: checksum of a network
edit          frozen value that changes the picture or a layer's output; not: tweak, ablation, perturbation
evidence      Grad-CAM and contributions of a target at every layer
example       item of a data set in a channel's ranking, with its place
facet         one of several kinds of picture that drive the same channel
facts         what an attribution says of itself: score, error, status
feature map   a channel's values over a layer's places, for one picture
fingerprint   key of a network's state in this process; it moves with every change of the weights
first contact guarded forward that finds what a network does besides its answer; not: dry run
found picture picture of a data set that drives a channel
front         widget of a panel, with script and style beside its class
guest         the user's network as our threads run it, left as it was
heat          drawing of an attribution, ≥ 0 or around 0, (H, W); not: heat map, heatmap
index         the strongest examples of every channel of a data set
item          one picture of a data set, by number; a sample is several of them, drawn at random
layout        which axes of an output are channels and which are places
leaf          batch as the leaf of autograd's graph, from which a gradient is taken
made picture  picture optimised from noise to drive an objective; not: synthetic picture, generated picture
measure       function that judges a map; one that passes or fails it gives a verdict
neuron        a channel at one place
objective     scalar of layers that a made picture raises
panel         view, request and painter of one thing on the screen; not: viewer
part          direction among a layer's channels and its map; of a data set: results of some pieces
pass          a forward of a replica, and a backward where one follows, on one thread
pin           request of a map, kept to compare others with it
place         (row, column) of a layer's grid, or of the picture in 0…1; not: location
prediction    a network's scores for one picture, as classes, maps or boxes
recipe        all that decides a made picture, but network and objective
replica       copy of the guest's modules over the guest's own tensors; not: shadow, mirror model
request       frozen question of a panel: job, cache key and test of staleness in one
score         number that a network puts out for a class, raw; what is explained; not: confidence score
selection     what a person chose: picture, layer, channel, target, method …; the only mutable state
slice         items with one property in common
slot          name under which a panel submits requests; the latest one wins
stage         panel that takes its turn in the middle column
strip         line of a panel with an error, or of the whole with the edits that are on
subject       one picture, one target and one network, as a method sees them
target        scalar that is explained: a class, a contrast, a box, a channel, a function; not: class of interest
trace         structure of a network by one forward: layers, shapes, calls, outputs overwritten
verdict       passed, not passed or can't tell
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nbviz.version import __version__ as __version__

if TYPE_CHECKING:
    from nbviz import edits, lessons, zoo
    from nbviz.attribution import METHODS, Attribution, attribute, register
    from nbviz.circuits import channel_effects, circuit
    from nbviz.comparison import compare
    from nbviz.dataset import Atlas, Index
    from nbviz.edits import attack
    from nbviz.errors import NbvizError
    from nbviz.evaluation.health import health
    from nbviz.explorer import Explorer
    from nbviz.features import invert, visualize
    from nbviz.model.instrumented import InstrumentedModel
    from nbviz.model.target import Target
    from nbviz.panels.audit.desk import audit
    from nbviz.pictures.preprocessing import Preprocessing
    from nbviz.reports import report
    from nbviz.reviews import Review, review

__all__ = [
    "METHODS",
    "Atlas",
    "Attribution",
    "Explorer",
    "Index",
    "InstrumentedModel",
    "NbvizError",
    "Preprocessing",
    "Review",
    "Target",
    "attack",
    "attribute",
    "audit",
    "channel_effects",
    "circuit",
    "compare",
    "edits",
    "health",
    "invert",
    "lessons",
    "register",
    "report",
    "review",
    "visualize",
    "zoo",
]

_HOME = {
    "METHODS": "nbviz.attribution",
    "Atlas": "nbviz.dataset",
    "Attribution": "nbviz.attribution",
    "Explorer": "nbviz.explorer",
    "Index": "nbviz.dataset",
    "InstrumentedModel": "nbviz.model.instrumented",
    "NbvizError": "nbviz.errors",
    "Preprocessing": "nbviz.pictures.preprocessing",
    "Review": "nbviz.reviews",
    "Target": "nbviz.model.target",
    "attack": "nbviz.edits",
    "audit": "nbviz.panels.audit.desk",
    "attribute": "nbviz.attribution",
    "channel_effects": "nbviz.circuits",
    "circuit": "nbviz.circuits",
    "compare": "nbviz.comparison",
    "health": "nbviz.evaluation.health",
    "invert": "nbviz.features",
    "visualize": "nbviz.features",
    "register": "nbviz.attribution",
    "report": "nbviz.reports",
    "review": "nbviz.reviews",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a name of any of the rooms
    if name in ("zoo", "edits", "lessons"):
        return importlib.import_module(f"nbviz.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'nbviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
