"""Names of classes, layers and pictures are text: markup in them shows as its characters and does nothing."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.page import Lab
from tests.browser.test_explorer import TREE

EVIL = "<img src=x onerror=struck=1>"
CELLS = [
    f"""
import nbviz, torch
from torch import nn
evil = {EVIL!r}
net = nn.Sequential()
net.add_module(evil, nn.Conv2d(3, 4, 3))
net.add_module("act", nn.ReLU())
net.add_module("pool", nn.AdaptiveAvgPool2d(1))
net.add_module("flat", nn.Flatten())
net.add_module("head", nn.Linear(4, 2))
explorer = nbviz.Explorer(net, {{evil: torch.rand(3, 32, 32)}}, classes=[evil, evil + "2"])
explorer""",
    "explorer.wait(timeout=60)",
]


def test_names_are_never_markup(windows: Callable[..., Lab]) -> None:
    lab = windows(CELLS)
    lab.page.locator(TREE).wait_for()
    lab.page.get_by_role("combobox", name="Class").first.click()
    lab.page.wait_for_timeout(300)
    assert lab.page.evaluate("() => window.struck") is None
    assert lab.page.locator(".nbviz img[src=x]").count() == 0
    assert EVIL in lab.page.locator(TREE).inner_text()
    assert not lab.errors
