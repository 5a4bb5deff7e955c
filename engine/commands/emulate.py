"""``emulate``: real execution beside the simulator, and how far apart both are."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from engine.commands.output import DONE, FAILED, note, say, write_json
from engine.commands.spec_file import add_json
from engine.core.errors import Problem, SpecError
from engine.core.home import home_folder
from engine.emulation.doctor import NEEDS, choose, examine, why_not, working
from engine.emulation.fabric import FABRICS, Choice

SUMMARY = "carry out what the simulator predicts with real processes, and compare"

_MS = 1e3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    doctor = verbs.add_parser("doctor", help="what this host allows, tried for real, with remedies")
    ping = verbs.add_parser("ping", help="how much this host adds to a message")
    validate = verbs.add_parser("validate", help="all scenarios of the validation, predicted and measured")
    validate.add_argument("--quick", action="store_true", help="a dozen scenarios with few samples, under 5 minutes")
    validate.add_argument(
        "--results", metavar="DIR", type=Path, help="write DIR/emulation.md and DIR/data/emulation.json"
    )
    compare = verbs.add_parser("compare", help="a finished run, simulated and carried out")
    compare.add_argument("folder", metavar="RUN_DIR", type=Path, help="a folder that run --out wrote, of a single run")
    compare.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="rounds to carry out where the run was only simulated"
    )
    table = verbs.add_parser("table", help="the page of a validation, from its data")
    table.add_argument("data", metavar="FILE", type=Path, help="what validate wrote as JSON")
    for one in (doctor, ping, validate, compare):
        add_json(one)
    for one in (ping, validate, compare):
        one.add_argument(
            "--fabric", choices=get_args(Choice), default="auto", help="tier of the emulated network; auto: the best"
        )


def execute(arguments: argparse.Namespace) -> int:
    """Do what the verb says.

    Raises:
        FabricUnavailable: this host does not allow it; the doctor's reason and remedy.
    """
    verbs = {"doctor": _doctor, "ping": _ping, "validate": _validate, "compare": _compare, "table": _table}
    return verbs[arguments.verb](arguments)


def _doctor(arguments: argparse.Namespace) -> int:
    probes = examine()
    good = working(probes)
    best = next(iter(good), None)
    if arguments.json:
        tiers = {name: {"works": name in good, "needs": list(NEEDS[name])} for name in FABRICS}
        told = [{**asdict(probe), "title": probe.title, "remedy": probe.remedy} for probe in probes]
        write_json({"fabric": best, "fabrics": tiers, "probes": told}, arguments.json)
    if arguments.json != "-":
        for probe in probes:
            say(f"{'yes' if probe.ok else 'no ':<4}{probe.title}  ({probe.seconds * _MS:.0f} ms)")
            if not probe.ok:
                say(f"    {probe.error} {probe.message}".rstrip())
                say(f"    {probe.remedy}")
        for name in FABRICS:
            missing = ", ".join(probe.title for probe in why_not(name, probes))
            say(f"{name}: {f'not here, it needs {missing}' if missing else 'works'}")
    return DONE if good else FAILED


def _ping(arguments: argparse.Namespace) -> int:
    from engine.emulation.ping import ROUND_TRIPS, ping

    fabric = choose(arguments.fabric)
    found = ping(fabric)
    if arguments.json:
        write_json({"fabric": fabric, **asdict(found)}, arguments.json)
    if arguments.json != "-":
        say(f"{fabric}: {ROUND_TRIPS} round trips of 16 bytes, which the link alone carries in {_ms(found.ideal_s)}")
        say(f"  median {_ms(found.median_s)}, 95 % within {_ms(found.p95_s)}, all within {_ms(found.most_s)}")
        say(f"  this host adds {_ms(found.overhead_s)} to a message")
        say(f"  packets were late by {_ms(found.late_p99_s)} (99 %), {_ms(found.late_max_s)} at most")
        say(f"  processes were there after {_ms(found.bring_up_s)}")
    return DONE


def _validate(arguments: argparse.Namespace) -> int:
    from engine.emulation.results import NAME, local_file, write
    from engine.emulation.scenarios import chosen
    from engine.emulation.scores import meets_floors
    from engine.emulation.tables import page
    from engine.emulation.validation import validate

    fabric = choose(arguments.fabric)
    if fabric == "loopback":
        note("edgeloom: the loopback tier has no TCP, so this checks the links and the way in which times add up only")
    result = validate(chosen(quick=arguments.quick), fabric, _progress)
    result["quick"] = arguments.quick
    write(result, local_file(home_folder()))
    if arguments.results:
        write(result, arguments.results / "data" / f"{NAME}.json")
        (arguments.results / f"{NAME}.md").write_text(page(result), encoding="utf-8")
    if arguments.json:
        write_json(result, arguments.json)
    if arguments.json != "-":
        _tell_means(result["summary"])
    note(f"the result is in {local_file(home_folder())}")
    return DONE if meets_floors(result["summary"]) else FAILED


def _progress(done: int, total: int, row: dict[str, Any]) -> None:
    found = row.get("measured")
    text = "no sample"
    if found:
        error = 100 * row["errors"]["monte_carlo"]
        text = f"{_ms(found['median_s'])} measured, {_ms(row['predicted']['monte_carlo_s'])} predicted ({error:+.1f} %)"
    invalid = f"  INVALID: {'; '.join(row['invalid'])}" if row["invalid"] else ""
    note(f"{done}/{total}  {row['id']}: {text}{invalid}")


def _tell_means(told: dict[str, Any]) -> None:
    from engine.emulation.scores import FLOORS, MODELS
    from engine.emulation.tables import CLASS_TITLES, MODEL_TITLES, percent

    say(f"{told['counted']} of {told['scenarios']} scenarios counted; mean absolute error of the median latency:")
    for name, title in CLASS_TITLES.items():
        found = told["classes"][name]
        if found["scenarios"]:
            errors = ", ".join(f"{MODEL_TITLES[model]} {percent(found['mape'][model])}" for model in MODELS)
            floor = "" if FLOORS[name] is None else f" (floor {percent(FLOORS[name])})"
            say(f"  {title}, {found['scenarios']} scenarios: {errors}{floor}")
    if told["invalid"]:
        say(f"  INVALID: {', '.join(told['invalid'])}")


def _compare(arguments: argparse.Namespace) -> int:
    from engine.runs.emulated import compared

    place = arguments.folder / "trace.safetensors"
    if not place.is_file():
        message = f"{arguments.folder} holds no finished run; allowed is a folder of run --out, of a single run"
        raise SpecError([Problem("", "no_run", message)])
    if arguments.rounds < 1:
        raise SpecError([Problem("--rounds", "out_of_range", f"at least 1 round; given: {arguments.rounds}")])
    measurement, rows = compared(arguments.folder, rounds=arguments.rounds, fabric=arguments.fabric)
    invalid = measurement.facts["invalid"]
    if arguments.json:
        told = {"fabric": measurement.facts["fabric"], "invalid": invalid, "phases": [asdict(row) for row in rows]}
        write_json(told, arguments.json)
    if arguments.json != "-":
        say(f"{measurement.facts['fabric']}: {measurement.trace.num_rounds} rounds carried out")
        for row in rows:
            low, high = (100 * value for value in row.mape_ci95)
            say(
                f"  {row.phase:<10} {row.items:>5}   simulated {_ms(row.simulated_s):>12}   measured "
                f"{_ms(row.measured_s):>12}   error {100 * row.mape:.1f} % ({low:.1f} to {high:.1f})"
            )
        for reason in invalid:
            say(f"  INVALID: {reason}")
    return DONE


def _table(arguments: argparse.Namespace) -> int:
    from engine.emulation.results import read
    from engine.emulation.tables import page

    say(page(read(arguments.data)).rstrip("\n"))
    return DONE


def _ms(seconds: float) -> str:
    return f"{seconds * _MS:.2f} ms"
