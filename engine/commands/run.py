"""``run``: carry out an experiment without a server."""

import argparse
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from engine.commands.output import DONE, INTERRUPTED, amount, duration, note, say, write_json
from engine.commands.progress import Reporter
from engine.commands.spec_file import add_json, add_spec, read_spec
from engine.core.errors import SpecError
from engine.core.home import home_folder
from engine.data.store import DataStore
from engine.runs.batch import Batch
from engine.runs.control import Control
from engine.specs.checks import check_data
from engine.specs.experiment import ExperimentSpec
from engine.specs.sweep import of_cells
from engine.specs.text import cells, digest

SUMMARY = "carry out an experiment without a server"

_ENDINGS = ("answered", "degraded", "failed")

_COSTS = {
    "time_s": ("simulated time", "s"),
    "energy_j": ("energy", "J"),
    "bytes_up": ("up", "B"),
    "bytes_down": ("down", "B"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_spec(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, help="run folder; an unfinished one is continued")
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run, print the result, and return the exit code.

    Raises:
        SpecError: the spec or the folder is wrong, or a data set is missing.
        EngineError: a run cannot go on.
    """
    spec = read_spec(arguments)
    reporter = Reporter()
    store = DataStore.from_environment(progress=reporter.download)
    problems = of_cells((cell.label, check_data(cell.spec, store)) for cell in cells(spec))
    if problems:
        raise SpecError(problems)
    folder = arguments.out or _own_folder(spec)
    batch = Batch(spec, folder)
    control = Control()
    with _stops(control):
        status = batch.execute(reporter, control, store)
    result = batch.result()
    if arguments.json:
        write_json(result, arguments.json)
    if arguments.json != "-":
        for line in _report(result):
            say(line)
    note(f"files are in {folder}")
    if status != "done":
        note("interrupted; the same command continues the run")
        return INTERRUPTED
    return DONE


def _own_folder(spec: ExperimentSpec) -> Path:
    """A folder of the platform that the same command finds again."""
    names = "-".join([*(digest(cell.spec)[:12] for cell in cells(spec)[:4]), *map(str, spec.seeds[:8])])
    return home_folder() / "runs" / f"{names}-{len(cells(spec))}x{len(spec.seeds)}"


@contextmanager
def _stops(control: Control) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks the run to halt at the next border; a second Ctrl-C ends the process."""

    def stop(number: int, frame: FrameType | None) -> None:
        control.pause()
        note("\nstopping at the next border, as soon as the work at hand is done; Ctrl-C again stops at once")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(result: Mapping[str, Any]) -> Iterator[str]:
    for cell in result.get("cells", [result]):
        if cell.get("label"):
            yield cell["label"]
        seeds = len(cell["seeds"])
        yield f"  {cell['state']} · {seeds} seed{'s' if seeds > 1 else ''} · {duration(cell['wall_s'])} on this host"
        for name, values in cell["metrics"].items():
            yield f"  {name:<16} {_spread(values)}"
        beside = [
            f"{name} {row['accuracy']:.4g}"
            for name, row in cell["baselines"].items()
            if isinstance(row, Mapping) and row.get("accuracy") is not None
        ]
        if beside:
            yield f"  {'beside it':<16} accuracy of {' · '.join(beside)}"
        for name, said in cell.get("words", {}).items():
            yield from (f"  {name:<16} {sentence}" for sentence in dict.fromkeys(said))
        costs = [
            f"{title} {amount(cell['costs'][name], unit)}"
            for name, (title, unit) in _COSTS.items()
            if cell["costs"].get(name) is not None
        ]
        if costs:
            yield f"  {'costs':<16} {' · '.join(costs)}"
        if cell["costs"].get("emulated_rounds"):
            yield f"  {'for real':<16} {_emulated(cell['costs'])}"
        if cell["costs"].get("share_recalled"):
            yield f"  {'':<16} {100 * cell['costs']['share_recalled']:.0f} % of it rests on recalled figures"


def _emulated(costs: Mapping[str, float]) -> str:
    """Rounds that were carried out, or requests and how they ended; without an answer there are no times."""
    endings = [f"{round(costs[f'emulated_{name}'])} {name}" for name in _ENDINGS if f"emulated_{name}" in costs]
    what = f"requests ({', '.join(endings)})" if endings else "rounds"
    told = f"{round(costs['emulated_rounds'])} {what} carried out"
    if not costs.get("emulated_round_s"):
        return told
    measured, simulated = duration(costs["emulated_round_s"]), duration(costs["simulated_round_s"])
    return f"{told}: {measured} measured, {simulated} simulated ({100 * costs['emulation_error']:.1f} % apart)"


def _spread(values: Mapping[str, Any]) -> str:
    if values["mean"] is None:
        return "no finite value"
    if values["ci95"] is None:
        return f"{values['mean']:.6g}"
    low, high = values["ci95"]
    return f"{values['mean']:.6g}  (95 % interval {low:.6g} to {high:.6g}, {len(values['values'])} seeds)"
