"""A plan carried out: requests are sent, losses are noticed, plans renewed, and every request comes to an end."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from engine.core.errors import EngineError
from engine.core.nodes import SERVER
from engine.costs.trace import TraceBuilder
from engine.emulation.laboratory import MOST_NODES, Host, Laboratory, Setting, Watched
from engine.emulation.links import to_json
from engine.emulation.wiring import Wiring, wire
from engine.inference.live.carried import Carried, Ending, Noticed, Request
from engine.inference.live.computing import write_files
from engine.inference.live.script import Script, script_of
from engine.inference.live.trial import Trial
from engine.inference.outages.failures import Guard
from engine.inference.outages.losses import Loss
from engine.inference.plans.prices import send

PROGRAM = "engine.inference.live.parent"

MOST_DEVICES = 24
"""Devices that get a process beyond those of the plan and those that stand by: where a renewed plan may go."""

MOST_TRIES = 3
"""Times that a request is sent while all processes are there, before it is given up."""

CALL_S = 60.0
"""The longest that processes may take to load weights and connect."""


class Session:
    """Processes of a plan, there while entered.

    Args:
        trial: what is carried out.
        host: where the processes are; without one it has its own.

    Raises:
        EngineError: the plan or the network cannot be carried out.
    """

    def __init__(self, trial: Trial, host: Host | None = None) -> None:
        self.trial, self._host = trial, host
        self._open = ExitStack()
        self.devices = _devices(trial.guard)
        self.places = {device: place for place, device in enumerate((SERVER, *self.devices))}
        self._given_up = sorted(set(trial.guard.problem.prices.nodes) - set(self.devices))
        self._lost: list[int] = []
        self._ticket = 0
        self.wiring = self._wiring()
        at = tuple(trial.guard.problem.prices.nodes[node] for node in trial.guard.at)
        self.script: Script | None = self._script(at)
        self._why = ""

    def __enter__(self) -> "Session":
        with ExitStack() as started:
            folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="live-")))
            trial, problem = self.trial, self.trial.guard.problem
            write_files(folder, (trial.graph, problem.pieces), dict(trial.weights), trial.inputs)
            host = self._host or started.enter_context(Host(PROGRAM))
            self._laboratory = started.enter_context(Laboratory(self._setting(), host))
            self.host = host
            host.call({"order": "plan", "plan": to_json(self.wiring.plan), "size": self.wiring.size})
            self._tell({"order": "files", "folder": str(folder)})
            self._put_in_place()
            self._open = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def processes(self) -> dict[int, int]:
        """Process id of each device, by its number."""
        found = self._laboratory.facts["processes"]
        return {device: found[place] for device, place in self.places.items()}

    def serve(self, moments: Sequence[float | None], kills: Mapping[int, int] | None = None) -> Carried:
        """Carry out requests.

        Args:
            moments: seconds from now at which each comes; None with the answer to the one before.
            kills: number of the device whose process is killed once so many requests have ended, with or without an
                answer.
        """
        run = _Run(self, moments, dict(kills or {}))
        return run.carry_out()

    def tickets(self, count: int) -> int:
        """The first of so many new tickets."""
        self._ticket += count
        return self._ticket - count

    def lose(self, losses: Sequence[Mapping[str, Any]]) -> list[Noticed]:
        """Renew the plan after losses, and put it in place; what else is lost meanwhile counts as well."""
        found: list[Noticed] = []
        waiting: Sequence[Mapping[str, Any]] = losses
        while waiting:
            first = min(float(loss["at"]) for loss in waiting)
            number = {place: device for device, place in self.places.items()}
            mine = [(number[int(loss["place"])], str(loss["how"])) for loss in waiting]
            self._lost += [device for device, _ in mine]
            loss = self._renewed()
            waiting = self._put_in_place() if self.script else []
            renewed_s = time.monotonic() - first if self.script else None
            outcome, device_of = (loss.outcome, loss.device_of) if loss else ("lost", ())
            found += [Noticed(device, how, outcome, renewed_s, 0, device_of) for device, how in mine]
        return found

    def ending(self, logits: np.ndarray) -> Ending:
        """How a request ends that is answered so now: where an exit was sure, what is missing was not needed."""
        if not self.script or not self.script.missing:
            return "answered"
        rule = self.trial.rule
        return "answered" if rule is not None and rule.answers(logits) else "degraded"

    @property
    def why_not(self) -> str:
        """Why there is no plan any more; empty if there is one."""
        return self._why

    def counted(self) -> tuple[int, int]:
        """Computations so far, and those that took longer than on their device, of processes that are there."""
        answers = self._call({"order": "tell", "what": {"order": "facts"}, "patience_s": CALL_S})["answers"]
        there = [facts for facts in answers if facts is not None]
        return sum(facts["stages"] for facts in there), sum(facts["overruns"] for facts in there)

    def watched(self) -> Watched:
        """What the carrier of packets has counted."""
        return self._laboratory.watched(with_nodes=False)

    def call(self, order: Mapping[str, Any], patience_s: float) -> dict[str, Any]:
        """Ask the parent of the processes for something."""
        found: dict[str, Any] = self.host.call(order, patience_s)
        return found

    def _call(self, order: Mapping[str, Any]) -> dict[str, Any]:
        return self.call(order, 2 * CALL_S)

    def _renewed(self) -> Loss | None:
        """What the guard does about all losses so far; None if an end of the plan is lost."""
        guard, nodes = self.trial.guard, self.trial.guard.problem.prices.nodes
        ends = {nodes[guard.problem.sink]: "wants the answer", nodes[guard.problem.source]: "asks"}
        self.script = None
        for device in self._lost:
            if device in ends or device == SERVER:
                told = f"device {device}, which {ends[device]}," if device in ends else "the server"
                self._why = f"{told} is lost"
                return None
        loss = guard.loss(sorted({*self._lost, *self._given_up}))
        lost = ", ".join(map(str, sorted(self._lost)))
        if loss.outcome == "lost":
            self._why = f"there is no answer without device {lost}"
        else:
            self.script = self._script(loss.device_of)
        return loss

    def _put_in_place(self) -> list[dict[str, Any]]:
        """Give all processes the script; gives those that were lost meanwhile."""
        assert self.script is not None
        return self._tell({"order": "script", "script": self.script.to_json(), "first": self._ticket})

    def _tell(self, what: Mapping[str, Any]) -> list[dict[str, Any]]:
        lost: list[dict[str, Any]] = self._call({"order": "tell", "what": what, "patience_s": CALL_S})["lost"]
        return lost

    def _script(self, at: Sequence[int]) -> Script:
        guard = self.trial.guard
        return script_of(guard.problem, at, guard.cost_model, self.places, self.trial.rule)

    def _setting(self) -> Setting:
        wiring = self.wiring
        return Setting(
            fabric=self.trial.fabric,
            nodes=len(self.places),
            size=wiring.size,
            transport=wiring.transport,
            congestion=wiring.congestion,
            frame_payload=wiring.frame_payload,
            computation="network",  # loads PyTorch before the processes are made
            deadline_s=self.trial.deadline_s,
            seed=self.trial.seed,
        )

    def _wiring(self) -> Wiring:
        """The emulated links of all ways that any plan may use."""
        network = self.trial.guard.cost_model.network
        builder = TraceBuilder()
        if network.relays is None:  # else the wiring says why not
            for source in self.devices:
                for target in self.devices:
                    if source != target:
                        send(builder, network, (source, target), 1)
        trace = builder.build()
        pairs = sorted(set(zip(trace["source"].tolist(), trace["target"].tolist(), strict=True)))
        if not pairs and network.relays is None:
            raise EngineError("the plan has a single device, so there is nothing to carry out between processes")
        return wire(network, list(self.places), pairs, self.trial.seed)


def _devices(guard: Guard) -> tuple[int, ...]:
    """Numbers of the devices that get a process: those of the plan first, then as many others as there is room for.

    Raises:
        EngineError: the plan alone has too many.
    """
    problem = guard.problem
    used = {problem.source, problem.sink, *guard.at, *(node for others in guard.standby.values() for node in others)}
    if len(used) >= MOST_NODES:
        raise EngineError(f"{len(used)} devices take part in the plan, each a process; at most {MOST_NODES - 1} can")
    others = [node for node in range(problem.prices.num_nodes) if node not in used]
    chosen = sorted([*used, *others[: max(0, MOST_DEVICES - len(used))]])
    return tuple(problem.prices.nodes[node] for node in chosen)


class _Run:
    """Requests until each has come to an end."""

    def __init__(self, session: Session, moments: Sequence[float | None], kills: dict[int, int]) -> None:
        self.session, self.kills = session, kills
        began = time.monotonic()
        self.moments = [None if moment is None else began + moment for moment in moments]
        self.open = list(range(len(moments)))
        self.tries = [0] * len(moments)
        self.came: dict[int, float] = {}
        self.ended: dict[int, Request] = {}
        self.noticed: list[Noticed] = []

    def carry_out(self) -> Carried:
        while self.open:
            if self.session.why_not:
                self._fail(list(self.open), self.session.why_not)
                break
            self._turn()
        stages, overruns = self.session.counted()
        if len(self.ended) != len(self.moments):
            raise EngineError(f"{len(self.moments)} requests were sent, and {len(self.ended)} came to an end")
        requests = tuple(self.ended[number] for number in range(len(self.moments)))
        return Carried(requests, tuple(self.noticed), overruns, stages)

    def _turn(self) -> None:
        """Serve all that are open, until they are answered or something happens."""
        script, session = self.session.script, self.session
        assert script is not None
        first, samples = session.tickets(len(self.open)), len(session.trial.inputs)
        number_of = {first + place: number for place, number in enumerate(self.open)}
        order = {
            "order": "serve",
            "source": script.source,
            "requests": [[t, n % samples, None if n in self.came else self.moments[n]] for t, n in number_of.items()],
            "timeout_s": session.trial.guard.timeout_s,
            "expected_s": script.latency_s,
            "kills": [
                {"place": session.places[device], "after": after - len(self.ended)}
                for device, after in self.kills.items()
            ],
        }
        told = session.call(order, session.trial.deadline_s)
        for answer in told["answers"]:
            self._answer(number_of[answer["ticket"]], answer)
        under_way = {number_of[ticket]: began for ticket, began in told["asked"]}
        for number, began in under_way.items():
            self.came.setdefault(number, self._came(number, began))
            self.tries[number] += 1
        late = [number_of[ticket] for ticket in told["late"] if self.tries[number_of[ticket]] >= MOST_TRIES]
        if told["lost"]:
            self._lose(told["lost"], len(under_way))
        self._fail(late, f"no answer after {MOST_TRIES} tries, though all devices are there")

    def _came(self, number: int, began: float) -> float:
        """When a request came: a stream's at its moment, whenever it could be sent."""
        return self.came.get(number) or self.moments[number] or began

    def _answer(self, number: int, told: Mapping[str, Any]) -> None:
        logits = np.array(told["logits"], np.float32)
        self.ended[number] = Request(
            number,
            self.session.ending(logits),
            latency_s=told["at"] - self._came(number, told["began"]),
            tries=self.tries[number] + 1,
            logits=logits,
            left_at=told["left_at"],
        )
        self.open.remove(number)

    def _fail(self, numbers: list[int], reason: str) -> None:
        for number in numbers:
            self.ended[number] = Request(number, "failed", reason, None, self.tries[number])
            self.open.remove(number)

    def _lose(self, losses: list[dict[str, Any]], under_way: int) -> None:
        noticed = self.session.lose(losses)
        resent = under_way if not self.session.why_not else 0
        self.noticed += [Noticed(**{**vars(one), "resent": resent}) for one in noticed]
