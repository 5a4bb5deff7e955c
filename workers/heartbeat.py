"""Keeping what a worker has claimed: a side thread renews it while the worker is at it."""

import logging
import threading
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

logger = logging.getLogger(__name__)


def expiry() -> datetime:
    """Until when a claim holds that is made or renewed now."""
    return timezone.now() + timedelta(seconds=settings.LEASE_S)


class Heartbeat(ABC):
    """Renews a claim every few seconds while the body of the ``with`` works.

    Args:
        name: of the claim, as the log and the list of threads have it.
    """

    def __init__(self, name: str) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    @abstractmethod
    def renew(self) -> None:
        """Renew the claim, and pass on what was learned by it; runs in the side thread."""

    def _keep(self) -> None:
        try:
            while not self._done.wait(settings.HEARTBEAT_S):
                self._beat()
        finally:
            connection.close()  # this thread's own

    def _beat(self) -> None:
        try:
            self.renew()
        except DatabaseError as error:
            # Not fatal: the next beat tries again, and if the claim runs out meanwhile, its token protects the data.
            logger.warning("%s could not be renewed: %s", self._thread.name, error)
            connection.close()
