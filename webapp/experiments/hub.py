"""The one reader of live messages in a web process, and the bounded queues of its viewers."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import redis
from django.conf import settings

from webapp import broker
from webapp.experiments.log import Frame, unpack

logger = logging.getLogger(__name__)

COALESCE_S = 0.02
"""Messages that arrive within this time are read and delivered together, in seconds."""
BLOCK_MS = 5000
READ_COUNT = 500
QUEUE_LENGTH = 256
"""Messages that wait for a viewer; one more and the viewer reads the database instead."""
Entries = list[tuple[bytes, dict[bytes, bytes]]]
RETRY_S = (0.2, 0.5, 1.0, 2.0)
"""Waits between attempts to reach the broker, in seconds; the last one repeats."""

_lags: deque[float] = deque(maxlen=500)


def lags_s() -> list[float]:
    """How long the last messages took from the broker to this process, in seconds."""
    return list(_lags)


@dataclass(frozen=True)
class Message:
    """Events ``first`` to ``last`` of a run; unnumbered notices have 0 for both. No frames: just a wake-up."""

    first: int
    last: int
    frames: list[Frame]


@dataclass(eq=False)
class Subscription:
    """What waits for one viewer of one run."""

    run_id: UUID
    messages: deque[Message] = field(default_factory=deque)
    must_resync: bool = False
    """Whether messages were lost on the way, so that the viewer has to read the database."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, message: Message) -> None:
        """Queue a message, or drop all when the viewer is too slow."""
        if len(self.messages) >= QUEUE_LENGTH:
            self.resync()
        else:
            self.messages.append(message)
            self._changed.set()

    def resync(self) -> None:
        """Drop what waits; the viewer reads the database."""
        self.messages.clear()
        self.must_resync = True
        self._changed.set()

    async def take(self, timeout_s: float) -> tuple[list[Message], bool]:
        """All messages that wait, and whether some were lost; after ``timeout_s`` seconds maybe none."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        self._changed.clear()
        taken, lost = list(self.messages), self.must_resync
        self.messages.clear()
        self.must_resync = False
        return taken, lost


class Hub:
    """Reads the stream of all runs once and hands each message to the viewers of its run.

    Live delivery is only ever an acceleration: a viewer that misses something sees a gap in the numbers, or finds out
    at its next tick, and reads the database.
    """

    def __init__(self) -> None:
        self._viewers: dict[UUID, set[Subscription]] = {}
        self._reader: asyncio.Task[None] | None = None

    def subscribe(self, run_id: UUID) -> Subscription:
        """Begin to collect a run's messages; starts the reader with the first viewer."""
        subscription = Subscription(run_id)
        self._viewers.setdefault(run_id, set()).add(subscription)
        if settings.REDIS_URL and (self._reader is None or self._reader.done()):
            self._reader = asyncio.create_task(self._read_forever(), name="live-stream")
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop collecting; the reader ends with the last viewer."""
        viewers = self._viewers.get(subscription.run_id, set())
        viewers.discard(subscription)
        if not viewers:
            self._viewers.pop(subscription.run_id, None)
        if not self._viewers and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def deliver(self, run_id: UUID, message: Message) -> None:
        """Hand a message to the viewers of its run."""
        for subscription in self._viewers.get(run_id, ()):
            subscription.put(message)

    async def _read_forever(self) -> None:
        failures = 0
        while True:
            client = broker.stream_client()
            try:
                position = await self._newest(client)
                # What came between the last message read and this position is lost to us.
                self._resync_all()
                failures = 0
                await self._read(client, position)
            except (redis.RedisError, OSError) as error:
                logger.warning("live messages stop until the broker is back: %s", error)
                await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
            finally:
                await client.aclose()

    @staticmethod
    async def _newest(client: "redis.asyncio.Redis") -> bytes:
        # "$" would mean "from now on" anew at every read and lose what comes between two reads.
        newest: Any = await client.xrevrange(broker.STREAM, count=1)
        return bytes(newest[0][0]) if newest else b"0-0"

    async def _read(self, client: "redis.asyncio.Redis", position: bytes) -> None:
        while True:
            answer: Any = await client.xread({broker.STREAM: position}, count=READ_COUNT, block=BLOCK_MS)
            entries: Entries = answer[0][1] if answer else []
            for position, fields in entries:  # noqa: PLR1704 - the next read begins after the last one
                _lags.append(max(0.0, time.time() - int(position.split(b"-")[0]) / 1000))  # ids are times
                self._dispatch(fields)
            if entries:
                await asyncio.sleep(COALESCE_S)

    def _dispatch(self, fields: dict[bytes, bytes]) -> None:
        if fields[b"run"].decode() == broker.EVERYBODY:
            self._resync_all()
            return
        run_id = UUID(fields[b"run"].decode())
        if run_id in self._viewers:
            data = fields[b"data"]
            first, last = int(fields[b"first"]), int(fields[b"last"])
            self.deliver(run_id, Message(first, last, unpack(data) if data else []))

    def _resync_all(self) -> None:
        for viewers in self._viewers.values():
            for subscription in viewers:
                subscription.resync()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of this process (of this event loop: a server has one, tests have many)."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
