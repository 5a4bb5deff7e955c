"""Links that change: their rates, latency and loss over the rounds or over simulated time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import Field

from engine.core.component import Component
from engine.core.errors import Problem
from engine.network.link import Link

MOST_LOSS = 0.25
"""Greatest loss that a link may have."""

State = tuple[int, ...]
"""The step in which each schedule is."""


class Step(Component):
    """What holds from a moment of the period on: factors of the link's figures."""

    start: float = Field(default=0.0, ge=0, le=1e9)
    """From when in the period on it holds: rounds or seconds, by the clock."""

    rate: float = Field(default=1.0, ge=0.001, le=1000)
    """Factor of both rates."""

    latency: float = Field(default=1.0, ge=0, le=1000)
    """Factor of the round trip."""

    loss: float = Field(default=1.0, ge=0, le=1000)
    """Factor of the loss, which stays at most 0.25."""


class LinkSchedule(Component):
    """How a link changes, over and over: busy in the evening, better at night.

    A whole round goes by what holds when it starts. Until the first step of a period the last one of the period before
    it holds.
    """

    link: str | None = Field(default=None, min_length=1, max_length=100)
    """Id of the link, or its name where it has none; left out, all links of the network."""

    clock: Literal["round", "time"] = "time"
    """Whether steps are counted in rounds, the first one being 0, or in seconds of simulated time."""

    period: float = Field(default=86_400.0, gt=0, le=1e9)
    """After how many rounds or seconds it starts over; 86,400 s are a day."""

    steps: tuple[Step, ...] = Field(default=(Step(),), max_length=1000)
    """The steps, in the order of their starts."""

    def problems(self, path: str, known: Sequence[str]) -> list[Problem]:
        """What is wrong in a network with these links.

        Args:
            path: where the schedule stands.
            known: what data call the network's links.
        """
        found = []
        if self.link is not None and self.link not in known:
            message = f"is no link of this network; allowed are {', '.join(known)}; given: {self.link!r}"
            found.append(Problem(f"{path}.link", "unknown_link", message))
        starts = [step.start for step in self.steps]
        if not starts:
            found.append(Problem(f"{path}.steps", "no_step", "should hold at least one step"))
        for place, start in enumerate(starts):
            if start >= self.period:
                message = f"should be below the period, {self.period:g}; given: {start:g}"
                found.append(Problem(f"{path}.steps.{place}.start", "beyond_period", message))
            elif place and start <= starts[place - 1]:
                message = f"should be later than the step before, {starts[place - 1]:g}; given: {start:g}"
                found.append(Problem(f"{path}.steps.{place}.start", "wrong_order", message))
        return found

    def step(self, round_number: int, time_s: float) -> int:
        """Which step holds for a round.

        Args:
            round_number: counted from 0.
            time_s: simulated time at which it starts.
        """
        moment = (round_number if self.clock == "round" else time_s) % self.period
        place = int(np.searchsorted([step.start for step in self.steps], moment, side="right"))
        return (place - 1) % len(self.steps)


@dataclass(frozen=True)
class Schedules:
    """All schedules of a network.

    Attributes:
        parts: the schedules.
        names: what data call the network's links.
        links: the links as they are without schedules.
    """

    parts: tuple[LinkSchedule, ...]
    names: tuple[str, ...]
    links: tuple[Link, ...]

    def state(self, round_number: int, time_s: float) -> State:
        """In which steps a round is that starts then."""
        return tuple(part.step(round_number, time_s) for part in self.parts)

    def links_in(self, state: State) -> tuple[Link, ...]:
        """The links as they are in a state; where several schedules meet, their factors multiply."""
        if state not in self._made:
            self._made[state] = tuple(self._changed(*pair, state) for pair in zip(self.names, self.links, strict=True))
        return self._made[state]

    @cached_property
    def _made(self) -> dict[State, tuple[Link, ...]]:
        return {}

    def _changed(self, name: str, link: Link, state: State) -> Link:
        factors = np.ones(3)
        for part, place in zip(self.parts, state, strict=True):
            if part.link in (None, name):
                step = part.steps[place]
                factors = factors * (step.rate, step.latency, step.loss)
        if np.all(factors == 1):
            return link
        values: Mapping[str, float] = {
            "up_rate": link.up_rate.value * factors[0],
            "down_rate": link.down_rate.value * factors[0],
            "rtt": link.rtt.value * factors[1],
            "loss": min(MOST_LOSS, link.loss.value * factors[2]),
        }
        figures = {field: getattr(link, field).model_copy(update={"value": float(v)}) for field, v in values.items()}
        return link.model_copy(update=figures)
