"""Reports as CI and people use them: the same bytes, worse networks fail, twins pass, private ones show nothing."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz import cli
from nbviz.errors import NbvizError, UnknownName
from nbviz.reports import Thresholds, compare_reports
from nbviz.reports.pairs import mean_pictures, pair_values, pairs_section
from nbviz.reports.privacy import Privacy
from nbviz.reports.verdicts import ReportVerdict, junit, worst

COUNT = 320
NAMES = ("north", "<b>east</b>", "south", "west|")
FILES = {"report.html", "report.json", "report.md", "report.xml"}


class Corners(torch.utils.data.Dataset):
    """Gray noise with a bright patch in one of four places, which is the class; every 32nd label is wrong."""

    classes = NAMES

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        if number >= COUNT:
            raise IndexError(number)
        place = number % 4
        pixels = np.random.default_rng(number).integers(0, 120, (16, 16), dtype=np.uint8)
        top, left = ((1, 6), (6, 11), (11, 6), (6, 1))[place]
        pixels[top : top + 4, left : left + 4] += 70
        return Image.fromarray(pixels), (place + 1) % 4 if number % 32 == 0 else place


def transform(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image.convert("L"))).float()[None] / 255


def trained(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.LeakyReLU(), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(96, 4)
    )  # fmt: skip
    x = torch.stack([transform(image) for image, _ in Corners()])
    labels = torch.tensor([label for _, label in Corners()])
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x), labels).backward()
        optimiser.step()
    return net.eval()


def collapsed(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        net[0].weight[2] = 0.01
    return net


def worse_on_one_class(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        net[4].bias[1] -= 9
    return net


def written(net: nn.Module, out: Path, **options: Any) -> Path:
    model = nbviz.InstrumentedModel(net, transform, NAMES, name="corners")
    options = {"corruptions": [], "cues": False, "maps": False, "progress": False, **options}
    return nbviz.report(model, Corners(), out, **options)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(trained(0), tmp_path_factory.mktemp("old"))


def test_the_same_report_twice_is_the_same_but_for_the_time(old: Path, tmp_path: Path) -> None:
    written(trained(0), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == FILES
    for name in FILES:
        assert timeless(old, name) == timeless(tmp_path, name), name


def timeless(folder: Path, name: str) -> str:
    """A file of a report without its time and without what each part took."""
    made, text = json.loads((folder / "report.json").read_text())["made"], (folder / name).read_text()
    shorter = re.sub(r"<!--cost-->.*?<!--/cost-->|\"seconds\": \{[^}]*\}", "", text.replace(made, ""), flags=re.DOTALL)
    assert len(shorter) > len(text) - 2000
    return shorter


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.addresses = set[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_stands_alone_and_names_are_text(old: Path) -> None:
    html = (old / "report.html").read_text()
    found = Tags()
    found.feed(html)
    assert not {"script", "link", "iframe", "b"} & found.tags and {"svg", "table", "img"} <= found.tags
    assert found.addresses and all(address.startswith("data:image/png;base64,") for address in found.addresses)
    assert "&lt;b&gt;east" in html and "prefers-color-scheme" not in html.split("color-scheme: light dark")[0]
    assert "west\\|" in (old / "report.md").read_text()
    Image.open(io.BytesIO(base64.b64decode(found.addresses[0].split(",")[1]))).load()


def test_figures_are_the_review_s(old: Path) -> None:
    values = json.loads((old / "report.json").read_text())
    review = nbviz.review(nbviz.InstrumentedModel(trained(0), transform, NAMES), Corners(), progress=False)
    assert values["summary"]["accuracy"]["value"] == review.right.mean()
    assert [row["recall"] for row in values["classes"]] == review.classes["recall"].tolist()
    assert sum(one["count"] for one in values["calibration"]["bins"]) == COUNT
    assert values["rows"]["prediction"] == review.column("prediction").tolist()
    assert values["absent"]["shift"] == "Not asked for." and "cues" in values["absent"]


def test_the_likeness_of_maps_stands_beside_its_value_by_chance(tmp_path: Path) -> None:
    written(trained(0), tmp_path, corruptions=["jpeg"])
    rows = json.loads((tmp_path / "report.json").read_text())["shift"]
    assert len({row["alike_by_chance"] for row in rows}) == 1
    assert all(-1 <= row["alike_by_chance"] < row["alike"] <= 1 for row in rows if row["maps"])
    assert "alike by chance</th>" in (tmp_path / "report.html").read_text()


def test_a_fixed_panel_is_explained_and_cues_are_hunted(tmp_path: Path) -> None:
    written(trained(0), tmp_path, cues=True, maps=True)
    values = json.loads((tmp_path / "report.json").read_text())
    assert not {"maps", "cues"} & values["absent"].keys()
    rules = [row["rule"] for row in values["maps"]]
    assert rules == ["surely wrong"] * 4 + ["surely right"] * 4 + ["least sure"] * 2 + ["darkest", "brightest"]
    assert len({row["item"] for row in values["maps"]}) == 12
    assert all(len(row["verdicts"]) == 4 for row in values["maps"])
    html = (tmp_path / "report.html").read_text()
    assert html.count("<img ") == html.count("<figcaption>item") and html.count('alt="Map of item ') == 12
    assert values["cues"]
    for row in values["cues"]:
        assert row["flagged"] == (row["corrected"] is not None and row["corrected"] < 0.05 and row["lead"] >= 0.05)


def test_maps_of_confused_pairs_are_compared_and_private_ones_take_noise(tmp_path: Path) -> None:
    model = nbviz.InstrumentedModel(worse_on_one_class(trained(0)), transform, NAMES, name="corners")
    review = nbviz.review(model, Corners(), progress=False)
    rows, shown, noisy = (pair_values(review, p) for p in (None, Privacy(20), Privacy(20, noise=1.0)))
    assert all(row["label"] == "<b>east</b>" and len(row["items"]) == row["pictures"] >= 10 for row in rows)
    assert rows[0]["p"] == 0.001
    html = pairs_section(rows, mean_pictures(review, rows))
    assert html.count('<figure class="pair">') == html.count("<image ") == len(rows) and '<rect class="for"' in html
    assert "<b>" not in html and "<image" not in pairs_section(shown, [])
    assert shown and all("items" not in row and row["pictures"] >= 20 for row in shown) and shown[0]["p"] is not None
    assert noisy[0]["p"] is None and noisy[0]["chance"] is None and "with noise added" in pairs_section(noisy, [])
    added = np.array(noisy[0]["cells"]) - np.array(shown[0]["cells"])
    # Laplace of scale 4 / (ε n) has a mean size of as much; that of 196 draws is within a half of it
    assert np.abs(added).mean() == pytest.approx(4 / noisy[0]["pictures"], rel=0.5)
    with pytest.raises(NbvizError, match="a number above 0 such as 1.0, not 0"):
        nbviz.report(model, Corners(), tmp_path, True, review=review, noise=0)


def test_a_twin_of_another_seed_passes(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(trained(1), tmp_path)
    assert compare_reports(old, tmp_path).state != "fail"
    assert cli.main(["compare", str(old), str(tmp_path)]) == 0
    assert "nbviz compare" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "name"), [(collapsed, "collapsed in '0'"), (worse_on_one_class, "recall of <b>east</b>")]
)
def test_a_damaged_network_fails(damage: Any, name: str, old: Path, tmp_path: Path) -> None:
    written(damage(trained(0)), tmp_path / "new")
    found = compare_reports(old, tmp_path / "new")
    assert name in {verdict.name for verdict in found.verdicts if verdict.state == "fail"} and found.paired
    assert cli.main(["compare", str(old), str(tmp_path / "new"), "--out", str(tmp_path / "ci")]) == 1
    suite = ElementTree.parse(tmp_path / "ci" / "compare.xml").getroot()
    failures = [case.get("name") for case in suite if case.find("failure") is not None]
    assert name in failures and suite.get("failures") == str(len(failures))
    assert "| fail |" in (tmp_path / "ci" / "compare.md").read_text()
    (tmp_path / "limits.toml").write_text("collapsed = 9\naccuracy = 1.0\nrecall = 1.0\n")
    limits = str(tmp_path / "limits.toml")
    assert cli.main(["compare", str(old), str(tmp_path / "new"), "--thresholds", limits]) == 0


def test_private_reports_are_compared_without_pairs(tmp_path: Path) -> None:
    written(trained(0), tmp_path / "old", private=True)
    written(worse_on_one_class(trained(0)), tmp_path / "new", private=True)
    found = compare_reports(tmp_path / "old", tmp_path / "new")
    assert not found.paired and found.state == "fail"


def test_what_cannot_be_compared_is_2(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", str(old), str(tmp_path / "nowhere")]) == 2
    assert "There is no report in" in capsys.readouterr().err
    values = json.loads((old / "report.json").read_text())
    (tmp_path / "report.json").write_text(json.dumps({**values, "format": 99}))
    assert cli.main(["compare", str(old), str(tmp_path)]) == 2
    assert "has format 99" in capsys.readouterr().err
    manifest = {**values["manifest"], "data": "other"}
    (tmp_path / "report.json").write_text(json.dumps({**values, "manifest": manifest}))
    with pytest.raises(NbvizError, match="needs the same pictures"):
        compare_reports(old, tmp_path)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [("recal = 1", UnknownName, "Nearest: 'recall'"), ('dead = "a"', NbvizError, "a number, not 'a'"),
     ("= 3", NbvizError, "can't be read")],
)  # fmt: skip
def test_bad_thresholds_are_refused(text: str, error: type[Exception], words: str, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(text)
    with pytest.raises(error, match=words):
        Thresholds.read(tmp_path / "t.toml")


def test_a_private_report_has_no_trace_of_a_picture(tmp_path: Path) -> None:
    ward = ["ward Q7-secret" if number % 2 else "ward Z3-secret" for number in range(COUNT)]
    patient = [f"patient-{number:04d}" for number in range(COUNT)]
    metadata = {"hospital-column": ward, "patient-column": patient}
    written(trained(0), tmp_path / "open", metadata=metadata)
    written(trained(0), tmp_path / "private", metadata=metadata, private=True, maps=True, cues=True)
    public, private = ("".join((tmp_path / f / n).read_text() for n in sorted(FILES)) for f in ("open", "private"))
    pattern = re.compile(r"secret|hospital|patient|data:image|item \d|rows|[0-9a-f]{32}", re.IGNORECASE)
    assert len(set(pattern.findall(public))) > 3, "the search finds what is there"
    weights = json.loads((tmp_path / "private" / "report.json").read_text())["manifest"]["weights"]
    traces = set(pattern.findall(private)) - {weights}
    assert {trace.lower() for trace in traces} <= {"rows"} and '"rows"' not in private
    slices = json.loads((tmp_path / "private" / "report.json").read_text())["slices"]
    assert {Privacy().hashed("ward Q7-secret")} <= {row["slice"] for row in slices}
    assert Privacy(salt="a").hashed("x") != Privacy(salt="b").hashed("x")


def test_private_figures_are_of_groups_of_at_least_k(tmp_path: Path) -> None:
    written(trained(0), tmp_path, private=True, k=100, cues=True)
    values = json.loads((tmp_path / "report.json").read_text())
    assert all(row["recall"] is None and row["support"] is None for row in values["classes"])
    counts = [count for row in values["confusion"]["counts"] for count in row]
    assert all(count is None or count >= 100 for count in counts)
    assert all(100 <= row["count"] <= COUNT - 100 for row in values["slices"])
    assert all(row["pictures"] >= 100 for row in values["cues"])


def test_junit_and_the_worst() -> None:
    verdicts = [
        ReportVerdict("a<", "pass", "fine & well"),
        ReportVerdict('b"', "warn", "hm"),
        ReportVerdict("c", "fail", "no"),
    ]
    assert worst(verdicts) == "fail" and worst([]) == "pass"
    for level, count in (("fail", 1), ("warn", 2)):
        suite = ElementTree.fromstring(junit("s", verdicts, level).split("\n", 1)[1])
        assert suite.get("failures") == str(count) and [case.get("name") for case in suite] == ["a<", 'b"', "c"]


def test_a_report_from_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shellnet.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def build():\n    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()\n"
        "def pictures():\n    return [(p, n % 2) for n, p in enumerate(torch.rand(40, 3, 16, 16))]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    line = [
        "report",
        "--model",
        "shellnet:build",
        "--data",
        "shellnet:pictures",
        "--out",
        "out",
        "--corruptions",
        "jpeg",
    ]
    assert cli.main(line) == 0
    values = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["severity"] for row in values["shift"]] == [0, 1, 2, 3, 4, 5]
