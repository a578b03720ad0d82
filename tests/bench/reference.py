"""The reference of all methods, from the registry: ``notebooks/reference/methods.md``.

python -m tests.bench.reference [--out notebooks/reference/methods.md]
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from nbviz.attribution.base import FAMILIES, METHODS, Method
from nbviz.attribution.options import Option

PAGE = Path(__file__).resolve().parents[2] / "notebooks" / "reference" / "methods.md"

_HEAD = """# The methods

Written by `python -m tests.bench.reference` from the registry, never by hand. Every method is
`nbviz.attribute(model, picture, target, "name", **options)`, and a name in the Explorer's dropdown with these options
as controls. `values` are signed and raw, as defined here; `heat` is what is drawn. A method that can't be had for a
network refuses in a sentence; [coverage](coverage.md) says where. How far each map can be trusted: [trust](trust.md).
"""

DIFFERENCES = (
    ("captum, integrated gradients", "`riemann_trapezoid` weights sum to (n − 1)/n",
     "weights sum to 1; `rule=\"gausslegendre\"` is captum's `gausslegendre` to 1e-8",
     "a map of a known integral would be too small by 1/n"),
    ("captum, integrated gradients", "a fixed number of steps",
     "halves the path where the map is least sure, until its own estimated error is below what was asked",
     "the residual says little: the sum of absolute attributions is hundreds of times the score's difference"),
    ("captum, Grad-CAM", "no ReLU unless asked for, on the raw map",
     "`values` are signed, `heat` is their positive part", "the sign is data; what is drawn is the paper's"),
    ("captum, Grad-CAM of tokens", "sums over the wrong axis", "tokens are read on their patch grid, found by probing",
     "a map over channels is no map"),
    ("captum, guided backprop and deconvnet", "only `nn.ReLU` modules count; functional calls keep the plain gradient",
     "every ReLU call counts, ReLU6 too; a network without any is refused", "else it is another method in silence"),
    ("captum, guided Grad-CAM", "repeats places (`nearest`)", "interpolates bilinearly, as Grad-CAM is drawn",
     "blocks in the map would be the grid's, not the network's"),
    ("captum, occlusion", "windows at one stride, one after the other",
     "the same windows, coarse first, several at once", "a partial map shows the whole picture"),
    ("pytorch-grad-cam, guided backprop", "from the second call on, every class has the same map",
     "hooks live within one backward", "state on the user's modules"),
    ("pytorch-grad-cam", "leaves `eval()` on and fills the parameters' `.grad`", "works on a replica",
     "the network may be in training"),
    ("torch-cam, Grad-CAM++", "divides a copy, so that α is g²", "α = g²/(2g² + ΣA·g³), 0 where that divides by 0",
     "it is the paper's formula"),
    ("torch-cam, maps", "normalised to 0…1", "raw", "normalising hides that there is no evidence"),
    ("FlashTorch", "explains the predicted class whatever is asked", "explains the class asked for",
     "a contrast of classes needs it"),
    ("vit-explain, rollout", "normalises without `keepdim`, so columns instead of rows", "rows of A + I sum to 1",
     "it is Abnar and Zuidema's formula"),
    ("RISE's authors, RISE", "mean of score · mask", "less its mean level, relative to the whole picture's score",
     "0 means no influence, and fewer masks are needed"),
    ("RISE's authors, RISE", "hidden is black", "hidden is blurred, black on request",
     "black is a colour a network has an opinion on"),
    ("Erion et al., expected gradients", "baseline and place drawn at random",
     "every baseline is integrated, the least certain place of all paths next", "the same mean with less chance in it"),
    ("Chefer et al., gradient rollout", "adds I to the relevance", "shows R − I",
     "a faint score isn't lost beside the identity"),
    ("Quantus, completeness", "compares floating-point sums with ==", "states the residual as a share",
     "it fails by rounding"),
)  # fmt: skip
"""Peer, what it does, what nbviz does, why."""


def own() -> list[Method]:
    """Methods that nbviz registers itself, none from a cell or a test."""
    return [method for method in METHODS.values() if method.run.__module__.startswith("nbviz.")]


def names(page: str) -> set[str]:
    """Names of the methods in a page's overview."""
    return set(re.findall(r"^\| [^|]+ \| `(\w+)` \|", page.split("\n## ")[0], re.MULTILINE))


def markdown(methods: list[Method] | None = None) -> str:
    """The whole file, of nbviz's own methods or of some of them."""
    chosen = own() if methods is None else methods
    return "\n".join([_HEAD, *_overview(chosen), *_families(chosen), *_differences()]) + "\n"


def _overview(methods: list[Method]) -> Iterator[str]:
    yield "| method | name | layer | its heat is in | what it shows |\n|---|---|---|---|---|"
    for family in FAMILIES:
        for method in _of(methods, family):
            layer = "yes" if method.uses_layer else ""
            yield f"| {method.title} | `{method.name}` | {layer} | {method.unit} | {method.sentence} |"


def _of(methods: list[Method], family: str) -> list[Method]:
    return [method for method in methods if method.family == family]


def _families(methods: list[Method]) -> Iterator[str]:
    for family in FAMILIES:
        yield f"\n## {family.capitalize()}"
        for method in _of(methods, family):
            yield from _method(method)


def _method(method: Method) -> Iterator[str]:
    text = inspect.getdoc(method.run) or ""
    yield f"\n### {method.title}\n\n`{method.name}`. {_marked(text)}\n\nSource: {method.source}."
    if method.options:
        yield "\n| option | default | |\n|---|---|---|"
        yield from (f"| `{o.name}` | {_default(o)} | {o.sentence}{_range(o)} |" for o in method.options)


def _marked(text: str) -> str:
    """A docstring as Markdown: its code by one tick, its roles as code."""
    return re.sub(r":\w+:`([^`]+)`", r"`\1`", text).replace("``", "`")


def _default(option: Option) -> str:
    return f"`{option.default!r}`".replace("|", "\\|")


def _range(option: Option) -> str:
    if option.choices:
        return f" One of {', '.join(f'`{choice}`' for choice in option.choices)}."
    if option.low is not None and option.high is not None:
        return f" {option.low:g} to {option.high:g}."
    return ""


def _differences() -> Iterator[str]:
    yield "\n## Where we differ from others, and why\n"
    yield "| other | does | nbviz does | because |\n|---|---|---|---|"
    yield from (f"| {' | '.join(row)} |" for row in DIFFERENCES)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.parse_args().out.write_text(markdown())


if __name__ == "__main__":
    main()
