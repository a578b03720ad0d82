"""Page of a report, one HTML file: no script, nothing from elsewhere, light and dark, and it prints."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nbviz.reports.audits import audit_section
from nbviz.reports.findings import findings
from nbviz.reports.page.cues import cue_section
from nbviz.reports.page.notes import NOTES
from nbviz.reports.page.tables import figures, note, number, reliability_chart, section, table
from nbviz.reports.pairs import pairs_section
from nbviz.reports.values import Values
from nbviz.reviews.detection.precision import NO_CHANCE

STYLE = """
:root { color-scheme: light dark; --line: #8884; }
:root { --accent: light-dark(#0b6e99, #58b7e0); --other: light-dark(#c4560a, #f0904a); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child, th.text, td.text { text-align: left; }
th { vertical-align: bottom; }
figure { display: inline-block; margin: 0 .6rem .6rem 0; width: 8rem; vertical-align: top; font-size: 12px; }
figure img { width: 8rem; image-rendering: pixelated; display: block; }
figure.pair { width: 14rem; } figure.pair svg { display: block; }
.pair .for { fill: var(--accent); color: var(--accent); } .pair .against { fill: var(--other); color: var(--other); }
.pair .frame { fill: none; stroke: var(--line); } .pair image { image-rendering: pixelated; }
.scroll { overflow-x: auto; } small { opacity: .75; }
@page { margin: 14mm; }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; margin: 0; padding: 0; font-size: 12px; print-color-adjust: exact; }
  .scroll { overflow: visible; break-inside: avoid; } table { font-size: 9px; } th, td { padding: .1rem .3rem; }
  h1, h2, p { break-after: avoid; } p, tr, figure, svg { break-inside: avoid; }
}
"""
CLASS_COLUMNS = ("class", "support", "precision", "recall", "recall_low", "recall_high", "f1")
BOX_COLUMNS = (
    "class", "pictures", "support", "predicted", "precision", "recall", "ap50", "ap50_low", "ap50_high", "ap",
)  # fmt: skip
PIXEL_COLUMNS = (
    "class", "pictures", "support", "accuracy", "accuracy_low", "accuracy_high", "iou", "iou_low", "iou_high",
)  # fmt: skip
SLICE_COLUMNS = ("column", "slice", "count", "accuracy", "low", "high", "elsewhere", "corrected")
SHIFT_COLUMNS = (
    "corruption", "severity", "accuracy", "low", "high", "same", "error", "corrected",
    "alike", "alike_low", "alike_high", "alike_by_chance",
)  # fmt: skip
CALIBRATION_COLUMNS = ("class", "answers", "said", "right", "low", "high", "corrected", "error", "chance_high")
EVIDENCE_COLUMNS = ("place", "evidence", "low", "high", "area", "pictures")
LABEL_COLUMNS = ("item", "label", "suggested", "margin")
WORST, FINDINGS = 20, 50
"""Rows of a table that begins with the worst; findings of filters."""
NOUNS = {"maps": "pixels", "boxes": "boxes"}
DRAWN = {
    "maps": "Fewest pixels right (colours: classes that are said; lines: borders of the true masks)",
    "boxes": "Most boxes missed or made up (colours: boxes with a score of .5 or more; white: true ones)",
}


def page(
    values: Values,
    pictures: Sequence[tuple[str, str]] = (),
    maps: Sequence[str] = (),
    means: Sequence[str] = (),
    cues: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the HTML of a report's values; pictures: (data address, caption) of those to show.

    cues: those of flagged cues, as ``pictures``. maps, means: data addresses of the explained pictures that
    ``values["maps"]`` tells of, and of the mean pictures of the pairs of ``values["pairs"]``.
    """
    title = f"Review of {values['manifest']['network']}"
    parts = [
        f"<h1>{escape(title)}</h1>", _manifest(values), _findings(values), _summary(values),
        section("Classes", table(values["classes"], class_columns(values)) + _without_chance(values)),
        _confusion(values["confusion"], NOUNS.get(values["manifest"].get("task", ""), "pictures")),
        pairs_section(values.get("pairs") or [], means),
        _calibration(values["calibration"]),
        _noted("Slices", "slices", table(_first(values["slices"]), SLICE_COLUMNS)),
        _labels(values.get("labels")), cue_section(values.get("cues"), cues),
        _noted("Shift", "shift", table(values.get("shift"), SHIFT_COLUMNS)), _filters(values["health"]),
        _noted("Where the evidence lies", "evidence", table(values.get("evidence"), EVIDENCE_COLUMNS)),
        _pictures(pictures, values), _maps(values.get("maps") or [], maps),
        audit_section(values["audits"], values["manifest"]["weights"]), _absent(values), _cost(values),
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body><main>\n' + (
        "\n".join(part for part in parts if part) + "\n</main></body></html>\n"
    )


def class_columns(values: Values) -> tuple[str, ...]:
    """Return the columns of the table of classes."""
    return {"maps": PIXEL_COLUMNS, "boxes": BOX_COLUMNS}.get(values["manifest"].get("task", ""), CLASS_COLUMNS)


def _without_chance(values: Values) -> str:
    detector = values["classes"] and values["manifest"].get("task") == "boxes"
    return f"<p><small>{escape(NO_CHANCE)}</small></p>" if detector else ""


def _first(rows: list[Values] | None) -> list[Values] | None:
    return None if rows is None else rows[:WORST]


def _manifest(values: Values) -> str:
    known = values["manifest"]
    versions = ", ".join(f"{name} {version}" for name, version in known["versions"].items())
    data = f", data {known['data']}" if known["data"] else ""
    words = f"{values['made']} · weights {known['weights']}{data} · {known['items']} items · {versions}"
    return f"<p><small>{escape(words)} · {escape(known['machine'])}</small></p>"


def _findings(values: Values) -> str:
    return section("Findings", f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in findings(values))}</ul>")


