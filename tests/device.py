"""The laws on an accelerator, in at most eight minutes: ``python -m tests.device``. Prints "none" where there is none.

``--device cpu`` runs the same laws on the CPU, so that the script itself is tested where there is no accelerator;
``--only methods calls`` runs some of them. Exits with 1 if a law does not hold. Times are printed beside what is asked
for and fail nothing: another machine has other ones.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import nbviz
from nbviz.attribution import METHODS
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.passes.evidence import evidence
from nbviz.passes.feature_maps import feature_maps
from tests.networks import build, picture, state_hash
from tests.test_laws import host, quick
from tests.test_laws_channels import CALLS, layer_of

BUDGET = 8 * 60
"""Seconds after which no further law is begun."""
CLOSE = 0.01
"""Largest distance of an answer from the CPU's, as a share of the CPU's norm, in float32."""
HALF = {"torch.float16": 0.99, "torch.bfloat16": 0.9}
"""Least cosine of a map in half precision with the one in float32."""
COMPARED = ("visualize", "invert", "dream", "caricature", "index", "atlas")
Law = Callable[[torch.device], Iterator[tuple[str, bool | str]]]
LAWS: dict[str, Law] = {}


def law(check: Law) -> Law:
    """Register a law: it yields what was looked at, and whether it holds or a sentence."""
    LAWS[check.__name__] = check
    return check


def distance(found: Tensor, wanted: Tensor) -> float:
    """Norm of the difference as a share of what is wanted."""
    found, wanted = found.detach().double().cpu(), wanted.detach().double().cpu()
    return float((found - wanted).norm() / wanted.norm().clamp(min=1e-12))


def close(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> bool | str:
    """Whether answers are those of the CPU."""
    far = max(distance(one, other) for one, other in zip(found, wanted, strict=True))
    return far <= CLOSE or f"{far:.3f} away from the CPU's"


def untouched(net: nn.Module, call: Callable[[], Any]) -> bool | str:
    """Whether a call leaves a network as it was."""
    before = state_hash(net)
    call()
    return state_hash(net) == before or "the user's model was changed"


@law
def methods(device: torch.device) -> Iterator[tuple[str, bool | str]]:
    """Every method gives what the CPU gives, the same again, and leaves the network alone."""
    for method in METHODS:
        name = host(method)
        wanted = nbviz.attribute(build(name), picture(), 1, method, **quick(method)).values
        net = build(name).to(device)
        found = [nbviz.attribute(net, picture(), 1, method, **quick(method)) for _ in range(2)]
        yield f"{method} on {name}", close([found[0].values], [wanted])
        yield f"{method}, again", torch.equal(found[0].values, found[1].values)
        call = lambda net=net, method=method: nbviz.attribute(net, picture(), 1, method, **quick(method))  # noqa: E731
        yield f"{method}, user's model", untouched(net, call)


@law
def passes(device: torch.device) -> Iterator[tuple[str, bool | str]]:
    """Predictions, recorded layers and the evidence of all layers are the CPU's."""
    for name in ("inplace", "functional", "tokens", "dict"):
        answers = []
        for at in (torch.device("cpu"), device):
            model = InstrumentedModel(build(name).to(at))
            layer = layer_of(model.net)
            seen = evidence(model, as_picture(picture()), Target(1))
            maps = feature_maps(model, as_picture(picture()), layer).values
            answers.append(
                [model(picture()), torch.from_numpy(maps), *map(torch.from_numpy, seen.contributions.values())]
            )
        yield name, close(answers[1], answers[0])


@law
def calls(device: torch.device) -> Iterator[tuple[str, bool | str]]:
    """Index, atlas and made pictures are the CPU's, and leave the network alone."""
    for name in COMPARED:
        net, on_cpu = build("plain").to(device), build("plain")
        layer = layer_of(on_cpu)
        yield name, close(CALLS[name](net, layer), CALLS[name](on_cpu, layer))
        yield f"{name}, user's model", untouched(net, lambda name=name, net=net, layer=layer: CALLS[name](net, layer))


class Split(nn.Module):
    """A network whose halves are on two devices."""

    def __init__(self, first: torch.device, second: torch.device) -> None:
        super().__init__()
        body, self.second = build("plain"), second
        self.front, self.back = body[:4].to(first), body[4:].to(second)  # type: ignore[index]

    def forward(self, x: Tensor) -> Tensor:
        return self.back(self.front(x).to(self.second))


@law
def two_devices(device: torch.device) -> Iterator[tuple[str, bool | str]]:
    """A network on one device is explained on another, and one that lies on two is explained as it is."""
    count = torch.get_device_module(device).device_count() if device.type != "cpu" else 0
    places = [torch.device("cpu"), *(torch.device(device.type, index) for index in range(min(count, 2)))]
    wanted = nbviz.attribute(build("plain"), picture(), 1, "grad_cam").values
    for home in places:
        for other in places:
            net = build("plain").to(home)
            model = InstrumentedModel(net, device=str(other))
            found = nbviz.attribute(model, picture().to(home), 1, "grad_cam").values
            stays = all(parameter.device == home for parameter in net.parameters())
            yield f"a network on {home}, explained on {other}", close([found], [wanted]) if stays else "it was moved"
    found = nbviz.attribute(Split(device, places[0]), picture(), 1, "grad_cam").values
    yield f"halves on {device} and {places[0]}", close([found], [wanted])


