"""Decoding: a picture in any form becomes an RGB ``PIL.Image``, or a sentence that says why it can't.

Files, bytes, PIL images and uint8 or 16-bit arrays end here as 8-bit RGB, turned upright by their EXIF tag,
transparent parts on white, 16-bit gray scaled (65535 becomes 255, nothing is clipped). Float tensors are no
pictures but already preprocessed input; ``checked_tensor`` looks only after their shape and values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from nbviz.arrays import array_of
from nbviz.errors import NbvizError

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_END_OF_JPEG = b"\xff\xd9"
# What one segment of a JPEG's header holds at most.
_SEGMENT = 65536
# TIFF's tag NewSubfileType; its lowest bit marks a reduced copy.
_SUBFILE_TYPE = 254
MOST_CHANNELS = 4
"""A picture of more rows and columns than this whose last axis is shorter has its channels there."""


class NotAPicture(NbvizError):
    """Error of one value, called ``name``, that can't be opened; ``reason`` is its short form for a list."""

    def __init__(self, name: str, reason: str, help: str = "") -> None:
        super().__init__(f"'{name}' can't be opened: {reason}.{' ' + help if help else ''}")
        self.name, self.reason = name, reason


@dataclass(frozen=True)
class FilePage:
    """One picture of a file that holds several; ``number`` counts from 0."""

    file: Path | bytes
    number: int


Encoded = Path | bytes | FilePage


@contextmanager
def opened(source: Encoded, name: str) -> Iterator[Image.Image]:
    """Open an encoded picture: its header is read, its pixels not yet; a failure inside becomes a sentence."""
    file, page = (source.file, source.number) if isinstance(source, FilePage) else (source, 0)
    try:
        if (file.stat().st_size if isinstance(file, Path) else len(file)) == 0:
            raise NotAPicture(name, "empty file")
        with Image.open(file if isinstance(file, Path) else BytesIO(file)) as image:
            if page:
                image.seek(page)
            yield image
    except UnidentifiedImageError as error:
        raise NotAPicture(name, "not a picture") from error
    except Image.DecompressionBombError as error:
        raise NotAPicture(name, "too large", f"{_bomb_limit()} Shrink it first.") from error
    except PermissionError as error:
        raise NotAPicture(name, "no permission to read it") from error
    except FileNotFoundError as error:
        raise NotAPicture(name, "no such file") from error
    except NbvizError:
        raise
    # On damaged data Pillow's decoders raise whatever their format brings: a dozen types were seen.
    except Exception as error:
        raise NotAPicture(name, _damage(error)) from error


def pages(file: Path | bytes, name: str) -> list[int]:
    """Return the numbers of a file's pictures that stand for themselves: a TIFF's pages, else only the first."""
    with opened(file, name) as image:
        if image.format != "TIFF":
            return [0]
        numbers = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            # The same picture in fewer pixels, as scanners and microscopes add it.
            if not image.tag_v2.get(_SUBFILE_TYPE, 0) & 1:
                numbers.append(number)
    return numbers or [0]


def is_animation(source: Encoded, name: str) -> bool:
    """Return whether a file's pictures are the frames of one animation, of which the first stands for all."""
    with opened(source, name) as image:
        # A phone's MPO holds the same view again, for depth.
        return image.format not in ("TIFF", "MPO") and bool(getattr(image, "is_animated", False))


def decoded(source: Encoded, name: str, at_least: int | None = None) -> Image.Image:
    """Decode the whole picture in RGB; ``at_least`` pixels a side let a JPEG be decoded smaller, which is faster."""
    with opened(source, name) as image:
        if at_least is not None:
            # A JPEG is decoded at a half, a quarter or an eighth, never below this; other formats ignore it.
            image.draft(None, (at_least, at_least))
        return rgb_from_pil(image, name)


def check_file(source: Encoded, name: str) -> None:
    """Raise NotAPicture where decoding would fail; far cheaper than decoding for intact JPEG and PNG."""
    with opened(source, name) as image:
        kind = image.format
    if kind in ("JPEG", "MPO") and not isinstance(source, FilePage) and _ends_as_jpeg(source):
        return
    with opened(source, name) as image:
        # A PNG carries checksums, which `verify` reads.
        if kind == "PNG":
            image.verify()
        else:
            image.load()


