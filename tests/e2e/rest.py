"""The platform's REST interface, for comparing what it says with what the pages show."""

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

UNENDED = "queued,running,paused"


class Rest:
    """A script with a token of one team."""

    def __init__(self, base: str, token: str) -> None:
        self._base = f"{base}/api/v1"
        self.token = token

    def get(self, path: str) -> Any:
        """The answer to a GET."""
        return self._call(path, None, "application/json")

    def submit(self, text: str, *, launch: bool = False) -> Any:
        """The experiment that a spec text makes."""
        return self._call(f"/experiments?launch={str(launch).lower()}", text.encode(), "application/yaml")

    def save(self, family: str, name: str, body: dict[str, Any]) -> Any:
        """The saved design of a name and a block."""
        return self._call(f"/{family}", json.dumps({"name": name, "body": body}).encode(), "application/json")

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer to a POST of JSON."""
        return self._call(path, json.dumps(body or {}).encode(), "application/json")

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a PUT that takes whatever version is there."""
        return self._call(path, json.dumps(body).encode(), "application/json", method="PUT")

    def send(self, path: str, body: bytes) -> Any:
        """The answer to a PUT of bytes."""
        return self._call(path, body, "application/octet-stream", method="PUT")

    def delete(self, path: str) -> None:
        """Delete whatever version is there."""
        self._call(path, None, "application/json", method="DELETE")

    def wait_for_runs(self, experiment: str, states: set[str], limit_s: float = 240.0) -> list[Any]:
        """Wait until every run of an experiment is in one of these states."""
        deadline = time.monotonic() + limit_s
        while True:
            runs: list[Any] = self.get(f"/runs?experiment={experiment}")["items"]
            if runs and {run["state"] for run in runs} <= states:
                return runs
            assert time.monotonic() < deadline, [run["state"] for run in runs]
            time.sleep(0.5)

    def end_all_runs(self) -> None:
        """Cancel what still waits or works, and wait until nothing does any more."""
        for run in self._unended():
            self.post(f"/runs/{run['id']}/cancel")
        deadline = time.monotonic() + 60.0
        while unended := self._unended():
            assert time.monotonic() < deadline, [run["state"] for run in unended]
            time.sleep(0.5)

    def _unended(self) -> list[Any]:
        found: list[Any] = self.get(f"/runs?state={UNENDED}&limit=100")["items"]
        return found

    def _call(self, path: str, body: bytes | None, media_type: str, method: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": media_type}
        if method is not None:
            headers["If-Match"] = "*"
        request = urllib.request.Request(f"{self._base}{path}", data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return None if answer.status == 204 else json.load(answer)


@dataclass(frozen=True)
class Team:
    """Where the tests of one file work.

    Attributes:
        name: as people read it.
        slug: its short name in addresses.
        rest: a script with a token of the team.
    """

    name: str
    slug: str
    rest: Rest
