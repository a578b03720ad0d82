"""Augmentation: a random transform of one's own, torchvision's or albumentations', drawn from by seed.

A draw is made by a copy whose random streams are seeded, and draws from global streams go to streams of the draw's own:
the same seed gives the same picture, and neither the transform nor a global stream is moved.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FunctionType
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from nbviz.errors import NbvizError, Refused
from nbviz.replica.copying.copier import Copier
from nbviz.replica.copying.values import STREAMS
from nbviz.replica.user_code import conduct
from nbviz.replica.user_code.streams import current
from nbviz.replica.user_code.write_guard import Guard

Transform: TypeAlias = Callable[..., Any]
"""Transform of pictures: torchvision's, albumentations', or a function of a person's own."""
Transforms: TypeAlias = Transform | Sequence[Transform] | Mapping[str, Transform]
Drawn: TypeAlias = Any
"""Picture in the form that a transform gives: Any, as it is somebody else's function, and ``as_planes`` reads it."""
Stream: TypeAlias = random.Random | np.random.RandomState | np.random.Generator | torch.Generator
WHITES = {torch.bool: 1, torch.uint16: 2**16 - 1}
"""White in types of whole numbers; 255 in all others."""
FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "a PIL image": Image.fromarray,
    "a uint8 tensor (3, H, W)": lambda pixels: torch.from_numpy(pixels.copy()).permute(2, 0, 1),
    "a float tensor (3, H, W) in 0…1": lambda pixels: torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255,
    # last: torchvision's transforms hand an array on as it is
    "an array (H, W, 3)": np.copy,
}
"""Forms in which a picture is handed to a transform, until it takes one."""


class Augmentation:
    """Random transform of pictures, under a name.

    transform: a callable of a PIL image or a tensor, as torchvision's are, or one of albumentations, called by
    ``image=``. Two are equal where they hold the same transform, which hasn't changed what it says of itself. Raises
    NbvizError for what can't be called.
    """

    def __init__(self, transform: Transform, name: str | None = None) -> None:
        if not callable(transform):
            raise NbvizError(
                f"transforms= takes a transform of pictures, torchvision's, albumentations' or a function of your own, "
                f"several in a list or by name, not {transform!r:.60} ({type(transform).__name__})."
            )
        self.transform = transform
        self.name: str = name or str(getattr(transform, "__name__", type(transform).__name__))
        self.by_keyword = any(kind.__module__.startswith("albumentations") for kind in type(transform).__mro__)
        # a transform may be changed after it was given: its repr tells, and its identity doesn't
        self._said = repr(transform)
        self._conduct = conduct.Conduct()

    @classmethod
    def ensure(cls, given: Any) -> Augmentation:  # noqa: ANN401 - of a frozen field, checked here
        """Return an augmentation itself, or a transform wrapped."""
        return given if isinstance(given, cls) else cls(given)

    @property
    def normalises(self) -> bool:
        """True if one of its parts is a ``Normalize``: it then gives a network's input, not a picture."""
        return any(type(part).__name__ == "Normalize" for part in _parts(self.transform))

    def draw(self, pixels: np.ndarray, seed: int) -> Drawn:
        """Return what the transform makes of a picture, uint8 (H, W, 3), in a form of its own.

        Raises NbvizError where the transform raises, with what it said.
        """
        if self.by_keyword:
            return self._called(seed, partial(_by_keyword, pixels))
        first: Exception | None = None
        forms = [partial(_handed, made(pixels)) for made in FORMS.values()]
        for call in (*forms, partial(_by_keyword, pixels)):
            try:
                return self._called(seed, call)
            except Exception as error:  # another form may be the one it takes
                first = first or error
        raise Refused(
            f"The transform {self.name} can't be drawn from: given {next(iter(FORMS))}, it raises "
            f"{type(first).__name__}: {first}"
        ) from first

    def _called(self, seed: int, call: Callable[[Transform], Drawn]) -> Drawn:
        """Call a copy of the transform, all of whose random streams are seeded."""
        known = set(self._conduct.direct)
        made = self._seeded(seed, call)
        # a global stream that it draws from by a function that it holds is seen at the first call, so not yet seeded
        return made if self._conduct.direct == known else self._seeded(seed, call)

    def _seeded(self, seed: int, call: Callable[[Transform], Drawn]) -> Drawn:
        twin, own = _copied(self.transform, self.name)
        for place, stream in enumerate(own):
            _seed(stream, seed, place)
        # the guard: a transform that draws from a stream by its module's name moves nothing of the person's
        with _with_seed(_named_streams(self.transform), seed), self._conduct.streams(True), Guard():
            streams = current()
            assert streams is not None
            for place, stream in enumerate((streams.python, streams.numpy, streams.generator)):
                _seed(stream, seed, -1 - place)
            for name in self._conduct.direct:
                conduct.STREAMS[name].seed(seed)
            return call(twin)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Augmentation):
            return NotImplemented
        return self.transform is other.transform and self._said == other._said

    def __hash__(self) -> int:
        return hash((id(self.transform), self._said))

    def __deepcopy__(self, memo: dict[int, object]) -> Augmentation:
        return self  # of another object it would be another transform, and a copied edit no longer equal

    def __reduce__(self) -> tuple[type[Augmentation], tuple[Transform, str]]:
        return Augmentation, (self.transform, self.name)  # its locks can't be pickled

    def __repr__(self) -> str:
        return f"Augmentation({self.name})"


