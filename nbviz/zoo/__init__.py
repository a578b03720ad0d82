"""Networks and pictures to look at without a download.

The network the Explorer opens on, the names of its classes and a few photographs; two small networks with
thousands of labelled pictures. Each network is one file here; torchvision's and timm's are loaded by their names.
"""

from __future__ import annotations

from .class_names import imagenet
from .fashion_pictures import fashion
from .loading import load, names
from .samples import photographs

__all__ = ["fashion", "imagenet", "load", "names", "photographs"]
