"""``./edgeloom test``: every check of the project, those that bear company two at a time, with a summary at the end.

All steps run even if one fails. The last line counts the tests of all steps together: ``123 passed, 0 failed``.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import find_browser

ROOT = Path(__file__).resolve().parent.parent
MODULE = (sys.executable, "-m")
NO_TESTS = 5  # pytest's exit code when nothing was selected
WORDS = "words.txt"
BUDGET_S = {"quick": 180.0, "plain": 1200.0, "full": 4500.0}

# What a server that others can reach is run with; `check --deploy` must find nothing to complain about.
PRODUCTION = {
    "EDGELOOM_HOST": "edge.example.org",
    "EDGELOOM_ORIGINS": "https://edge.example.org",
    "EDGELOOM_SECRET_KEY": "for-this-check-only-" + "x9Yz_k3w" * 6,
    "EDGELOOM_DEBUG": "",
}


@dataclass(frozen=True)
class Step:
    """One program to run; it passes with exit code 0.

    Attributes:
        name: what it checks, in a word or two.
        command: program and arguments.
        environment: what it gets beside the environment of the runner.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a step went."""

    name: str
    is_good: bool
    duration_s: float
    counts: Counter[str] = field(default_factory=Counter)


def static_steps(home: str) -> list[Step]:
    """Everything that looks at the sources without running tests."""
    scratch = {"EDGELOOM_HOME": home, "REDIS_URL": "", "DATABASE_URL": ""}
    manage = (sys.executable, "manage.py")
    compose = ("check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    templates = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("templates/**/*.html"))]
    return [
        Step("types (mypy --strict)", [*MODULE, "mypy"], scratch),
        Step("lint (ruff)", [*MODULE, "ruff", "check", "."]),
        Step("format (ruff)", [*MODULE, "ruff", "format", "--check", "."]),
        Step("import contracts", [str(Path(sys.executable).with_name("lint-imports"))]),
        Step("templates (djlint)", [*MODULE, "djlint", "--lint", "--quiet", *templates]),
        Step("spelling (codespell)", [str(Path(sys.executable).with_name("codespell")), *tracked_files()]),
        Step("compose file", [*MODULE, *compose]),
        Step("Dockerfile (hadolint)", [str(Path(sys.executable).with_name("hadolint")), "Dockerfile"]),
        Step("deployment checks", [*manage, "check", "--deploy", "--fail-level", "WARNING"], scratch | PRODUCTION),
        Step("browser libraries", [*manage, "assets"], scratch),
        Step("migrations complete", [*manage, "makemigrations", "--check", "--dry-run"], scratch),
    ]


def test_steps(level: str, *, with_browser: bool) -> list[list[Step]]:
    """The tests, in groups whose steps run at the same time.

    Tests that kill processes and those in a browser wait for other processes for half of their time, so one of each
    goes on at a time; tests that measure this machine come last, with nothing beside them.
    """
    pytest = (*MODULE, "pytest", "-q", "--durations=15")
    short = "" if level == "full" else " and not full"
    calm = "not kill and not browser and not alone" + short + (" and not slow" if level == "quick" else "")
    browser = Step("tests in a real browser", [*pytest, "-m", "browser" + short, *carriers("browser")])
    kill_only = "kill and not browser and not alone" + short
    kill = Step("tests that kill processes", [*pytest, "-m", kill_only, *carriers("kill")])
    alone = Step("tests that measure this machine", [*pytest, "-m", "alone" + short, *carriers("alone")])
    groups = [[Step("tests", [*pytest, "-n", "2", "--dist", "worksteal", "-m", calm])]]
    if level != "quick":
        groups += [[browser, kill], [alone]]
    elif with_browser:
        groups.append([browser])
    return groups


def carriers(mark: str) -> list[str]:
    """The test files that speak of a mark, and the folders whose ``conftest.py`` does: to read all takes a while."""
    speaks = re.compile(rf"\bmark\.{mark}\b").search
    files = [path for path in sorted(ROOT.glob("tests/**/*.py")) if speaks(path.read_text())]
    folders = {path.parent for path in files if path.name == "conftest.py"}
    found = [path for path in files if path.name.startswith("test_") and not folders & set(path.parents)]
    return [str(path.relative_to(ROOT)) for path in [*sorted(folders), *found]]


def tracked_files() -> list[str]:
    """The files of the repository, so that nobody's local files are spell-checked."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else ["README.md", "engine", "webapp", "workers", "docs"]


