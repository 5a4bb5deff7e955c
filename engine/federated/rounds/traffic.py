"""The trace of synchronous rounds: the message down, local training, the message up."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.costs.trace import Trace, TraceBuilder
from engine.costs.work import Work
from engine.federated.coordination import Coordination, RoundPlace, Ways
from engine.federated.private.secure_phases import SecurePhases
from engine.federated.rounds.asking import Asked, add_asked
from engine.federated.rounds.messages import shape_only, travels
from engine.federated.rounds.packing import named
from engine.federated.rounds.sessions import Ints, SessionItems, Sessions, add_sessions
from engine.federated.strategy import Groups, num_bytes
from engine.fleet.device import TRAINING_PASSES
from engine.models.profile import Profile, profile
from engine.task.contract import Context, State
from engine.training.settings import LocalSettings

if TYPE_CHECKING:
    from engine.federated.task import Federated


@dataclass(frozen=True)
class Exchange:
    """What a client sends, receives and computes, as far as shapes tell.

    Attributes:
        work: one forward pass over one sample, times what the strategy computes beside local steps.
        forward: one forward pass over one sample, as measuring a model takes it.
        bytes_down: payload from the server to one client, encoded.
        bytes_up: payload from one client to the server, encoded.
        plain_down: the same from the server if nothing were encoded.
        plain_up: the same to the server.
        secure: what secure sums add to a round; None without.
    """

    work: Work
    forward: Work
    bytes_down: int
    bytes_up: int
    plain_down: int
    plain_up: int
    secure: SecurePhases | None = None

    def sessions(self, clients: np.ndarray, samples: np.ndarray, steps: np.ndarray) -> Sessions:
        """Sessions of clients that do everything, with the bytes that are expected.

        Args:
            clients: (m,) ids, ascending.
            samples: (m,) samples that pass through each one's training, all epochs counted.
            steps: (m,) local steps of each.
        """
        return Sessions.of(clients, samples, steps, bytes_down=self.bytes_down, bytes_up=self.bytes_up)


@dataclass(frozen=True)
class RoundTrace:
    """The trace of one round.

    Attributes:
        trace: all its items.
        items: which of them belong to the clients' sessions.
    """

    trace: Trace
    items: SessionItems


def profile_of(task: "Federated") -> Profile:
    """What the task's model costs on its data set."""
    return profile(task.model.declare(task.dataset.sample()))


def messages_of(task: "Federated") -> tuple[Groups, Groups]:
    """Messages down and up of the right names, shapes and types, without values and memory."""
    graph = task.model.declare(task.dataset.sample())
    only_shared = travels(task.strategy, graph)
    server = task.strategy.init_server(shape_only({info.name: info.shape for info in graph.parameters()}))
    return only_shared(task.strategy.message_down(server)), only_shared(task.strategy.message_up(server))


def exchange_of(task: "Federated") -> Exchange:
    """The task's messages and work, from shapes alone."""
    down, up = messages_of(task)
    secure = None
    if task.secure_aggregation is not None:
        secure = SecurePhases(task.secure_aggregation, sum(array.size for array in named(up).values()))
    forward = Work.from_profile(profile_of(task))
    return Exchange(
        work=_training_work(task, forward),
        forward=forward,
        bytes_down=num_bytes(down) if task.encoding.plain_down else task.encoding.expected_down(named(down)),
        bytes_up=_bytes_up(task, up) if secure is None else secure.bytes_up,
        plain_down=num_bytes(down),
        plain_up=num_bytes(up),
        secure=secure,
    )


def _training_work(task: "Federated", forward: Work) -> Work:
    """What training asks as if it were a forward pass: a third of what it adds to a sample's three passes."""
    work = forward.scaled(task.strategy.work_factor(task.local))
    if task.privacy is None:
        return work
    extra = task.privacy.training_macs(work.parameter_count, task.local.batch_size) / TRAINING_PASSES.value
    return replace(work, macs={**work.macs, "other": work.macs["other"] + round(extra)}) if extra else work


