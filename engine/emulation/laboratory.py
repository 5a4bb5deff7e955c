"""A laboratory: nodes in processes of their own, joined by emulated links, that carry out rounds of a trace."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from engine.emulation import kernel
from engine.emulation.control import Gone, LaboratoryError, pair
from engine.emulation.fabric import FabricName, fabric_of
from engine.emulation.links import Plan, to_json
from engine.emulation.programs import Program
from engine.emulation.stages import Computation

ROOT = Path(__file__).resolve().parents[2]
"""Where the package of this module can be imported from."""

MOST_NODES = 128
"""Processes that one host carries with a wide margin (a gigabyte with PyTorch in each)."""

MOST_LOAD = 0.7
"""Share of this host's processors that real computations may take, so that none of them delays a packet."""

CALL_S = 30.0
"""The longest that anything but rounds may take."""

_TAIL = 2_000
"""Characters of the processes' error output that a message cites."""


@dataclass(frozen=True)
class Setting:
    """What a laboratory is made of.

    Attributes:
        fabric: the tier.
        nodes: number of nodes, the server among them.
        size: most bytes of an IP packet.
        transport: ``tcp``, ``coap`` or ``datagram``.
        congestion: congestion control of TCP.
        frame_payload: bytes of a message in a frame for datagrams, in a block for CoAP.
        computation: what nodes really compute.
        deadline_s: after so many seconds the kernel ends all of it, whatever it does.
        seed: of what transports draw.
    """

    fabric: FabricName
    nodes: int
    size: int
    transport: Literal["tcp", "coap", "datagram"] = "tcp"
    congestion: str = "cubic"
    frame_payload: int = 0
    computation: Computation = "nothing"
    deadline_s: float = 600.0
    seed: int = 0


@dataclass(frozen=True)
class Times:
    """When the items of one repetition began and ended, in seconds from its start."""

    start_s: Mapping[int, float]
    end_s: Mapping[int, float]


@dataclass(frozen=True)
class Watched:
    """What carriers and nodes have counted since the plan was set.

    Attributes:
        packets: packets delivered.
        lost: packets lost on air.
        dropped: packets that found a full queue.
        wire_bytes: bytes put on all paths.
        payload_bytes: bytes of messages that were sent, framing counted.
        late_mean_s: how late packets were handed over, on average.
        late_p99_s: how late the latest hundredth was at least.
        late_max_s: how late the latest was.
        stages: computations.
        overruns: those that took longer than on their device.
        failures: messages that a transport gave up.
    """

    packets: int
    lost: int
    dropped: int
    wire_bytes: int
    payload_bytes: int
    late_mean_s: float
    late_p99_s: float
    late_max_s: float
    stages: int
    overruns: int
    failures: int


