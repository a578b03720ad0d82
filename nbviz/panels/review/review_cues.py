"""The pages Cues and Shift: begun by a person, computed step by step, and shown as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from nbviz.attribution.words import Run
from nbviz.drawing.numbers import percent
from nbviz.drawing.photos import Pixels, photo_mosaic
from nbviz.panels.review.long_page import LongPage
from nbviz.reviews.cues.example import Transplant
from nbviz.reviews.cues.window import window_words
from nbviz.reviews.statistics.intervals import SIGNIFICANCE
from nbviz.session.requests.base import Request
from nbviz.session.requests.review import CueAnswer, HuntCues, MeasureShift, ShiftAnswer
from nbviz.session.selection import Selection

if TYPE_CHECKING:
    import pandas

ROWS = 24
"""Places, or corruptions, that are listed."""
SIDE, OUTLINE, LINE = 96, (224, 134, 0), 4
"""Pixels a side of an example's pictures; colour and width of the line around its window, drawn at twice the size."""
CUES = (
    "Looks for pixels that many pictures of a class share, and puts them into pictures of other classes: flagged where "
    "that makes the network say the class, and no other window does as much. Windows that only the maps point at are "
    "listed and never flagged. Minutes, for many pictures."
)
SHIFT = "Asks again about 300 pictures under noise, blur, light, fog, JPEG and coarse pixels, at five severities."


class Hunting(LongPage):
    """Base of a page of rows that a person begins."""

    trait = "rows"
    kind: str
    offer: tuple[str, str]
    about: str

    def first(self) -> dict[str, Any]:
        return {"kind": self.kind, "rows": [], "words": [self.about], "offer": list(self.offer)}

    def draw(self, state: dict[str, Any]) -> None:
        # pages share the trait: by its kind the script knows whose rows they are
        super().draw({"kind": self.kind, **state})


class CuePage(Hunting):
    """Suspects, each with a picture before and after."""

    slot, kind, about = "review cues", "cues", CUES
    offer = ("Look for cues", "Class by class; it can be stopped")

    def request(self, selection: Selection) -> Request | None:
        return HuntCues(self.review) if self.review is not None and self.begun else None

    def show(self, answer: CueAnswer) -> None:
        places, table = answer.places, answer.table.to_dict("records")
        # a row per place: maps of several groups, and pixels that repeat, point at the same one
        rows = [_cue_row([table[row] for row in place]) for place in places[:ROWS]]
        flagged = sum(table[place[0]]["flagged"] for place in places)
        words = [(f"{flagged} flagged", "strong"), f" of {len(places)} places. "]
        words += ["No window is leant on that shows the same pixels again and again."] if not flagged else []
        going = answer.done < 1
        with self.view.hold_sync():
            self.view.examples = _sheet(answer)
            self.draw({
                "rows": rows, "words": [] if going else words, "progress": answer.progress if going else "",
                "done": answer.done, "examples": len(answer.examples),
            })  # fmt: skip


class ShiftPage(Hunting):
    """Accuracy along the severities of each corruption."""

    slot, kind, about = "review shift", "shift", SHIFT
    offer = ("Measure", "Some seconds to minutes; it can be stopped")

    def request(self, selection: Selection) -> Request | None:
        return MeasureShift(self.review) if self.review is not None and self.begun else None

    def show(self, answer: ShiftAnswer) -> None:
        if answer.table is None:
            self.draw({"rows": [], "words": [], "progress": answer.progress, "done": answer.done})
            return
        # without labels only whether answers stay is known, which is no accuracy
        labelled = bool(answer.table["accuracy"].notna().all())
        tables = answer.table.groupby("corruption", sort=False)
        rows = [_shift_row(str(name), table, "accuracy" if labelled else "same") for name, table in tables]
        rows.sort(key=lambda row: row["last"])
        words = "Share of answers that stay as they are, from none to the fifth severity, of the same pictures."
        if labelled:
            words = (
                "Accuracy from none to the fifth severity, of the same pictures; marked: the fifth loses beyond chance."
            )
        self.draw({"rows": rows, "words": [words], "progress": "", "done": 1.0})


def _cue_row(suspects: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a place as it is drawn. suspects: of it, the leading one, whose figures stand there, first."""
    row = suspects[0]
    beside = "" if np.isnan(row["control"]) else f" (elsewhere at most {percent(row['control'], 0)})"
    words: list[Run] = [
        (row["class"], "strong"), f" {window_words(row['window'])}: put into others, ",
        (percent(row["transplanted"], 0), "strong"), f" become it{beside}; ",
        f"taken away, {percent(row['removed'], 0)} are lost ({percent(row['removed_control'], 0)}).",
    ]  # fmt: skip
    if row["repeated"]:
        words.append(f" The same pixels in {percent(row['repeated'], 0)} of its pictures.")
    words.append(_origin_words(suspects))
    return {"words": words, "marked": bool(row["flagged"])}


def _origin_words(suspects: Sequence[dict[str, Any]]) -> str:
    """Describe what a place was proposed by: pixels that repeat, and groups of the class's maps."""
    patterns = [one for one in suspects if one["repeated"]]
    counts = [str(one["pictures"]) for one in suspects if not one["repeated"]]
    maps = f"the maps of {' and of '.join(counts)} pictures" if counts else ""
    pixels = "pixels that repeat" if patterns else ""
    return f" Proposed by {' and '.join(filter(None, (pixels, maps)))}."


def _shift_row(name: str, table: pandas.DataFrame, column: str) -> dict[str, Any]:
    values = [float(value) for value in table[column]]
    last = table.iloc[-1]
    return {
        "name": name.replace("_", " "), "values": values, "last": values[-1],
        "figure": f"{percent(values[0], 0)} → {percent(values[-1], 0)}",
        "marked": bool(last["corrected"] < SIGNIFICANCE),
    }  # fmt: skip


def _sheet(answer: CueAnswer) -> bytes:
    """Three pictures per example: where the window is from, and one before and after."""
    if not answer.examples:
        return b""
    suspects = answer.table.attrs["suspects"]
    pictures = [
        # examples are of the first places only
        picture for place, example in zip(answer.places, answer.examples, strict=False)
        for picture in _outlined(example, suspects[place[0]].window)
    ]  # fmt: skip
    return photo_mosaic(pictures, 3, SIDE).data


def _outlined(example: Transplant, window: tuple[int, int, int, int]) -> list[Pixels]:
    return [_with_box(example.donor, window), example.before, _with_box(example.after, window)]


def _with_box(picture: Pixels, window: tuple[int, int, int, int]) -> Pixels:
    # enlarged first: on a picture of 28 pixels the line would cover what it is around
    scale = max(1, round(2 * SIDE / max(picture.shape[:2])))
    image = Image.fromarray(picture).resize(
        (picture.shape[1] * scale, picture.shape[0] * scale), Image.Resampling.NEAREST
    )
    top, left, bottom, right = (edge * scale for edge in window)
    # around the window, but never beyond the picture: a mark in a corner keeps its line
    first = max(0, left - LINE), max(0, top - LINE)
    last = min(image.width, right + LINE) - 1, min(image.height, bottom + LINE) - 1
    ImageDraw.Draw(image).rectangle((first, last), outline=OUTLINE, width=LINE)
    return np.asarray(image)
