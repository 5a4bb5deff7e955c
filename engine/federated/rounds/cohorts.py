"""The cohort of a round: a function of spec, seed, fleet, round and what the sampler remembers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.federated.layout import population_of
from engine.federated.rounds.asking import ask_blocks, losses_of
from engine.federated.rounds.traffic import forward_macs
from engine.federated.sampler import Candidates, Feedback, Figures
from engine.federated.strategy import Groups
from engine.fleet.availability import Moment
from engine.task.contract import Context, State
from engine.task.layout import part, under

if TYPE_CHECKING:
    from engine.federated.task import Federated

SAMPLER = "sampler"
"""Prefix of the arrays in a state that hold what the sampler remembers."""

FIRST_WAIT_S, LONGEST_WAIT_S, GROWTH = 60.0, 3600.0, 1.5
"""The server asks again after a minute, then after ever longer spells, at most every hour."""

GIVE_UP_S = 30 * 86_400.0
"""After a month in which nobody could be reached the round takes place without anybody."""


@dataclass(frozen=True)
class Chosen:
    """A round's cohort.

    Attributes:
        clients: (m,) ids, ascending; none if no device can be reached.
        asked: (a,) ids of those that told their loss before, ascending.
        memory: what the sampler now remembers, as tensors of a state.
    """

    clients: np.ndarray
    asked: np.ndarray
    memory: dict[str, np.ndarray]


def remembered(task: "Federated", num_clients: int) -> dict[str, np.ndarray]:
    """What the sampler knows before the first round, as tensors of a state."""
    return under(SAMPLER, task.sampler.begin(num_clients))


def choose(task: "Federated", context: Context, state: State, able: np.ndarray, down: Callable[[], Groups]) -> Chosen:
    """The sampler's choice for the round to come; clients that it asks for their loss compute it in blocks.

    Args:
        task: the task.
        context: fleet, data and executor.
        state: the state before the round.
        able: (N,) which devices can take part.
        down: gives the message as it arrives, where clients are asked.
    """
    number: Any = state.values["round"]
    among = _candidates(context, number, able, population_of(task, context).num_samples)
    among = replace(among, memory=part(SAMPLER, state.tensors))
    among = replace(among, memory=task.sampler.notice(among))
    asked = task.sampler.ask(among, context.stream("ask", number))
    if len(asked):
        passes = population_of(task, context).num_samples(asked) * forward_macs(task, context)
        losses = losses_of(task, context, ask_blocks(number, asked, down(), passes))
        among = replace(among, asked=asked, losses=losses)
    clients = task.sampler.sample(among, context.stream("cohort", number))
    return Chosen(clients, asked, under(SAMPLER, among.memory))


def expected(task: "Federated", context: Context, moment: Moment, each: float) -> Chosen:
    """A choice as it is likely, without data: all clients hold equally many samples and nothing is remembered.

    Args:
        task: the task.
        context: fleet and seed.
        moment: round and simulated time.
        each: training samples per client.
    """
    able = reachable(context, moment)
    among = _candidates(context, moment.round_number, able, lambda clients: np.full(len(clients), each))
    among = replace(among, memory=task.sampler.begin(context.fleet.num_devices))
    asked = task.sampler.ask(among, context.stream("ask", moment.round_number))
    among = replace(among, asked=asked, losses=np.zeros(len(asked)))
    return Chosen(task.sampler.sample(among, context.stream("cohort", moment.round_number)), asked, {})


def draw_among(
    task: "Federated", context: Context, round_number: int, able: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    """Ids that the sampler chooses, ascending, where it neither remembers nor asks anything.

    Args:
        task: the task.
        context: fleet and data.
        round_number: the round, from 1.
        able: (N,) which devices can take part.
        draw: the only source of chance.
    """
    among = _candidates(context, round_number, able, lambda clients: population_of(task, context).num_samples(clients))
    return task.sampler.sample(among, draw)


def draw_cohort(task: "Federated", context: Context, round_number: int) -> np.ndarray:
    """The cohort of a round at whose time nothing matters, for samplers that neither remember nor ask anything."""
    able = reachable(context, Moment(round_number, 0.0))
    return draw_among(task, context, round_number, able, context.stream("cohort", round_number))


def learned(task: "Federated", state: State, feedback: Feedback) -> dict[str, np.ndarray]:
    """What the sampler remembers after a round, as tensors of the state."""
    if not task.sampler.keeps_memory:
        return {}
    return under(SAMPLER, task.sampler.learn(part(SAMPLER, state.tensors), feedback))


def _candidates(context: Context, number: int, able: np.ndarray, sizes: Figures) -> Candidates:
    def rates_bps(clients: np.ndarray) -> np.ndarray:
        network = context.network
        rates = np.array([link.up_rate.value for link in network.links])
        return np.asarray(rates[network.radio_of[clients]])

    return Candidates(
        number, np.flatnonzero(able), num_clients=context.fleet.num_devices, num_samples=sizes, rates_bps=rates_bps
    )


def reachable(context: Context, moment: Moment) -> np.ndarray:
    """(N,) which devices can be reached."""
    fleet = context.fleet
    if fleet.is_always_reachable:
        return np.ones(fleet.num_devices, dtype=np.bool_)
    return fleet.reachable(moment, context.seed)


def pauses() -> Iterator[float]:
    """Seconds between one asking and the next, until the server gives up."""
    waited, pause = 0.0, FIRST_WAIT_S
    while waited < GIVE_UP_S:
        yield pause
        waited, pause = waited + pause, min(LONGEST_WAIT_S, GROWTH * pause)


def waiting_s(context: Context, moment: Moment) -> float:
    """How long the server waits from a moment on until somebody can be reached."""
    waited = 0.0
    for pause in pauses():
        if reachable(context, Moment(moment.round_number, moment.time_s + waited)).any():
            break
        waited += pause
    return waited
