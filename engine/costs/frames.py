"""Messages over links whose own layer repeats lost frames, without connections: BLE, 802.15.4, LoRaWAN."""

from engine.costs.packets import Channel, Moment, Route, World
from engine.costs.path import HOST_OVERHEAD_S


class Frames:
    """Both directions between two hosts.

    Frames are repeated while others are under way, so only their time on air counts; a lost last frame is waited for,
    a round trip each time. A message occupies each hop as a whole: the next one waits until it is through.

    Args:
        world: clock and chance.
        forth: the hops from the first host to the second.
        back: the hops from the second host to the first.
    """

    def __init__(self, world: World, forth: Route, back: Route) -> None:
        self._world, self._routes = world, (forth, back)

    def send(self, payload: int, arrived: Moment, *, backwards: bool = False) -> None:
        """Send a message from the first host to the second, or backwards; says when all of it has arrived."""
        begun, done = self._world.clock.now, 0.0
        for channel in self._routes[backwards]:
            airtime, waiting, frame = self._hop(channel, payload)
            begun = max(begun, channel.air.free)
            channel.air.occupy(begun, airtime)
            # the last frame cannot leave before it has come from the hop before
            done = max(begun + airtime, done + frame) + waiting + channel.way.latency_s
            begun += frame + channel.way.latency_s
        self._world.clock.at(done + HOST_OVERHEAD_S, arrived)

    def open(self, *, backwards: bool = False) -> None:
        """Nothing to do: there are no connections."""

    def _hop(self, channel: Channel, payload: int) -> tuple[float, float, float]:
        """Seconds on air, of waiting for a lost last frame, and of the largest frame."""
        way, chance = channel.way, self._world.chance
        full = int(way.payload_bytes)
        frame = channel.airtime_s(min(payload, full))
        airtime, again = channel.airtime_s(payload), 0
        if way.loss:
            count = max(1, -(-payload // full))
            again = chance.tries(way.loss) - 1
            last = channel.airtime_s(payload - (count - 1) * full)
            airtime += chance.failures(count - 1, way.loss) * frame + again * last
        return airtime, again * (2 * way.latency_s + frame), frame
