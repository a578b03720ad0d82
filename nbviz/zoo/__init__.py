"""Networks and pictures to start with, without a download.

The network the Explorer opens on, the names of its classes and a few photographs; two small networks with
thousands of labelled pictures. Each network is one file here; torchvision's and timm's are loaded by their names.
"""

from __future__ import annotations

from nbviz.zoo.class_names import imagenet
from nbviz.zoo.fashion_pictures import fashion
from nbviz.zoo.loading import load, names
from nbviz.zoo.samples import photographs

__all__ = ["fashion", "imagenet", "load", "names", "photographs"]
