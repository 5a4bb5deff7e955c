"""The warm parent of a plan's processes: ``python -m engine.inference.live.parent DESCRIPTOR PARENT``.

It sends requests to the process that asks, hears answers, and notices processes that have ended or fallen silent.
"""

import os
import selectors
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from engine.emulation.control import Channel, Gone, LaboratoryError, Late
from engine.emulation.parent import SETTLE_NODE_S, SETTLE_S, Parent, main
from engine.inference.live.member import Member

PROBE_S = 2.0
"""A process that does not say within so long that it is there is given up, with a wide margin on a busy host."""

ANSWER_S = 60.0
"""The longest that a process may take to finish a message that it has begun to say."""


@dataclass
class Serving:
    """Requests under way.

    Attributes:
        order: what was asked for; see :meth:`LiveParent.obey`.
        waiting: ticket, sample and moment of the requests that were not sent yet, in order; a moment of None comes
            with the answer to the one before.
        asked: when each request began that has no answer yet, by its ticket.
        checked: when it was last looked after each of them.
        told: what is handed back.
    """

    order: dict[str, Any]
    waiting: list[tuple[int, int, float | None]]
    asked: dict[int, float] = field(default_factory=dict)
    checked: dict[int, float] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=lambda: {"answers": [], "late": []})

    def due_s(self) -> float | None:
        """When the next request is sent; None if it waits for an answer, or there is none."""
        if not self.waiting or (self.waiting[0][2] is None and self.asked):
            return None
        return self.waiting[0][2] or 0.0

    def look_s(self) -> float | None:
        """When it is time to look after the request that has waited longest."""
        patience = self.order["timeout_s"] + self.order["expected_s"] * (1 + len(self.asked))
        return min(self.checked.values()) + patience if self.checked else None


