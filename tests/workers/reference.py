"""An undisturbed run of a spec in a process of its own: what disturbed runs are compared with, bit for bit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.runs.loop import run
from engine.runs.sinks import MemorySink, line_of
from engine.specs.context import make_context
from engine.specs.text import parse
from tests.environment import ROOT


def undisturbed(text: str, folder: Path, seed: int = 0) -> list[dict[str, Any]]:
    """The events of an undisturbed run, without a platform; torch stays out of this process."""
    spec, out = folder / "reference.yaml", folder / "reference.json"
    spec.write_text(text)
    subprocess.run([sys.executable, "-m", __name__, str(spec), str(seed), str(out)], cwd=ROOT, check=True)
    events: list[dict[str, Any]] = json.loads(out.read_text())
    return events


def main(spec: str, seed: str, out: str) -> None:
    """Carry out the run and write its events."""
    parsed, sink = parse(Path(spec).read_text()), MemorySink()
    run(parsed, int(seed), context=make_context(parsed, int(seed)), sink=sink)
    Path(out).write_text(json.dumps([line_of(event) for event in sink.events]))


if __name__ == "__main__":
    main(*sys.argv[1:])
