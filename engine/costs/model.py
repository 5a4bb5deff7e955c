"""The one cost function: (trace, fleet, network) to seconds, joules and bytes."""

from dataclasses import dataclass

import numpy as np

from engine.core.errors import EngineError
from engine.core.streams import seed_of
from engine.costs.accounts import Accounts, last_devices
from engine.costs.books import close_books
from engine.costs.clock import Floats
from engine.costs.crossing import crossing_of
from engine.costs.energy import Meter, windows
from engine.costs.ledger import Ledger
from engine.costs.sampling import sample
from engine.costs.scheduled import added, joined, round_of, walk
from engine.costs.spread import Spread
from engine.costs.timing import SAMPLES, Method, times_of
from engine.costs.trace import Trace
from engine.fleet.fleet import Fleet
from engine.network.network import Network
from engine.network.schedule import Schedules, State


@dataclass(frozen=True)
class Straggler:
    """The device that a round waited for.

    Attributes:
        device: its number.
        seconds: from the start of the round to the end of the device's last item.
    """

    device: int
    seconds: float


@dataclass(frozen=True)
class Cost:
    """What a trace costs.

    Attributes:
        start_s: (I,) start of each item, in simulated seconds; of a repeated round, its first time.
        end_s: (I,) end of each item.
        end_s_total: end of the last round, repetitions counted.
        round_s: (R,) length of each written round.
        item_energy_j: (I,) joules of the devices for each item, without waiting.
        stragglers: (R,) the last device of each round; None where no device took part.
        ledger: by device, link and phase.
        spread: times as distributions; None unless a Monte Carlo was asked for.
    """

    start_s: Floats
    end_s: Floats
    end_s_total: float
    round_s: Floats
    item_energy_j: Floats
    stragglers: tuple[Straggler | None, ...]
    ledger: Ledger
    spread: Spread | None = None

    @property
    def straggler(self) -> Straggler | None:
        """The last device of the last round."""
        return self.stragglers[-1] if self.stragglers else None


