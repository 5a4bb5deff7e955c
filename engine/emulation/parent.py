"""The warm parent of a laboratory's processes: ``python -m engine.emulation.parent DESCRIPTOR PARENT``.

It is a program of its own so that it has one thread and nothing open: it loads PyTorch once, then forks a process per
node, which shares what was loaded. All of them are killed by the kernel when it dies, and it is when its parent does.
Namespaces have no names, so nothing is left to clean up.
"""

import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from engine.emulation import kernel
from engine.emulation.control import Channel, Gone, LaboratoryError, Late, pair
from engine.emulation.fabric import Fabric, fabric_of
from engine.emulation.node import Node
from engine.emulation.ports import Port
from engine.emulation.process import Process, TransportMaker, serve
from engine.emulation.stages import warm

SETTLE_S, SETTLE_NODE_S = 0.0005, 0.00015
"""Between telling the nodes to begin and beginning, and more for each: so that every one has heard of it. A node that
has not begins late, which the measurement then shows."""

BRING_UP_S = 60.0
"""The longest that a node may take to be there, with a wide margin."""


@dataclass
class Child:
    """A process of the laboratory.

    Attributes:
        process: its id.
        control: leads to it.
    """

    process: int
    control: Channel


def fork(name: str, act: Callable[[Channel], None], doomed: tuple[socket.socket, ...] = ()) -> Child:
    """A child that acts, and never returns from here.

    Args:
        name: of the child, for messages.
        act: what it does with its end of the connection.
        doomed: sockets of the parent that the child must not hold open.
    """
    to_child, to_parent = pair(name, "the laboratory")
    here = os.getpid()
    process = os.fork()
    if process:
        to_parent.close()
        return Child(process, to_child)
    status = 1
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for door in (to_child.door, *doomed):
            door.close()
        kernel.die_with_parent(here)
        act(to_parent)
        status = 0
    finally:
        # The parent's own clean-up must not run here a second time; what went wrong is told by its error output.
        if status:
            traceback.print_exc()
        os._exit(status)


