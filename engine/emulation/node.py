"""A node's process: carries out its program, round after round, and notes when everything began and ended."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.emulation.control import Channel
from engine.emulation.process import Order, Process, TransportMaker
from engine.emulation.programs import Program, Step
from engine.emulation.stages import Computation, Values, computation, timed
from engine.emulation.tensors import body_bytes, pack, unpack
from engine.emulation.transport import Message

REHEARSALS = 5
"""Computations before the first round, from which the admission check takes the slowest but one."""


class Node(Process):
    """Carries out steps when their causes have ended.

    Args:
        place: of the node in the laboratory.
        control: orders come from here: ``program``, ``rehearse``, ``begin``.
        make_transport: makes what it sends with.
    """

    def __init__(self, place: int, control: Channel, make_transport: TransportMaker) -> None:
        super().__init__(place, control, make_transport)
        self.program = Program()
        self._compute: Callable[[bool], Values] = computation("nothing", place)
        self._values = self._compute(False)
        self._effects: dict[int, list[Step]] = {}
        self._barrier_of: dict[int, list[int]] = {}
        self._repetition = -1
        self._starts: dict[int, float] = {}
        self._ends: dict[int, float] = {}
        self._missing: dict[int, int] = {}
        self._left = 0

    def orders(self) -> Mapping[str, Callable[[Order], None]]:
        """A program, a rehearsal of its computations, and the beginning of a repetition."""
        return {"program": self._learn, "rehearse": self._rehearse, "begin": self._prepare}

    def _learn(self, order: Order) -> None:
        """Take over a program, and open the connections that it keeps."""
        self.program = Program.from_json(order["program"])
        self._effects, self._barrier_of = {}, {}
        for step in self.program.steps:
            self._effects.setdefault(step.cause, []).append(step)
        for barrier, members in self.program.barriers.items():
            for member in members:
                self._barrier_of.setdefault(member, []).append(barrier)
        # A connection that was opened for one message goes now: messages that are sent over it while the other end
        # gives it up would be lost, and the round would never end.
        self.transport.settle()
        self.connect(self.program.opens, (*self.program.opens, *self.program.accepts))

    def _rehearse(self, order: Order) -> None:
        """Say how long the real computation takes here, when nothing is warm any more."""
        kind: Computation = order["computation"]
        self._compute = computation(kind, self.place)
        trains = any(step.trains for step in self.program.steps)
        times = sorted(timed(self._compute, trains=trains)[1] for _ in range(REHEARSALS))
        self.answer({"host_s": times[-2]})

    def _prepare(self, order: Order) -> None:
        """Begin a repetition at the moment that was agreed on."""
        self.transport.settle()
        self._repetition = int(order["repetition"])
        self._starts, self._ends = {}, {}
        self._missing = {barrier: len(members) for barrier, members in self.program.barriers.items()}
        computing = sum(step.peer < 0 for step in self.program.steps)
        self._left = len(self.program.steps) + computing + len(self.program.arrivals) + len(self.program.barriers)
        moment = float(order["at"])
        self.loop.at(moment, lambda: self._start(self._effects.get(-1, ()), self.loop.now()))
        if not self._left:
            self._report()

    def _start(self, steps: Any, moment: float) -> None:
        for step in steps:
            self._starts[step.item] = moment
            self._left -= 1
            if step.peer < 0:
                self._work(step)
            elif step.seconds:
                self.loop.at(moment + step.seconds, lambda step=step: self._send(step))  # type: ignore[misc]
            else:
                self._send(step)
            moment = self.loop.now()
        self._report()

    def _send(self, step: Step) -> None:
        self.transport.send(step.peer, self._message(step), connects=step.connects)

    def _work(self, step: Step) -> None:
        began = self.loop.now()
        self._values, host_s = timed(self._compute, trains=step.trains)
        self.pacing.book(host_s, step.seconds)
        self.loop.at(began + step.seconds, lambda: self._end(step.item, self.loop.now()))

    def _message(self, step: Step) -> Message:
        return Message(step.item, self._repetition, pack(self._values, body_bytes(step.size)))

    def arrived(self, message: Message) -> None:
        """Note the end of a message of this repetition."""
        unpack(message.body)
        if message.repetition == self._repetition:
            self._end(message.item, self.loop.now())

    def _end(self, item: int, moment: float) -> None:
        self._ends[item] = moment
        self._left -= 1
        for barrier in self._barrier_of.get(item, ()):
            self._missing[barrier] -= 1
            if not self._missing[barrier]:
                self._starts[barrier] = moment
                self._end(barrier, moment)
        self._start(self._effects.get(item, ()), moment)

    def _report(self) -> None:
        if self._left == 0:
            self._left = -1
            starts, ends = ([list(pair) for pair in times.items()] for times in (self._starts, self._ends))
            self.answer({"repetition": self._repetition, "starts": starts, "ends": ends})