class LiveParent(Parent):
    """Conducts a plan's processes; those that are lost stay lost."""

    kind = Member

    def __init__(self, order: dict[str, Any], control: Channel) -> None:
        super().__init__(order, control)
        self._lost: dict[int, dict[str, Any]] = {}
        self._heard: list[dict[str, Any]] = []

    def obey(self, order: dict[str, Any]) -> Any:
        """Do what was asked: ``tell`` says something to all processes, ``serve`` sends requests.

        Both hand back which processes were lost: ``place``, ``how`` (``ended`` or ``silent``) and when it was noticed.
        Requests are served until all are answered, some are late, or a process is lost.
        """
        match order["order"]:
            case "tell":
                answers = self._tell(order["what"], order["patience_s"])
                return {"answers": [answers.get(place) for place in range(len(self.nodes))], "lost": self._new_losses()}
            case "serve":
                return self._serve(order)
            case "counts":
                return self._ask(order) | {"nodes": []}
            case _:
                return self._ask(order)

    def _new_losses(self) -> list[dict[str, Any]]:
        found = [loss for loss in self._lost.values() if not loss.get("told")]
        told = [dict(loss) for loss in found]
        for loss in found:
            loss["told"] = True
        return told

    def _lose(self, place: int, how: str) -> None:
        self._lost.setdefault(place, {"place": place, "how": how, "at": time.monotonic()})
        # What is given up must not go on computing beside its successor.
        with suppress(ProcessLookupError):
            os.kill(self.nodes[place].process, signal.SIGKILL)

    def _alive(self) -> list[int]:
        return [place for place in range(len(self.nodes)) if place not in self._lost]

    def _say(self, place: int, what: dict[str, Any]) -> None:
        try:
            self.nodes[place].control.send(what)
        except Gone:
            self._lose(place, "ended")

    def _hear(self, place: int) -> dict[str, Any] | None:
        """The next message of a process; None if it has ended."""
        try:
            told: dict[str, Any] = self.nodes[place].control.receive(ANSWER_S)
        except Gone:
            self._lose(place, "ended")
        except Late:
            self._lose(place, "silent")
        else:
            if "error" in told:
                raise LaboratoryError(f"node {place}: {told['error']}")
            return told
        return None

    def _tell(self, what: dict[str, Any], patience_s: float) -> dict[int, Any]:
        """Say something to all and hear what they answer; those that do not answer are lost."""
        open_ = set(self._alive())
        for place in sorted(open_):
            self._say(place, what)
        answers: dict[int, Any] = {}
        deadline = time.monotonic() + patience_s
        while open_ := open_ - self._lost.keys() - answers.keys():
            ready = self._ready(sorted(open_), deadline)
            if not ready:
                for place in open_:
                    self._lose(place, "silent")
            for place in ready:
                told = self._hear(place)
                if told is not None and "event" in told:
                    self._heard.append(told)
                elif told is not None:
                    answers[place] = told["result"]
        return answers

    def _ready(self, places: list[int], deadline: float | None) -> list[int]:
        """Those of some processes that have something to say, or have ended; none at the deadline."""
        with selectors.DefaultSelector() as selector:
            for place in places:
                selector.register(self.nodes[place].control.door, selectors.EVENT_READ, place)
            patience = None if deadline is None else max(0.0, deadline - time.monotonic())
            return [key.data for key, _ in selector.select(patience)]

    def _serve(self, order: dict[str, Any]) -> dict[str, Any]:
        serving = Serving(order, [tuple(one) for one in order["requests"]])
        self._kill_due(serving)
        while (serving.waiting or serving.asked) and not serving.told["late"]:
            self._send_due(serving)
            moments = [moment for moment in (serving.due_s(), serving.look_s()) if moment is not None]
            for place in self._ready(self._alive(), min(moments, default=None)):
                told = self._hear(place)
                if told is not None and "event" in told:
                    self._heard.append(told)
            self._take_answers(serving)
            look_s = serving.look_s()
            if look_s is not None and look_s <= time.monotonic():
                self._look(serving)
            if lost := self._new_losses():
                return serving.told | {"lost": lost, "asked": list(serving.asked.items())}
        return serving.told | {"lost": [], "asked": list(serving.asked.items())}

    def _send_due(self, serving: Serving) -> None:
        """Send the requests whose time has come, all processes having a moment to hear of it."""
        while (due_s := serving.due_s()) is not None and due_s <= time.monotonic() + SETTLE_S:
            ticket, sample, moment = serving.waiting.pop(0)
            at = max(moment or 0.0, time.monotonic() + SETTLE_S + SETTLE_NODE_S)
            serving.asked[ticket] = serving.checked[ticket] = at
            self._say(serving.order["source"], {"order": "ask", "ticket": ticket, "sample": sample, "at": at})

    def _take_answers(self, serving: Serving) -> None:
        for told in self._heard:
            began = serving.asked.pop(told["ticket"], None)
            serving.checked.pop(told["ticket"], None)
            if began is not None:  # else it was sent again, and this is the answer of before
                serving.told["answers"].append({**told, "began": began})
                self._kill_due(serving)
        self._heard = []

    def _kill_due(self, serving: Serving) -> None:
        """Kill what is to be killed after so many answers: a trial of what happens then."""
        kills, answered = serving.order["kills"], len(serving.told["answers"])
        serving.order["kills"] = [kill for kill in kills if kill["after"] > answered]
        for kill in kills:
            if kill["after"] <= answered and kill["place"] not in self._lost:
                with suppress(ProcessLookupError):  # it has ended by itself, and will be noticed
                    os.kill(self.nodes[kill["place"]].process, signal.SIGKILL)

    def _look(self, serving: Serving) -> None:
        """Requests wait for too long: who is not there any more? If all are, the requests are sent again."""
        self._tell({"order": "ping"}, PROBE_S)
        self._take_answers(serving)
        now = time.monotonic()
        patience = serving.order["timeout_s"] + serving.order["expected_s"] * (1 + len(serving.asked))
        late = [ticket for ticket, checked in serving.checked.items() if checked + patience <= now]
        if not any(not loss.get("told") for loss in self._lost.values()):
            serving.told["late"] = late


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], LiveParent))
