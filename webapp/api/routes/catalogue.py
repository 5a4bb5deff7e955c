"""What an experiment can be made of: families, members, devices and links, all read from the engine."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from engine.specs.describe import as_json, describe
from engine.specs.families import CATALOGUES, FAMILIES
from engine.specs.presets import PRESETS, Preset, presets
from webapp.api.answers import answer
from webapp.api.problems import not_found
from webapp.api.resources import CatalogueEntry, Family, FamilyMembers

router = Router(tags=["catalogue"])


@router.get("", response=list[Family], summary="List families", operation_id="list_families")
def list_families(request: HttpRequest) -> HttpResponse:
    """Every family of components (strategies, models, ...), the catalogues of devices and links, and the presets."""
    families = [
        {"family": name, "title": registry.title, "kinds": list(registry.members())}
        for name, registry in FAMILIES.items()
    ]
    figures = [
        {"family": name, "title": name.rstrip("s").capitalize(), "kinds": list(rows())}
        for name, rows in CATALOGUES.items()
    ]
    named = [{"family": PRESETS, "title": "Preset", "kinds": list(presets())}]
    return answer(families + figures + named)


@router.get("/{str:family}", response=FamilyMembers, summary="List the members of a family", operation_id="get_family")
def get_family(request: HttpRequest, family: str) -> HttpResponse:
    """With one line about each and its source."""
    if family in FAMILIES:
        registry = FAMILIES[family]
        members = [_summary(kind, as_json(describe(cls))) for kind, cls in registry.members().items()]
        return answer({"family": family, "title": registry.title, "members": members})
    if family in CATALOGUES:
        rows = [_row_summary(kind, row) for kind, row in CATALOGUES[family]().items()]
        return answer({"family": family, "title": family.rstrip("s").capitalize(), "members": rows})
    if family == PRESETS:
        named = [_preset_summary(preset) for preset in presets().values()]
        return answer({"family": family, "title": "Preset", "members": named})
    raise not_found(f"family {family!r}; there are {', '.join((*FAMILIES, *CATALOGUES, PRESETS))};")


@router.get(
    "/{str:family}/{str:kind}", response=CatalogueEntry, summary="Get a member of a family", operation_id="get_kind"
)
def get_kind(request: HttpRequest, family: str, kind: str) -> HttpResponse:
    """A component with every field, its limits, unit and help, and its JSON schema; a device or link with every figure
    and where that figure comes from; a preset with the fields of the task that it sets.
    """
    if family in FAMILIES and kind in FAMILIES[family].members():
        cls = FAMILIES[family][kind]
        described = as_json(describe(cls))
        assert isinstance(described, dict)
        return answer({**_entry(family, kind), **described, "kind": kind, "json_schema": cls.model_json_schema()})
    if family in CATALOGUES and kind in CATALOGUES[family]():
        row = CATALOGUES[family]()[kind].model_dump(mode="json")
        return answer({**_entry(family, kind), **_row_summary(kind, CATALOGUES[family]()[kind]), "values": row})
    if family == PRESETS and kind in presets():
        preset = presets()[kind]
        return answer({**_entry(family, kind), **_preset_summary(preset), "values": dict(preset.task)})
    raise not_found(f"{kind!r} in {family!r}")


def _entry(family: str, kind: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"title": kind, "summary": "", "details": "", "source": "", "fields": []}
    return {"family": family, "kind": kind, **empty, "json_schema": None, "values": None}


def _summary(kind: str, described: Any) -> dict[str, str]:
    return {"kind": kind, **{name: described.get(name, "") for name in ("title", "summary", "source")}}


def _row_summary(kind: str, row: Any) -> dict[str, str]:
    return {"kind": kind, "title": getattr(row, "name", kind), "summary": "", "source": ""}


def _preset_summary(preset: Preset) -> dict[str, str]:
    return {"kind": preset.name, "title": preset.title, "summary": preset.summary, "source": preset.source}
