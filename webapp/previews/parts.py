"""The parts of a task that can be looked at before it runs, each read by itself so that one fault hides no other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.core.errors import Problem, SpecError
from engine.data.dataset import Dataset, datasets
from engine.data.partitioner import Partitioner, partitioners
from engine.data.partitioners.iid import Iid
from engine.data.partitioners.natural import Natural
from engine.datafree.metadata import Metadata
from engine.datafree.metadata import metadata as metadata_kinds
from engine.datafree.teacher import Teacher, teachers
from engine.inference.splitter import Splitter, splitters
from engine.models.model import Model, models
from engine.specs.documents import clean
from engine.specs.messages import problems_of
from engine.task.contract import tasks

MOST_DEVICES = 100_000
"""Devices over which a partition is shown at most."""

DEFAULT_DEVICES = 20


class Looked(BaseModel):
    """What of a task is looked at; each may be absent."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    dataset: Annotated[Dataset, datasets.field()] | None = None
    partition: Annotated[Partitioner, partitioners.field()] | None = None
    model: Annotated[Model, models.field()] | None = None
    student: Annotated[Model, models.field()] | None = None
    teacher: Annotated[Teacher, teachers.field()] | None = None
    metadata: Annotated[Metadata, metadata_kinds.field()] | None = None
    splitter: Annotated[Splitter, splitters.field()] | None = None


@dataclass(frozen=True)
class Parts:
    """The parts of a task as far as they are right.

    Attributes:
        dataset: the data set.
        partition: how it is spread; the default for the data set where none is set.
        model: the model; the default of the kind of task where none is set.
        batch_size: samples per step of local training.
        copies: further copies of the weights that local training keeps (momentum: 1).
        problems: what is wrong, by the name of the part.
    """

    dataset: Dataset | None = None
    partition: Partitioner | None = None
    model: Model | None = None
    batch_size: int = 32
    copies: int = 0
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)


def read_parts(task: Mapping[str, Any]) -> Parts:
    """The parts of a task's block, which may be unfinished."""
    found: dict[str, Any] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    for name in ("dataset", "partition", "model"):
        try:
            found[name] = read_part(name, task.get(name))
        except SpecError as error:
            problems[name] = error.problems
    dataset = found.get("dataset")
    if dataset is not None and found.get("partition") is None and "partition" not in problems:
        found["partition"] = Iid() if dataset.num_natural_clients is None else Natural()
    if found.get("model") is None and "model" not in problems:
        found["model"] = _default_model(task.get("kind"))
    local = task.get("local")
    local = local if isinstance(local, Mapping) else {}
    batch, momentum = local.get("batch_size"), local.get("momentum")
    return Parts(
        dataset=dataset,
        partition=found.get("partition"),
        model=found.get("model"),
        batch_size=batch if isinstance(batch, int) and 0 < batch <= 1_000_000 else 32,
        copies=1 if isinstance(momentum, int | float) and momentum > 0 else 0,
        problems=problems,
    )


def _default_model(kind: Any) -> Model | None:
    """The model that tasks of a kind take where none is set."""
    member = tasks.members().get(kind) if isinstance(kind, str) else None
    declared = member.model_fields.get("model") if member is not None else None
    if declared is None or declared.is_required():
        return None
    model = declared.get_default(call_default_factory=True)
    return model if isinstance(model, Model) else None


def read_part(name: str, tree: Any) -> Any:
    """One part of a task; None where it is not there.

    Raises:
        SpecError: all that is wrong with it, with paths from the task on.
    """
    if tree is None:
        return None
    block = {name: clean(tree)}
    try:
        part = getattr(Looked.model_validate_json(json.dumps(block), strict=True), name)
    except ValidationError as error:
        raise SpecError(problems_of(error, Looked, block)) from error
    if isinstance(part, Dataset) and (wrong := part.check()):
        raise SpecError(Problem(f"{name}.{one.path}".rstrip("."), one.code, one.message) for one in wrong)
    return part
