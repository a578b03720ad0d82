"""Widget of the stage Review."""

from __future__ import annotations

from typing import Any

import traitlets

from nbviz.panels.base.front import Front


class ReviewFront(Front):
    """Widget of figures of the whole, and one of its pages.

    Sends ``{"event": …}``: run, cancel, page (name), list (order, answers, label, first), clear (what), open (item),
    mark (item), pair (label, prediction), class (label), slice (column, part), begin, stop,
    compare (pair: "label,prediction"), channel (channel), sort (order), compare data, stop data.
    """

    scripts = (
        "base/as_code", "review_run", "review_pictures", "review_pair", "review_classes", "review_curve", "review_rows",
        "review_labels", "review_channels", "review_against",
    )  # fmt: skip

    empty = traitlets.Unicode().tag(sync=True)
    """Sentence on a review, while there is none."""
    offer: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[text, tip] of the button that reviews; empty for none."""
    progress = traitlets.Unicode().tag(sync=True)
    done = traitlets.Float(1.0).tag(sync=True)
    figures: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[figure, words, tip], …] of the whole."""
    notes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[sentence, list], …] on how classes were matched, and on items that were left out; a list is folded."""
    pages: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[name, text, tip, enabled], …]"""
    page = traitlets.Unicode("pictures").tag(sync=True)
    listing = traitlets.Dict().tag(sync=True)
    """order, answers, label; orders, answer_choices, labels: their choices; filters: [[what, words], …]; first, total
    and shown: which of them are on show.
    """
    tiles: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[item, prediction, label, wrong], …], classes by name, of the pictures on show."""
    sheet = traitlets.Dict().tag(sync=True)
    """columns, rows, tile_width, tile_height, gap of the pictures; pixelated: enlarged beyond their pixels."""
    pictures = traitlets.Bytes().tag(sync=True)
    """JPEG of the pictures on show."""
    chosen = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Item of the Explorer's picture."""
    marked: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Items that are marked."""
    matrix = traitlets.Dict().tag(sync=True)
    """names, classes, counts, right (share of each row, as words), table of the classes; often: runs."""
    curve = traitlets.Dict().tag(sync=True)
    """bins, words (runs), risk, risk_words."""
    rows = traitlets.Dict().tag(sync=True)
    """Of the page on show, where it is a list: kind, rows, words (runs), offer, progress, done, examples; orders and
    order, where it has some.
    """
    examples = traitlets.Bytes().tag(sync=True)
    """JPEG: three pictures per cue, one cue under the other."""
    pair = traitlets.Dict().tag(sync=True)
    """Of two confused classes: choices, chosen, words (runs), offer, progress, done; cells (−1…1), names."""
    pair_mean = traitlets.Bytes().tag(sync=True)
    """PNG: mean gray picture of the pictures compared."""
    suspects = traitlets.Dict().tag(sync=True)
    """words (runs), rows: [[item, runs], …]."""
    suspect_pictures = traitlets.Bytes().tag(sync=True)
    """JPEG: one picture per suspect label, one under the other."""
    training = traitlets.Dict().tag(sync=True)
    """words (runs), offer, progress, done, tiles: [[label, factors, tip], …]."""
    training_pictures = traitlets.Bytes().tag(sync=True)
    """JPEG: the training pictures of the tiles, ten columns."""
    against = traitlets.Dict().tag(sync=True)
    """Of another data set: words (runs), offer, progress, done, rows."""
    driving = traitlets.Bytes().tag(sync=True)
    """JPEG: five pictures per channel, one channel under the other."""
    channel = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The Explorer's channel."""
    code = traitlets.Unicode().tag(sync=True)
    """The Python that makes what is on show."""
