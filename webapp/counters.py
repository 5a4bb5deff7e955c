"""Django's cache on the broker, for counts that all web processes share; it forgets instead of failing."""

import logging
from typing import Any

import orjson
import redis
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)


class PlainValues:
    """How values stand in the broker: integers as such, so that they can be counted up, others as JSON; no pickle."""

    def dumps(self, value: Any) -> int | bytes:
        """The stored form."""
        return value if type(value) is int else orjson.dumps(value)

    def loads(self, data: bytes) -> Any:
        """The value of a stored form."""
        return orjson.loads(data)


class Counters(RedisCache):
    """Redis cache that counts nothing while the server is away: a lost limit is better than a lost platform."""

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> bool:
        """Set a value where there is none; False if there is one or the server is away."""
        try:
            return bool(super().add(key, value, timeout, version))
        except redis.RedisError as error:
            return bool(_missed(error))

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        """The value, or the default."""
        try:
            return super().get(key, default, version)
        except redis.RedisError as error:
            _missed(error)
            return default

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> None:
        """Set a value."""
        try:
            super().set(key, value, timeout, version)
        except redis.RedisError as error:
            _missed(error)

    def incr(self, key: Any, delta: int = 1, version: Any = None) -> int:
        """Add to a count and give it; 0 while the server is away."""
        try:
            return int(super().incr(key, delta, version))
        except redis.RedisError as error:
            return _missed(error)

    def delete(self, key: Any, version: Any = None) -> bool:
        """Forget a value."""
        try:
            return bool(super().delete(key, version))
        except redis.RedisError as error:
            return bool(_missed(error))


def _missed(error: redis.RedisError) -> int:
    logger.warning("the broker keeps no counts now: %s", error)
    return 0
