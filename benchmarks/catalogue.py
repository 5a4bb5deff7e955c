"""How well the model of compute time predicts published benchmarks, and the catalogue's speeds that follow from them.

    python -m benchmarks.catalogue [--json [FILE]] [--write]

Prints every workload of MLPerf Tiny predicted from the other two of the same device. With ``--write`` the speeds of
``engine/fleet/devices.csv`` are recomputed from the published latencies, and ``docs/results/compute.md`` is written.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.commands.output import say, write_json
from engine.core.catalogue_file import read_lines
from engine.costs.derivation import COLUMNS, derived_columns
from engine.costs.published import TITLES, Prediction, leave_one_out, median_error
from engine.fleet.catalogue import PATH

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "compute.md"

HEAD = """# How well compute time is predicted

The cost model's time of one inference against published measurements (MLPerf Tiny, int8): each workload is predicted
from the other two of the same device, and from the proportion of dense to memory-bound speed of all other chips. Beside
it the prediction of one speed for all operations, fit on the same two workloads. Written by
`./edgeloom bench catalogue --write`; latencies and their sources stand in `engine/costs/published.csv`, the method in
`engine/costs/published.py`.
"""

TAIL = """
What the error holds: one vendor's engine runs 1x1 convolutions faster than 3x3 ones (X-CUBE-AI on the first three
devices), another's vector unit does little for depthwise layers (RA8D1); a model of two speeds knows neither. Nothing
here was measured on a device by us.
"""


def main() -> None:
    """Print the table; write what is asked for."""
    parser = argparse.ArgumentParser(prog="edgeloom bench catalogue", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="write the table as JSON")
    parser.add_argument("--write", action="store_true", help="recompute the catalogue's speeds and the page of results")
    parser.add_argument("--quick", action="store_true", help="the same: it takes seconds")
    arguments = parser.parse_args()
    found = leave_one_out()
    if arguments.write:
        write_catalogue()
        PAGE.write_text(page(found), encoding="utf-8")
    if arguments.json:
        write_json(tree_of(found), arguments.json)
    if arguments.json != "-":
        say(table(found))


def tree_of(found: Sequence[Prediction]) -> dict[str, Any]:
    """The table as plain data."""
    rows = [
        {
            "system": one.system.name, "chip": one.system.chip, "software": one.system.software,
            "source": one.system.source, "workload": one.workload, "measured_s": one.measured_s,
            "predicted_s": one.predicted_s, "error": one.error, "one_rate_error": one.one_rate_error,
        }
        for one in found
    ]  # fmt: skip
    medians = {"median_error": median_error(found), "one_rate_median_error": median_error(found, one_rate=True)}
    mine = of_catalogue(found)
    medians |= {"catalogue_median_error": median_error(mine)}
    return {**medians, "predictions": rows}


def of_catalogue(found: Sequence[Prediction]) -> list[Prediction]:
    """The predictions of systems that devices of the catalogue rest on."""
    used = {row["int8_from"].removeprefix("system ") for row in read_lines(PATH)}
    return [one for one in found if one.system.name in used]


def table(found: Sequence[Prediction]) -> str:
    """The table in Markdown."""
    lines = [
        _summary(found),
        "",
        "| system | chip | software | workload left out | measured ms | predicted ms | error | one speed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {one.system.name} | {one.system.chip} | {one.system.software} | {TITLES[one.workload]} "
        f"| {1e3 * one.measured_s:.4g} | {1e3 * one.predicted_s:.4g} | {_signed(one.error)} "
        f"| {_signed(one.one_rate_error)} |"
        for one in found
    ]
    return "\n".join(lines)


def _summary(found: Sequence[Prediction]) -> str:
    mine = of_catalogue(found)
    ours, one_rate = (
        [f"{100 * median_error(some, one_rate=way):.1f} %" for some in (mine, found)] for way in (False, True)
    )
    return (
        f"Median error: {ours[0]} on the {len(mine) // 3} systems that devices of the catalogue rest on ({len(mine)} "
        f"predictions), {ours[1]} on all {len(found) // 3} ({len(found)}); with one speed for everything {one_rate[0]} "
        f"and {one_rate[1]}."
    )


def page(found: Sequence[Prediction]) -> str:
    """The page of results."""
    return f"{HEAD}\n{table(found)}\n{TAIL}"


def write_catalogue() -> None:
    """Recompute the derived columns of ``devices.csv``; all others stay."""
    rows = [dict(row) for row in read_lines(PATH)]
    for row in rows:
        values = derived_columns(row)
        for column in (*COLUMNS["float"], *COLUMNS["int8"], "slow_share"):
            row[column] = f"{values[column]:.4g}" if column in values else ""
    with PATH.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _signed(share: float) -> str:
    return f"{100 * share:+.0f} %"


if __name__ == "__main__":
    main()
