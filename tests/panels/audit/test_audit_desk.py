"""The audit desk: pictures one after the other, answers kept at once, and a report that is signed and compared."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

import nbviz
from nbviz import cli
from nbviz.errors import NbvizError, UnknownName
from nbviz.panels.audit.desk import AuditDesk
from nbviz.reports import audit_by_masks, compare_reports
from nbviz.reviews.audits.log import AuditLog
from tests.reports.test_reports import timeless
from tests.reviews.test_audits import Halves, halves_model, mask_of

WHO = 'Ada <b>"L"'


@pytest.fixture(scope="module")
def review() -> nbviz.Review:
    return nbviz.review(halves_model(), Halves(), progress=False)


@pytest.fixture
def out(review: nbviz.Review, tmp_path: Path) -> Path:
    return nbviz.report(
        halves_model(), Halves(), tmp_path / "out", review=review, corruptions=[], cues=False, maps=False
    )


@pytest.fixture
def desk(review: nbviz.Review, out: Path) -> Iterator[AuditDesk]:
    made = nbviz.audit(None, None, out, WHO, count=6, method="input_x_gradient", review=review)
    yield made
    made.close()


def settle(desk: AuditDesk) -> None:
    """Wait until the picture on show is explained, and painted after it."""
    desk._maps[desk.items[desk.front.place]].result(30)
    desk._worker.submit(int).result(30)


def test_a_picture_its_map_and_a_question_that_tells_no_label(desk: AuditDesk) -> None:
    settle(desk)
    item = desk.items[0]
    with Image.open(io.BytesIO(desk.front.seen)) as seen:
        assert desk.review.model is not None and desk.review.items is not None
        assert np.array_equal(np.asarray(seen), desk.review.model.seen(desk.review.items.read(item)))
    assert desk.front.state == "ready" and desk.front.map and len(desk.front.replies) == 6
    words = "".join(run if isinstance(run, str) else run[0] for run in desk.front.question)
    assert re.fullmatch(r"It says (left|right) \(\d+ %\)\. Is what it looks at the right thing\?", words)


def test_answers_go_on_to_the_next_and_back_and_the_same_call_goes_on(
    desk: AuditDesk, review: nbviz.Review, out: Path
) -> None:
    desk.act({"event": "answer", "answer": "yes"})
    desk.act({"event": "answer", "answer": "no"})
    assert desk.front.place == 2 and desk.front.replies == ["yes", "no", "", "", "", ""]
    desk.act({"event": "go", "step": -1})
    desk.act({"event": "answer", "answer": "can't tell"})
    assert desk.front.place == 2 and desk.front.replies[1] == "can't tell"
    desk.act({"event": "answer", "answer": "perhaps"})
    assert desk.front.state == "refused" and "not in an audit" in desk.front.message
    again = nbviz.audit(None, None, out, WHO, count=6, method="input_x_gradient", review=review)
    assert again.front.place == 2 and again.answers == desk.answers and len(again.answers) == 2
    other = nbviz.audit(None, None, out, "Grace", count=6, method="input_x_gradient", review=review)
    assert other.front.place == 0 and other.answers == {}
    again.close()
    other.close()


def test_a_signed_report_states_the_agreement_and_a_later_audit_is_compared(
    desk: AuditDesk, review: nbviz.Review, out: Path
) -> None:
    before = {file.name: file.read_text() for file in out.glob("report.*")}
    assert "Nobody has signed" in before["report.html"]
    for _ in range(6):
        desk.act({"event": "answer", "answer": "yes"})
    assert "100 %" in json.dumps(desk.front.figures)
    desk.act({"event": "sign"})
    assert desk.front.signed.endswith("report.html.")
    html, values = (out / "report.html").read_text(), json.loads((out / "report.json").read_text())
    (person,) = values["audits"][0]["people"]
    assert person["who"] == WHO and person["agreement"]["value"] == 1 and 0.3 < person["agreement"]["low"] < 0.7
    assert "Ada &lt;b&gt;" in html and WHO not in html and "Nobody has signed" not in html
    head, tail = before["report.html"].split("<!--audits-->")[0], before["report.html"].split("<!--/audits-->")[1]
    assert html.startswith(head) and html.endswith(tail)
    assert "6 pictures agree" in (out / "report.md").read_text()
    later = nbviz.audit(None, None, out, WHO, count=6, seed=1, method="input_x_gradient", review=review)
    for _ in range(6):
        later.act({"event": "answer", "answer": "no"})
    later.act({"event": "sign"})
    later.close()
    change = json.loads((out / "report.json").read_text())["audits"][1]["people"][0]["change"]
    assert change["value"] == -1 and change["beyond_chance"]
    # the report written anew states the same, to the byte
    signed = {name: timeless(out, name) for name in before}
    nbviz.report(halves_model(), Halves(), out, review=review, corruptions=[], cues=False, maps=False)
    for name, text in signed.items():
        assert text == timeless(out, name), name


def test_masks_are_measured_instead_of_asked_and_less_evidence_on_the_objects_warns(tmp_path: Path) -> None:
    names = ("on", "off")
    for name, look in zip(names, (1.0, 0.9), strict=True):
        model = halves_model(look)
        nbviz.report(model, Halves(), tmp_path / name, corruptions=[], cues=False, maps=False, progress=False)
        words = audit_by_masks(
            model, Halves(), tmp_path / name, mask_of, count=16, method="input_x_gradient", progress=False
        )
        assert "evidence on the object" in words and "by chance 0.0833" in words
    verdicts = {v.name: v for v in compare_reports(tmp_path / "on", tmp_path / "off").verdicts}
    found = verdicts["evidence on the objects"]
    assert found.state == "pass" and found.detail.startswith("1.000 → 0.99")
    with pytest.raises(NbvizError, match="None of the pictures drawn has a mask"):
        audit_by_masks(model, Halves(), tmp_path / "off", {}, count=4, seed=9, progress=False)


def test_private_reports_keep_no_answers_and_foreign_reports_are_refused(
    review: nbviz.Review, out: Path, tmp_path: Path
) -> None:
    private = nbviz.report(None, None, tmp_path / "private", True, review=review, corruptions=[], cues=False, k=2)
    with pytest.raises(NbvizError, match="pass answers= with a file elsewhere"):
        nbviz.audit(None, None, private, WHO, review=review)
    log = tmp_path / "answers.jsonl"
    desk = nbviz.audit(None, None, private, WHO, count=6, method="input_x_gradient", review=review, answers=log)
    for _ in range(6):
        desk.act({"event": "answer", "answer": "yes"})
    desk.act({"event": "sign"})
    desk.close()
    assert not (private / "audit.jsonl").exists() and len(AuditLog(log).read()) == 1
    assert json.loads((private / "report.json").read_text())["audits"][0]["people"][0]["agreement"]["value"] == 1
    (private / "audit.jsonl").write_text("")
    with pytest.raises(NbvizError, match="tells of single pictures"):
        nbviz.report(None, None, private, True, review=review, corruptions=[], cues=False)
    with pytest.raises(NbvizError, match="of another network"):
        nbviz.audit(halves_model(0.5), Halves(), out, WHO)
    with pytest.raises(NbvizError, match="by= is a name, not ' '"):
        nbviz.audit(None, None, out, " ", review=review)
    with pytest.raises(UnknownName, match="Nearest: 'saliency'"):
        nbviz.audit(None, None, out, WHO, method="salience", review=review)
    with pytest.raises(NbvizError, match="There is no report in"):
        nbviz.audit(None, None, tmp_path / "nowhere", WHO, review=review)


def test_the_shell_lays_a_notebook_and_never_over_another(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.py").write_text(
        "from tests.reviews.test_audits import Halves, halves_model, mask_of\npictures, build = Halves, halves_model\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    started: list[Path] = []
    monkeypatch.setattr(cli, "open_lab", lambda notebook, *_: started.append(notebook) or 0)
    line = ["audit", "--model", "shop:build", "--data", "shop:pictures", "--out", "out", "--count", "4"]
    assert cli.main(line) == 1 and "--by with a name" in capsys.readouterr().err
    for _ in range(2):
        assert cli.main([*line, "--by", "Ada 'L'"]) == 0
    assert cli.main([*line, "--by", "Grace"]) == 0
    assert [place.name for place in started] == ["audit.ipynb", "audit.ipynb", "audit-2.ipynb"]
    code = nbformat.read(started[0], as_version=4).cells[1].source
    space: dict[str, AuditDesk] = {}
    exec(code, space)
    assert space["desk"].by == "Ada 'L'" and len(space["desk"].items) == 4
    space["desk"].close()
    assert cli.main([*line, "--truth", "shop:mask_of", "--method", "input_x_gradient"]) == 0
    assert "evidence on the object" in capsys.readouterr().out


def test_answers_about_other_weights_are_listed_and_compared_with_nothing(
    desk: AuditDesk, out: Path, tmp_path: Path
) -> None:
    for _ in range(6):
        desk.act({"event": "answer", "answer": "yes"})
    nbviz.report(halves_model(0.5), Halves(), out, corruptions=[], cues=False, maps=False, progress=False)
    assert "another network" in (out / "report.html").read_text()
    assert not any("agreement" in verdict.name for verdict in compare_reports(out, out).verdicts)


def test_what_is_raised_while_it_signs_stands_in_the_strip(desk: AuditDesk, out: Path) -> None:
    settle(desk)
    (out / "report.html").unlink()
    desk.front._handle_custom_msg({"event": "sign"}, [])
    assert desk.front.state == "failed" and "report.html" in desk.front.message and not desk.front.signed
