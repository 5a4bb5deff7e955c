"""The panels beside a task: its data set, how that is spread over devices, and its model."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.errors import Problem, SpecError
from engine.data.dataset import Dataset
from webapp.datasets.usage import foreign_upload, is_of
from webapp.library.models import Fleet
from webapp.library.parts import fleet_of
from webapp.previews.modeltable import model_table
from webapp.previews.parts import DEFAULT_DEVICES, MOST_DEVICES, Parts, read_part, read_parts
from webapp.previews.services import look
from webapp.previews.wanted import class_map_of, samples_of
from webapp.teams.models import Team


def panels(team: Team, task: Mapping[str, Any], devices: str, seed: str = "") -> dict[str, Any]:
    """What there is to see of a task's block, which may be unfinished.

    Args:
        team: whose uploads it may show.
        task: the block.
        devices: number of devices as the user wrote it; the newest fleet's where that is no number.
        seed: seed of the partition, likewise; 0 where that is no number.
    """
    parts = read_parts(task)
    foreign = foreign_problem(parts, team)
    if foreign is not None:
        return {"problems": [foreign], "num_devices": devices_of(team, devices), "seed": 0}
    num_devices, number = devices_of(team, devices), seed_of(seed)
    table, model_problems = model_table(parts)
    context: dict[str, Any] = {
        "parts": parts,
        "num_devices": num_devices,
        "seed": number,
        "table": table,
        "model_problems": model_problems,
        "problems": [problem for name in ("dataset", "partition") for problem in parts.problems.get(name, ())],
    }
    if parts.dataset is not None:
        context["samples"] = look(samples_of(parts.dataset))
    if parts.dataset is not None and parts.partition is not None:
        unsuited = partition_problems(parts, num_devices)
        context["problems"] += unsuited
        if not unsuited:
            context["class_map"] = look(class_map_of(parts.dataset, parts.partition, num_devices, number))
    return context


def own_parts(
    team: Team, task: Mapping[str, Any], names: Sequence[str]
) -> tuple[dict[str, Any], Dataset | None, list[Problem]]:
    """Parts of a task's block as far as they are right, the data set that the team may see, and what is wrong.

    Args:
        team: whose uploads it may show.
        task: the block, which may be unfinished.
        names: of the parts, among them ``dataset``.
    """
    parts: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in names:
        try:
            parts[name] = read_part(name, task.get(name))
        except SpecError as error:
            problems += error.problems
    dataset: Dataset | None = parts.get("dataset")
    if dataset is not None and (foreign := foreign_data(dataset, team)):
        problems.append(foreign)
        dataset = None
    return parts, dataset, problems


def partition_problems(parts: Parts, num_devices: int) -> list[Problem]:
    """Why the data set cannot be spread so over that many devices."""
    assert parts.dataset is not None
    assert parts.partition is not None
    found = parts.partition.suits(parts.dataset, parts.partition.num_shards(num_devices))
    return [Problem(f"partition.{one.path}".rstrip("."), one.code, one.message) for one in found]


def foreign_problem(parts: Parts, team: Team) -> Problem | None:
    """A problem if the data set is an upload that the team does not have, or has in the trash."""
    return None if parts.dataset is None else foreign_data(parts.dataset, team)


def foreign_data(dataset: Dataset, team: Team) -> Problem | None:
    """A problem if a data set is an upload that the team does not have, or has in the trash."""
    for sha256 in dataset.uploads():
        if not is_of(team, sha256):
            return foreign_upload("dataset.sha256", sha256, team)
    return None


def devices_of(team: Team, text: str) -> int:
    """A number of devices that can be shown."""
    if text.strip().isdecimal() and len(text.strip()) <= 12:
        return max(1, min(int(text), MOST_DEVICES))
    newest = Fleet.objects.of(team).order_by("-updated_at").first()
    if newest is None:
        return DEFAULT_DEVICES
    try:
        return max(1, min(fleet_of(newest.body).num_devices, MOST_DEVICES))
    except ValueError:  # stored under an older schema
        return DEFAULT_DEVICES


def seed_of(text: str) -> int:
    """A seed that can be used."""
    return int(text) if text.strip().isdecimal() and len(text.strip()) <= 9 else 0