class Parent:
    """Forks the nodes and what carries between them, and conducts their rounds.

    Args:
        order: fabric, number of nodes, size of packets, transport, computation, deadline.
        control: where orders come from; the children must not hold it open.

    Attributes:
        kind: what the nodes are: here such as repeat the rounds of a trace.
    """

    kind: ClassVar[type[Process]] = Node

    def __init__(self, order: dict[str, Any], control: Channel) -> None:
        self.order = order
        self.fabric: Fabric = fabric_of(order["fabric"])
        self.nodes: list[Child] = []
        self.doors: list[socket.socket] = []
        self.carrier: Child | None = None
        self.control = control

    def bring_up(self) -> dict[str, Any]:
        """Start everything; gives what is known about it.

        Raises:
            LaboratoryError: a node could not be started.
        """
        began_s = time.monotonic()
        for place in range(self.order["nodes"]):
            self._add_node(place)
        ports = [self._connect(place) for place in range(len(self.nodes))]
        self.carrier = fork("the emulator", lambda control: self.fabric.carry(ports, control), self._own_ends())
        for port in ports:
            port.close()
        namespaces = [node.control.answer(BRING_UP_S)["namespace"] for node in self.nodes]
        return {
            "processes": [child.process for child in (*self.nodes, self.carrier)],
            "namespaces": namespaces,
            "bring_up_s": time.monotonic() - began_s,
        }

    def obey(self, order: dict[str, Any]) -> Any:
        """Do what was asked."""
        name = order["order"]
        if name == "plan":
            return self._ask(order)
        if name == "counts":
            asked = self.nodes if order["with_nodes"] else []
            return self._ask(order) | {"nodes": self._all([{"order": "facts"}] * len(asked), order["patience_s"])}
        if name == "rounds":
            return self._rounds(order)
        return self._all([{**order, **part} for part in order.pop("parts")], order["patience_s"])

    def close(self) -> None:
        """End all children."""
        for child in (*self.nodes, *filter(None, [self.carrier])):
            os.kill(child.process, signal.SIGKILL)
            os.waitpid(child.process, 0)
            child.control.close()
        for door in self.doors:
            door.close()

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self.carrier is not None
        self.carrier.control.send(order)
        return self.carrier.control.answer(BRING_UP_S)

    def _all(self, orders: list[dict[str, Any]], patience_s: float) -> list[Any]:
        """Ask every node something."""
        deadline = time.monotonic() + patience_s
        asked = self.nodes[: len(orders)]
        for node, order in zip(asked, orders, strict=True):
            node.control.send(order)
        return self._answers(asked, deadline)

    @staticmethod
    def _answers(asked: Sequence[Child], deadline: float) -> list[Any]:
        """What the nodes answer, in whatever order: one that has ended is told at once.

        Raises:
            LaboratoryError: a node has ended, or something went wrong there.
            Late: not all have answered by the deadline.
        """
        found: dict[int, Any] = {}
        with selectors.DefaultSelector() as selector:
            for place, node in enumerate(asked):
                selector.register(node.control.door, selectors.EVENT_READ, place)
            while len(found) < len(asked):
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    missing = next(node.control.name for place, node in enumerate(asked) if place not in found)
                    raise Late(f"{missing} did not answer in time")
                for key, _ in ready:
                    found[key.data] = asked[key.data].control.answer(BRING_UP_S)
        return [found[place] for place in range(len(asked))]

    def _rounds(self, order: dict[str, Any]) -> dict[str, Any]:
        """Repeat the round that the nodes know; ends early at the deadline, with what there is."""
        deadline = time.monotonic() + order["patience_s"]
        found: list[dict[str, Any]] = []
        settle_s = SETTLE_S + SETTLE_NODE_S * len(self.nodes) + order["settle_s"]
        for repetition in range(order["first"], order["first"] + order["repetitions"]):
            begin_s = time.monotonic() + settle_s
            told = {"order": "begin", "repetition": repetition, "at": begin_s}
            try:
                parts = self._all([told] * len(self.nodes), deadline - time.monotonic())
            except Late:
                return {"rounds": found, "is_late": True}
            times: dict[str, Any] = {"at": begin_s}
            for name in ("starts", "ends"):
                times[name] = [[item, moment - begin_s] for part in parts for item, moment in part[name]]
            found.append(times)
        return {"rounds": found, "is_late": False}

    def _own_ends(self) -> tuple[socket.socket, ...]:
        return (self.control.door, *(node.control.door for node in self.nodes))

    def _add_node(self, place: int) -> None:
        inside, outside = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.doors.append(outside)

        def live(control: Channel) -> None:
            try:
                self.fabric.enter(place, self.order["size"], inside)
            except OSError as error:
                control.send({"error": f"node {place} cannot enter the network: {error}"})
                return
            kernel.die_with_parent(os.getppid())
            serve(self.kind, place, control, self._transport(inside))

        self.nodes.append(fork(f"node {place}", live, (*self.doors, *self._own_ends())))
        inside.close()

    def _connect(self, place: int) -> Port:
        try:
            return self.fabric.connect(place, self.nodes[place].process, self.order["size"], self.doors[place])
        except Gone:
            self.nodes[place].control.answer(BRING_UP_S)  # says why
            raise

    def _transport(self, door: socket.socket) -> TransportMaker:
        from engine.emulation.transports.coap import Coap
        from engine.emulation.transports.datagrams import Datagrams
        from engine.emulation.transports.shaped import Shaped
        from engine.emulation.transports.tcp import Tcp

        if not self.fabric.has_namespaces:
            return lambda loop, node, receive: Shaped(loop, node, receive, door)
        door.close()
        chosen = self.order
        if chosen["transport"] == "coap":
            return lambda loop, node, receive: Coap(
                loop, node, receive, block=chosen["frame_payload"], seed=chosen["seed"]
            )
        if chosen["transport"] == "datagram":
            return lambda loop, node, receive: Datagrams(loop, node, receive, chosen["frame_payload"])
        return lambda loop, node, receive: Tcp(loop, node, receive, chosen["congestion"])


class Conductor:
    """Obeys whoever started this program.

    Args:
        control: where orders come from.
        parent: the kind of parent that it opens laboratories with.
    """

    def __init__(self, control: Channel, parent: type[Parent] = Parent) -> None:
        self.control, self._kind = control, parent
        self._parent: Parent | None = None
        self._prepared: set[str] = set()

    def run(self) -> NoReturn:
        """Obey until the user hangs up, which ends it by ``Gone``."""
        while True:
            order = self.control.receive()
            try:
                result = self._obey(order)
            except (LaboratoryError, OSError) as error:
                self.control.send({"error": str(error)})
            else:
                self.control.send({"result": result})

    def _obey(self, order: dict[str, Any]) -> Any:
        if order["order"] == "open":
            return self._open(order)
        if self._parent is None:
            raise LaboratoryError("no laboratory is open")
        if order["order"] == "close":
            self._parent.close()
            self._parent = None
            signal.setitimer(signal.ITIMER_REAL, 0)
            return None
        return self._parent.obey(order)

    def _open(self, order: dict[str, Any]) -> Any:
        # The hard deadline: the kernel ends this process, and with it all others.
        signal.setitimer(signal.ITIMER_REAL, order["deadline_s"])
        if self._parent is not None:
            self._parent.close()
        parent = self._parent = self._kind(order, self.control)
        if order["computation"] == "network":
            warm()
        if order["fabric"] not in self._prepared:
            parent.fabric.prepare()
            kernel.die_with_parent(os.getppid())  # a change of rights makes the kernel forget
            self._prepared.add(order["fabric"])
        return parent.bring_up()


def main(words: list[str], parent: type[Parent] = Parent) -> int:
    """Obey until whoever started this hangs up."""
    control = Channel(socket.socket(fileno=int(words[0])), "the laboratory's user")
    kernel.die_with_parent(int(words[1]))
    try:
        Conductor(control, parent).run()
    except Gone:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
