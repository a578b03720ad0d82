"""The networks that are covered: every torchvision classifier, segmenter and detector, timm's families, one's own.

Weights are random. A network's pictures are the smallest, from 64 pixels up, that it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from nbviz.replica.torchvision_import import torchvision
from tests.networks import NETWORKS, SIZE, build

SIDES = (64, 70, 96, 128, 160, 192, 224, 240, 256)
"""Pixels a side that are tried in turn."""
LARGER = {"googlenet": (96,), "inception_v3": (192,)}
"""Smaller pictures leave the last maps 2 × 2 places or fewer, too few to tell which axes are space."""
TIMM = (
    "resnet10t", "resnext26ts", "res2net50_26w_4s", "regnetx_002", "cspresnet50", "dla46_c", "ese_vovnet19b_dw",
    "nf_regnet_b0", "efficientnet_b0", "tf_efficientnet_lite0", "mobilenetv3_small_050", "ghostnet_050", "repvit_m0_9",
    "fastvit_t8", "convnext_atto", "poolformer_s12", "mixer_s32_224", "resmlp_12_224", "vit_tiny_patch16_224",
    "deit_tiny_distilled_patch16_224", "vit_small_patch14_reg4_dinov2", "eva02_tiny_patch14_224", "cait_xxs24_224",
    "crossvit_tiny_240", "levit_128s", "mobilevit_xxs", "edgenext_xx_small", "xcit_nano_12_p16_224",
    "pvt_v2_b0", "twins_pcpvt_small", "swin_tiny_patch4_window7_224", "swinv2_cr_tiny_ns_224",
    "maxvit_rmlp_pico_rw_256", "mvitv2_tiny", "hiera_tiny_224", "coat_lite_tiny",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A network to be covered."""

    group: str
    name: str
    make: Callable[[int], nn.Module]
    """Pixels a side → the network; raises what it likes where it doesn't take them."""
    sides: tuple[int, ...] = SIDES
    channels: int = 3
    dtype: torch.dtype = torch.float32
    tried: bool = True
    """Whether a forward is tried and norms are fitted here; else the network comes as it is to be."""

    @property
    def key(self) -> str:
        return f"{self.group}: {self.name}"

    def built(self) -> tuple[nn.Module, torch.Tensor]:
        """The network in training mode, its batch norms fitted to noise, and a picture it takes (1, C, H, W)."""
        refusal: Exception | None = None
        for side in self.sides:
            try:
                return self._at(side)
            except (RuntimeError, ValueError, AssertionError, TypeError) as error:
                refusal = error
        raise ValueError(f"{self.name} takes none of {self.sides} pixels: {refusal}")

    def _at(self, side: int) -> tuple[nn.Module, torch.Tensor]:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            net = self.make(side)
            pictures = torch.randn(4, self.channels, side, side, dtype=self.dtype)
            if self.tried:
                _draw_zeros(net)
                net.eval()(pictures[:1])
                fit_norms(net, pictures)
        return net.train(), pictures[:1]


def _draw_zeros(net: nn.Module) -> None:
    """Heads and branches that begin at zero would answer nothing."""
    for weight in net.parameters():
        if weight.dim() > 1 and not weight.is_inference() and not weight.any():
            weight.normal_(0, 0.02)


def fit_norms(net: nn.Module, pictures: torch.Tensor) -> None:
    """Batch norms take the statistics of pictures (N, C, H, W), in training mode.

    Without statistics of its own inputs a deep random network is constant, or not finite.
    """
    norms = [module for module in net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if norms and not norms[0].weight.is_inference():
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.train().momentum = 1.0
        net(pictures)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def entries() -> Iterator[Entry]:
    """Everything that is covered, group by group."""
    yield from _torchvision()
    yield from (Entry("timm", name, partial(_timm, name)) for name in TIMM)
    yield from _segmentation()
    yield from _detection()
    yield from _own()


def _torchvision() -> Iterator[Entry]:
    models = torchvision().models
    for name in models.list_models(module=models):
        yield Entry("torchvision", name, partial(_torchvision_classifier, name), LARGER.get(name, SIDES))


def _torchvision_classifier(name: str, side: int) -> nn.Module:
    options: dict[str, Any] = {}
    if name.startswith("vit_"):
        options["image_size"] = side
    if name in ("inception_v3", "googlenet"):
        options["init_weights"] = False  # scipy's truncated normal takes half a minute
    return torchvision().models.get_model(name, weights=None, **options)


def _segmentation() -> Iterator[Entry]:
    models = torchvision().models
    for name in models.list_models(module=models.segmentation):
        yield Entry("segmentation", name, partial(_segmenter, name))


def _segmenter(name: str, side: int) -> nn.Module:
    return torchvision().models.get_model(name, weights=None, weights_backbone=None, num_classes=5)


def _detection() -> Iterator[Entry]:
    models = torchvision().models
    for name in models.list_models(module=models.detection):
        if "rcnn" in name:  # roi_align without torchvision's compiled operators takes seconds a forward
            continue
        yield Entry("detection", name, partial(_detector, name), (128,), tried=False)


def _detector(name: str, side: int) -> nn.Module:
    """A detector that is sure of nothing, so that it puts out boxes: five of them."""
    options: dict[str, Any] = {"score_thresh": 0.0, "detections_per_img": 5}
    if not name.startswith("ssd"):
        options |= {"min_size": side, "max_size": side}
    net = torchvision().models.get_model(name, weights=None, weights_backbone=None, num_classes=4, **options)
    fit_norms(net.backbone, torch.randn(4, 3, side, side) * 4 - 2)  # noise as the detector's own transform leaves it
    for part in net.head.classification_head.modules():
        if isinstance(part, nn.Conv2d):  # as they start, scores hardly depend on the picture
            nn.init.xavier_normal_(part.weight, gain=0.3)
    return net


def _timm(name: str, side: int) -> nn.Module:
    import timm

    try:
        return timm.create_model(name, img_size=side)
    except TypeError:  # takes any size
        return timm.create_model(name)


def _own() -> Iterator[Entry]:
    for name in NETWORKS:
        group = {"segments": "segmentation", "detects": "detection"}.get(name, "your own")
        dtype = {"float64": torch.float64, "bfloat16": torch.bfloat16}.get(name, torch.float32)
        yield Entry(group, f"tiny, {name}" if group != "your own" else name, partial(_tiny, name), (SIZE,), dtype=dtype)
    for channels in (1, 5):
        yield Entry("your own", f"{channels} channels", partial(_channels, channels), (SIZE,), channels)


def _tiny(name: str, side: int) -> nn.Module:
    return build(name)


def _channels(count: int, side: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(count, 3, 1), build("inplace"))