def upright_size(source: Encoded, name: str) -> tuple[int, int]:
    """Return (width, height) of the picture turned upright, from the header alone."""
    with opened(source, name) as image:
        width, height = image.size
        # EXIF's tag Orientation; 5 to 8 are the quarter turns.
        orientation = image.getexif().get(0x0112, 1)
        return (height, width) if orientation in (5, 6, 7, 8) else (width, height)


def rgb_from_pil(image: Image.Image, name: str) -> Image.Image:
    """Convert to a new upright 8-bit RGB image; the given one stays as it is."""
    if 0 in image.size:
        raise NotAPicture(name, f"it has no pixels ({image.size[0]} × {image.size[1]})")
    try:
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode in (*_SIXTEEN_BIT, "I"):
            image = _eight_bit(image, name)
        elif image.mode == "F":
            raise NotAPicture(name, "it holds floats, whose range is not known", "Convert it to 8 bits first.")
        if image.has_transparency_data:
            image = _on_white(image.convert("RGBA"))
        return image.convert("RGB")
    except NbvizError:
        raise
    # The image may be still unread, so this too is decoding.
    except Exception as error:
        raise NotAPicture(name, _damage(error)) from error


def rgb_from_array(array: np.ndarray[Any, Any], name: str) -> Image.Image:
    """Convert a uint8, uint16 or bool array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) to RGB."""
    if not array.dtype.isnative:
        # A big-endian uint16, as FITS gives it, is none to the comparisons below.
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype == np.uint16:
        array = _scaled_sixteen_bit(array, name)
    elif array.dtype != np.uint8:
        raise NotAPicture(name, f"a {array.dtype} array, whose range is not known", _dtype_help(array))
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise NotAPicture(name, f"an array of shape {tuple(array.shape)}", _shape_help(array.shape))
    if array.size == 0:
        raise NotAPicture(name, f"it has no pixels {tuple(array.shape)}")
    return rgb_from_pil(Image.fromarray(np.ascontiguousarray(array)), name)


