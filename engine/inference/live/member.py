"""The process of a device: computes its pieces when all they read is there, and sends on what others read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

from engine.emulation.control import Channel
from engine.emulation.process import Order, Process, TransportMaker
from engine.emulation.transport import Message as Letter
from engine.inference.cuts.pieces import SINK, SOURCE
from engine.inference.live.computing import Box, Computer
from engine.inference.live.script import Script

SLACK_S = 0.001
"""A computation may take so much longer than on its device: views and small layers take no time there."""


class Member(Process):
    """Follows a script. Each request has a ticket; a request that is sent again gets a new one.

    In a chain with exits a device keeps nothing of a request that it has answered or sent on: what comes back to it for
    a later piece is all that this piece reads.

    Args:
        place: of the process in the laboratory.
        control: orders come from here: ``files``, ``script``, ``ask``.
        make_transport: makes what it sends with.
    """

    def __init__(self, place: int, control: Channel, make_transport: TransportMaker) -> None:
        super().__init__(place, control, make_transport)
        self._script = Script((), (), {}, -1, -1, 0.0)
        self._mine: list[int] = []
        self._boxes: dict[int, Box] = {}
        self._first = 0
        self._is_busy = False

    def orders(self) -> Mapping[str, Callable[[Order], None]]:
        """Files, a script, and the beginning of a request."""
        return {"files": self._read, "script": self._learn, "ask": self._ask}

    def _read(self, order: Order) -> None:
        self.computer = Computer(Path(order["folder"]))
        self.answer(None)

    def _learn(self, order: Order) -> None:
        """Take over a script: requests with earlier tickets are forgotten."""
        self._script, self._first = Script.from_json(order["script"]), int(order["first"])
        self._mine = [number for number, place in enumerate(self._script.at) if place == self.place]
        self._boxes = {}
        self.computer.learn(self._mine)
        ends = {frozenset(pair) for pair in self._script.pairs if self.place in pair}
        # The node farther from the server opens a connection, as devices behind address translation must.
        peers = [other for pair in ends for other in pair if other != self.place]
        self.connect([peer for peer in peers if peer < self.place], peers)

    def _ask(self, order: Order) -> None:
        """Begin a request at the moment that was agreed on."""
        ticket, sample = int(order["ticket"]), int(order["sample"])
        self.loop.at(float(order["at"]), lambda: self._begin(ticket, sample))

    def _begin(self, ticket: int, sample: int) -> None:
        if ticket < self._first:
            return
        box = self._box(ticket)
        self.computer.begin(box, sample)
        self._send(ticket, SOURCE)
        self._keep_or_forget(ticket, 0)
        self._go_on()

    def _box(self, ticket: int) -> Box:
        if ticket not in self._boxes:
            self._boxes[ticket] = box = Box()
            if self._script.rule is None:
                self.computer.miss(box, self._script.missing)
        return self._boxes[ticket]

    def arrived(self, letter: Letter) -> None:
        """Take what another device has sent, or hand it on."""
        way = self._script.ways.get(letter.item)
        if letter.repetition < self._first or way is None or self.place not in way:
            return  # of a request that was sent again by another plan
        if way[-1] != self.place:
            self.transport.send(way[way.index(self.place) + 1], letter, connects=False)
            return
        message, box = self.computer.pieces.messages[letter.item], self._box(letter.repetition)
        self.computer.take(message, letter.body, box)
        if self._script.rule is not None:
            place = self.computer.pieces.place
            if message.target == SINK:
                self._tell(letter.repetition, place[message.source])
            else:
                box.following = self._mine.index(place[message.target])
        self._go_on()

    def _send(self, ticket: int, maker: str, leaves: bool | None = None) -> None:
        """Send what others read of a piece, or of the input.

        Args:
            ticket: of the request.
            maker: name of the piece.
            leaves: whether the request has its answer, which alone is sent then, or goes on without one; None where
                there are no exits.
        """
        for number, way in self._script.ways.items():
            message = self.computer.pieces.messages[number]
            if leaves is not None and leaves != (message.target == SINK):
                continue
            if message.source == maker and way[0] == self.place:
                body = self.computer.encode(message, self._boxes[ticket])
                self.transport.send(way[1], Letter(number, ticket, body), connects=False)

    def _go_on(self) -> None:
        """Compute the next piece that is ready, of the earliest request; tell answers that are there."""
        for ticket in sorted(self._boxes):
            box = self._boxes[ticket]
            if box.following < len(self._mine):
                number = self._mine[box.following]
                if not self._is_busy and self._is_ready(self.computer.pieces.pieces[number].name, box):
                    self._work(ticket, number, box)
            elif self._script.sink != self.place:
                del self._boxes[ticket]
            elif self._is_ready(SINK, box):
                self._tell(ticket)

    def _tell(self, ticket: int, left_at: int | None = None) -> None:
        """Tell an answer: that of an exit, or what all pieces together make."""
        box = self._boxes.pop(ticket)
        logits = self.computer.answer(box) if left_at is None else self.computer.said(left_at, box)
        told = {"event": "answer", "ticket": ticket, "at": self.loop.now(), "logits": logits.tolist()}
        self.control.send({**told, "left_at": left_at})

    def _pass_on(self, ticket: int, number: int) -> None:
        """Answer or go on after a piece of a chain with exits was computed."""
        script, box = self._script, self._boxes[ticket]
        assert script.rule is not None
        leaves = number == script.last or script.rule.answers(self.computer.said(number, box))
        self._send(ticket, self.computer.pieces.pieces[number].name, leaves)
        if leaves and script.sink == self.place:
            self._tell(ticket, number)
        elif leaves:
            del self._boxes[ticket]
        else:
            self._keep_or_forget(ticket, number + 1)

    def _keep_or_forget(self, ticket: int, following: int) -> None:
        """Of a chain with exits, keep a request only if its next piece is here."""
        if self._script.rule is not None and self._script.at[following] != self.place:
            del self._boxes[ticket]

    def _is_ready(self, target: str, box: Box) -> bool:
        return all(box.has(message) for message in self.computer.pieces.messages if message.target == target)

    def _work(self, ticket: int, number: int, box: Box) -> None:
        began = self.loop.now()
        made = self.computer.compute(number, box)
        self.pacing.book(monotonic() - began, self._script.seconds[number] + SLACK_S)
        self._is_busy = True

        def done() -> None:
            self._is_busy = False
            if ticket in self._boxes:  # else it was given up while the device computed
                piece = self.computer.pieces.pieces[number].name
                box.held[piece], box.following = made, box.following + 1
                box.done.add(piece)
                if self._script.rule is None:
                    self._send(ticket, piece)
                else:
                    self._pass_on(ticket, number)
            self._go_on()

        self.loop.at(began + self._script.seconds[number], done)
