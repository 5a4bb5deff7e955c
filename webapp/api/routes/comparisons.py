"""Comparisons of settings, and the metrics of a run as a table; as JSON or as files."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from engine.core.errors import Problem, SpecError
from webapp.api.answers import answer
from webapp.api.comparisons import ComparisonAnswer, as_json
from webapp.api.gate import Request, find
from webapp.api.problems import ApiProblem, counted, not_found
from webapp.comparison.address import Address, command
from webapp.comparison.comparison import Comparison, comparison_of
from webapp.comparison.curves import curves
from webapp.comparison.exports import CSV_TYPE, EXPORTS, PARQUET_TYPE, metric_columns, to_csv, to_parquet
from webapp.comparison.selection import names_in, select
from webapp.experiments import models
from webapp.experiments.log import events_after

router = Router(tags=["comparisons"])

Json = dict[str, Any]

_BYTES: Json = {"schema": {"type": "string", "format": "binary"}}
_TEXT: Json = {"schema": {"type": "string"}}


class TableQuery(BaseModel):
    """Which table of a comparison, and in what form."""

    baseline: str | None = Field(
        None, description="The setting that the others are compared with: `ref` of a row; the first without."
    )
    metric: str | None = Field(
        None, description="A metric of the results, or one of their costs; accuracy without, where there is one."
    )
    x: Literal["rounds", "time", "bytes", "joules"] | None = Field(
        None, description="With curves over this axis; without it there are none. JSON only."
    )
    points: int = Field(400, ge=0, le=100_000, description="Most places of a curve; 0 for all.")
    format: Literal["json", "csv", "parquet", "latex"] = Field(
        "json", description="`csv` and `parquet` hold the columns of `rows` with all digits, `latex` a booktabs table."
    )


class CompareQuery(TableQuery):
    """What is compared."""

    cells: str | None = Field(
        None,
        description="Settings by commas: an experiment's id for all of its cells, or `<id>.<index>` for one of them.",
    )
    runs: str | None = Field(None, description="Single runs by commas; those of one cell stand in one row.")


class MetricsQuery(BaseModel):
    """In what form."""

    format: Literal["csv", "parquet"] = Field("csv", description="The same columns in both.")


_FILES: Json = {CSV_TYPE: _TEXT, EXPORTS["latex"].media_type: _TEXT, PARQUET_TYPE: _BYTES}
_COMPARED: Json = {"responses": {200: {"content": _FILES}}}


@router.get(
    "/compare",
    response=ComparisonAnswer,
    summary="Compare settings",
    operation_id="compare",
    openapi_extra=_COMPARED,
)
def compare(request: Request, query: Query[CompareQuery]) -> HttpResponse:
    """Final values of a metric over seeds with 95 % confidence intervals, the difference to a baseline paired by seed,
    and the cost; the same table as on the page Compare. Only runs that are done count, only seeds that both settings
    have make pairs; `notes` say what is missing.
    """
    return _answer(request, names_in([query.cells or ""]), names_in([query.runs or ""]), query)


@router.get(
    "/experiments/{uuid:experiment_id}/compare",
    response=ComparisonAnswer,
    summary="Compare the cells of an experiment",
    operation_id="compare_experiment",
    openapi_extra=_COMPARED,
)
def compare_experiment(request: Request, experiment_id: UUID, query: Query[TableQuery]) -> HttpResponse:
    """All cells of its sweep, the first one as the baseline."""
    find(request, models.Experiment.objects.all(), "experiment", pk=experiment_id)
    return _answer(request, [str(experiment_id)], [], query)


@router.get(
    "/runs/{uuid:run_id}/metrics",
    response={200: None},
    summary="Export a run's metrics",
    operation_id="get_metrics",
    openapi_extra={
        "responses": {200: {"description": "The table as a file.", "content": {CSV_TYPE: _TEXT, PARQUET_TYPE: _BYTES}}}
    },
)
def get_metrics(request: Request, run_id: UUID, query: Query[MetricsQuery]) -> HttpResponse:
    """Every metrics event as a row, `seq`, `sim_time_s`, `round` and each metric by its name: the `metrics.csv` of a
    run folder. A value that is not finite is empty.
    """
    run = find(request, models.Run.objects.all(), "run", pk=run_id)
    columns = metric_columns(events_after(run, limit=run.last_seq))
    content = to_csv(columns) if query.format == "csv" else to_parquet(columns, {"edgeloom.run": str(run.pk)})
    media_type = CSV_TYPE if query.format == "csv" else PARQUET_TYPE
    return _file(content, media_type, f"metrics-{run.pk}.{query.format}")


def _answer(request: Request, cells: Sequence[str], runs: Sequence[str], query: TableQuery) -> HttpResponse:
    made = _comparison(request, cells, runs, query)
    if query.format == "json":
        drawn = curves(made.selection.entries, made.measure.name, query.x, points=query.points) if query.x else []
        return answer(as_json(made, query.x, drawn))
    export = EXPORTS[query.format]
    address = Address(
        cells=made.selection.cells,
        runs=made.selection.runs,
        baseline="" if made.is_first else made.baseline.ref,
        metric="" if made.is_main else made.measure.name,
    )
    content = export.write(made.table, command(request, address, export.name))
    return _file(content, export.media_type, f"comparison-{made.measure.name}.{export.suffix}")


def _comparison(request: Request, cells: Sequence[str], runs: Sequence[str], query: TableQuery) -> Comparison:
    visible = request.auth.visible
    try:
        selection = select(visible(models.Experiment.objects.all()), visible(models.Run.objects.all()), cells, runs)
    except SpecError as error:
        raise _invalid(error.problems) from None
    if selection.missing:
        raise not_found(f"setting or run {', '.join(selection.missing)}")
    if not selection.entries:
        raise _invalid([Problem("cells", "missing", "name something to compare by cells or runs; nothing was given")])
    made = comparison_of(selection, query.baseline or "", query.metric or "")
    problems = []
    if query.baseline is not None and selection.entry(query.baseline) is None:
        allowed = ", ".join(entry.ref for entry in selection.entries)
        message = f"the baseline must be one of the settings: {allowed}; given {query.baseline!r}"
        problems.append(Problem("baseline", "unknown_choice", message))
    names = [measure.name for measure in made.measures]
    if query.metric is not None and query.metric not in names:
        message = f"no finished run has such a metric; there are {', '.join(names)}; given {query.metric!r}"
        problems.append(Problem("metric", "unknown_choice", message))
    if problems:
        raise _invalid(problems)
    return made


def _invalid(problems: Sequence[Problem]) -> ApiProblem:
    return ApiProblem("invalid_parameters", f"The request has {counted(problems)}.", errors=problems)


def _file(content: bytes, media_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=media_type, headers=headers)
