"""Audits in a report: their figures as plain values, and as a section of its page and of its summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from nbviz.reports.page.tables import number, section, table
from nbviz.reports.values import Values, plain
from nbviz.reviews.audits.agreement import agreement, answers_of, inside_of, pairs
from nbviz.reviews.audits.log import Audit, AuditLog
from nbviz.reviews.audits.sample import RULE
from nbviz.reviews.statistics.intervals import Estimate

LOG = "audit.jsonl"
"""Log of a report's audits, in its folder."""
BEGIN, END = "<!--audits-->", "<!--/audits-->"
"""Marks around the section in a page, so that it can be written again alone; names can't hold them, being escaped."""


def audit_values(log: AuditLog, k: int | None = None) -> list[Values]:
    """Return the figures of every audit in a log, each beside the one before; groups of fewer than ``k`` left out."""
    found: list[Values] = []
    before: dict[str, Estimate] = {}
    for name, audit in log.read().items():
        people = [_person(audit, who, before, k) for who in audit.answers if audit.answers[who]]
        known = audit.sample
        found.append(
            {
                "audit": name, "began": audit.began, "weights": known.weights, "method": known.method,
                "seed": known.seed, "people": people,
                "pairs": [asdict(pair) for pair in pairs(audit) if k is None or pair.both >= k],
                "groups": [{"name": g.name, "size": g.size, "count": len(g.items)} for g in known.groups],
                "inside": _inside(audit, before, k),
            }
        )  # fmt: skip
    return plain(found)


def _person(audit: Audit, who: str, before: dict[str, Estimate], k: int | None) -> Values:
    answers = audit.answers[who]
    groups = answers_of(audit.sample, answers)
    shown = [group for group in groups if k is None or group.yes + group.no >= k]
    whole = agreement(audit.sample, answers) if len(shown) == len(groups) else None
    return {
        "who": who, "when": audit.when[who], "answers": len(answers), "unclear": sum(g.unclear for g in groups),
        "agreement": None if whole is None else asdict(whole),
        # a value left out is none that a later one is told beside: value and change would give it away
        "change": None if whole is None else _change(f"answers {who}", whole, before),
        "groups": [{"name": g.name, "yes": g.yes, "no": g.no, **asdict(g.share)} for g in shown],
    }  # fmt: skip


def _inside(audit: Audit, before: dict[str, Estimate], k: int | None) -> Values | None:
    if not audit.measures or (k is not None and len(audit.measures) < k):
        return None
    found = inside_of(audit)
    return {**asdict(found), "change": _change("inside", found.beyond, before)}


def _change(key: str, value: Estimate, before: dict[str, Estimate]) -> Values | None:
    """Return the difference from the audit before, by the same person or of the same measure."""
    earlier, before[key] = before.get(key), value
    if earlier is None:
        return None
    change = value.less(earlier)
    return {**asdict(change), "beyond_chance": change.beyond_chance}


def audit_section(audits: Sequence[Values], weights: str) -> str:
    """Return the section of a page on audits. weights: those of the report; audits of others say so."""
    if not audits:
        words = "Nobody has signed this report off: nbviz audit asks a person about a sample of its pictures."
        return f"{BEGIN}{section('Audit', f'<p>{words}</p>')}{END}"
    people = [row for audit in audits for row in _person_rows(audit, weights)]
    inside = [row for audit in audits for row in _inside_rows(audit, weights)]
    same = [
        {"people": " and ".join(pair["who"]), "pictures": pair["both"], "same": _interval(pair["same"]), **pair}
        for audit in audits for pair in audit["pairs"]
    ]  # fmt: skip
    asked = "Asked of each picture: is this on the right thing? Agreement: yes, of yes and no; of the data set as a "
    words = f"{asked}whole, with its 95 % interval. {RULE}"
    body = (
        f"<p>{escape(words)}</p>"
        + table(people, ("who", "when", "of", "pictures", "can't tell", "agreement", "right", "wrong", "change"))
        + table(inside, ("when", "of", "pictures", "peak on it", "evidence on it", "by chance", "beyond", "change"))
        + table(same, ("people", "pictures", "same", "kappa"))
    )
    return f"{BEGIN}{section('Audit', body)}{END}"


def _person_rows(audit: Values, weights: str) -> list[Values]:
    rows = []
    for person in audit["people"]:
        shares = {group["name"]: _interval({**group}) for group in person["groups"]}
        rows.append(
            {
                "who": person["who"], "when": person["when"], "of": _network(audit, weights),
                "pictures": person["answers"], "can't tell": person["unclear"], **shares,
                "agreement": _interval(person["agreement"]), "change": _interval(person["change"]),
            }
        )  # fmt: skip
    return rows


def _inside_rows(audit: Values, weights: str) -> list[Values]:
    found = audit["inside"]
    if found is None:
        return []
    figures = {"peak on it": "hit", "evidence on it": "inside", "by chance": "covered"}
    shown = {title: _interval(found[name]) for title, name in figures.items()}
    more = {name: _interval(found[name]) for name in ("beyond", "change")}
    return [
        {"when": audit["began"], "of": _network(audit, weights), "pictures": found["count"], **shown, **more}
    ]  # fmt: skip


def _network(audit: Values, weights: str) -> str:
    return "this network" if audit["weights"] == weights else "another network"


def _interval(value: Values | None) -> str:
    if value is None or value["value"] is None:
        return "–"
    return f"{number(value['value'])} ({number(value['low'])} … {number(value['high'])})"


def audit_lines(audits: Sequence[Values]) -> list[str]:
    """Return lines of Markdown, one per person and measure."""
    lines = []
    for audit in audits:
        for person in audit["people"]:
            share = _interval(person["agreement"])
            lines.append(f"- audit by {person['who']}, {person['when']}: {share} of {person['answers']} pictures agree")
        if audit["inside"] is not None:
            found = audit["inside"]
            inside, chance = _interval(found["inside"]), _interval(found["covered"])
            lines.append(f"- audit with masks, {audit['began']}: evidence on the object {inside}, by chance {chance}")
    return lines
