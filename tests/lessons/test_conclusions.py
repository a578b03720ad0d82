"""Each lesson runs, judges right answers right, and its surprising answer comes out, with a margin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lessons import course

MEBIBYTES = 1050
"""What a lesson's kernel may hold at its peak: thirty of them share a server, and Binder gives 2 GiB for all."""

FLAT = "model.transform(np.full((300, 300, 3), {}, np.uint8))"
STEP = f"abs(float(({FLAT.format(101)} - {FLAT.format(100)}).mean()) - {{}}) < 1e-6"
"""One grey level of a picture is what the lesson takes it to be at the network's input."""

PEAK = "float(nbviz.attribute(model, cat, target={}, method='grad_cam', layer={!r}).heat().max())"
CORNER = "(lambda heat: float(heat[:6, :6].sum() / heat.sum()))(nbviz.attribute(net, some[0], BAG, {!r}).heat().abs())"
CONCLUSIONS: dict[int, tuple[str, ...]] = {
    1: (
        "orderly['noise labels'] > orderly['untrained'] + 0.3",
        "orderly['noise labels'] > orderly['true labels'] + 0.1",
        "accuracy['true labels'] > 0.7 and accuracy['noise labels'] < 0.25",
        "same < 1e-3 and by_heart > 0.6",
        "moved['noise labels'] > 1.5 * moved['true labels']",
    ),
    2: (
        "widths['blocks.2'] < 45 < widths['blocks.4'] < 100",
        "untrained['blocks.5'] > 0.4 and trained['blocks.5'] > untrained['blocks.5'] + 0.15",
        "trained['blocks.0'] < trained['pixels'] < trained['blocks.5']",
        "untrained['pixels'] > untrained['blocks.5']",
    ),
    3: (
        "difference < 1e-6",
        "alike_by['score'] > 0.3 and alike_by['probability'] < -0.6",
        "ratio < 0.1",
        "overlap((30, 40, 140, 175), theirs) > 0.5",
    ),
    4: (
        STEP.format("one_level"),
        "abs(before - after) < 0.3 and 0.4 < itself < 0.65",
        "halves['signed values'] < 0.5 < 0.7 < halves['what is drawn, in 28 × 28']",
        "table[8]['residual'] < 0.05 < 0.1 < table[16]['residual']",
        "table[8]['error of the map'] > 1.3 * table[16]['error of the map']",
        "abs(stories) < 0.3 and shares['black'] < 0.01 and shares['white'] > 0.5",
    ),
    5: (
        "difference < 1e-5",
        "900 < with_evidence < 1000",
        "0.2 < share < 0.7",
        "nothing.facts['status'] == 'no positive evidence' and float(nothing.heat().max()) == 0",
        f"{PEAK.format(281, 'head')} > 1.5 * {PEAK.format(1, 'head')}",
        f"{PEAK.format(281, 'stem')} < {PEAK.format(1, 'stem')}",
    ),
    6: (
        "speckle(bare(17)[None]) > 0.25",
        "fine['all helpers'] < 0.05 and fine['never moved'] < 0.1",
        "fine['all waves alike'] > 0.15 and fine['single pixels'] > 0.2",
        "min(min(one) for one in driven.values()) > 5 > 0 > max(drive(seen.expand(3, -1, -1, -1)))",
        "min(driven['never moved']) > max(driven['all helpers'])",
        "8 < len(two_meanings) < 64",
        "len(found) == 3",
        "by_pixels['blocks.4'] > 0.75 and by_pixels['blocks.13'] < 0.4",
        "to_the_layer['blocks.13'] > 0.6 and all(to_the_layer[layer] > another[layer] + 0.5 for layer in inverses)",
        "float((2 * seen - 1 - model.transform(cat)).abs().max()) < 1e-6",
    ),
    7: (
        STEP.format("level"),
        "other_class['guided_backprop'] > 0.95 > 0.75 > max(other_class['saliency'], other_class['grad_cam'])",
        "other_weights['guided_backprop'] > 0.95 and other_weights['saliency'] < 0.75",
        "not any(one > max(draws) for one in falls.values())",
        "said[0] == 'espresso' and said[2] > 0.97 and stays['saliency'] < 0.6 and stays['grad_cam'] > 0.85",
    ),
    8: (
        STEP.format("level"),
        "outcome[0.5][0][1] < 0.6 and all(noise[1] > 0.9 for _, noise in outcome.values())",
        "away.flipped and attacked.after[0][0] == 'giant panda' and attacked.largest < 2.01",
        "away.noise[0][0] == attacked.noise[0][0] == 'espresso'",
        "on_the_test_set['all'] > 0.75 and on_the_test_set['bags'] > 0.97 and in_the_world < 0.5",
        "explorer.wait(timeout=90) and explorer.attribution.facts['score'] < 8 < model.predict(photograph)[0][3]",
        "corner > 0.4 and suspect > 0.4 and control < 0.15",
        f"{CORNER.format('grad_cam')} < 0.1 < 0.25 < {CORNER.format('integrated_gradients')}",
        "list(cues.loc[cues['flagged'], 'class']) == ['bag'] and list(cues.index[cues['flagged']]) == [0]",
        "cues.loc[0, 'lead'] > 0.4 and cues.loc[0, 'window'][0] <= 2 and cues.loc[0, 'window'][1] <= 2",
        "after['bags without the mark'] > 0.85 and after['transplanted'] < 0.1 and after['cues flagged'] == 0",
    ),
    10: (
        "min(recall, key=recall.get) == 'shirt'",
        "same_map['guided_backprop'] > max(same_map['saliency'], same_map['grad_cam']) + 0.1",
        "int(((answers != labels) & (sureness >= 0.9)).sum()) > 3",
        "'accuracy' in (Path(folder) / 'report.md').read_text() and (Path(folder) / 'report.html').is_file()",
    ),
    9: (
        "shares[0] > 0.7 and shares[2] < 0.3",
        "lost[2] > 2 * max(lost[0], lost[1], lost[3])",
        "alike_by_rollout > 0.99 > 0.8 > alike_by_grad_cam",
        "len(only['transformer']) > 5 and len(only['convolutional']) > 2",
    ),
}


@pytest.fixture(params=course.LESSONS, ids=lambda path: path.stem)
def ran(request: pytest.FixtureRequest) -> course.Run:
    """A lesson that has run."""
    path: Path = request.param
    return course.run(path, *CONCLUSIONS[course.number(path)])


@pytest.mark.timeout(300)
def test_the_conclusions_come_out(ran: course.Run) -> None:
    assert {key: value for key, value in ran.conclusions.items() if value != "True"} == {}


@pytest.mark.timeout(300)
def test_the_way_there_is_right_and_wrong_answers_are_not(ran: course.Run) -> None:
    wrong = "[False, False, False] True"
    assert {name: words for name, words in ran.verdicts.items() if words.strip().splitlines()[-1] != wrong} == {}


@pytest.mark.timeout(300)
def test_open_questions_ask_for_an_answer(ran: course.Run) -> None:
    asked = [words for words in ran.words() if words.startswith("**Your turn.**")]
    assert len(asked) == len(ran.verdicts) > 0


@pytest.mark.timeout(300)
def test_nothing_of_ours_complains_and_memory_is_small(ran: course.Run) -> None:
    outputs = [output for cell in ran.notebook.cells for output in cell.get("outputs", [])]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    assert ran.mebibytes < MEBIBYTES
