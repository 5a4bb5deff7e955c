"""The Monte Carlo of a trace: drawn again and again, packet by packet or, where that is too much, by message."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.streams import stream
from engine.costs.clock import schedule
from engine.costs.crossing import Crossing
from engine.costs.legs import Legs
from engine.costs.replay import Replay, Script
from engine.costs.spread import Followed, Spread
from engine.costs.trace import KEPT, OPENS, SEND, TraceBuilder
from engine.costs.way import Way
from engine.network.network import Network

Floats = NDArray[np.float64]

MOST_PACKETS = 500_000
"""Packets of all samples that are followed one by one: some seconds."""

LONGEST_MESSAGE = 20_000
"""Packets of a message that is followed; longer ones take their expected time."""

LEAST_BANK, GREATEST_BANK = 24, 400
"""How often the message of a kind is followed for others to draw from."""

WARM_UP = 12
"""Messages before those that are followed over a connection that is kept: its window has opened by then."""

MOST_ITEMS = 10_000_000
"""Items of all samples that are scheduled; of larger traces fewer samples are drawn, at least two."""

MOST_TIMES = 2000
"""Messages whose times are kept of each sample; of more, every n-th."""


@dataclass(frozen=True)
class Sampled:
    """Mean start and end of each item, (I,), from the start of its round, and how the times are spread."""

    start: Floats
    end: Floats
    spread: Spread


def sample(crossing: Crossing, samples: int, seed: int) -> Sampled:
    """Draw a trace again and again.

    Args:
        crossing: the trace.
        samples: how often.
        seed: of the streams that are drawn from.
    """
    packets = _packets(crossing)
    drawings = 1 if _is_certain(crossing.network) else samples
    if packets.sum() * drawings <= MOST_PACKETS:
        script = Script.of(crossing.trace, crossing.duration, crossing.network)
        drawn = (Replay(script, stream(seed, "replay", number)).run() for number in range(drawings))
        return _gather(crossing, drawn, samples, "packets")
    drawings = max(2, min(drawings, MOST_ITEMS // crossing.trace.num_items))
    bank = _Bank(crossing, packets, seed)
    drawn = (schedule(crossing.trace, crossing.duration, bank.legs(number)) for number in range(drawings))
    return _gather(crossing, drawn, drawings, "messages" if bank.is_followed else "nothing")


def _is_certain(network: Network) -> bool:
    """Whether nothing is left to chance."""
    return all(link.loss.value == 0 and link.jitter.value == 0 for link in network.links)


def _packets(crossing: Crossing) -> NDArray[np.int64]:
    """(M,) packets of each message over all segments; 1 for those whose frames are not followed."""
    trace, network = crossing.trace, crossing.network
    items = np.flatnonzero(trace["kind"] == SEND)
    pattern = network.routes(trace["source"][items], trace["target"][items]).pattern
    total = np.zeros(len(items), dtype=np.int64)
    for number, segments in enumerate(network.patterns):
        mine = pattern == number
        if mine.any():
            for segment in segments:
                ways = [Way.of(network.links[hop.link], up=hop.up) for hop in segment.hops]
                size = min((way.payload_bytes for way in ways if way.transport != "datagram"), default=np.inf)
                total[mine] += np.maximum(1, np.ceil(trace["size"][items[mine]] / size)).astype(np.int64)
    return total


class _Bank:
    """Times of each kind of message, followed alone on its way, from which messages are drawn.

    What a message occupies of the channel that it waits for is known of each drawing, so lines are still lines: of
    messages as wholes.
    """

    def __init__(self, crossing: Crossing, packets: NDArray[np.int64], seed: int) -> None:
        self.legs_expected, self.seed = crossing.legs, seed
        kinds, first = np.unique(crossing.legs.kind, return_index=True)
        self.place = np.searchsorted(kinds, crossing.legs.kind)
        needed = packets[first]
        followed = needed[needed <= LONGEST_MESSAGE]
        self.size = int(np.clip(MOST_PACKETS // max(1, int(followed.sum())), LEAST_BANK, GREATEST_BANK))
        self.prices = {
            name: np.repeat(crossing.legs.prices[name][:, kinds, None], self.size, axis=2)
            for name in crossing.legs.prices
        }
        self.is_followed = len(followed) > 0
        for number in np.flatnonzero(needed <= LONGEST_MESSAGE).tolist():
            self._follow(crossing, int(first[number]), number)

    def _follow(self, crossing: Crossing, message: int, number: int) -> None:
        """Fill the bank of one kind with drawings of one of its messages."""
        if crossing.trace["connects"][crossing.messages.items[message]] == KEPT:
            self._follow_kept(crossing, message, number)
            return
        script = _alone(crossing, message)
        for drawn in range(self.size):
            played = Replay(script, stream(self.seed, "bank", number, drawn))
            played.run()
            self._keep(played, 0, (number, drawn))

    def _follow_kept(self, crossing: Crossing, message: int, number: int) -> None:
        """The same over a connection that is kept: one message after the other, once its window is warm."""
        script = _alone(crossing, message, WARM_UP + self.size)
        played = Replay(script, stream(self.seed, "bank", number))
        played.run()
        for drawn in range(self.size):
            self._keep(played, WARM_UP + drawn, (number, drawn))

    def _keep(self, played: Replay, item: int, cell: tuple[int, int]) -> None:
        """Keep the times of a message that was followed; of what it occupied, the mean of all."""
        begun = 0.0
        for place, leg in enumerate(played.script.legs[item]):
            took, begun = played.crossed[item, place] - begun, played.crossed[item, place]
            expected = {name: prices[place, *cell] for name, prices in self.prices.items()}
            occupied = played.lanes.occupied_s(leg) / len(played.script.kind)
            service = min(took, occupied or expected["service"])
            before = min(expected["before"], took - service)
            for name, value in (("before", before), ("service", service), ("after", took - before - service)):
                self.prices[name][place, *cell] = value

    def legs(self, number: int) -> Legs:
        """The segments of all messages in one drawing."""
        count = len(self.place)
        chosen = stream(self.seed, "draw", number).integers(0, self.size, count)
        prices = {name: values[:, self.place, chosen] for name, values in self.prices.items()}
        return replace(self.legs_expected, kind=np.arange(count, dtype=np.int32), prices=prices)


def _alone(crossing: Crossing, message: int, rounds: int = 1) -> Script:
    """The script of one message and nothing else, in so many rounds."""
    trace = crossing.trace
    item = np.flatnonzero(trace["kind"] == SEND)[message]
    builder, state = TraceBuilder(), int(trace["connects"][item])
    ends, size = (trace["source"][item], trace["target"][item]), trace["size"][item]
    for _ in range(rounds):
        builder.next_round()
        builder.send(*ends, size, new_connection=state == OPENS, kept=state == KEPT)
    return Script.of(builder.build(), np.zeros(rounds), crossing.network)


def _gather(crossing: Crossing, drawn: Iterable[tuple[Floats, Floats]], samples: int, followed: Followed) -> Sampled:
    """Means of start and end, and all times of rounds and messages; one certain drawing stands for all samples."""
    trace, over = crossing.trace, crossing.over
    start, end, count = np.zeros(trace.num_items), np.zeros(trace.num_items), 0
    rounds: list[Floats] = []
    messages: dict[int, list[Floats]] = {}
    items = np.flatnonzero(trace["kind"] == SEND)
    first, last = (items, items) if over is None else over.messages()
    step = max(1, len(first) // MOST_TIMES)
    first, last = first[::step], last[::step]
    phases = trace["phase"][first]
    for begun, ended in drawn:
        start, end, count = start + begun, end + ended, count + 1
        round_s = np.zeros(trace.num_rounds)
        np.maximum.at(round_s, trace["round"], ended)
        rounds.append(round_s)
        for phase in np.unique(phases).tolist():
            mine = phases == phase
            messages.setdefault(phase, []).append(ended[last[mine]] - begun[first[mine]])
    spread = Spread(
        rounds_s=np.array(rounds) if count == samples else np.repeat(rounds, samples, axis=0),
        repeats=trace.repeats,
        messages_s={trace.phases[phase]: np.sort(np.concatenate(times)) for phase, times in messages.items()},
        followed=followed,
    )
    return Sampled(start / count, end / count, spread)