def _noted(title: str, name: str, body: str) -> str:
    """Return a section whose table has a note on how to read it; nothing for an empty body."""
    return section(title, note(NOTES[name]) + body) if body else ""


def _filters(found: Values) -> str:
    rows = found["findings"]
    words = f"{len(rows) or 'No'} findings over {found['pictures']} pictures"
    more = f"; the first {FINDINGS} are shown" if len(rows) > FINDINGS else ""
    body = table(rows[:FINDINGS], ("layer", "channel", "finding"))
    return section("Filters", f"<p>{words}{more}.</p>{note(NOTES['filters'])}{body}")


def _summary(values: Values) -> str:
    rows = [
        {"figure": f"{part}: {name}".replace("_", " ").removesuffix(": ").removesuffix(": value"), "value": value}
        for part, figures in values["summary"].items()
        for name, value in (_folded(figures).items() if isinstance(figures, dict) else [("", figures)])
        if not isinstance(value, list)
    ]
    return section("Summary", table(rows, ("figure", "value")))


def _folded(figures: Values) -> Values:
    """Write a value and the ends of its interval as one."""
    if not {"value", "low", "high"} <= figures.keys() or figures["low"] is None:
        return figures
    whole = f"{number(figures['value'])} ({number(figures['low'])} … {number(figures['high'])})"
    return {**{name: value for name, value in figures.items() if name not in ("low", "high")}, "value": whole}


def _confusion(found: Values | None, noun: str) -> str:
    if found is None:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("label", *found["names"]))
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{'–' if count is None else int(count)}</td>" for count in counts) + "</tr>"
        for name, counts in zip(found["names"], found["counts"], strict=True)
    )  # fmt: skip
    rows = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    return section(f"Confusion in {noun} (rows: label, columns: prediction)", rows)


def _calibration(found: Values | None) -> str:
    if found is None:
        return ""
    low, high = found["chance"]
    words = f"Calibration error {found['error']:.2%}; "
    if low is None:
        words += "what chance would show depends on how alike the answers of one picture are."
    else:
        words += f"a perfectly calibrated network would show {low:.2%} to {high:.2%} on as many pictures."
    classes = table(_first(found.get("classes")), CALIBRATION_COLUMNS)
    told = note(NOTES["calibration"]) if classes else ""
    return section("Calibration", f"<p>{escape(words)}</p>{reliability_chart(found['bins'])}{told}{classes}")


def _pictures(pictures: Sequence[tuple[str, str]], values: Values) -> str:
    return section(DRAWN.get(values["manifest"].get("task", ""), "Surely wrong"), figures(pictures))


def _labels(found: Values | None) -> str:
    if found is None:
        return ""
    how = "by networks that were not trained on them" if found["out_of_sample"] else (
        "in sample, if the network was trained on these pictures: it then finds less"
    )  # fmt: skip
    words = f"{number(found['count'])} of {found['of']} labels are suspect, judged {how}."
    rows = [{**row, "class": row.get("class")} for row in _first(found.get("rows")) or []]
    columns = ("item", "class", "label", "suggested", "margin") if any(r["class"] for r in rows) else LABEL_COLUMNS
    return section("Labels", f"<p>{escape(words)}</p>{table(rows, columns)}")


DOTS = {"passed": "●", "not passed": "○", "can't tell": "◌"}
"""A map's verdicts, as the Explorer draws them."""


def _maps(rows: Sequence[Values], addresses: Sequence[str]) -> str:
    figures = []
    for row, address in zip(rows, addresses, strict=True):
        words = f"item {row['item']}, {row['rule']}: {row['words']}"
        dots = "<br>".join(escape(f"{DOTS[v['state']]} {v['name']}: {v['state']}") for v in row["verdicts"])
        image = f'<img src="{escape(address)}" alt="{escape(f"Map of {words}")}">'
        figures.append(f"<figure>{image}<figcaption>{escape(words)}<br><small>{dots}</small></figcaption></figure>")
    return section("Maps of a fixed panel, and how far each can be trusted", "".join(figures))


def _cost(values: Values) -> str:
    rows = [{"part": part, "seconds": seconds} for part, seconds in values["seconds"].items()]
    # marked: two reports of the same inputs are the same but for this and their date
    return f"<!--cost-->{section('Cost', table(rows, ('part', 'seconds')))}<!--/cost-->"


def _absent(values: Values) -> str:
    said = [f"{name}: {reason}" for name, reason in values["absent"].items()]
    lines = "".join(f"<li>{escape(line)}</li>" for line in (*values["notes"], *values["problems"], *said))
    return section("Not looked at, and notes", f"<ul>{lines}</ul>" if lines else "")