def checked_tensor(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """Return an already preprocessed picture as a finite float tensor (1, C, H, W) of its own on the CPU.

    (C, H, W) gets the batch axis; float64 stays, since tests of gradients need it, and half becomes float32.
    """
    shape = tuple(tensor.shape)
    if not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        way = "Pass a float tensor, preprocessed for the network, or a uint8 picture."
        raise NotAPicture(name, f"a tensor of {kind}", way)
    if tensor.ndim not in (3, 4) or (tensor.ndim == 4 and shape[0] != 1):
        raise NotAPicture(name, f"a tensor of shape {shape}", "Pass (C, H, W) or (1, C, H, W).")
    if tensor.numel() == 0:
        raise NotAPicture(name, f"it has no pixels {shape}")
    if tensor.is_meta:
        raise NotAPicture(name, "a tensor on the meta device, which has a shape and no values")
    if shape[-1] in (1, 3, 4) and min(shape[-3:-1]) > MOST_CHANNELS:
        way = ".permute(2, 0, 1)" if tensor.ndim == 3 else ".permute(0, 3, 1, 2)"
        raise NotAPicture(name, f"a tensor of shape {shape}, whose channels come last", f"Pass (C, H, W): tensor{way}.")
    # A copy: the caller may go on writing into the tensor, and this one is hashed once.
    tensor = tensor.detach().to("cpu", copy=True).to_dense()
    tensor = tensor if tensor.dtype == torch.float64 else tensor.float()
    if not is_finite(tensor):
        wrong = int((~torch.isfinite(tensor)).sum())
        raise NotAPicture(name, f"{wrong} of its {tensor.numel()} values are NaN or infinite")
    return tensor if tensor.ndim == 4 else tensor[None]


def is_finite(values: torch.Tensor) -> bool:
    """Return whether no value is NaN or infinite."""
    # A finite sum proves it, at a tenth of the price of looking at each value.
    return bool(values.sum().isfinite()) or bool(values.isfinite().all())


def uint8_tensor_as_array(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """Convert a uint8 tensor (C, H, W) or (H, W), as torchvision reads files, to (H, W, C) or (H, W)."""
    array = array_of(tensor)
    return np.moveaxis(array, 0, -1) if array.ndim == 3 and array.shape[0] in (1, 3, 4) else array


def by_range(tensor: torch.Tensor) -> Image.Image:
    """Draw a float tensor (1, C, H, W) from its own lowest to its own highest value, for a thumbnail."""
    values = tensor[0].double()
    values = values if values.shape[0] == 3 else values.mean(0, keepdim=True).expand(3, -1, -1)
    low, high = values.min(), values.max()
    # Even gray where all values are equal: there is no range to divide by.
    scaled = (values - low) / (high - low) if high > low else torch.full_like(values, 0.5)
    return Image.fromarray((scaled * 255).round().byte().permute(1, 2, 0).contiguous().numpy())


def _on_white(image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _eight_bit(image: Image.Image, name: str) -> Image.Image:
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise NotAPicture(name, f"its values go from {low} to {high}", "Convert it to 8 or 16 bits first.")
    # A 32-bit image may hold either; only values above 255 tell.
    if image.mode == "I" and high <= 255 and image.format != "PNG":
        return Image.fromarray(values.astype(np.uint8))
    return Image.fromarray(_scaled_sixteen_bit(values, name))


def _scaled_sixteen_bit(values: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    most = int(values.max(initial=0))
    # Cameras, scanners and DICOM keep 10 or 12 bits in 16: scaled as 16 they would be black, without a word.
    if 0 < most < 4096:
        way = "array.astype('uint8')" if most < 256 else f"array * {64 if most < 1024 else 16}"
        raise NotAPicture(
            name,
            f"its 16 bits hold no value above {most:,}, so it would be black",
            f"Pass {way} where that is its full range, or (array // 257).astype('uint8') where it is so dark.",
        )
    # 65535 = 255 · 257, so 257 maps white to white; 128 rounds.
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _dtype_help(array: np.ndarray[Any, Any]) -> str:
    if array.dtype.kind == "f":
        return (
            "Pass uint8 0…255, for values in 0…1 (array * 255).round().astype('uint8'), "
            "or a float tensor (C, H, W) that is already preprocessed."
        )
    if array.dtype.kind not in "iu" or not array.size:
        return "Pass uint8 0…255."
    low, high = int(array.min()), int(array.max())
    if 0 <= low and high <= 255:
        return "Pass uint8 0…255: array.astype('uint8')."
    # A cast would wrap around.
    return (
        f"Pass uint8 0…255: np.uint8(np.interp(array, ({low}, {high}), (0, 255))), "
        "with the values that are black and white."
    )


def _shape_help(shape: tuple[int, ...]) -> str:
    shapes = "Pass (H, W), (H, W, 3) or (H, W, 4)"
    first = len(shape) == 3 and shape[0] in (1, 3, 4)
    return f"{shapes}: np.moveaxis(array, 0, -1); of gray pictures, list(array)." if first else f"{shapes}."


def _bomb_limit() -> str:
    return f"Pictures of more than {2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6} million pixels are not opened."


def _damage(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory"
    return "truncated" if "truncated" in str(error).lower() else f"damaged ({str(error) or type(error).__name__})"


def _ends_as_jpeg(source: Path | bytes) -> bool:
    """Return whether the end marker is near the end of a large file.

    A JPEG's data can't contain it by chance. The thumbnail inside the header can, so a small file is not judged by it;
    it is quickly decoded.
    """
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size < 4 * _SEGMENT:
        return False
    if isinstance(source, bytes):
        return _END_OF_JPEG in source[-_SEGMENT:]
    with source.open("rb") as file:
        file.seek(size - _SEGMENT)
        return _END_OF_JPEG in file.read()
