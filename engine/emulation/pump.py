"""The process that carries packets between the nodes: the emulator's core, driven by the clock."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from engine.emulation import kernel
from engine.emulation.control import Channel, Gone
from engine.emulation.links import Delivery, LinkEmulator, Plan, from_json
from engine.emulation.ports import Port, target_of
from engine.emulation.waiting import EventLoop

MOST_LATENESSES = 2_000_000
"""Packets whose lateness is remembered, the latest ones."""


class Pump:
    """Reads packets, asks the emulator when they arrive, and hands them over then.

    Args:
        ports: one per node, by its place.
        control: commands come from here: ``plan``, ``counts``.
    """

    def __init__(self, ports: Sequence[Port], control: Channel) -> None:
        self.ports, self.control = ports, control
        self.loop = EventLoop()
        self.emulator = LinkEmulator(Plan((), {}))
        self.lateness: deque[float] = deque(maxlen=MOST_LATENESSES)
        self._wake = float("inf")

    def run(self) -> None:
        """Go on until whoever controls it hangs up."""
        self.loop.watch(self.control.door.fileno(), self._obey)
        for node, port in enumerate(self.ports):
            self.loop.watch(port.descriptor, lambda node=node, port=port: self._take(node, port))  # type: ignore[misc]
        self.loop.run()

    def _take(self, node: int, port: Port) -> None:
        try:
            for packet in port.packets():
                target = target_of(packet)
                if target >= 0:
                    self.emulator.offer(self.loop.now(), (node, target), packet)
        except OSError:
            # The node's process has ended, and its interface with it: others go on without it.
            self.loop.forget(port.descriptor)
        self._hand_over()

    def _hand_over(self) -> None:
        now = self.loop.now()
        if now >= self._wake:
            self._wake = float("inf")
        for delivery in self.emulator.deliveries(now):
            self._deliver(delivery)
            self.lateness.append(self.loop.now() - delivery.due_s)
        due = self.emulator.next_s()
        if due is not None and due < self._wake:
            self._wake = due
            self.loop.at(due, self._hand_over)

    def _deliver(self, delivery: Delivery) -> None:
        self.ports[delivery.pair[1]].put(delivery.packet)

    def _adopt(self, plan: Plan) -> LinkEmulator:
        return LinkEmulator(plan)

    def _obey(self) -> None:
        try:
            order = self.control.receive()
            self.control.send({"result": self._result(order)})
        except Gone:
            self.loop.stop()

    def _result(self, order: dict[str, Any]) -> Any:
        if order["order"] == "plan":
            self.emulator = self._adopt(from_json(order["plan"]))
            self.lateness.clear()
            self._wake = float("inf")
            return None
        return self._counts()

    def _counts(self) -> dict[str, Any]:
        counts = self.emulator.counts
        late = sorted(self.lateness)
        return {
            "packets": counts.packets,
            "lost": counts.lost,
            "dropped": counts.dropped,
            "sent_bytes": [[*pair, size] for pair, size in counts.sent_bytes.items()],
            "late_mean_s": sum(late) / len(late) if late else 0.0,
            "late_p99_s": late[int(0.99 * (len(late) - 1))] if late else 0.0,
            "late_max_s": late[-1] if late else 0.0,
        }


def pump(ports: Sequence[Port], control: Channel) -> None:
    """Carry packets until the control hangs up."""
    kernel.go_first(kernel.CARRIER_PRIORITY)
    kernel.exact_timers()
    Pump(ports, control).run()
