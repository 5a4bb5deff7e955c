"""One file adds one member: a strategy dropped into a plug-in folder shows everywhere, and runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import ROOT

MEMBER = '''
"""A strategy that somebody dropped into a folder."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.federated.strategy import LinearTerm, LocalView, Strategy, strategies


@strategies.register
class Tethered(Strategy):
    """Federated averaging on a tether that was not there yesterday."""

    source: ClassVar[str] = "A. Nobody, Tethers, 2031, equation 4"
    equation: ClassVar[str] = "min Fₖ(w) + s/2 ‖w − wₜ‖²"
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    kind: Literal["tethered"] = "tethered"
    """Federated averaging on a tether."""

    strength: Annotated[float, Field(ge=0, le=7)] = 0.25
    """How hard the tether pulls back, in quibbles."""

    def linear_term(self, view: LocalView) -> LinearTerm | None:
        """The pull."""
        return LinearTerm(scale=self.strength, center=view.start) if self.strength else None
'''
SPEC = """
version: 1
name: tethered
fleet: {groups: [{name: boards, device: rpi_4b_4gb, count: 4}]}
network: {topology: {kind: star}, links: {default: wifi4_linux}, backhaul: wan_fibre}
task:
  kind: federated
  dataset: {kind: digits}
  partition: {kind: iid}
  model: {kind: mlp, hidden: [8]}
  strategy: {kind: tethered, strength: 0.5}
  sampler: {kind: uniform, num_clients: 2}
  local: {epochs: 1, batch_size: 32, lr: 0.1}
  rounds: 2
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds the new file; nothing else was edited."""
    place = tmp_path_factory.mktemp("extension")
    (place / "plugins" / "strategies").mkdir(parents=True)
    (place / "plugins" / "strategies" / "tethered.py").write_text(MEMBER)
    (place / "spec.yaml").write_text(SPEC)
    return {**os.environ, "EDGELOOM_PLUGINS": str(place / "plugins"), "EDGELOOM_HOME": str(place / "home")}


def python(environment: dict[str, str], *words: str) -> str:
    """What a fresh process prints."""
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_it_is_listed(environment: dict[str, str]) -> None:
    assert "tethered" in python(environment, "-m", "engine", "list", "strategies").splitlines()


@pytest.mark.slow
def test_it_is_in_the_schema(environment: dict[str, str]) -> None:
    assert "How hard the tether pulls back, in quibbles." in python(environment, "-m", "engine", "schema")


@pytest.mark.slow
def test_it_is_in_form_catalogue_and_rest(environment: dict[str, str]) -> None:
    seen = json.loads(python(environment, "-m", "tests.architecture.extension_walk", "tethered"))
    help_text = "How hard the tether pulls back, in quibbles."
    assert "tethered" in seen["offered"]
    assert help_text in seen["form"]
    assert "A. Nobody, Tethers, 2031, equation 4" in seen["form"]
    assert "tethered" in seen["family_page"]
    assert help_text in seen["kind_page"]
    assert help_text in json.dumps(seen["rest"])
    assert help_text in json.dumps(seen["openapi"])


@pytest.mark.slow
def test_it_runs(environment: dict[str, str], tmp_path: Path) -> None:
    spec = Path(environment["EDGELOOM_PLUGINS"]).parent / "spec.yaml"
    python(environment, "-m", "engine", "run", str(spec), "--out", str(tmp_path / "out"))
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["state"] == "done"
    assert 0 <= result["metrics"]["accuracy"]["mean"] <= 1


@pytest.mark.slow
def test_its_family_s_conformance_suite_takes_it_in(environment: dict[str, str]) -> None:
    suite = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance/test_strategies.py", "-k", "tethered")
    assert " passed" in python(environment, *suite)
