"""Help pages made from the registries: what there is, what each kind does, where it comes from, what can be set."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from engine.specs.describe import Description, FieldDescription
from engine.specs.families import CATALOGUES, FAMILIES
from engine.specs.presets import PRESETS, presets
from engine.specs.writer import write
from webapp.catalogue.entries import columns_of, entries_of, example_of, families, kinds_of, preset_rows
from webapp.catalogue.prediction import predictions, summaries
from webapp.library.parts import figures_of, recalled_share
from webapp.specforms.node import limits_of
from webapp.specforms.scalars import plain_text
from webapp.teams.access import at_least
from webapp.teams.models import Role
from webapp.teams.pages import member, team_of, user_of


@member()
@require_GET
def catalogue(request: HttpRequest) -> HttpResponse:
    """All families and catalogues."""
    return render(request, "catalogue/catalogue.html", {"families": families()})


@member()
@require_GET
def family_detail(request: HttpRequest, family: str) -> HttpResponse:
    """The kinds of a family, or the entries of a catalogue with their main figures."""
    about = next((entry for entry in families() if entry.name == family), None)
    if about is None:
        raise Http404(family)
    if family in FAMILIES or family == PRESETS:
        kinds = [_about(kind) for kind in kinds_of(family)] if family in FAMILIES else preset_rows()
        return render(request, "catalogue/family_detail.html", {"family": about, "kinds": kinds})
    columns = columns_of(family)
    rows = [
        (key, entry, [getattr(entry, name) for name, _ in columns], recalled_share([entry]))
        for key, entry in entries_of(family).items()
    ]
    recalled, total = recalled_share(entries_of(family).values())
    context = {"family": about, "columns": columns, "rows": rows, "num_recalled": recalled, "num_figures": total}
    return render(request, "catalogue/entry_list.html", context)


@member()
@require_GET
def prediction(request: HttpRequest) -> HttpResponse:
    """How well the model of compute time predicts published benchmarks that it was not fit on."""
    rows = predictions()
    return render(request, "catalogue/prediction.html", {"rows": rows, "summaries": summaries(rows)})


@member()
@require_GET
def kind_detail(request: HttpRequest, family: str, kind: str) -> HttpResponse:
    """One kind with its source and fields, one preset with its task, or one catalogue entry with its figures."""
    if family == PRESETS and kind in presets():
        preset = presets()[kind]
        context = {
            "preset": preset,
            "task": write(dict(preset.task)),
            "api_path": f"catalogue/{PRESETS}/{kind}",
            "may_run": at_least(user_of(request), team_of(request), Role.RUNNER),
        }
        return render(request, "catalogue/preset_detail.html", context)
    if family in CATALOGUES and kind in entries_of(family):
        entry = entries_of(family)[kind]
        context = {"family": family, "key": kind, "entry": entry, "figures": figures_of(entry)}
        context["recalled"] = recalled_share([entry])
        context["api_path"] = f"catalogue/{family}/{kind}"
        return render(request, "catalogue/entry_detail.html", context)
    found = [described for described in kinds_of(family) if described.kind == kind] if family in FAMILIES else []
    if not found:
        raise Http404(f"{family} has no {kind}")
    context = {
        "family": family,
        "kind": _about(found[0]),
        "rows": _rows(found[0]),
        "example": example_of(family, kind),
        "title": FAMILIES[family].title,
        "api_path": f"catalogue/{family}/{kind}",
    }
    return render(request, "catalogue/kind_detail.html", context)


def _about(described: Description) -> dict[str, str]:
    """A description's texts; the template language would take its fields for its attributes."""
    return {name: getattr(described, name) for name in ("kind", "title", "summary", "details", "equation", "source")}


def _rows(described: Description) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for field in described.fields:
        rows.append(_row(field))
        if field.type == "object" and field.options:
            rows.extend(_row(inner) for inner in field.options[0].fields)
    return rows


def _row(field: FieldDescription) -> dict[str, object]:
    default = field.default
    if isinstance(default, dict):
        default = str(default.get("kind", "")) or "see its fields"
    return {"field": field, "limits": limits_of(field), "default": plain_text(default)}
