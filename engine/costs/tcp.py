"""TCP connections, segment by segment: what loss does to times, which no formula says.

A discrete-event model of what Linux does by default; the sender is in :mod:`engine.costs.tcp_sender`, the receiver in
:mod:`engine.costs.tcp_receiver`. Sources: RFC 5681, 6298, 6675, 6928, 7323, 8985, 9406, 9438. A connection outlives its
messages: window, round trip and timeout are those that earlier messages left behind.
"""

from engine.costs.packets import Moment, Route, World
from engine.costs.path import SYN_TIMEOUT_S
from engine.costs.tcp_receiver import Receiver
from engine.costs.tcp_sender import Path, Sender
from engine.network.link import Congestion

REQUEST_BYTES, CONFIRM_BYTES = 8, 4
"""Options of SYN and SYN/ACK beyond the headers, and of the third packet of the handshake, which messages follow."""


class Connection:
    """Both directions between two hosts, open until another one takes its place.

    Args:
        world: clock and chance.
        forth: the hops from the first host to the second.
        back: the hops from the second host to the first.
        congestion: congestion control of both.
    """

    def __init__(self, world: World, forth: Route, back: Route, congestion: Congestion) -> None:
        self._world, self._forth, self._back = world, forth, back
        self._flows = [self._flow(forth, back, congestion), self._flow(back, forth, congestion)]
        self._waiting: list[Moment] | None = None

    def _flow(self, forth: Route, back: Route, congestion: Congestion) -> Sender:
        sender = Sender(self._world, Path(forth, back), congestion)
        receiver = Receiver(self._world, back, sender.acknowledged)
        sender.peer = receiver
        return sender

    def send(self, payload: int, arrived: Moment, *, backwards: bool = False) -> None:
        """Send a message from the first host to the second, or backwards; says when all of it has arrived."""
        sender = self._flows[backwards]
        if self._waiting is None:
            sender.write(payload, arrived)
        else:
            self._waiting.append(lambda: sender.write(payload, arrived))

    def open(self, *, backwards: bool = False) -> None:
        """Shake hands; messages wait until it is done. The sender of the first message asks."""
        self._waiting = []
        ways = (self._back, self._forth) if backwards else (self._forth, self._back)
        self._request(ways, SYN_TIMEOUT_S)

    def _request(self, ways: tuple[Route, Route], timeout: float) -> None:
        if self._waiting is not None:
            self._world.carry(ways[0], REQUEST_BYTES, self._answer, ways)
            self._world.clock.at(self._world.clock.now + timeout, self._request, ways, 2 * timeout)

    def _answer(self, ways: tuple[Route, Route]) -> None:
        self._world.carry(ways[1], REQUEST_BYTES, self._opened, ways)

    def _opened(self, ways: tuple[Route, Route]) -> None:
        if self._waiting is None:
            return
        self._world.carry(ways[0], CONFIRM_BYTES, _nothing)
        waiting, self._waiting = self._waiting, None
        for write in waiting:
            write()


def _nothing() -> None:
    """The third packet of the handshake only takes its time on air."""