def _bytes_up(task: "Federated", up: Groups) -> int:
    return num_bytes(up) if task.encoding.plain_up else task.encoding.expected_up(named(up))


def exchange_in(task: "Federated", context: Context) -> Exchange:
    """The same, kept by the process."""
    if "exchange" not in context.cache:
        context.cache["exchange"] = exchange_of(task)
    exchange: Exchange = context.cache["exchange"]
    return exchange


def local_work(local: LocalSettings, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(m,) samples that pass through the training of clients of these sizes in a round, and their local steps."""
    return local.work_of(sizes)


def macs_per_sample(task: "Federated", context: Context) -> float:
    """Multiply-accumulates of one sample's training, kept by the process."""
    if "macs_per_sample" not in context.cache:
        context.cache["macs_per_sample"] = TRAINING_PASSES.value * sum(profile_of(task).macs.values())
    macs: float = context.cache["macs_per_sample"]
    return macs


def forward_macs(task: "Federated", context: Context) -> float:
    """Multiply-accumulates of one sample's way through the model."""
    return macs_per_sample(task, context) / TRAINING_PASSES.value


@dataclass(frozen=True)
class Course:
    """What messages a round takes, besides what its sessions say.

    Attributes:
        exchange: work and messages of each client.
        coordination: who talks with whom.
        ways: its further messages in this round.
    """

    exchange: Exchange
    coordination: Coordination
    ways: Ways


def place_of(task: "Federated", context: Context, number: int, holders: frozenset[int] = frozenset()) -> RoundPlace:
    """A round within the run of a task.

    Args:
        task: the task.
        context: network and random streams.
        number: the round, from 1.
        holders: who has a model of its own between devices and server.
    """
    exchange = exchange_in(task, context)
    return RoundPlace(number, task.rounds, context, exchange.bytes_down, exchange.bytes_up, holders)


def course_of(task: "Federated", context: Context, state: State, clients: Ints) -> Course:
    """The course of the round to come, or open, if these clients begin it."""
    number = int(str(state.values["round"]))
    place = place_of(task, context, number, task.coordination.holders(state))
    return Course(exchange_in(task, context), task.coordination, task.coordination.ways(clients, place))


def add_round(
    builder: TraceBuilder, course: Course, sessions: Sessions, *, repeats: int = 1, asked: Asked | None = None
) -> SessionItems:
    """Add a round: the next one starts when every session has ended.

    A device joins the network and opens a connection once per round, for the message down; its update goes back over
    the same connection after training. Where clients told their loss before, the sessions begin when all have answered.

    Args:
        builder: the trace.
        course: its other messages.
        sessions: who does what.
        repeats: how many times the round takes place.
        asked: who told the loss of the model before.
    """
    builder.next_round(repeats=repeats)
    work, after = course.exchange.work, None
    if asked is not None and len(asked.client):
        after = builder.barrier(add_asked(builder, course.exchange.forward, asked))
    if course.exchange.secure is not None and len(sessions):
        return _add_secure_round(builder, course.exchange, sessions, after)
    return course.coordination.add_round(builder, work, sessions, course.ways, after=after)


def _add_secure_round(builder: TraceBuilder, exchange: Exchange, sessions: Sessions, after: int | None) -> SessionItems:
    """Add a round with secure sums: clients exchange keys before their sessions and shares after them."""
    secure = exchange.secure
    assert secure is not None
    opened = secure.open(builder, sessions.client, after)
    items = add_sessions(builder, exchange.work, sessions, after=opened, new_connection=False)
    if len(items.last):
        over = builder.barrier(items.last)
        arrived = sessions.client[sessions.counts > 0]
        if len(arrived):
            secure.close(builder, arrived, len(sessions), over)
    return items


def round_trace(course: Course, sessions: Sessions, *, asked: Asked | None = None) -> RoundTrace:
    """The trace of one round."""
    builder = TraceBuilder()
    items = add_round(builder, course, sessions, asked=asked)
    return RoundTrace(builder.build(), items)
