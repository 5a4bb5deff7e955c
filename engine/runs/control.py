"""Telling a run from outside to stop: read by the loop at every step border."""

import threading


class Control:
    """Two flags that any thread or signal handler may raise; a cancellation outranks a pause."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._pause = threading.Event()

    def stop(self) -> None:
        """Ask the run to end at the next step border."""
        self._stop.set()

    def pause(self) -> None:
        """Ask the run to halt at the next step border; it can go on later."""
        self._pause.set()

    def should_stop(self) -> bool:
        """Whether the run is to end."""
        return self._stop.is_set()

    def should_pause(self) -> bool:
        """Whether the run is to halt."""
        return self._pause.is_set()
