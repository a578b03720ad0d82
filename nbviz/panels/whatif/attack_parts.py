"""Parts of the attack desk that ask on their own: the smallest attack, and the networks put beside this one."""

from __future__ import annotations

from typing import Any, Protocol

from nbviz.edits import Attack, Attacked
from nbviz.errors import NbvizError
from nbviz.model.edit import Edit
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.panels.whatif.attack_words import transfer_words
from nbviz.session.context import Elsewhere
from nbviz.session.requests.base import ExplainRequest, Request
from nbviz.session.requests.edits.attack import FindSmallest, Smallest
from nbviz.session.requests.edits.transfer import TransferAnswer, transfer
from nbviz.session.selection import Selection


class AttackHost(Protocol):
    """Protocol of the desk that these parts draw into."""

    view: Front
    attacked: Attacked | None

    def others(self) -> tuple[Edit, ...]: ...
    def edit(self) -> Attack: ...
    def explanation(self) -> ExplainRequest | None: ...
    def say_beside(self) -> None: ...


class SmallestAttack(Panel):
    """Panel that searches for the smallest attack that changes the prediction; draws into the desk."""

    slot = "smallest attack"
    edits = False

    def __init__(self, links: Links, desk: AttackHost) -> None:
        super().__init__(links)
        self.desk, self.view, self.wanted = desk, desk.view, False

    def request(self, selection: Selection) -> Request | None:
        asked = self.desk.explanation() if self.wanted else None
        return None if asked is None else FindSmallest(self.desk.others(), self.desk.edit(), asked)

    def _say(self, words: str) -> None:
        self.view.set_trait("smallest", words)

    def show(self, answer: Smallest) -> None:
        method = self.desk.edit().method
        name = method if method == "noise" else method.upper()
        if answer.size is not None:
            exact = "" if answer.exact in (None, answer.size) else f"; {answer.exact:g} before rounding to them"
            self._say(f"smallest {name} that flips, found: {answer.size:g} grey levels{exact}")
        elif answer.done < 1:
            self._say(f"{answer.tried[-1]:g} grey levels don't flip it; looking on")
        else:
            exact = "" if answer.exact is None else f"; {answer.exact:g} does before rounding to them"
            self._say(f"no {name} up to {max(answer.tried):g} grey levels flips it{exact}")

    def wait(self, progress: str = "") -> None:
        self._say("looking for the smallest that flips")

    def fail(self, error: BaseException) -> None:
        self._say(str(error) if isinstance(error, NbvizError) else f"the search failed: {error}")


class AttackBeside(Panel):
    """Panel that asks a network put beside this one about the attacked picture; draws into the desk."""

    edits = False

    def __init__(self, links: Links, desk: AttackHost, name: str) -> None:
        super().__init__(links)
        self.slot, self.desk, self.view, self.name = f"attack on {name}", desk, desk.view, name
        self.runs: list[Any] = []

    def request(self, selection: Selection) -> Request | None:
        context, attacked = selection.networks.get(self.name), self.desk.attacked
        if context is None or attacked is None or not attacked.edit.size or selection.tool != "attack":
            self.runs = []
            return None
        return Elsewhere(context, context.version(), transfer(attacked, self.model, context.model))

    def show(self, answer: TransferAnswer) -> None:
        self.runs = transfer_words(answer, self.name)
        self.desk.say_beside()

    def fail(self, error: BaseException) -> None:
        self.runs = [f"on {self.name}: {error}"]
        self.desk.say_beside()
