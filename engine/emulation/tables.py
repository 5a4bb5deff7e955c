"""The validation as a page: what was measured, what was predicted, and how far apart both are."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.emulation.scores import FLOORS, GOALS, MODELS

CLASS_TITLES: Mapping[str, str] = {"none": "no loss", "low": "loss up to 2 %", "high": "loss of 5 %"}
"""The classes of loss as people read them."""

MODEL_TITLES: Mapping[str, str] = {
    "closed": "closed form",
    "monte_carlo": "packet by packet",
    "naive": "bytes / bandwidth + delay",
}
"""The predictions as people read them."""

NOT_COVERED: Mapping[str, str] = {
    "Tails": "a high percentile of few samples is mostly chance: the 95th has its interval beside it, and no floor",
    "Several lossy hops": (
        "on a line of four hops with 5 % loss each, Linux' estimate of the round trip runs away; such scenarios are "
        "listed as unstable and not counted"
    ),
    "Computation": (
        "devices really compute, then wait until their stated time has passed; this checks the network and how times "
        "add up, not how fast a device is, which is measured elsewhere"
    ),
    "Energy": "no process of a host tells what a radio draws",
    "The radio itself": (
        "interference, hidden stations, duty cycles and bursts of loss are not in the emulated links; loss strikes "
        "each packet by itself"
    ),
    "Size": "up to 128 nodes on one host; larger networks rest on the agreement of the simulator's own methods",
}
"""What the table does not show."""


def page(result: Mapping[str, Any]) -> str:
    """The page, in Markdown."""
    return "\n".join([*_head(result), *_means(result), *_rows(result), *_tail(result)]) + "\n"


def workload_title(told: Mapping[str, Any]) -> str:
    """A workload in a few words."""
    size = told["size"]
    amount = f"{size / 1000:g} kB" if size >= 10_000 else f"{size} B"
    words = {
        "star": f"{told['devices']} devices send {amount}",
        "shared_medium": f"{told['devices']} devices on one channel send {amount}",
        "line": f"{amount} over {told.get('hops')} hops",
        "split": f"split network, {amount} up",
        "federated_round": f"federated round, {told['devices']} devices, {amount}",
        "bulk": f"bulk, {amount}",
        "stream": f"stream of {amount} readings",
    }[told["kind"]]
    words += ", on one channel" if told.get("one_room") else ""
    return words + (", new connection" if told.get("new_connection") else "")


def percent(value: float | None) -> str:
    """A share as people read it."""
    return "-" if value is None else f"{100 * value:.1f} %"


def _head(result: Mapping[str, Any]) -> Iterator[str]:
    host = result["host"]
    yield "# The simulator against real execution"
    yield ""
    yield (
        "Real processes, one per device, each in a network namespace of its own, send real tensors over Linux' own TCP "
        "(or CoAP over UDP) through links that are emulated packet by packet. The simulator predicted every scenario "
        "before the first was carried out. Made by `./edgeloom emulate validate`; the data are in "
        "`data/emulation.json`, and `./edgeloom emulate table data/emulation.json` writes this page from them."
    )
    yield ""
    loads = [row["load"] for row in result["rows"] if row.get("load") is not None]
    busy = f", load {min(loads):.1f} to {max(loads):.1f}" if loads else ""
    yield (
        f"Measured {result['at'][:10]} in {result['seconds'] / 60:.0f} minutes on {host['processors']} processors, "
        f"{host['system']} {host['kernel']}{busy}; fabric `{result['fabric']}`, congestion control cubic."
    )


def _means(result: Mapping[str, Any]) -> Iterator[str]:
    told = result["summary"]
    yield ""
    yield "## Mean absolute error of the median latency"
    yield ""
    yield (
        "| loss | scenarios | "
        + " | ".join(MODEL_TITLES[name] for name in MODELS)
        + " | floor | goal | noise of the measurement |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, title in CLASS_TITLES.items():
        yield _mean(title, told["classes"][name], percent(FLOORS[name]), percent(GOALS[name]))
        yield _mean(f"{title}, links held out", told["held_out"][name], "", "")
    yield ""
    yield (
        "A link that is held out was never used while the model was made. Noise is half of the 95 % interval of the "
        "median by bootstrap: no model can be shown to be better than that."
    )
    yield ""
    yield "| loss | error of the 95th percentile, packet by packet | its 95 % interval |"
    yield "| --- | --- | --- |"
    for name, title in CLASS_TITLES.items():
        found = told["classes"][name]
        if found["p95_mape_ci95"] is not None:
            low, high = found["p95_mape_ci95"]
            yield f"| {title} | {percent(found['p95_mape'])} | {percent(low)} to {percent(high)} |"


def _mean(title: str, found: Mapping[str, Any], floor: str, goal: str) -> str:
    if not found["scenarios"]:
        return f"| {title} | 0 | - | - | - | {floor} | {goal} | - |"
    errors = " | ".join(percent(found["mape"][name]) for name in MODELS)
    return f"| {title} | {found['scenarios']} | {errors} | {floor} | {goal} | {percent(found['noise'])} |"


def _rows(result: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## All scenarios"
    yield ""
    yield (
        "Times in milliseconds; errors of the median, in brackets of the 95th percentile. ° the link was held out; "
        "† listed, not counted."
    )
    yield ""
    yield (
        "| link | what | loss | n | measured median (95 % interval) | p95 (95 % interval) | closed form "
        "| packet by packet | naive |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in result["rows"]:
        yield _row(row)


def _row(row: Mapping[str, Any]) -> str:
    link = row["title"] + (" °" if row["held_out"] else "") + (", CoAP" if row["transport"] == "coap" else "")
    mark = " †" if row["unstable"] or row["invalid"] else ""
    head = f"| {link} | {workload_title(row['workload'])}{mark} | {100 * row['loss']:g} % "
    found = row.get("measured")
    if not found:
        return head + "| 0 | - | - | - | - | - |"
    errors = row["errors"]
    return (
        head
        + f"| {found['samples']} | {_span(found['median_s'], found['median_ci95_s'])} "
        + f"| {_span(found['p95_s'], found['p95_ci95_s'])} | {_signed(errors['closed'])} "
        + f"| {_signed(errors['monte_carlo'])} ({_signed(errors['monte_carlo_p95'])}) | {_signed(errors['naive'])} |"
    )


def _span(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{1e3 * value:.1f} ({1e3 * low:.1f} to {1e3 * high:.1f})"


def _signed(value: float) -> str:
    return f"{100 * value:+.1f} %"


def _tail(result: Mapping[str, Any]) -> Iterator[str]:
    told = result["summary"]
    invalid = [row for row in result["rows"] if row["invalid"]]
    yield ""
    yield "## Not counted"
    yield ""
    if not (invalid or told["unstable"]):
        yield "Every scenario was counted."
    for name in told["unstable"]:
        yield f"- `{name}`: unstable, see below"
    for row in invalid:
        yield f"- `{row['id']}`: INVALID, {'; '.join(row['invalid'])}"
    yield ""
    yield "## What this does not show"
    yield ""
    for title, text in NOT_COVERED.items():
        yield f"- **{title}**: {text}."