def run_static(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Run steps two at a time; a step's words are printed when it fails."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for step, (code, words, duration_s) in zip(steps, pool.map(capture, steps), strict=True):
            if code != 0:
                print(f"\n{words.strip()}")
            print(f"{'ok    ' if code == 0 else 'FAILED'}  {step.name}  ({duration_s:.1f} s)", flush=True)
            yield Outcome(step.name, code == 0, duration_s)


def capture(step: Step) -> tuple[int, str, float]:
    """Run a step and keep what it says."""
    start = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=ROOT,
        env=os.environ | step.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, time.monotonic() - start


def run_together(steps: Sequence[Step]) -> list[Outcome]:
    """Run groups of tests at the same time; the words of the first go straight to the terminal, then the others'."""
    print(f"\n----- {steps[0].name} -----", flush=True)
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(max_workers=len(steps)) as pool:
        folders = [Path(name) / str(number) for number in range(len(steps))]
        running = [
            pool.submit(run_tests, step, folder, is_shown=step is steps[0])
            for step, folder in zip(steps, folders, strict=True)
        ]
        outcomes = [one.result() for one in running]
        for step, folder in list(zip(steps, folders, strict=True))[1:]:
            print(f"\n----- {step.name} -----\n{(folder / WORDS).read_text(errors='replace')}", flush=True)
    return outcomes


def run_tests(step: Step, folder: Path, *, is_shown: bool) -> Outcome:
    """Run pytest, its words going to the terminal or into a file of the folder, and count its results."""
    start = time.monotonic()
    folder.mkdir()
    report = folder / "report.xml"
    command = [*step.command, f"--junitxml={report}", "-o", "junit_family=xunit1"]
    with (folder / WORDS).open("wb") as words:
        place: Any = {} if is_shown else {"stdout": words, "stderr": subprocess.STDOUT}
        code = subprocess.run(command, cwd=ROOT, check=False, stdin=subprocess.DEVNULL, **place).returncode
    counts = count(report) if report.exists() else Counter(failed=1)
    return Outcome(step.name, code in (0, NO_TESTS), time.monotonic() - start, counts)


def count(report: Path) -> Counter[str]:
    """Numbers of passed, failed and skipped tests in a report that pytest wrote."""
    counts: Counter[str] = Counter()
    for suite in ET.parse(report).iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts.update(failed=failed, skipped=skipped, passed=int(suite.get("tests", 0)) - failed - skipped)
    return counts


def summarize(outcomes: Sequence[Outcome], level: str, elapsed_s: float, *, browser_missing: bool) -> int:
    """Print what happened and give the exit code."""
    total: Counter[str] = Counter()
    print("\n===== summary =====")
    for outcome in outcomes:
        total.update(outcome.counts)
        print(f"{'ok    ' if outcome.is_good else 'FAILED'}  {outcome.duration_s:7.1f} s  {outcome.name}")
    print(f"{elapsed_s:.0f} s at level {level}; the budget on two cores is {BUDGET_S[level]:.0f} s")
    if browser_missing:
        print("!!! NO BROWSER FOUND: the tests in a real browser DID NOT RUN. Install Chromium to run them.")
    bad = [outcome.name for outcome in outcomes if not outcome.is_good]
    if bad:
        print(f"failed: {', '.join(bad)}")
    not_counted = sum(1 for outcome in outcomes if not outcome.is_good and not outcome.counts["failed"])
    print(f"{total['passed']} passed, {total['failed'] + not_counted} failed, {total['skipped']} skipped", flush=True)
    return 1 if bad else 0


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="edgeloom test",
        description="Lint, types, import contracts and tests. With pytest arguments only those tests run.",
    )
    level = parser.add_mutually_exclusive_group()
    level.add_argument("--quick", action="store_true", help="at most 3 minutes: no slow, kill or browser tests")
    level.add_argument("--full", action="store_true", help="at most 75 minutes: with the long tests")
    parser.add_argument("--with-browser", action="store_true", help="fail if there is no browser; also with --quick")
    options, chosen = parser.parse_known_args(arguments)
    if chosen:
        return subprocess.run(
            [*MODULE, "pytest", *(word for word in chosen if word != "--")], cwd=ROOT, check=False
        ).returncode
    browser_missing = find_browser() is None
    if browser_missing and options.with_browser:
        print("--with-browser: no Chromium found. Debian: apt-get install chromium; or name one by EDGELOOM_CHROMIUM.")
        return 2
    start = time.monotonic()
    chosen_level = "quick" if options.quick else "full" if options.full else "plain"
    with tempfile.TemporaryDirectory(prefix="edgeloom-checks-") as home:
        outcomes = list(run_static(static_steps(home)))
    for steps in test_steps(chosen_level, with_browser=options.with_browser):
        outcomes += run_together(steps)
    return summarize(outcomes, chosen_level, time.monotonic() - start, browser_missing=browser_missing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
