"""Live sockets of real servers: each event once and in order, whatever is lost, slow, idle, killed or forbidden."""

import json
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.webapp.people import People
from tests.webapp.rows import make_run, metrics
from tests.workers.platform import Platform, listens, wait_until
from tests.workers.unhurried import TICK_S
from webapp.experiments.log import events_after
from webapp.experiments.models import Run, RunState
from webapp.experiments.states import move
from webapp.system.address import Address
from webapp.teams.members import remove_member
from webapp.teams.models import Membership
from webapp.teams.tokens import issue_token, revoke_token
from workers.lease import claim
from workers.store import RunStore

pytestmark = [pytest.mark.kill, pytest.mark.slow]

UNHURRIED = "tests.workers.unhurried:application"


@pytest.fixture
def store(people: People) -> RunStore:
    """A run that this process works on, so that tests decide what it says and when."""
    run = claim(make_run(people.team).pk, owner="test", job_id="")
    assert run is not None
    return RunStore(run)


def say(store: RunStore, first: int, last: int, size: int = 3) -> None:
    """Add the events from first to last to the log, in batches."""
    for start in range(first, last + 1, size):
        store.append([metrics(seq, seq, loss=1 / seq) for seq in range(start, min(start + size, last + 1))])


def cookie_of(people: People, name: str = "viewer") -> str:
    """The session cookie of a user who signed in."""
    client = Client()
    client.force_login(people[name])
    return f"sessionid={client.cookies['sessionid'].value}"


class Viewer:
    """A browser's socket, read by a thread of its own."""

    def __init__(self, address: Address, run: Run, cookie: str, after: int = 0) -> None:
        url = f"ws://{address.host}:{address.port}"
        headers = {"Cookie": cookie, "Origin": f"http://{address.host}:{address.port}"}
        self._open = ExitStack()
        opening = connect(f"{url}/ws/runs/{run.pk}/?after={after}", additional_headers=headers)
        self.socket: ClientConnection = self._open.enter_context(opening)
        self.frames: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(ConnectionClosed):
            for text in self.socket:
                self.frames.append(json.loads(text))

    @property
    def seqs(self) -> list[int]:
        """Numbers of the events so far."""
        return [frame["seq"] for frame in self.frames if frame["seq"] is not None]

    def notices(self, kind: str) -> list[dict[str, Any]]:
        """Bodies of the notices of a kind so far."""
        return [frame["body"] for frame in self.frames if frame["seq"] is None and frame["kind"] == kind]


def test_replay_then_live_each_event_once(platform: Platform, store: RunStore, people: People) -> None:
    _, address = platform.start_web(UNHURRIED)
    say(store, 1, 40)
    viewer = Viewer(address, store.run, cookie_of(people), after=10)
    wait_until(lambda: len(viewer.seqs) == 30, "what was there before")
    say(store, 41, 90)
    wait_until(lambda: viewer.seqs[-1:] == [90], "what is said now, before the slow tick", timeout_s=TICK_S - 3)

    assert viewer.seqs == list(range(11, 91))
    live = [frame for frame in viewer.frames if frame["seq"] is not None]
    assert live == [frame for frame in events_after(store.run, 10)]  # noqa: C416 - as lists
    assert viewer.notices("state")[0] == {"state": "running", "wanted": ""}
    assert move(store.run, RunState.DONE, actor="test")
    wait_until(lambda: viewer.notices("state")[-1]["state"] == "done", "the change of state")


def test_70_percent_lost_and_nothing_is_missing_or_double(platform: Platform, store: RunStore, people: People) -> None:
    process, lossy = platform.start_web("tests.workers.lossy:application")
    viewers = [Viewer(lossy, store.run, cookie_of(people)) for _ in range(3)]
    wait_until(lambda: all(viewer.notices("state") for viewer in viewers), "all look")
    for start in range(1, 301, 30):
        say(store, start, start + 29, size=1)
        time.sleep(0.05)
    wait_until(lambda: all(viewer.seqs[-1:] == [300] for viewer in viewers), "the end")

    assert all(viewer.seqs == list(range(1, 301)) for viewer in viewers)
    assert process.log.read_text().count("lost on purpose") > 100


def test_two_web_processes_show_the_same_and_a_killed_one_loses_nothing(
    platform: Platform, store: RunStore, people: People
) -> None:
    first, address = platform.start_web()
    _, other_address = platform.start_web()
    cookie = cookie_of(people)
    viewer, other = Viewer(address, store.run, cookie), Viewer(other_address, store.run, cookie)
    say(store, 1, 50)
    wait_until(lambda: viewer.seqs[-1:] == other.seqs[-1:] == [50], "both see it")
    first.kill_group()
    say(store, 51, 100)
    first.start()
    wait_until(lambda: listens(address), "the killed server is back", first)
    again = Viewer(address, store.run, cookie, after=viewer.seqs[-1])
    say(store, 101, 120)
    wait_until(lambda: again.seqs[-1:] == other.seqs[-1:] == [120], "both see the rest")

    assert viewer.seqs + again.seqs == other.seqs == list(range(1, 121))


