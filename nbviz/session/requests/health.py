"""Requests of a network's health: channels that do nothing of their own, over a sample of the pictures at hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nbviz.evaluation.health import judging
from nbviz.pictures.samples import Items
from nbviz.session.requests.base import Context, Request

ENOUGH = 64
"""Pictures from which silence says something of a channel, and not only of the pictures."""
BATCH = 2
"""Pictures in a step: with every layer looked at, eight take more than a second on a large network."""


@dataclass(frozen=True)
class HealthAnswer:
    """Findings; none while ``done`` is below 1."""

    pictures: int
    findings: Mapping[str, Mapping[int, tuple[str, str]]] = field(default_factory=dict)
    """Layer → channel → (finding, sentence). Judged layers without a finding are there, and empty."""
    done: float = 1.0

    def of(self, layer: str, channel: int) -> tuple[str, str] | None:
        """Return ("healthy", sentence) or the finding; None for a layer that wasn't judged."""
        if layer not in self.findings:
            return None
        healthy = "healthy", f"Not dead, saturated, uniform, duplicated or noise over {self.pictures} pictures."
        return self.findings[layer].get(channel, healthy)

    def words(self, layer: str) -> str:
        """Return counts of findings: ``"2 dead, 1 duplicate"``; empty where there is nothing."""
        counts = Counter(finding for finding, _ in self.findings.get(layer, {}).values())
        return ", ".join(f"{count} {finding}" for finding, count in counts.most_common())


@dataclass(frozen=True)
class CheckHealth(Request):
    """Request of a pass over a sample of a data set, one batch per step."""

    items: Items

    def __call__(self, context: Context) -> Iterator[HealthAnswer]:
        for judged in judging(context.model, self.items, batch=BATCH):
            if not judged.complete:
                yield HealthAnswer(judged.seen, done=judged.done)
                continue
            findings: dict[str, dict[int, tuple[str, str]]] = defaultdict(dict, {name: {} for name in judged.layers})
            for layer, channel, finding, detail in judged.rows:
                findings[layer].setdefault(channel, (finding, f"{finding}: {detail}"))
            yield HealthAnswer(judged.seen, dict(findings))
