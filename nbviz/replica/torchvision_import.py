"""Import of torchvision, also where its compiled half doesn't fit the torch beside it.

A torchvision built for another torch fails to import with "operator torchvision::nms does not exist". All
classifiers, transforms and weights enums are plain Python and work without that operator, so on exactly that
error its schema is declared and the import tried once more.
"""

from __future__ import annotations

import importlib
import sys
import threading
import warnings
from types import ModuleType

import torch

from nbviz.errors import NbvizError

_MISMATCH = "operator torchvision::nms does not exist"
_SCHEMAS = ("nms", "qnms")
_lock = threading.Lock()
# A library that is collected takes its schemas with it.
_libraries: list[torch.library.Library] = []


def torchvision() -> ModuleType:
    """Import the package ``torchvision``; raises NbvizError, with the way out, where it can't be had."""
    with _lock:
        try:
            return importlib.import_module("torchvision")
        except ModuleNotFoundError as error:
            if error.name != "torchvision":
                raise _broken(error) from error
            raise NbvizError("torchvision is not installed. pip install torchvision") from error
        except RuntimeError as error:
            if _MISMATCH not in str(error):
                raise _broken(error) from error
            return _import_without_operators()
        except (ImportError, OSError) as error:
            raise _broken(error) from error


def _import_without_operators() -> ModuleType:
    # half-imported modules would be taken for the whole ones
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for name in _SCHEMAS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
    try:
        module = importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError) as error:
        raise _broken(error) from error
    warnings.warn(
        "The installed torchvision was built for another torch. Classifiers and transforms work; detection "
        "operators (nms, roi_align) are missing. Install the pair that belongs together to have them.",
        RuntimeWarning,
        stacklevel=3,
    )
    return module


def _broken(error: Exception) -> NbvizError:
    return NbvizError(f"torchvision is installed but can't be imported: {error}")


def missing_operators(error: BaseException) -> str:
    """Return the part of torchvision that a forward lacked which raised this, as a phrase; else empty."""
    message = str(error)
    if "Couldn't load custom C++ ops" not in message and "torchvision::" not in message:
        return ""
    name = message.split("torchvision::")[1].split("'")[0].split(" ")[0] if "torchvision::" in message else ""
    which = f"torchvision::{name}" if name else "nms, roi_align and others"
    return (
        f"This network needs torchvision's compiled operators ({which}), and they are missing: the installed "
        f"torchvision was built for another torch than {torch.__version__}. Install the pair that belongs together."
    )
