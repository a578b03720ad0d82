"""Found pictures on the card: the strongest of a data set, each with its place in the whole picture and its class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from nbviz.drawing.numbers import three_digits
from nbviz.drawing.overlay import Mosaic, photo_mosaic, to_image
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content, Panel, nothing
from nbviz.panels.base.strip import error_words
from nbviz.panels.channels.channel_card import ChannelPanel, Illustration
from nbviz.panels.channels.found_page import FoundPage
from nbviz.session.requests.base import Request
from nbviz.session.requests.found import Crop, Finds, FoundChannel
from nbviz.session.selection import Selection

COLUMNS, CROP, WHOLE = 4, 80, 144
"""Crops in a row; pixels a side of a crop and of a whole picture."""
NAMED = 3
"""Classes that are named of a profile."""
LEAST = 0.05
"""Share from which a class is named."""


class CardFound(Panel):
    """Panel that draws into the card's view; the page looks through pictures when told to."""

    slot = "card_found"
    reads = frozenset(("layer", "channel"))
    after = ("channel", "found")

    def __init__(self, links: Links, card: ChannelPanel, page: FoundPage) -> None:
        super().__init__(links)
        self.card, self.page, self.library, self.view = card, page, links.library, card.view
        self.finds: Finds | None = None
        """Answer on show."""
        self.listen(self.view, self._act, retry=nothing)
        # the search is of all layers, and begun or stopped from the page as well
        page.search.observe(lambda _: self.sync(self.selection))

    def request(self, selection: Selection) -> Request | None:
        subject = self.card.subject(selection)
        index = None if subject is None else self.library.knowing(subject[0])
        return None if subject is None or index is None else FoundChannel(index, subject[0], subject[1])

    def sync(self, selection: Selection) -> None:
        subject = self.card.subject(selection)
        if subject is None:
            self._clear({"state": ""})
        elif self.library.knowing(subject[0]) is None:
            offer = {
                "state": "absent",
                "label": "found",
                "button": self.page.button(),
                "profile": self.page.search.problem,
            }
            self._clear(offer)

    def show(self, answer: Finds) -> None:
        self.finds = answer
        crops = photo_mosaic([crop.pixels for crop in answer.crops], COLUMNS, CROP)
        wholes = photo_mosaic([crop.whole for crop in answer.crops], COLUMNS, WHOLE)
        with self.view.hold_sync():
            self.view.crops, self.view.wholes = (crops.data, wholes.data) if answer.crops else (b"", b"")
            self.view.found = {
                "state": "there" if answer.crops else "nothing",
                "label": f"found, of {answer.total:,} pictures",
                "sheet": _sheet(crops), "whole": _sheet(wholes),
                "tiles": [[crop_words(crop), where(crop), crop.item] for crop in answer.crops],
                "profile": profile_words(answer.profile), "more": more_words(answer),
            }  # fmt: skip
        label, note = self.view.found["label"], self.view.found["profile"]
        self.card.illustrate("found", Illustration(label, crops_sheet(answer), note) if answer.crops else None)

    def fail(self, error: BaseException) -> None:
        self._clear({"state": "failed", "label": "found", "profile": error_words(error)})

    def _clear(self, found: dict[str, Any]) -> None:
        self.finds = None
        self.card.illustrate("found", None)
        with self.view.hold_sync():
            self.view.found, self.view.crops, self.view.wholes = found, b"", b""

    def _act(self, content: Content) -> None:
        if content.get("event") == "look":
            self.page.toggle()
        elif content.get("event") == "open":
            self.selection.image = self.library.open(int(content["item"]))


def crops_sheet(found: Finds) -> Image.Image:
    """Draw the found crops in rows, clear between them."""
    step, rows = CROP + 6, -(-len(found.crops) // COLUMNS)
    sheet = Image.new("RGBA", (COLUMNS * step - 6, rows * step - 6))
    for place, crop in enumerate(found.crops):
        tile = to_image(crop.pixels).resize((CROP, CROP), Image.Resampling.BOX)
        sheet.paste(tile, (place % COLUMNS * step, place // COLUMNS * step))
    return sheet


def _sheet(drawn: Mosaic) -> dict[str, int]:
    return {"columns": drawn.columns, "rows": drawn.rows, "side": drawn.tile_width, "gap": drawn.gap}


def crop_words(crop: Crop) -> str:
    """Describe a crop: ``"4.21 · ankle boot · picture 1,234"``."""
    return " · ".join(filter(None, (three_digits(crop.activation), crop.name, f"picture {crop.item:,}")))


def where(crop: Crop) -> list[float]:
    """Return the box as fractions of the square tile in which the whole picture stands: left, top, width, height."""
    height, width = crop.whole.shape[:2]
    side = max(height, width)
    # a tile is square and its picture centred in it: the margin is part of the tile
    down, across = (side - height) / 2, (side - width) / 2
    top, left, bottom, right = crop.box
    return [round(value / side, 4) for value in (left + across, top + down, right - left, bottom - top)]


def profile_words(profile: Sequence[tuple[str, float]]) -> str:
    """Describe the class profile: ``"fires for: ankle boot 71 %, sneaker 20 %"``; empty without labels."""
    named = [f"{name} {100 * share:.0f} %" for name, share in profile[:NAMED] if share >= LEAST]
    return f"fires for: {', '.join(named)}" if named else ""


def more_words(finds: Finds) -> str:
    """Return selectivity and quantiles, where they are known."""
    parts = []
    if finds.selectivity is not None:
        parts.append(f"selectivity {finds.selectivity:.2f}: 1 is for one class alone, 0 for all alike")
    if finds.quantiles is not None:
        high, middle, low = (three_digits(value) for value in finds.quantiles)
        parts.append(f"over a random sample: strongest {high}, middle {middle}, weakest {low}")
    return " · ".join(parts)
