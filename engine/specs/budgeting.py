"""Which models fit which devices: the question as people and programs put it, and its answer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, ValidationError

from engine.core.component import Component
from engine.core.errors import Problem, SpecError
from engine.core.json import JsonValue, plain
from engine.core.registry import kind_of
from engine.data.dataset import Dataset, datasets
from engine.datafree.fleet.budget import BudgetRow, budgets
from engine.fleet.group import FleetSpec
from engine.models.graph import Graph
from engine.models.model import Model, models
from engine.specs.messages import problems_of

AnyModel = Annotated[Model, models.field()]


class BudgetQuestion(Component):
    """Models, what goes into them, and the devices that are to hold them."""

    dataset: Annotated[Dataset, datasets.field()]
    """The data set whose samples the models take."""

    models: tuple[AnyModel, ...] = Field(min_length=1, max_length=100)
    """The models."""

    fleet: FleetSpec
    """The devices, a group each."""


@dataclass(frozen=True)
class ModelBudget:
    """One model against all devices.

    Attributes:
        model: the model.
        graph: as it is declared for the samples.
        rows: every group at every precision.
    """

    model: Model
    graph: Graph
    rows: tuple[BudgetRow, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """The budget as plain values."""
        rows: list[JsonValue] = [row.as_json() for row in self.rows]
        parameters = self.graph.num_parameters
        return {"model": plain(self.model.model_dump(mode="json")), "num_parameters": parameters, "rows": rows}


def asked(tree: dict[str, Any]) -> BudgetQuestion:
    """The question that a plain tree puts.

    Raises:
        SpecError: every field that is wrong.
    """
    try:
        question = BudgetQuestion.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        raise SpecError(problems_of(error, BudgetQuestion, tree)) from error
    sample = question.dataset.sample()
    problems = [
        Problem(f"models.{place}", problem.code, f"{kind_of(type(model))}: {problem.message}")
        for place, model in enumerate(question.models)
        for problem in model.check(sample)
    ]
    if problems:
        raise SpecError(problems)
    return question


def answers(question: BudgetQuestion) -> Iterator[ModelBudget]:
    """The budget of each model, in order."""
    fleet, sample = question.fleet.resolve(), question.dataset.sample()
    for model in question.models:
        graph = model.declare(sample)
        yield ModelBudget(model, graph, tuple(budgets(graph, fleet)))


def fitting(dataset: Dataset) -> list[str]:
    """The kinds of models that take a data set's samples as they are by default."""
    sample = dataset.sample()
    return [kind for kind, cls in models.members().items() if not cls().check(sample)]
