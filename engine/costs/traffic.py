"""How long a message takes over one segment of its route, in expectation: closed form, term by term."""

from dataclasses import dataclass

import numpy as np

from engine.costs.path import HOST_OVERHEAD_S, Path
from engine.costs.way import Floats, Ints, Way


@dataclass(frozen=True)
class Terms:
    """What a message pays on one segment, in seconds, each (U,).

    Attributes:
        handshake: opening the connection, its lost requests counted.
        before: from the sender to the channel that is waited for.
        service: occupying that channel, or the way that one pair of nodes has to itself where their connection is
            kept; zero if there is neither.
        serial: the rest of the time that bytes take to be put on the links.
        after: latency, host overhead, slow start, and repairing loss.
        silence: waiting because of the duty cycle.
    """

    handshake: Floats
    before: Floats
    service: Floats
    serial: Floats
    after: Floats
    silence: Floats


def segment_terms(ways: tuple[Way, ...], queued: int, payload: Floats, pauses: Ints) -> Terms:
    """The terms of a segment whose hops forward frame by frame: the slowest sets the pace, each other adds one frame.

    Args:
        ways: the hops, in order.
        queued: place of the hop whose channel is waited for; -1 if none.
        payload: (U,) bytes without headers.
        pauses: (U,) for how many timeouts the connection was idle; negative if it is not kept.
    """
    air = np.stack([way.airtime_s(payload) for way in ways])
    frame = np.stack([way.frame_s(payload) for way in ways])
    slowest = (air - frame).argmax(axis=0)[None]  # what remains when its first frame is through
    pace = np.take_along_axis(air, slowest, axis=0)[0]
    others = frame.sum(axis=0) - np.take_along_axis(frame, slowest, axis=0)[0]
    serial = pace + others
    latency = sum(way.latency_s for way in ways)
    silence = np.max([way.silence_s(payload) for way in ways], axis=0)
    service, before = np.zeros_like(payload), np.zeros_like(payload)
    if queued >= 0:
        service = air[queued]
        before = frame[:queued].sum(axis=0) + sum(way.latency_s for way in ways[:queued])
        serial = serial - service - frame[:queued].sum(axis=0)
        latency -= sum(way.latency_s for way in ways[:queued])
    repair, handshake = _protocol(ways, serial=pace, payload=payload, pauses=pauses)
    after = latency + HOST_OVERHEAD_S + repair
    path = Path.of(ways)
    if queued >= 0 and ways[queued].is_shared and path is not None:
        # Acknowledgments take turns with the message; the last one comes when it has arrived.
        acknowledge = ways[queued].acknowledge_s
        service = service + path.acknowledgments(payload) * acknowledge
        after = after - acknowledge
    if path is not None and path.transport == "coap":
        after = after + (path.count(payload) - 1) * others
    if queued < 0:
        # The bytes of one connection arrive in order: the next message follows this one through the slowest hop.
        service = np.where(pauses >= 0, pace, 0.0)
        serial = np.where(pauses >= 0, others, serial)
    return Terms(handshake, before, service, serial, after, silence)


def _protocol(ways: tuple[Way, ...], *, serial: Floats, payload: Floats, pauses: Ints) -> tuple[Floats, Floats]:
    """Slow start and loss repair, and the handshake, over the hops of a segment."""
    repair = np.zeros_like(payload)
    for way in ways:
        if way.transport == "datagram":
            # The link layer repeats frames while others are under way (their time is in the time on air); only a lost
            # last frame is waited for, one round trip each time.
            repair = repair + way.loss / (1 - way.loss) * (2 * way.latency_s + way.frame_s(payload))
    path = Path.of(ways)
    if path is None:
        return repair, np.zeros_like(payload)
    if path.transport == "coap":
        return repair + path.blocks_s(payload), np.zeros_like(payload)
    return repair + path.repair_s(payload, serial, pauses), np.full_like(payload, path.handshake_s())
