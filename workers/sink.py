"""Where the engine's loop puts events and progress: batched, fenced, and never older than a tenth of a second."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from engine.core.events import Event
from engine.runs.sinks import HostTimes
from engine.task.context import Progress
from webapp.experiments import chunks
from webapp.experiments.log import Frame
from webapp.experiments.series import unindexed
from workers.store import RunStore

BATCH_S = 0.1
"""Events are stored at the latest after this time, in seconds."""
PROGRESS_S = 0.5
"""Progress is stored at most this often, in seconds."""
CHUNK_POINTS = 500
"""Points of a metric that are collected before they become a chunk; until then readers take them from the log."""


class DatabaseSink:
    """Writes to the event log of one run.

    A side thread stores what waits, so that an event is on the screen while the next step still computes. What that
    thread runs into is raised by the next call from the loop.
    """

    def __init__(self, store: RunStore) -> None:
        self.last_seq = store.run.last_seq
        """Number of the last event that is stored or waits; what the loop repeats after a crash is ignored up to it."""
        self._store = store
        self._waiting: list[Frame] = []
        self._points = unindexed(store.run)
        self._progress: tuple[Progress, HostTimes] | None = None
        self._progress_due = 0.0
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sink")
        self._side = self._pool.submit(self._store_forever)

    def write(self, events: Sequence[Event]) -> None:
        """Take numbered events; those that the log has already are ignored.

        Raises:
            Superseded: the run is not this worker's any more.
        """
        self._raise_error()
        fresh = [event.model_dump() for event in events if event.seq > self.last_seq]
        if fresh:
            with self._lock:
                self._waiting += fresh
                self.last_seq = fresh[-1]["seq"]
            self._wake.set()

    def progress(self, progress: Progress, host: HostTimes) -> None:
        """Take how far the run is.

        Raises:
            Superseded: the run is not this worker's any more.
        """
        self._raise_error()
        self._progress = (progress, host)
        self._wake.set()

    def flush(self) -> None:
        """Store everything that waits, now.

        Raises:
            Superseded: the run is not this worker's any more.
        """
        self._raise_error()
        self._store_events()
        self._store_progress()

    def close(self) -> None:
        """Store everything that waits and end the side thread."""
        self._stop_thread()
        self._raise_error()
        self._store_events()
        self._store_progress()

    def abandon(self) -> None:
        """End the side thread; what waits is dropped."""
        with self._lock:
            self._waiting, self._progress = [], None
        self._stop_thread()

    def _store_forever(self) -> None:
        try:
            while not self._closed:
                self._wake.wait()
                self._wake.clear()
                self._store_events()
                if time.monotonic() >= self._progress_due:
                    self._store_progress()
                if not self._closed:
                    time.sleep(BATCH_S)
        finally:
            connection.close()  # this thread's own

    def _store_events(self) -> None:
        with self._storing:  # the order of batches is the order of events, whichever thread stores them
            with self._lock:
                events, self._waiting = self._waiting, []
            if not events:
                return
            chunks.collect(events, self._points)
            full = {name: series for name, series in self._points.items() if len(series.steps) >= CHUNK_POINTS}
            self._store.append(events, full)
            for name in full:
                del self._points[name]

    def _store_progress(self) -> None:
        with self._storing:
            latest, self._progress = self._progress, None
            if latest is not None:
                self._progress_due = time.monotonic() + PROGRESS_S
                self._store.progress(*latest)

    def _stop_thread(self) -> None:
        self._closed = True
        self._wake.set()
        self._pool.shutdown()

    def _raise_error(self) -> None:
        if self._side.done():
            self._side.result()