class CostModel:
    """Costs traces on one fleet and network. It keeps no state: rounds may be costed one by one or all together.

    Args:
        fleet: the devices.
        network: how they are connected; made for this fleet.
        method: how times are found where :meth:`cost` is not told.
        seed: of the streams of a Monte Carlo that is not told its own; each round has streams of its own.

    Raises:
        EngineError: the network was made for other groups.
    """

    def __init__(self, fleet: Fleet, network: Network, *, method: Method = "closed_form", seed: int = 0) -> None:
        if dict(network.counts) != fleet.group_counts():
            raise EngineError(f"the network connects {dict(network.counts)}, the fleet has {fleet.group_counts()}")
        self.fleet = fleet
        self.network = network
        self.method: Method = method
        self.seed = seed

    def cost(
        self,
        trace: Trace,
        start_s: float = 0.0,
        *,
        method: Method | None = None,
        samples: int = SAMPLES,
        seed: int | None = None,
        first_round: int = 0,
    ) -> Cost:
        """What the trace costs.

        Args:
            trace: what was computed and sent.
            start_s: simulated time at which the first round starts.
            method: how times are found, by default that of the model; of a Monte Carlo the means are booked, and
                ``spread`` has the percentiles.
            samples: how often a Monte Carlo draws.
            seed: of its streams; by default it follows from the model's and the number of the first round.
            first_round: number of the first round, from 0, by which links may change.

        Raises:
            EngineError: a device is not in the fleet, cannot do the work, or two nodes are not connected.
        """
        self._check(trace)
        drawing = (method or self.method, samples, self._seed(first_round) if seed is None else seed)
        if self.network.schedules is None:
            return self._cost(trace, self.network, start_s, drawing)
        return self._over_changing_links(trace, self.network.schedules, (first_round, start_s), drawing)

    def _over_changing_links(
        self, trace: Trace, schedules: Schedules, start: tuple[int, float], drawing: tuple[Method, int, int]
    ) -> Cost:
        """The cost of rounds one after the other, each over the links as they are when it starts."""
        known: dict[tuple[int, State], Cost] = {}

        def cost_in(number: int, state: State, repeats: int = 1) -> Cost:
            if repeats > 1:
                one = round_of(trace, number, repeats=repeats)
                return self._cost(one, self.network.in_state(state), 0.0, drawing)
            if (number, state) not in known:
                known[number, state] = self._cost(round_of(trace, number), self.network.in_state(state), 0.0, drawing)
            return known[number, state]

        rounds = walk(trace, schedules, start, lambda number, state: float(cost_in(number, state).round_s[0]))
        firsts = [cost_in(one.number, next(iter(one.times))) for one in rounds]
        every = [cost_in(one.number, *pair) for one in rounds for pair in one.times.items()]
        starts = np.array([one.start_s for one in rounds])
        offset = starts[trace["round"]]
        return Cost(
            start_s=np.concatenate([cost.start_s for cost in firsts]) + offset,
            end_s=np.concatenate([cost.end_s for cost in firsts]) + offset,
            end_s_total=float(rounds[-1].end_s),
            round_s=np.array([one.length_s for one in rounds]),
            item_energy_j=np.concatenate([cost.item_energy_j for cost in firsts]),
            stragglers=tuple(cost.straggler for cost in firsts),
            ledger=added([cost.ledger for cost in every]),
            spread=joined([cost.spread for cost in every if cost.spread is not None]),
        )

    def _cost(self, trace: Trace, network: Network, start_s: float, drawing: tuple[Method, int, int]) -> Cost:
        """The cost over links that stay as they are."""
        crossing = crossing_of(trace, self.fleet, network)
        times = times_of(crossing, *drawing)
        whole, over = crossing.trace, crossing.over
        start, end, round_s = times.start, times.end, times.round_s
        accounts = Accounts.of(whole, self.fleet.num_devices)
        meter = Meter(whole, self.fleet, network, accounts, start, end)
        elapsed_s = float(np.sum(round_s * trace.repeats))
        ledger, item_energy_j, last = close_books(meter, crossing.recalled_s, crossing.messages, elapsed_s)
        if over is not None:
            start, end, item_energy_j = over.starts(start), over.ends(end), over.sums(item_energy_j)
            # The round waited for who sent the last message, not for who passed it on.
            accounts = Accounts.of(trace, self.fleet.num_devices)
            last = windows(trace, accounts, start, end)[1]
        begin = start_s + np.concatenate([[0.0], np.cumsum(round_s * trace.repeats)])
        offset = begin[0] if trace.num_rounds == 1 else begin[trace["round"]]
        return Cost(
            start_s=start + offset,
            end_s=end + offset,
            end_s_total=float(begin[-1]),
            round_s=round_s,
            item_energy_j=item_energy_j,
            stragglers=tuple(
                None if found is None else Straggler(*found) for found in last_devices(accounts, last, trace.num_rounds)
            ),
            ledger=ledger,
            spread=times.spread,
        )

    def spread(self, trace: Trace, *, samples: int = SAMPLES, seed: int | None = None) -> Spread:
        """The times of a trace as distributions, without booking it; otherwise as a Monte Carlo of :meth:`cost`."""
        self._check(trace)
        if self.network.schedules is not None:
            found = self.cost(trace, method="monte_carlo", samples=samples, seed=seed).spread
            assert found is not None
            return found
        drawn = sample(crossing_of(trace, self.fleet, self.network), samples, self._seed(0) if seed is None else seed)
        return drawn.spread

    def _seed(self, first_round: int) -> int:
        """The seed of the drawings of rounds from that number on."""
        return seed_of(self.seed, "costs", first_round)

    def _check(self, trace: Trace) -> None:
        """Every device must be in the fleet; routes check the other nodes."""
        highest = max((int(trace[name].max()) for name in ("source", "target") if trace.num_items), default=-1)
        if highest >= self.fleet.num_devices:
            raise EngineError(
                f"the trace has device {highest}, the fleet only devices 0 to {self.fleet.num_devices - 1}"
            )
