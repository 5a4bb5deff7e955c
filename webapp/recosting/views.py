"""Pages about the cost of a run."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from engine.core.errors import EngineError
from webapp.experiments.models import Run
from webapp.recosting import services, terms, utilization
from webapp.recosting.panel import panel_of
from webapp.recosting.worlds import world_of
from webapp.teams.pages import member, user_of


@member()
@require_GET
def run_what_if(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The card "What if?" of a run, asked for again when the run's state changes."""
    context = panel_of(_run(request, pk), user_of(request), request.build_absolute_uri)
    return render(request, "recosting/_what_if.html", context)


@member()
@require_GET
def run_costs(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where the time and energy of a run went, by term and group, and how its links were used by round."""
    run = _run(request, pk)
    context: dict[str, Any] = {"run": run, "experiment": run.cell.experiment, "api_path": f"runs/{run.pk}/use"}
    try:
        world = world_of(run)
        sheet, use = services.before_of(world), services.use_of(world)
    except EngineError as error:
        return render(request, "recosting/run_costs.html", {**context, "reason": str(error)})
    context |= {
        "sheet": sheet,
        "bars": terms.bars_of(sheet),
        "terms": terms.terms_of(sheet),
        "legend": terms.legend_of(sheet),
        "recalled": terms.recalled_words(sheet),
        "links": utilization.charts_of(use),
        "rounds": utilization.table_of(use),
        "num_rounds": use["num_rounds"],
    }
    return render(request, "recosting/run_costs.html", context)


def _run(request: HttpRequest, pk: UUID) -> Run:
    return get_object_or_404(Run.objects.visible_to(user_of(request)).select_related("team", "cell__experiment"), pk=pk)