@law
def half_precision(device: torch.device) -> Iterator[tuple[str, bool | str]]:
    """Maps in half precision are finite and those of float32."""
    for dtype in (torch.bfloat16, torch.float16):
        for method in ("saliency", "integrated_gradients", "grad_cam", "grad_cam_plus_plus", "guided_grad_cam"):
            wanted = nbviz.attribute(build("inplace").to(device), picture(), 1, method, **quick(method)).values
            try:
                found = nbviz.attribute(
                    build("inplace").to(device, dtype), picture(), 1, method, **quick(method)
                ).values
            except Refused as refused:
                yield f"{method} in {dtype}", str(refused)
                continue
            cosine = torch.cosine_similarity(found.double().flatten(), wanted.double().flatten(), 0)
            holds = bool(found.isfinite().all()) and float(cosine) >= HALF[str(dtype)]
            yield f"{method} in {dtype}", holds or f"cosine {float(cosine):.3f}"


@law
def full_memory(device: torch.device) -> Iterator[tuple[str, bool | str]]:
    """With the device's memory really filled, a call goes on on the CPU and says so, at first contact and later."""
    if device.type != "cuda":
        return
    image = torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(0))
    net = _wide().to(device)
    known = InstrumentedModel(net)
    wanted = nbviz.attribute(InstrumentedModel(net, device="cpu"), image, 1, "saliency").values
    known.predict(image)
    for when, model in (("later", known), ("at first contact", InstrumentedModel(net))):
        blocks = _filled(device)
        try:
            found = nbviz.attribute(model, image, 1, "saliency")
        finally:
            blocks.clear()
            torch.cuda.empty_cache()
        note = found.facts.get("note", "nothing was said")
        yield f"memory runs out {when}", close([found.values], [wanted]) if "memory ran out" in note else note


def _wide() -> nn.Module:
    """A network whose maps need 256 MiB each for a picture of 512 × 512."""
    generator = torch.random.fork_rng(devices=[])
    with generator:
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 256, 1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 5),
        ).eval()  # fmt: skip


def _filled(device: torch.device) -> list[Tensor]:
    """Blocks that leave no 64 MiB free."""
    torch.cuda.empty_cache()
    blocks: list[Tensor] = []
    size = 2**30
    while size >= 2**26:
        try:
            blocks.append(torch.empty(size, dtype=torch.uint8, device=device))
        except torch.OutOfMemoryError:
            size //= 2
    return blocks


def times(device: torch.device) -> Iterator[str]:
    """What a person waits for: ResNet-50, float32, random weights."""
    from nbviz.replica.torchvision_import import torchvision

    net = torchvision().models.resnet50(weights=None).eval().to(device)
    model, image = InstrumentedModel(net), torch.rand(1, 3, 224, 224)
    seen = as_picture(image)
    classes = iter(range(1000))
    rows: list[tuple[str, float, Callable[[], Any]]] = [
        ("another class, Grad-CAM", 0.010, lambda: nbviz.attribute(model, seen, next(classes), "grad_cam")),
        ("another class, saliency", 0.010, lambda: nbviz.attribute(model, seen, next(classes), "saliency")),
        ("evidence of all layers", 0.015, lambda: evidence(model, seen, Target(next(classes)))),
        ("a page of 24 made at layer2", 1.0, lambda: nbviz.visualize(model, "layer2", range(24), path=False)),
    ]
    for words, limit, call in rows:
        seconds = []
        for _ in range(3 if limit >= 1 else 12):
            started = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - started)
        median = statistics.median(seconds[1:])
        yield f"{words}: {1000 * median:.1f} ms ({'within' if median <= limit else 'OVER'} {1000 * limit:.0f} ms)"


def accelerator() -> torch.device | None:
    """The machine's accelerator, if torch can use one."""
    return torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None


def run(device: torch.device, names: Sequence[str]) -> int:
    """Run laws, print a line for each that does not hold, and count those."""
    # Comparisons are in float32: convolutions of TensorFloat-32 keep ten bits
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    started, failed = time.monotonic(), 0
    for name in names:
        if time.monotonic() - started > BUDGET:
            print(f"{name}: not run, {BUDGET} s are over")
            continue
        looked = wrong = 0
        try:
            for words, holds in LAWS[name](device):
                looked += 1
                if holds is not True:
                    wrong += 1
                    print(f"  FAILED {words}: {holds if isinstance(holds, str) else 'it does not hold'}", flush=True)
        except Exception:  # a law that can't be looked at is broken; the others are still of interest
            failed += 1
            traceback.print_exc(file=sys.stdout)
        failed += wrong
        print(f"{name}: {looked - wrong} of {looked} hold ({time.monotonic() - started:.0f} s)", flush=True)
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; an exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.device", description=__doc__)
    parser.add_argument("--device", help="left out: the accelerator there is")
    parser.add_argument("--only", nargs="+", choices=[*LAWS, "times"], help="left out: all")
    options = parser.parse_args(arguments)
    device = accelerator() if options.device is None else torch.device(options.device)
    if device is None:
        print("none")
        return 0
    names = options.only or [*LAWS, "times"]
    print(f"{device}, torch {torch.__version__}")
    failed = run(device, [name for name in names if name in LAWS])
    for line in times(device) if "times" in names else ():
        print(line, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
