"""The platform's REST interface, for comparing what it says with what the pages show."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from typing import Any

from tests.environment import ROOT
from tests.launcher.platform import Platform


class Rest:
    """A script with a token of the first owner."""

    def __init__(self, platform: Platform) -> None:
        self._base = f"http://127.0.0.1:{platform.port}/api/v1"
        command = [sys.executable, str(ROOT / "manage.py"), "token", "create", "--name", "journey"]
        command += ["--scopes", "read,run,write,admin"]
        environment = {**os.environ, "EDGELOOM_HOME": str(platform.folder.root)}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        self._token = done.stdout.split()[-1]

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

    def wait_for_runs(self, experiment: str, states: set[str], limit_s: float = 240.0) -> list[Any]:
        """Wait until every run of an experiment is in one of these states."""
        deadline = time.monotonic() + limit_s
        while True:
            runs: list[Any] = self.get(f"/runs?experiment={experiment}")["items"]
            if runs and {run["state"] for run in runs} <= states:
                return runs
            assert time.monotonic() < deadline, [run["state"] for run in runs]
            time.sleep(0.5)

    def _call(self, path: str, body: bytes | None, media_type: str, method: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": media_type}
        if method == "PUT":
            headers["If-Match"] = "*"
        request = urllib.request.Request(f"{self._base}{path}", data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
