"""A process of a laboratory: it obeys orders, sends messages and keeps to its device's pace.

What it computes, and when, is up to its kind: some repeat the rounds of a trace, others carry out the plan of an
inference. A further kind is a class with its orders, and a parent that names it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.emulation import kernel
from engine.emulation.control import Channel, Gone
from engine.emulation.stages import Pacing
from engine.emulation.transport import Message, Transport
from engine.emulation.waiting import EventLoop

TransportMaker = Callable[[EventLoop, int, Callable[[Message], None]], Transport]

Order = dict[str, Any]
"""What a process is asked to do: its name under ``order``, and what the name asks for."""

CHECK_S = 0.01
"""Between two looks whether all connections are there."""


class Process(ABC):
    """Obeys orders from its control until that hangs up. Every kind obeys ``ping`` and ``facts``.

    Args:
        place: of the process in the laboratory.
        control: where orders come from.
        make_transport: makes what it sends with.

    Attributes:
        loop: what it waits with.
        transport: what it sends with.
        pacing: how its computations kept to their device's time.
    """

    def __init__(self, place: int, control: Channel, make_transport: TransportMaker) -> None:
        self.place, self.control = place, control
        self.loop = EventLoop()
        self.transport = make_transport(self.loop, place, self.arrived)
        self.transport.listen()
        self.pacing = Pacing()

    @abstractmethod
    def orders(self) -> Mapping[str, Callable[[Order], None]]:
        """What is done at each order of this kind. Every order is answered once, sooner or later, or not at all if
        what it begins tells of events.
        """

    @abstractmethod
    def arrived(self, message: Message) -> None:
        """Take a message from another process."""

    def run(self) -> None:
        """Go on until whoever controls it hangs up."""
        actions = {"ping": lambda order: self.answer(None), "facts": lambda order: self.answer(self.facts())}
        actions |= self.orders()

        def obey() -> None:
            try:
                order = self.control.receive()
                actions[order["order"]](order)
            except Gone:
                self.loop.stop()

        self.loop.watch(self.control.door.fileno(), obey)
        self.loop.run()

    def answer(self, result: Any) -> None:
        """Answer an order."""
        self.control.send({"result": result})

    def facts(self) -> dict[str, int]:
        """What was counted."""
        return {
            "payload_bytes": self.transport.payload_bytes,
            "failures": self.transport.failures,
            "stages": self.pacing.stages,
            "overruns": self.pacing.overruns,
        }

    def connect(self, opens: Iterable[int], peers: Iterable[int]) -> None:
        """Open connections that are kept, and answer the order as soon as all are there.

        Args:
            opens: places to which this process opens one.
            peers: places to which there must be one in the end, whoever opens it.
        """
        for peer in opens:
            if not self.transport.keeps(peer):
                self.transport.open(peer)
        self._await(tuple(peers))

    def _await(self, peers: tuple[int, ...]) -> None:
        if all(self.transport.is_open(peer) for peer in peers):
            self.answer(None)
        else:
            self.loop.at(self.loop.now() + CHECK_S, lambda: self._await(peers))


def serve(kind: type[Process], place: int, control: Channel, make_transport: TransportMaker) -> None:
    """Be such a process until the control hangs up; it says in which namespace it is as soon as it can be reached."""
    kernel.go_first(kernel.NODE_PRIORITY)
    kernel.exact_timers()
    process = kind(place, control, make_transport)
    process.answer({"namespace": kernel.network_namespace() if kernel.IS_LINUX else 0})
    process.run()
