"""The last stage of the door: whether parts that are right by themselves fit together."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel

from engine.core.allowance import Allowance, NotForeseen
from engine.core.errors import Problem
from engine.data.dataset import Dataset
from engine.data.store import DataStore
from engine.datafree.metadata import Metadata
from engine.datafree.teacher import Teacher
from engine.inference.task import Inference
from engine.inference.world import world_of
from engine.specs.context import make_context
from engine.specs.experiment import ExperimentSpec
from engine.task.context import Context

C = TypeVar("C")


def check(spec: ExperimentSpec, allowance: Allowance | None = None) -> list[Problem]:
    """Everything that does not fit together in one cell.

    Reads no data, so it does not ask whether data sets are on this machine; see :func:`check_data`.

    Args:
        spec: the cell.
        allowance: what may be computed for it; what takes longer is left to the run. By default nothing is.
    """
    problems = _below("network", spec.network.check(spec.fleet))
    if problems:
        return problems  # without a network there is no world in which the task could be looked at
    context = make_context(spec, spec.seeds[0], allowance=allowance)
    problems = _below("task", spec.task.check(context))
    return problems or _emulation_problems(spec, context)


def _emulation_problems(spec: ExperimentSpec, context: Context) -> list[Problem]:
    """Why the rounds could not be carried out for real on any host."""
    execution = spec.execution
    if isinstance(spec.task, Inference) and execution.backend == "emulate":
        from engine.inference.live.checks import problems_of

        try:
            world_of(spec.task, context).planning.refuse_long()
            return problems_of(spec.task, context, count=execution.emulated_rounds, kill=execution.kill_devices)
        except NotForeseen:
            return []
    if execution.kill_devices:
        message = "is read with backend emulate and a distributed inference; other runs have no processes to kill"
        return [Problem("execution.kill_devices", "not_read", message)]
    if execution.backend != "emulate":
        return []
    from engine.emulation.replay import first_rounds, obstacles

    rounds = first_rounds(spec.task.expected_trace(context), spec.execution.emulated_rounds)
    found = obstacles(rounds, context.fleet, context.network)
    return [Problem("execution.backend", "cannot_be_emulated", reason) for reason in found]


def check_data(spec: ExperimentSpec, store: DataStore) -> list[Problem]:
    """A problem for each data set that is not on this machine and that nothing could fetch."""
    problems = []
    for path, dataset in components(spec, Dataset):
        if store.offline and not dataset.is_available(store):
            missing = [file for file in dataset.files() if store.find(file) is None]
            places = ", ".join(str(store.places(file)[0]) for file in missing)
            message = f"the data set is not on this machine and downloads are switched off; put its files at {places}"
            problems.append(Problem(path, "data_unavailable", message))
    return problems


def checksums(spec: ExperimentSpec) -> dict[str, str]:
    """The checksums of the data sets, and of the files named by a path, that a spec names, by their place in it."""
    found = {path: dataset.checksum() for path, dataset in components(spec, Dataset)}
    parts: list[tuple[str, Teacher | Metadata]] = [*components(spec, Teacher), *components(spec, Metadata)]
    for path, part in parts:
        if (sha256 := part.content_sha256()) is not None:
            found[path] = sha256
    return found


def components(root: BaseModel, wanted: type[C]) -> Iterator[tuple[str, C]]:
    """Every component of a class anywhere in a spec, with its dotted path."""
    yield from _search(root, (), wanted)


def _search(value: Any, path: tuple[str, ...], wanted: type[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, wanted):
        yield ".".join(path), value
    for name, inner in _children(value):
        yield from _search(inner, (*path, name), wanted)


def _children(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        return ((name, getattr(value, name)) for name in type(value).model_fields)
    if isinstance(value, dict):
        return ((str(name), inner) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ((str(index), inner) for index, inner in enumerate(value))
    return ()


def _below(part: str, problems: Iterable[Problem]) -> list[Problem]:
    return [Problem(f"{part}.{entry.path}".rstrip("."), entry.code, entry.message) for entry in problems]
