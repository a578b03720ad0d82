"""A map alone: saved with colour bar and facts, and its mask and boxes as arrays and COCO JSON; in closed form."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nbviz
from nbviz.attribution import Attribution
from nbviz.errors import NbvizError
from tests.panels.rig import NASTY, photo, rig

FACTS = {"target": "tabby & <cat>", "method": "grad_cam", "layer": "4", "score": 2.5, "status": "ok", "calls": 1}


def made(heat: list[list[float]], **more: object) -> Attribution:
    evidence = torch.tensor(heat)
    return Attribution(evidence, evidence, tuple(evidence.shape), FACTS, **more)  # type: ignore[arg-type]


CORNERS = made([[9.0, 5, 0, 0], [0, 0, 0, 5], [0, 0, 4, 6], [-9, 0, 0, 0]])


def test_the_mask_is_where_the_evidence_reaches_a_share_of_its_maximum() -> None:
    assert CORNERS.mask(0.5).tolist() == [
        [True, True, False, False],
        [False] * 3 + [True],
        [False] * 3 + [True],
        [False] * 4,
    ]
    assert CORNERS.mask(1.0).sum() == 1
    assert not made([[-1.0, 0.0], [0.0, float("nan")]]).mask().any()
    with pytest.raises(NbvizError, match="not 0"):
        CORNERS.mask(0)


def test_coco_holds_boxes_areas_and_run_lengths_of_each_part_alone() -> None:
    coco = json.loads(json.dumps(CORNERS.coco(0.4, largest=False, file_name="cat.png")))
    assert coco["images"] == [{"id": 1, "width": 4, "height": 4, "file_name": "cat.png"}]
    assert coco["categories"] == [{"id": 1, "name": "tabby & <cat>"}]
    first, second = coco["annotations"]
    assert first["bbox"] == [2, 1, 2, 2] and first["area"] == 3 and second["bbox"] == [0, 0, 2, 1]
    # column by column, zeros first: one pixel in column 2, two in column 3
    assert first["segmentation"] == {"counts": [10, 1, 2, 2, 1], "size": [4, 4]}
    assert second["segmentation"]["counts"] == [0, 1, 3, 1, 11]
    for one in coco["annotations"]:
        assert sum(one["segmentation"]["counts"]) == 16 and sum(one["segmentation"]["counts"][1::2]) == one["area"]
    assert len(CORNERS.coco(0.4)["annotations"]) == 1


def test_a_part_inside_the_box_of_another_is_not_in_its_mask() -> None:
    ring = np.ones((5, 5))
    ring[1:4, 1:4] = 0
    ring[2, 2] = 1
    whole, inner = made(ring.tolist()).coco(0.5, largest=False)["annotations"]
    assert whole["bbox"] == [0, 0, 5, 5] and whole["area"] == 16 and inner["area"] == 1


def test_each_kind_of_file_holds_the_map_with_bar_facts_and_trust(tmp_path: Path) -> None:
    small = rig()
    drawn = nbviz.attribute(small.model, photo(), NASTY, "grad_cam", "1")
    tested = {"trust": [("converged", "passed"), ("hiding", "not passed")], "sentences": ["Hiding shows nothing."]}
    paths = [drawn.save(tmp_path / f"map{kind}", **tested) for kind in (".png", ".svg", ".pdf", ".npy")]  # type: ignore[arg-type]
    assert np.array_equal(np.load(paths[3]), drawn.heat().numpy())
    picture = Image.open(paths[0])
    assert picture.size[0] == 960 and np.asarray(picture).std() > 10
    assert paths[2].read_bytes().startswith(b"%PDF")
    root = ElementTree.fromstring(paths[1].read_text(encoding="utf-8"))
    text = " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert NASTY in text and "grad cam" in text and "hiding not passed" in text and "Hiding shows nothing." in text
    images = list(root.iter("{http://www.w3.org/2000/svg}image"))
    assert len(images) == 3 and drawn.picture is not None  # the picture, the heat over it, the colour bar
    alone = nbviz.attribute(small.model, photo(), 0, "saliency")
    for name in ("map.jpg", "map"):
        with pytest.raises(NbvizError, match="saved as .png"):
            alone.save(tmp_path / name)
    assert not (tmp_path / "map.jpg").exists()


def test_an_attribution_shows_itself_in_a_notebook_and_reads_well() -> None:
    assert repr(CORNERS) == "Attribution(tabby & <cat> by grad cam at 4, score 2.50, heat 4 × 4)"
    bundle = CORNERS._repr_mimebundle_()
    assert bundle["text/plain"] == repr(CORNERS)
    assert Image.open(io.BytesIO(bundle["image/png"])).size[0] == 960
    empty = made([[0.0, 0.0]])
    assert Image.open(io.BytesIO(empty._repr_mimebundle_()["image/png"])).size[0] == 960
    assert "25 % done" in repr(made([[1.0]], done=0.25))
