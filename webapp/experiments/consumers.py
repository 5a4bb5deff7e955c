"""The live socket of a run: replay from the database, then what continues it, each event once and in order."""

import asyncio
import contextlib
from abc import abstractmethod
from urllib.parse import parse_qs
from uuid import UUID

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone

from webapp.experiments.hub import Message, hub
from webapp.experiments.log import Frame, events_after, progress_notice, state_notice
from webapp.experiments.models import Run
from webapp.experiments.viewer import FORBIDDEN, came_from_here, find_run
from webapp.teams.tokens import PREFIX

BAD_REQUEST = 4400
PROTOCOL = "edgeloom"
TICK_S = 3.0
"""How often a viewer's right to look is checked and lost messages are looked for, in seconds."""
REPLAY_COUNT = 500
"""Events read from the database at a time."""

Look = tuple[list[Frame], list[Frame], int | None]
"""Events after the last one sent, the run's notices, and the code of a refusal if there is one."""


class LiveStream(AsyncWebsocketConsumer):  # type: ignore[misc]  # the library has no types
    """``?after=N``: frames of the events after N, then live ones; who may look is said by what derives from it.

    A refusal accepts first and then closes with 4401, 4403 or 4404: a browser cannot see why a handshake failed.
    """

    # Not configured, so that Channels opens no connection of its own per socket; runs travel by the hub.
    channel_layer_alias = "none"

    run_id: UUID
    sent = 0
    """Number of the last event that was sent."""
    sender: "asyncio.Task[None] | None" = None

    async def connect(self) -> None:
        """Check the right to look and begin to send."""
        offered = self.scope.get("subprotocols", [])
        await self.accept(PROTOCOL if PROTOCOL in offered else None)
        self.run_id = self.scope["url_route"]["kwargs"]["run_id"]
        self.notices: dict[str, Frame] = {}
        after = parse_qs(self.scope["query_string"].decode("latin-1")).get("after", ["0"])[-1]
        if not (after.isdecimal() and len(after) < 12):
            await self.close(BAD_REQUEST)
        elif not self.is_trusted(offered):
            await self.close(FORBIDDEN)
        else:
            self.sent = int(after)
            self.sender = asyncio.create_task(self._send_forever())

    @abstractmethod
    def is_trusted(self, offered: list[str]) -> bool:
        """Whether the connection may show what it has, from where it comes; ``offered`` are its subprotocols."""

    @abstractmethod
    def find(self) -> Run | int:
        """The run, if the viewer may see it now; else the code with which to close the socket."""

    async def disconnect(self, code: int) -> None:
        """Stop sending."""
        if self.sender is not None:
            self.sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.sender

    async def _send_forever(self) -> None:
        # Registered before the database is read: nothing can fall between the two.
        subscription = hub().subscribe(self.run_id)
        clock = asyncio.get_running_loop().time
        try:
            allowed = await self._catch_up()
            due = clock() + TICK_S
            while allowed:
                messages, lost = await subscription.take(max(0.0, due - clock()))
                complete = not lost and await self._send_messages(messages)
                if not complete or clock() >= due:
                    allowed = await self._catch_up()
                    due = clock() + TICK_S
        finally:
            hub().unsubscribe(subscription)

    async def _send_messages(self, messages: list[Message]) -> bool:
        """Send what continues the log; False if there is a gap, so that the rest has to come from the database."""
        for message in messages:
            if message.last and message.last <= self.sent:
                continue
            if message.first > self.sent + 1 or not message.frames:
                return False
            await self._send_frames(message.frames)
        return True

    async def _catch_up(self) -> bool:
        """Send what the database has beyond what was sent; False if the viewer may not look (and was told so)."""
        while True:
            look: Look = await self._look()
            frames, notices, refusal = look
            if refusal is not None:
                await self.close(refusal)
                return False
            await self._send_frames(frames)
            if len(frames) < REPLAY_COUNT:
                await self._send_frames([new for new in notices if self._is_news(new)])
                return True

    async def _send_frames(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame["seq"] is None:
                self.notices[frame["kind"]] = frame["body"]
            elif frame["seq"] <= self.sent:
                continue
            else:
                self.sent = frame["seq"]
            await self.send(text_data=orjson.dumps(frame).decode())

    def _is_news(self, frame: Frame) -> bool:
        return bool(self.notices.get(frame["kind"]) != frame["body"])

    @database_sync_to_async  # type: ignore[untyped-decorator]  # the library has no types
    def _look(self) -> Look:
        found = self.find()
        if isinstance(found, int):
            return [], [], found
        now = timezone.now()
        events = events_after(found, self.sent, REPLAY_COUNT)
        return events, [progress_notice(found, now), state_notice(found, now)], None


class RunStream(LiveStream):
    """``/ws/runs/<id>/``: for members.

    A browser shows its session cookie and its Origin; a script offers the subprotocols ``edgeloom`` and its API token.
    """

    token: str | None = None

    def is_trusted(self, offered: list[str]) -> bool:
        """A token can be shown from anywhere, a cookie from our own pages only."""
        self.token = next((name for name in offered if name.startswith(PREFIX)), None)
        return self.token is not None or came_from_here(self.scope)

    def find(self) -> Run | int:
        """By the token, else by the session."""
        session = self.scope.get("session")
        return find_run(self.run_id, session_key=session.session_key if session else None, token=self.token)