def augmentations(given: Transforms | None) -> dict[str, Augmentation]:
    """Return what ``transforms=`` was given by name: one transform, a list of them, or a mapping name → transform."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name): Augmentation(transform, str(name)) for name, transform in given.items()}
    several = given if isinstance(given, Sequence) else [given]
    named: dict[str, Augmentation] = {}
    for transform in several:
        made = Augmentation(transform)
        count = sum(other.rsplit(" ", 1)[0] == made.name or other == made.name for other in named)
        made.name = f"{made.name} {count + 1}" if count else made.name
        named[made.name] = made
    return named


def _handed(picture: object, transform: Transform) -> Drawn:
    return transform(picture)


def _by_keyword(pixels: np.ndarray, transform: Transform) -> Drawn:
    return transform(image=pixels.copy())  # what stands under "image" in the answer is read as the picture


class _Holder(nn.Module):
    """Network of nothing but a transform: what copies networks copies it."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self.transform = transform


def _copied(transform: Transform, name: str) -> tuple[Transform, list[Stream]]:
    """Return a copy of a transform that shares nothing that changes with it, and the random streams that it holds."""
    memo: dict[int, Any] = {}
    try:
        twin = copy.deepcopy(transform, memo)
    except Exception as error:
        raise NbvizError(
            f"The transform {name} can't be copied ({type(error).__name__}: {error}), and drawing from it would "
            "move its random state: pass a function that makes what can't be copied when it is called."
        ) from error
    # functions are not copied by Python: what their closures hold is by the copier of networks
    copier = Copier(lambda tensor: tensor.detach().clone(), lambda _, __, hook: hook)
    holder: Any = copier.network(_Holder(twin))
    held = [*memo.values(), *(mine for _, mine in copier.own())]
    return holder.transform, [value for value in held if isinstance(value, STREAMS)]


def _parts(transform: object) -> Iterator[object]:
    """Yield a transform and all that it is composed of."""
    yield transform
    inner = getattr(transform, "transforms", None)
    for part in inner if isinstance(inner, (list, tuple, nn.ModuleList)) else ():
        yield from _parts(part)


def _seed(stream: Stream, seed: int, place: int) -> None:
    """Seed a random stream, each at another place differently."""
    number = int(np.random.SeedSequence([seed, place % 2**32]).generate_state(1)[0])
    if isinstance(stream, np.random.Generator):
        stream.bit_generator.state = type(stream.bit_generator)(number).state
    elif isinstance(stream, torch.Generator):
        stream.manual_seed(number)
    else:
        stream.seed(number)


def _named_streams(transform: Transform) -> list[Stream]:
    """Return the random streams that a function names in its module, which are not copied with it."""
    functions = [part for part in _parts(transform) if isinstance(part, FunctionType)]
    named = [f.__globals__.get(name) for f in functions for name in f.__code__.co_names]
    return [value for value in named if isinstance(value, STREAMS)]


@contextmanager
def _with_seed(streams: list[Stream], seed: int) -> Iterator[None]:
    """Seed streams, and put them back after."""
    before = [_state(stream) for stream in streams]
    for place, stream in enumerate(streams):
        _seed(stream, seed, place)
    try:
        yield
    finally:
        for stream, state in zip(streams, before, strict=True):
            _put_back(stream, state)


def _state(stream: Stream) -> Any:  # noqa: ANN401 - each library's own, opaque to us
    if isinstance(stream, np.random.Generator):
        return stream.bit_generator.state
    return stream.getstate() if isinstance(stream, random.Random) else stream.get_state()


def _put_back(stream: Stream, state: Any) -> None:  # noqa: ANN401 - what _state gave
    if isinstance(stream, np.random.Generator):
        stream.bit_generator.state = state
    elif isinstance(stream, random.Random):
        stream.setstate(state)
    else:
        stream.set_state(state)


def as_planes(made: Drawn, name: str) -> Tensor:
    """Return what a transform gave as (1, planes, H, W): whole numbers as colours in 0…1, floats as they are.

    Raises NbvizError for what is no picture.
    """
    if isinstance(made, Mapping) and "image" in made:
        made = made["image"]
    if isinstance(made, (list, tuple)) and made:  # the picture comes first, beside a label or boxes
        made = made[0]
    if isinstance(made, Image.Image):
        made = np.array(made.convert("RGB"))
    if isinstance(made, np.ndarray) and made.dtype != object:
        made = torch.from_numpy(np.ascontiguousarray(made if made.ndim == 3 else made[..., None])).permute(2, 0, 1)
    if isinstance(made, Tensor):
        planes = made.detach().as_subclass(Tensor)
        planes = planes[None] if planes.dim() == 3 else planes
        if planes.dim() == 4 and len(planes) == 1 and planes.shape[1] in (1, 3) and planes.numel():
            return planes if planes.is_floating_point() else planes.double() / WHITES.get(planes.dtype, 255)
    shape = f" of shape {tuple(made.shape)}" if hasattr(made, "shape") else ""
    raise NbvizError(
        f"The transform {name} gives {type(made).__name__}{shape}, which is no picture: a PIL image, an array "
        "(H, W, 3) or a tensor (3, H, W) would be."
    )