def test_an_idle_socket_lives_on_and_a_broker_that_was_killed_comes_back(
    platform: Platform, store: RunStore, people: People
) -> None:
    _, address = platform.start_web(UNHURRIED)
    viewer = Viewer(address, store.run, cookie_of(people))
    wait_until(lambda: viewer.notices("state"), "it looks")
    time.sleep(TICK_S + 1)
    say(store, 1, 3)
    wait_until(lambda: viewer.seqs == [1, 2, 3], "the socket lives")
    platform.broker.kill_group()
    say(store, 4, 6)
    wait_until(lambda: viewer.seqs == [1, 2, 3, 4, 5, 6], "the slow tick finds what no message told")
    platform.restart_broker()
    time.sleep(2.5)  # the longest wait between two attempts to reach the broker
    say(store, 7, 9)
    wait_until(lambda: viewer.seqs[-1:] == [9], "live again, before the slow tick", timeout_s=TICK_S - 5)

    assert viewer.seqs == list(range(1, 10))


def test_a_slow_viewer_is_resynchronized_and_misses_nothing(
    platform: Platform, store: RunStore, people: People
) -> None:
    process, address = platform.start_web()
    viewer = Viewer(address, store.run, cookie_of(people))
    wait_until(lambda: viewer.notices("state"), "it looks")
    process.signal(signal.SIGSTOP)  # everything waits in the stream, more than a viewer's queue holds
    say(store, 1, 900, size=1)
    process.signal(signal.SIGCONT)
    wait_until(lambda: viewer.seqs[-1:] == [900], "the end")

    assert viewer.seqs == list(range(1, 901))


def test_who_may_look(platform: Platform, store: RunStore, people: People) -> None:
    _, address = platform.start_web()
    base, run = f"ws://{address.host}:{address.port}", store.run
    say(store, 1, 1)
    home = {"Origin": f"http://{address.host}:{address.port}"}
    cookie = {"Cookie": cookie_of(people)}
    _, read = issue_token(people["viewer"], people.team, "reads", scopes=["read"])
    _, runs = issue_token(people["runner"], people.team, "runs only", scopes=["run"])
    _, foreign = issue_token(people["stranger"], people.elsewhere, "foreign")
    revoked_token, revoked = issue_token(people["viewer"], people.team, "revoked")
    revoke_token(revoked_token)
    place = f"{base}/ws/runs/{run.pk}/"
    tries: list[tuple[str, dict[str, str], list[str] | None, int | None]] = [
        (place, {**cookie, **home}, None, None),
        (place, {}, ["edgeloom", read], None),
        (place, home, None, 4401),
        (place, cookie, None, 4403),  # a cookie without an Origin
        (place, {**cookie, "Origin": "https://evil.example.org"}, None, 4403),
        (place, {**cookie, "Origin": f"http://{address.host}:1"}, None, 4403),
        (place, {"Cookie": cookie_of(people, "stranger"), **home}, None, 4404),
        (place, {}, ["edgeloom", revoked], 4401),
        (place, {}, ["edgeloom", "elm_guessed"], 4401),
        (place, {}, ["edgeloom", runs], 4403),
        (place, {}, ["edgeloom", foreign], 4404),
        (f"{base}/ws/runs/00000000-0000-0000-0000-000000000000/", {**cookie, **home}, None, 4404),
        (f"{place}?after=-1", {**cookie, **home}, None, 4400),
    ]
    for url, headers, protocols, refusal in tries:
        assert _outcome(url, headers, protocols) == refusal, (url, headers, protocols)


def _outcome(url: str, headers: dict[str, str], protocols: Any) -> int | None:
    """The code with which a socket was closed; None if it began to send."""
    with connect(url, additional_headers=headers, subprotocols=protocols) as socket:
        try:
            socket.recv(timeout=60)
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else -1
        return None


@pytest.mark.parametrize("end", ["membership", "session", "removal"])
def test_a_viewer_who_lost_the_right_is_sent_away(
    platform: Platform, store: RunStore, people: People, end: str, django_user_model: Callable[..., Any]
) -> None:
    _, address = platform.start_web(UNHURRIED)
    viewer = Viewer(address, store.run, cookie_of(people))
    wait_until(lambda: viewer.notices("state"), "it looks")
    limit_s = 60.0  # the slow tick finds what nobody tells; whoever removes a member tells the sockets at once
    if end == "removal":
        limit_s = TICK_S - 3
        remove_member(people.team.memberships.get(user=people["viewer"]), people["owner"])
    elif end == "membership":
        Membership.objects.filter(user=people["viewer"]).delete()
    else:
        people["viewer"].set_password("another long secret")
        people["viewer"].save()
    wait_until(lambda: viewer.socket.close_code is not None, "the socket is closed", timeout_s=limit_s)

    assert viewer.socket.close_code == (4401 if end == "session" else 4404)