class Host:
    """The warm parent of the processes, started when entered. It serves one laboratory after another.

    What it loads (PyTorch) it loads once.

    Args:
        program: module of the parent's program.
    """

    def __init__(self, program: str = "engine.emulation.parent") -> None:
        self._program = program

    def __enter__(self) -> "Host":
        self._errors = tempfile.TemporaryFile()
        mine, theirs = pair("the laboratory", "its user")
        self._channel = mine
        descriptor = theirs.door.fileno()
        command = [sys.executable, "-m", self._program, str(descriptor), str(os.getpid())]
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **threads, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=(descriptor,),
        )
        theirs.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Its processes need no farewell: the kernel ends them with it.
        self._channel.close()
        self._process.kill()
        self._process.wait()
        self._errors.close()

    @property
    def process(self) -> int:
        """Its process id."""
        return self._process.pid

    def call(self, order: Mapping[str, Any], patience_s: float = CALL_S) -> Any:
        """Ask for something.

        Raises:
            LaboratoryError: it went wrong, or took too long; then the host is of no more use.
        """
        try:
            self._channel.send(order)
            return self._channel.answer(patience_s)
        except Gone:
            time.sleep(0.05)  # its last words may still be on their way
            words = self._last_words() or "without a word, as it does at its deadline"
            raise LaboratoryError(f"the laboratory has ended: {words}") from None
        except LaboratoryError as error:
            words = self._last_words()
            raise LaboratoryError(f"{error}\n{words}" if words else str(error), remedy=error.remedy) from None

    def _last_words(self) -> str:
        """The end of what the processes complained about."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-_TAIL:]


class Laboratory:
    """Nodes and links, there while entered.

    Args:
        setting: what it is made of.
        host: where its processes are; without one it has its own.

    Raises:
        LaboratoryError: it cannot be brought up here.
    """

    def __init__(self, setting: Setting, host: Host | None = None) -> None:
        if not 2 <= setting.nodes <= MOST_NODES:
            raise LaboratoryError(f"a laboratory has 2 to {MOST_NODES} nodes, each a process; wanted: {setting.nodes}")
        self.setting = setting
        self._open = ExitStack()
        self._host = host
        self._plan: Plan | None = None
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> "Laboratory":
        with ExitStack() as started:
            self.host = self._host or started.enter_context(Host())
            self._plan = None
            self.facts = self.host.call({"order": "open", **vars(self.setting)}, self.setting.deadline_s + CALL_S)
            started.callback(self._close)
            self._refuse_host_namespace()
            self._open = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _close(self) -> None:
        # A host that has ended already took everything with it.
        with suppress(LaboratoryError):
            self.host.call({"order": "close"})

    def prepare(self, plan: Plan, programs: Sequence[Program]) -> None:
        """Set the links, give each node its part of the round, and open the connections that are kept.

        Links that are set already stay as they are, with what they have counted.

        Raises:
            LaboratoryError: real computations would take too much of this host.
        """
        if plan != self._plan:
            self.host.call({"order": "plan", "plan": to_json(plan), "size": self.setting.size})
            self._plan = plan
        self.least_delay_s = plan.least_delay_s
        self._programs = list(programs)
        parts = [{"program": program.to_json()} for program in programs]
        self._call_nodes("program", parts, CALL_S + 100 * plan.least_delay_s)
        self.settle_s = 2 * plan.least_delay_s * any(step.connects for program in programs for step in program.steps)
        if self.setting.computation != "nothing":
            self._admit()

    def run(self, repetitions: int, patience_s: float, *, first: int = 0) -> tuple[list[Times], bool]:
        """Repeat the round.

        Args:
            repetitions: how often.
            patience_s: when to give up; what there is by then is handed back.
            first: number of the first repetition; no two may have the same.

        Returns:
            The times of each repetition, and whether all were done in time.
        """
        order = {
            "order": "rounds",
            "repetitions": repetitions,
            "first": first,
            "settle_s": self.settle_s,
            "patience_s": patience_s,
        }
        told = self.host.call(order, patience_s + CALL_S)
        times = [Times(dict(map(tuple, one["starts"])), dict(map(tuple, one["ends"]))) for one in told["rounds"]]
        return times, not told["is_late"]

    def watched(self, *, with_nodes: bool = True) -> Watched:
        """What was counted so far.

        Args:
            with_nodes: whether to ask the nodes too; one that still waits for a message does not answer.
        """
        order = {"order": "counts", "patience_s": CALL_S, "with_nodes": with_nodes}
        counts = self.host.call(order, 2 * CALL_S)
        nodes = counts.pop("nodes")
        wire_bytes = sum(size for *_, size in counts.pop("sent_bytes"))
        sums = {name: sum(node[name] for node in nodes) for name in ("payload_bytes", "stages", "overruns", "failures")}
        return Watched(**counts, wire_bytes=wire_bytes, **sums)

    def _admit(self) -> None:
        parts = [{"computation": self.setting.computation} for _ in range(self.setting.nodes)]
        heard = self._call_nodes("rehearse", parts, CALL_S)
        load = 0.0
        for told, program in zip(heard, self._programs, strict=True):
            device_s = [step.seconds for step in program.steps if step.peer < 0]
            load += told["host_s"] * len(device_s) / sum(device_s) if sum(device_s) else 0.0
        allowed = MOST_LOAD * (os.cpu_count() or 1)
        if load > allowed:
            raise LaboratoryError(
                f"the nodes would compute on {load:.2f} processors at once; allowed are {allowed:.2f}, "
                f"{100 * MOST_LOAD:.0f} % of this host",
                remedy="take fewer or slower devices",
            )

    def _refuse_host_namespace(self) -> None:
        if not fabric_of(self.setting.fabric).has_namespaces:
            return
        namespaces = self.facts["namespaces"]
        if kernel.network_namespace() in namespaces or len(set(namespaces)) < len(namespaces):
            raise LaboratoryError("a node did not leave this host's network; nothing was sent")

    def _call_nodes(self, name: str, parts: Sequence[Mapping[str, Any]], patience_s: float) -> list[Any]:
        order = {"order": name, "parts": list(parts), "patience_s": patience_s}
        heard: list[Any] = self.host.call(order, patience_s + CALL_S)
        return heard
