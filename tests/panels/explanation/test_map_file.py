"""The menu Save of the explanation: the map on show as each kind of file, an explanation's or a channel's."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from nbviz.panels.explanation.map_file import KINDS, MapFile
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.panels.explanation.trust_line import TrustPanel
from tests.panels.rig import rig, say, sent


@pytest.mark.parametrize("canvas", ["explanation", "channel"])
def test_every_kind_of_file_is_of_the_map_on_show(canvas: str) -> None:
    small = rig(canvas=canvas, channel=3, method="grad_cam")
    shown, trust = SaliencyCanvas(small.links, lambda place: []), TrustPanel(small.links)
    trust.view.dots, trust.view.sentences = [["converged", "not passed", ""]], ["It moves."]
    saver = MapFile(small.links, shown, trust)
    heard = sent(shown.bar)
    say(shown.bar, event="save", kind="png")
    assert heard == [] and "no map to save yet" in shown.bar.message
    answer = small.show(shown)
    for kind, *_ in KINDS:
        say(shown.bar, event="save", kind=kind)
    files = {content["name"].rpartition(".")[2]: data for content, (data,) in heard}
    ours = answer.attribution.heat().numpy() if canvas == "explanation" else answer.channels.maps.values[3]
    assert np.array_equal(np.load(io.BytesIO(files["npy"])), ours)
    assert Image.open(io.BytesIO(files["png"])).size[0] == 960 and files["pdf"].startswith(b"%PDF")
    if canvas == "explanation":
        assert b"It moves." in files["svg"] and b"not passed" in files["svg"]
        assert json.loads(files["json"]) == answer.attribution.coco(largest=False, file_name="cat")
        assert heard[0][0]["name"] == "nbviz-Tiny-net-cat-grad_cam.png"
    else:
        assert set(files) == {"png", "svg", "pdf", "npy"} and "Boxes and masks" in shown.bar.message
        assert b"Channel 3" in files["svg"] and heard[0][0]["name"] == "nbviz-Tiny-net-cat-channel-1.png"
    assert saver.view is shown.bar
