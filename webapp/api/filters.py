"""The parameters by which lists are filtered."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, QuerySet
from pydantic import BaseModel, Field

from engine.core.errors import Problem
from engine.specs.experiment import MAX_SEED
from webapp.api.pages import PageQuery
from webapp.api.parameters import Moment
from webapp.api.problems import ApiProblem
from webapp.experiments.models import Run, RunState

M = TypeVar("M", bound=Model)


class DesignQuery(PageQuery):
    """Filters of saved fleets, networks and tasks."""

    team: str | None = Field(None, description="Slug of a team; all of yours without.")
    text: str | None = Field(None, description="Part of the name, whatever its case.")
    created_after: Moment | None = Field(None, description="Made at this time or later (RFC 3339).")
    created_before: Moment | None = Field(None, description="Made before this time (RFC 3339).")


class ExperimentQuery(DesignQuery):
    """Filters of experiments."""

    state: str | None = Field(None, description="Has a run in this state, or one of several separated by commas.")
    parent: UUID | None = Field(None, description="Cloned from this experiment.")


class RunQuery(DesignQuery):
    """Filters of runs."""

    text: str | None = Field(None, description="Part of the experiment's name, whatever its case.")
    state: str | None = Field(None, description="In this state, or one of several separated by commas.")
    experiment: UUID | None = Field(None, description="Of this experiment.")
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="With this seed.")


class ArtifactQuery(PageQuery):
    """Filters of artifacts."""

    run: UUID | None = Field(None, description="Made by this run.")
    text: str | None = Field(None, description="Part of the name, whatever its case.")


class FieldsQuery(BaseModel):
    """The parameter of every single object."""

    fields: str | None = Field(None, description="Names of the fields to answer with, separated by commas.")


class TeamQuery(BaseModel):
    """The parameter of every create."""

    team: str | None = Field(None, description="Slug of the team it shall belong to; the token's or session's without.")


def by_name(queryset: QuerySet[M], query: DesignQuery, *, name: str = "name") -> QuerySet[M]:
    """The rows that pass the filters every team-owned list has."""
    lookups: dict[str, str | datetime | None] = {
        "team__slug": query.team,
        f"{name}__icontains": query.text,
        "created_at__gte": query.created_after,
        "created_at__lt": query.created_before,
    }
    return queryset.filter(**{path: value for path, value in lookups.items() if value is not None})


def experiments(queryset: QuerySet[M], query: ExperimentQuery) -> QuerySet[M]:
    """The experiments that pass the filters."""
    found = by_name(queryset, query)
    if query.parent is not None:
        found = found.filter(parent=query.parent)
    if query.state is not None:
        of_it = Run.objects.filter(cell__experiment=OuterRef("pk"), state__in=_states(query.state))
        found = found.filter(Exists(of_it))
    return found


def runs(queryset: QuerySet[M], query: RunQuery) -> QuerySet[M]:
    """The runs that pass the filters."""
    found = by_name(queryset, query, name="cell__experiment__name")
    if query.state is not None:
        found = found.filter(state__in=_states(query.state))
    if query.experiment is not None:
        found = found.filter(cell__experiment=query.experiment)
    return found if query.seed is None else found.filter(seed=query.seed)


def _states(text: str) -> list[str]:
    states = [state.strip() for state in text.split(",")]
    unknown = [state for state in states if state not in RunState.values]
    if unknown:
        given = ", ".join(map(repr, unknown))
        message = f"there is no state {given}; there are {', '.join(RunState.values)}"
        problem = Problem(path="state", code="unknown_choice", message=message)
        raise ApiProblem("invalid_parameters", "The request has 1 problem.", errors=[problem])
    return states
