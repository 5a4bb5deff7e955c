"""The platform's ASGI application with a hub that loses most live messages: what a viewer sees must not change."""

import logging
from itertools import count
from uuid import UUID

from webapp.asgi import application as application  # noqa: PLC0414 - the server looks for it here
from webapp.experiments.hub import Hub, Message

KEPT_OF_TEN = frozenset({0, 4, 7})
"""Which of ten messages in a row get through: 70 % are lost, at irregular places."""

_deliver = Hub.deliver
_number = count()


def _lossy(self: Hub, run_id: UUID, message: Message) -> None:
    if next(_number) % 10 in KEPT_OF_TEN:
        _deliver(self, run_id, message)
    else:
        logging.getLogger(__name__).warning("lost on purpose: %d to %d", message.first, message.last)


Hub.deliver = _lossy  # type: ignore[method-assign]
