"""Summary of a report as Markdown, for a pull request."""

from __future__ import annotations

from nbviz.reports.audits import audit_lines
from nbviz.reports.findings import findings
from nbviz.reports.page.tables import number
from nbviz.reports.values import Values

WEAKEST = {"maps": ("IoU", "iou", "pictures"), "boxes": ("AP50", "ap50", "pictures")}
"""Task → title and name of the figure by which classes are weak, and what they are counted in."""


def markdown(values: Values) -> str:
    """Return the summary of a report for a pull request."""
    lines = [f"# Review of {_cell(values['manifest']['network'])}", ""]
    lines += [*(f"- {_cell(line)}" for line in findings(values)), "", "| figure | value |", "|---|---|"]
    for part, figures in values["summary"].items():
        for name, value in figures.items() if isinstance(figures, dict) else [("", figures)]:
            # the two ends of a chance level are no figure of their own
            if not isinstance(value, list):
                lines.append(f"| {_cell(part.replace('_', ' '))} {_cell(name.replace('_', ' '))} | {number(value)} |")
    title, name, count = WEAKEST.get(values["manifest"].get("task", ""), ("recall", "recall", "support"))
    worst = sorted((row for row in values["classes"] or [] if row[name] is not None), key=lambda row: row[name])
    if worst:
        lines += ["", f"| weakest classes | {title} | 95 % | pictures |", "|---|---|---|---|"]
    for row in worst[:5]:
        interval = f"{number(row[f'{name}_low'])} … {number(row[f'{name}_high'])}"
        lines.append(f"| {_cell(row['class'])} | {number(row[name])} | {interval} | {row[count]} |")
    lines += ["", *map(_cell, audit_lines(values.get("audits", [])))]
    lines += [*(f"- {_cell(name)}: {_cell(reason)}" for name, reason in values["absent"].items())]
    return "\n".join(lines) + "\n"


def _cell(text: object) -> str:
    # a class may be called anything: a bar ends the cell, and "<" begins a tag
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
