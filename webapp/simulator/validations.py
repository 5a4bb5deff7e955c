"""Validations as the page shows them: means by class of loss, scenarios, and charts."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.errors import EngineError
from engine.core.home import home_folder
from engine.emulation.results import committed_file, find, local_file
from engine.emulation.scores import FLOORS, GOALS
from engine.emulation.tables import CLASS_TITLES, workload_title
from webapp.simulator.chart import Chart, chart_of


@dataclass(frozen=True)
class Mean:
    """The errors over the scenarios of a class of loss.

    Attributes:
        title: of the class.
        found: number of scenarios, errors by model, noise.
        floor: error that must not be exceeded; None if there is no such.
        goal: error that is aimed at; None where only some of the links count.
        is_met: whether the floor is kept.
        is_part: whether only the links that were held out are counted.
    """

    title: str
    found: Mapping[str, Any]
    floor: float | None
    goal: float | None
    is_met: bool
    is_part: bool


@dataclass(frozen=True)
class Validation:
    """One validation.

    Attributes:
        title: where it comes from.
        key: short name for ids of the page.
        is_quick: whether it was the short one.
        at: when it began.
        host: about the machine.
        fabric: tier of the emulated network.
        means: by class of loss, the links held out apart.
        charts: predicted against measured, by class of loss.
        rows: the scenarios.
        counted: how many entered the means.
    """

    title: str
    key: str
    is_quick: bool
    at: dt.datetime
    host: Mapping[str, Any]
    fabric: str
    means: list[Mean]
    charts: list[Chart]
    rows: list[dict[str, Any]]
    counted: int


def validations() -> tuple[list[Validation], str]:
    """The committed validation and that of this host, as far as they are there; and what is wrong with one, if any."""
    found, problem = [], ""
    for title, key, path in (
        ("Published with the platform", "published", committed_file()),
        ("Measured on this machine", "local", local_file(home_folder())),
    ):
        try:
            result = find(path)
            if result is not None:
                found.append(_validation(title, key, result))
        except (EngineError, OSError, KeyError, TypeError, ValueError) as error:
            problem = f"{path.name} cannot be read ({error}); ./edgeloom emulate validate writes it anew"
    return found, problem


def _validation(title: str, key: str, result: Mapping[str, Any]) -> Validation:
    rows = [_row(row) for row in result["rows"]]
    return Validation(
        title=title,
        key=key,
        is_quick=bool(result.get("quick")),
        at=dt.datetime.fromisoformat(result["at"]),
        host=result["host"],
        fabric=result["fabric"],
        means=_means(result["summary"]),
        charts=[chart_of(name, text, rows) for name, text in CLASS_TITLES.items() if _measured(rows, name)],
        rows=rows,
        counted=result["summary"]["counted"],
    )


def _measured(rows: list[dict[str, Any]], loss_class: str) -> bool:
    return any(row["loss_class"] == loss_class and row.get("measured") for row in rows)


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    reasons = (["unstable: several lossy hops"] if row["unstable"] else []) + list(row["invalid"])
    return {**row, "what": workload_title(row["workload"]), "not_counted": "; ".join(reasons)}


def _means(summary: Mapping[str, Any]) -> list[Mean]:
    found = []
    for name, title in CLASS_TITLES.items():
        for part in ("classes", "held_out"):
            mean, is_part = summary[part][name], part == "held_out"
            if not mean["scenarios"]:
                continue
            floor = FLOORS[name]
            is_met = floor is None or mean["mape"]["monte_carlo"] <= floor
            words = f"{title}, links held out" if is_part else title
            found.append(
                Mean(words, mean, None if is_part else floor, None if is_part else GOALS[name], is_met, is_part)
            )
    return found
