"""``./edgeloom reproduce NAME``: run a study in legs, and write its page from what is recorded.

    ./edgeloom reproduce fedmax --minutes 50     run what is missing for 50 minutes; the next call goes on
    ./edgeloom reproduce fedmax --list           what is recorded and what is missing
    ./edgeloom reproduce fedmax --write          only the page

Each finished run is recorded at once as ``docs/results/data/<study>/<run>.json``. Several calls may run side by side;
each takes runs that no other has.
"""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from fnmatch import fnmatch

from benchmarks.reproduce import studies
from benchmarks.reproduce.legs import pausing_after, run_cell
from benchmarks.reproduce.study import ROOT, Further, Study, StudyCell
from engine.commands.output import DONE, FAILED, complain, duration, note, say
from engine.core.errors import EngineError
from engine.costs.estimate import estimate
from engine.data.store import DataStore
from engine.specs.context import make_context


def names() -> list[str]:
    """The studies."""
    return sorted(info.name for info in pkgutil.iter_modules(studies.__path__))


def study_of(name: str) -> Study:
    """A study by its name."""
    found: Study = importlib.import_module(f"benchmarks.reproduce.studies.{name}").STUDY
    return found


def main(arguments: Sequence[str]) -> int:
    """Run, list or write a study."""
    parser = argparse.ArgumentParser(prog="edgeloom reproduce", description="Run a study in legs and write its page.")
    parser.add_argument("name", metavar="NAME", choices=names(), help=", ".join(names()))
    parser.add_argument("--minutes", type=float, default=0.0, help="how long this leg may take; 0, no limit")
    parser.add_argument("--only", metavar="PATTERN", default="*", help="runs whose name fits, such as 'scaled-*-0'")
    parser.add_argument("--list", action="store_true", help="tell what is recorded and what a missing run would cost")
    parser.add_argument("--write", action="store_true", help="write the page and run nothing")
    options = parser.parse_args(arguments)
    study = study_of(options.name)
    chosen = [cell for cell in study.cells() if fnmatch(cell.name, options.only)]
    if options.list:
        _tell(chosen)
        return DONE
    if not options.write and not _run(chosen, options.minutes, study.further):
        return FAILED
    study.page.write_text(study.text(), encoding="utf-8")
    note(f"written: {study.page.relative_to(ROOT)}")
    return DONE


def _tell(chosen: Sequence[StudyCell]) -> None:
    for cell in chosen:
        if cell.recorded() is not None:
            say(f"recorded  {cell.name}")
            continue
        if (spec := cell.runnable()) is None:
            say(f"missing   {cell.name}, after {cell.source.name if cell.source else ''}")
            continue
        expected = estimate(spec.task, make_context(spec, cell.seed))
        say(f"missing   {cell.name}, about {duration(expected.host_s)} of one thread")


def _run(chosen: Sequence[StudyCell], minutes: float, further: Further | None) -> bool:
    """Run what is missing until the time is over; False if a run could not go on."""
    control, store = pausing_after(minutes), DataStore.from_environment()
    for cell in chosen:
        if cell.recorded() is not None:
            continue
        if control.should_pause():
            break
        note(cell.title)
        try:
            is_done = run_cell(cell, control, store, further)
        except EngineError as error:
            complain(error)
            return False
        note("  recorded" if is_done else "  not finished here")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
