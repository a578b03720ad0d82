"""Group of cards with the same request for several classes: computed together, as they share forwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from nbviz.attribution import Attribution
from nbviz.model.target import Target
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.panels.pins.pin_card import PinCard
from nbviz.session.pins.pin import Pin
from nbviz.session.requests.base import ExplainAnswer, ExplainSeveralRequest, Request, SeveralAnswer
from nbviz.session.selection import Selection


class PinGroup(Panel):
    """Panel that asks for several cards at once, and shows each its own map; each answer is then cached alone."""

    reads = frozenset(("stage",))
    edits = False

    def __init__(self, links: Links, cards: list[PinCard]) -> None:
        super().__init__(links)
        self.slot, self.cards = f"{cards[0].slot}+", cards
        self.finished = False
        """True if every card has its map: from then on each asks alone."""
        self._shown: dict[PinCard, Attribution] = {}

    def request(self, selection: Selection) -> Request | None:
        if self.cards[0].request(selection) is None:
            return None
        return self._joint_request()

    def show(self, answer: SeveralAnswer) -> None:
        pairs = zip(self.cards, answer.attributions, strict=True)
        maps = {card: ExplainAnswer(attribution, answer.seen) for card, attribution in pairs if attribution is not None}
        self.finished = answer.done >= 1
        if self.finished:
            self.links.context.keep(
                self._joint_request(), answer, {card.own_request: one for card, one in maps.items()}
            )
        for card, one in maps.items():
            # each partial answer has the maps of all cards: only a new one is painted
            if self._shown.get(card) is not one.attribution:
                self._shown[card] = one.attribution
                card.show(one)

    def wait(self, progress: str = "") -> None:
        for card in self.cards:
            card.wait(progress)

    def fail(self, error: BaseException) -> None:
        for card in self.cards:
            card.fail(error)

    def _joint_request(self) -> ExplainSeveralRequest:
        pin, targets = self.cards[0].pin, tuple(card.pin.target for card in self.cards)
        return ExplainSeveralRequest(self.pictures[pin.picture], targets, pin.method, pin.layer, pin.options)


def together(cards: Iterable[PinCard]) -> list[list[PinCard]]:
    """Return the new cards that make the same request of the Explorer's own network for different targets."""
    groups: defaultdict[Pin, list[PinCard]] = defaultdict(list)
    for card in cards:
        if not card.pin.network and card.pin.channel is None:
            groups[replace(card.pin, target=Target())].append(card)
    return [group for group in groups.values() if len(group) > 1]
