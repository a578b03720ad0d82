"""The title bar, the picture chooser and the frame, without a browser."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import torch
from torch.utils.data import Dataset

from nbviz.model.target import Target
from nbviz.panels.base.frame import column, frame
from nbviz.panels.question.picture_chooser import AT_ONCE, PictureAnswers, PictureChooser
from nbviz.panels.question.scores import ScoreBars
from nbviz.panels.question.title_bar import TitleBar, count_words, sees_words
from nbviz.panels.scenes.file_names import file_words
from nbviz.pictures.load import Picture
from nbviz.session.library import Library
from nbviz.session.pins.pin import Pin
from nbviz.session.requests.review import AnswersRequest
from nbviz.session.selection import Selection
from tests.panels.rig import photo, rig, say, sent


def encoded(form: str = "PNG") -> bytes:
    out = io.BytesIO()
    photo(60, 20, seed=3).save(out, form)
    return out.getvalue()


# -- title bar --------------------------------------------------------------------------------------------


def test_the_title_bar_says_what_the_network_sees() -> None:
    small = rig()
    bar = TitleBar(small.links)
    bar.sync(small.selection)
    assert bar.view.name == "Tiny net" and bar.view.facts[1] == "cpu"
    assert bar.view.facts[2] == "sees all of 40 × 32"
    assert sees_words((224, 224), (451, 300)) == "sees 224 × 224 of 451 × 300"


@pytest.mark.parametrize(
    ("count", "words"), [(4_652_008, "4.65 M"), (139_000, "139 k"), (1_250_000_000, "1.25 G"), (12, "12")]
)
def test_parameters_in_three_figures(count: int, words: str) -> None:
    assert count_words(count) == words


def test_saving_sends_the_picture_under_a_name_every_file_system_takes() -> None:
    small = rig()
    bar = TitleBar(small.links)
    bar.links = replace(bar.links, save=lambda: b"PNG")
    heard = sent(bar.view)
    say(bar.view, event="save")
    assert heard == [({"event": "saved", "name": "nbviz-Tiny-net-cat-saliency.png"}, [b"PNG"])]
    assert "/" not in file_words("nbviz-a/b:c d.png")


def test_a_picture_that_can_not_be_made_is_said() -> None:
    small = rig()
    bar = TitleBar(small.links)
    bar.links = replace(bar.links, save=lambda: bytes(1 // 0))
    heard = sent(bar.view)
    say(bar.view, event="save")
    assert heard == [] and bar.view.state == "failed" and "division" in bar.view.message


def test_moved_weights_offer_a_refresh() -> None:
    small = rig()
    bar = TitleBar(small.links)
    calls: list[int] = []
    bar.links = replace(bar.links, refresh=lambda: calls.append(1))
    bar.links.activity.moved = True
    say(bar.view, event="refresh")
    assert bar.view.moved and calls == [1]


def test_back_and_forward_of_the_title_bar_go_through_what_was_on_show() -> None:
    small = rig()
    bar = TitleBar(small.links)
    small.selection.target = 2
    bar.links.activity.rounds += 1
    assert bar.view.back and not bar.view.forward
    say(bar.view, event="back")
    bar.links.activity.rounds += 1
    assert small.selection.target == 0 and bar.view.forward and not bar.view.back
    say(bar.view, event="forward")
    assert small.selection.target == 2


def test_copy_offers_the_map_the_stage_and_the_state() -> None:
    small = rig()
    bar = TitleBar(small.links)
    bar.links = replace(bar.links, code=lambda slot: f"# {slot}")
    bar.sync(small.selection)
    heard = sent(bar.view)
    for name, *_ in bar.view.copies:
        say(bar.view, event="copy", name=name)
    assert [content["name"] for content, _ in heard] == ["canvas", "channels", "state"]
    assert heard[1][0]["text"] == "# channels"
    small.selection.layer = "3"
    small.selection.restore(heard[2][0]["text"])
    assert small.selection.layer == "1"
    small.selection.target = lambda scores: scores[:, 0]
    say(bar.view, event="copy", name="state")
    assert bar.view.state == "refused" and "function" in bar.view.message


# -- pictures ---------------------------------------------------------------------------------------------


def test_a_dropped_file_joins_and_is_selected() -> None:
    small = rig()
    chooser = PictureChooser(small.links)
    say(chooser.view, encoded(), event="add", name="cat")
    assert small.selection.image == "cat (2)" and list(small.pictures) == ["cat", "coffee", "cat (2)"]
    assert small.pictures["cat (2)"].size == (60, 20)
    assert chooser.view.names[-1] == "cat (2)" and chooser.view.sizes[-1] == "60 × 20"


@pytest.mark.parametrize("data", [b"", b"not a picture", encoded()[:60], encoded("JPEG")[:-200]])
def test_a_file_that_is_no_picture_loses_nothing_and_says_so(data: bytes) -> None:
    small = rig()
    chooser = PictureChooser(small.links)
    say(chooser.view, data, event="add", name="holiday.png")
    assert small.selection.image == "cat" and list(small.pictures) == ["cat", "coffee"]
    assert chooser.view.state == "refused" and "holiday.png" in chooser.view.message
    say(chooser.view, encoded(), event="add", name="good.png")
    assert chooser.view.state == "ready" and small.selection.image == "good.png"


def test_of_several_files_added_at_once_every_error_stands() -> None:
    small = rig()
    chooser = PictureChooser(small.links)
    added = [("one.png", b"no"), ("good.png", encoded()), ("two.png", b""), ("fine.png", encoded())]
    for number, (name, data) in enumerate(added):
        say(chooser.view, data, event="add", name=name, first=number == 0)
    assert chooser.view.state == "refused" and small.selection.image == "fine.png"
    assert all((name in chooser.view.message) == (name in ("one.png", "two.png")) for name, _ in added)
    say(chooser.view, b"no", event="add", name="three.png", first=True)
    assert "three.png" in chooser.view.message and "one.png" not in chooser.view.message


def test_only_the_first_thumbnails_come_at_once_and_the_others_when_asked() -> None:
    small = rig()
    for number in range(40):
        small.pictures[f"p{number}"] = small.pictures["coffee"]
    chooser = PictureChooser(small.links)
    assert len(chooser.view.thumbnails) == AT_ONCE and len(chooser.view.names) == 42
    heard = sent(chooser.view)
    say(chooser.view, event="thumbnails", names=["p30", "not there"])
    assert heard[0][0]["names"] == ["p30"] and heard[0][1][0].startswith(b"\xff\xd8")


def test_one_picture_that_comes_for_another_is_listed() -> None:
    small = rig()
    chooser, items = PictureChooser(small.links), small.links.library.items()
    small.pictures["tea"] = small.pictures.pop("coffee")
    chooser.sync(small.selection)
    assert chooser.view.names == ["cat", "tea"] and small.links.library.items() is items
    small.pictures["tea"] = small.pictures["cat"]
    assert small.links.library.items().read(1) == small.pictures["cat"]


def test_a_still_picture_has_six_around_the_chosen_one_and_says_how_many_follow() -> None:
    small = rig()
    for number in range(18):
        small.pictures[f"p{number}"] = small.pictures["coffee"]
    chooser = PictureChooser(small.links)
    for image, chosen, more in (("cat", 0, 14), ("p5", 3, 10), ("p17", 5, 0)):
        small.selection.image = image
        part = chooser.still()["pictures"]
        assert (len(part.thumbnails), part.chosen, part.more) == (6, chosen, more)


def test_an_unknown_name_chooses_nothing_and_problems_are_shown() -> None:
    small = rig()
    chooser = PictureChooser(small.linked(problems=("3 of 200 files could not be read: cat7.jpg.",)))
    assert chooser.view.state == "nothing" and "3 of 200" in chooser.view.message
    say(chooser.view, event="choose", name="dog")
    assert small.selection.image == "cat"
    say(chooser.view, event="choose", name="coffee")
    assert small.selection.image == "coffee"


# -- frame ------------------------------------------------------------------------------------------------


def test_the_frame_holds_every_part_once() -> None:
    import ipywidgets

    parts = [ipywidgets.Box() for _ in range(9)]
    whole = frame(parts[0], parts[1:4], parts[4], column("channels", *parts[5:7]), parts[7], trust=parts[8])
    found: list[ipywidgets.Widget] = []
    stack = [whole]
    while stack:
        widget = stack.pop()
        found.append(widget)
        stack.extend(getattr(widget, "children", ()))
    assert all(found.count(part) == 1 for part in parts)
    assert "nbviz" in whole._dom_classes
    assert all("nbviz-section" in part._dom_classes for part in parts[4:])


def test_the_whole_data_set_is_paged_jumped_into_and_marked() -> None:
    small = rig()
    data = [(photo(seed=seed), seed % 3) for seed in range(40)]
    for name in list(small.pictures):
        small.pictures.pop(name)
    small.pictures.update({f"item {n}": Picture(f"item {n}", data[n][0], data[n][1]) for n in range(3)})
    links = replace(small.links, library=Library(small.model, small.pictures, images=ListSet(data)))
    small.selection.image = "item 0"
    chooser = PictureChooser(links)
    assert chooser.view.total == 40 and chooser.view.marks["item 1"] == ["", "labelled tiger cat"]
    say(chooser.view, event="more")
    assert list(small.pictures) == [f"item {n}" for n in range(15)]
    say(chooser.view, event="jump", words="27")
    assert small.selection.image == "item 27" and small.pictures["item 27"].label == 0
    say(chooser.view, event="jump", words="40")
    assert "There is no picture 40: there are 40" in chooser.view.message and small.selection.image == "item 27"
    say(chooser.view, event="jump", words="item 2")
    assert small.selection.image == "item 2"
    bars = ScoreBars(links)
    answer = small.answer(bars)
    chooser.hear("scores", None, answer)
    right = int(answer.order[0]) == 2
    assert chooser.view.marks["item 2"][0] == ("right" if right else "wrong")


def test_a_picture_is_taken_away_with_its_pins_and_the_last_one_is_not() -> None:
    small = rig()
    chooser = PictureChooser(small.links)
    small.selection.pins = (Pin("cat", Target(2), "saliency"), Pin("coffee", Target(2), "saliency"))
    say(chooser.view, event="remove", name="cat")
    assert small.selection.image == "coffee" and [pin.picture for pin in small.selection.pins] == ["coffee"]
    assert chooser.view.names == ["coffee"]
    say(chooser.view, event="remove", name="coffee")
    assert "the only picture" in chooser.view.message and list(small.pictures) == ["coffee"]


def test_a_list_of_the_pictures_has_the_answer_to_each_and_whether_it_is_right() -> None:
    small = rig()
    says = {name: int(small.model.prediction(picture).order[0]) for name, picture in small.pictures.items()}
    names = list(small.pictures)
    small.pictures["right"] = replace(small.pictures[names[0]], name="right", label=says[names[0]])
    small.pictures["wrong"] = replace(small.pictures[names[1]], name="wrong", label=(says[names[1]] + 1) % 3)
    small.pictures["torn"] = Picture("torn", b"no picture", 0)
    chooser = PictureChooser(small.links)
    answers = PictureAnswers(small.links, chooser)
    assert answers.request(small.selection) is None and not chooser.view.answers
    chooser.view.listing = True
    answers.show(small.answer(answers))
    view, name = chooser.view, small.model.class_name
    share = float(small.model.prediction(small.pictures["right"]).shares[says[names[0]]])
    assert view.answers["right"] == f"{name(says[names[0]])} {share:.2f}" and view.marks["right"][0] == "right"
    assert (
        view.answers["wrong"].endswith(f", is {name((says[names[1]] + 1) % 3)}") and view.marks["wrong"][0] == "wrong"
    )
    assert set(view.answers) == {*names, "right", "wrong"} and view.marks["torn"][0] == ""


def test_answers_go_with_the_weights_and_with_the_picture_that_they_were_to() -> None:
    small = rig()
    chooser = PictureChooser(small.links)
    small.pictures["cat"] = replace(small.pictures["cat"], label=0)
    chooser.take(small.answer(AnswersOf(small.links, chooser)).answers)
    assert set(chooser.view.answers) == {"cat", "coffee"} and chooser.view.marks["cat"][0]
    say(chooser.view, event="remove", name="coffee")
    say(chooser.view, encoded(), event="add", name="coffee")
    assert "coffee" in small.pictures and set(chooser.view.answers) == {"cat"}
    with torch.no_grad():
        small.model.net[6].bias.add_(1)  # type: ignore[index, union-attr, operator]
    chooser.sync(small.selection)
    assert not chooser.view.answers and chooser.view.marks["cat"] == ["", "labelled tabby"]


class AnswersOf(PictureAnswers):
    """Answers asked for though the pictures stand in no list."""

    def request(self, selection: Selection) -> AnswersRequest:
        return AnswersRequest(tuple(self.pictures.values()))


class ListSet(Dataset[object]):
    """A data set of a list."""

    def __init__(self, items: list[object]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> object:
        return self.items[number]
