"""Writing of a report into a folder: ``report.html``, ``report.json``, ``report.md``, ``report.xml`` (JUnit)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from os import PathLike
from pathlib import Path

from nbviz.arguments import at_least
from nbviz.dataset.files import folder_at, make_folder, write_whole
from nbviz.dataset.progress import progress_bar
from nbviz.drawing.png import data_url, png
from nbviz.errors import NbvizError
from nbviz.model.brief import ModelLike
from nbviz.pictures.samples import Labels
from nbviz.pictures.sources import DatasetLike
from nbviz.reports.audits import LOG
from nbviz.reports.document import Cost, Parts, document
from nbviz.reports.findings import report_verdicts
from nbviz.reports.maps import PANEL, ExplainedPicture, explained
from nbviz.reports.markdown import markdown
from nbviz.reports.page.cues import cue_pictures
from nbviz.reports.page.html import page
from nbviz.reports.pairs import mean_pictures
from nbviz.reports.privacy import Privacy
from nbviz.reports.values import Values, json_text
from nbviz.reports.verdicts import junit
from nbviz.reviews.audits.log import AuditLog
from nbviz.reviews.dense.plan import IGNORE
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.making import review as reviewed
from nbviz.reviews.records.metadata import Metadata
from nbviz.reviews.result import Review

Shown = tuple[str, str]
"""Data address and caption of a picture."""
PICTURES, SIDE = 12, 128
"""Surely wrong, or worst, pictures of a page; side of those that are drawn, in pixels."""
ROOM = "; make room and call nbviz.report again."


def report(
    model: ModelLike,
    dataset: DatasetLike,
    out: str | PathLike[str],
    private: bool = False,
    *,
    review: Review | None = None,
    labels: Labels | None = None,
    metadata: Metadata | None = None,
    corruptions: Sequence[str] | None = None,
    cues: bool = True,
    maps: bool = True,
    k: int = 20,
    salt: str = "",
    noise: float | None = None,
    audits: str | PathLike[str] | None = None,
    ignore: int | None = IGNORE,
    progress: bool = True,
) -> Path:
    """Review a network over a data set and write what was found; return the folder.

    model, dataset, labels, metadata, ignore: as ``nbviz.review`` takes them. out: a folder; its report is written anew.
    review: one that was made before, instead of a pass. corruptions: those whose effect is measured; None for all, an
    empty list for none. cues: whether marks are hunted for that it leans on. maps: whether a panel of pictures is
    explained and each map judged (never in a private report), and the mean maps of the most confused pairs compared.
    private: no pixel, no item, no row, groups of at least ``k`` pictures only, and names and values of the columns of
    ``metadata`` hashed with ``salt``. noise: ε of Laplace noise on a private report's mean maps. audits: the log of
    ``nbviz.audit``; left out, the folder's ``audit.jsonl``. Same inputs, same bytes, but for ``noise`` and times.
    """
    folder, result, cost = folder_at(out), review, Cost()
    if result is None:
        with cost.of("review"):
            result = reviewed(model, dataset, labels=labels, metadata=metadata, ignore=ignore, progress=progress)
    privacy = Privacy(at_least("k", k, 2), salt, _noise(noise)) if private else None
    with cost.of("maps"):
        panel = _panel(result, progress) if maps and not private and not isinstance(result, DenseReview) else []
    asked = Parts(corruptions, cues, maps, _log(folder, audits, private), cost.seconds, progress)
    values = document(result, asked, privacy, panel)
    _write(folder, values, page(values, *_shown(result, values, panel, private)))
    return folder


def _panel(review: Review, progress: bool) -> list[ExplainedPicture]:
    found = []
    with progress_bar("maps", PANEL, unit=" pictures", shown=progress) as bar:
        for one in explained(review):
            found.append(one)
            bar.update(1)
    return found


def _write(folder: Path, values: Values, html: str) -> None:
    """Write a report in all its forms."""
    make_folder(folder)
    # all forms before the first is written: where one can't be made, the folder keeps its report
    texts = {
        "report.json": json_text(values),
        "report.html": html,
        "report.md": markdown(values),
        "report.xml": junit("nbviz report", report_verdicts(values)),
    }
    for name, text in texts.items():
        write_whole(folder / name, partial(Path.write_text, data=text, encoding="utf-8"), ROOM)


def _noise(value: object) -> float | None:
    """Return the privacy of mean maps as it is asked for. NbvizError for what is no number above zero."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise NbvizError(f"noise= is the ε of differential privacy, a number above 0 such as 1.0, not {value!r}.")
    return float(value)


def _log(folder: Path, audits: str | PathLike[str] | None, private: bool) -> AuditLog:
    """Return the log of audits. NbvizError for one in a private report's folder: its lines tell of single pictures."""
    own = folder / LOG
    if private and own.exists():
        raise NbvizError(
            f"'{own}' tells of single pictures, and a private report's folder must not: move it elsewhere and pass "
            "audits= with its path."
        )
    return AuditLog(own if audits is None else audits)


def _shown(
    review: Review, values: Values, panel: Sequence[ExplainedPicture], private: bool
) -> tuple[list[Shown], list[str], list[str], list[Shown]]:
    """Return data addresses of a page's pictures: the surely wrong, the panel's, pairs' means, flagged cues'."""
    if private:
        return [], [], [], []
    drawn = [data_url(png(one.drawn)) for one in panel]
    means = mean_pictures(review, values.get("pairs") or [])
    return _pictures(review), drawn, means, list(cue_pictures(review, values.get("cues") or []))


def _pictures(review: Review) -> list[Shown]:
    """Return data addresses and captions of the pictures that are surely wrong."""
    model, items = review.model, review.items
    if not review.labelled or model is None or items is None:
        return []
    if isinstance(review, DenseReview):
        return list(_drawn(review))
    shown = []
    for row in review.pictures.iloc[review.order("surely wrong")[:PICTURES]].itertuples():
        try:
            seen = model.transform.seen(model.transform(items.read(int(row.item))))
        except NbvizError:  # it was readable during the review, and its row is in the tables
            continue
        words = f"item {row.item}: {row.prediction} ({row.probability:.0%}), labelled {row.label}"
        shown.append((data_url(png(seen)), words))
    return shown


def _drawn(review: DenseReview) -> Iterator[Shown]:
    """Yield the worst pictures with the network's answers and the true ones drawn on them."""
    for row in review.order("worst")[:PICTURES]:
        item = int(review.column("items")[row])
        try:
            drawn = review.drawn(item, SIDE)
        except NbvizError:  # it was readable during the review, and its row is in the tables
            continue
        yield data_url(png(drawn)), f"item {item}: {review.words(int(row))}"
