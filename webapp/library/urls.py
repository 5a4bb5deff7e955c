"""Addresses of saved fleets, networks and tasks."""

from django.urls import path

from engine.network.exchange.formats import MEDIA_TYPES
from webapp.library import draw_views, exchange_views, version_views, views
from webapp.library.families import FAMILIES

urlpatterns = [
    *(
        entry
        for plural, family in FAMILIES.items()
        for entry in (
            path(f"{plural}/", views.design_list, {"family": plural}, name=f"{family.noun}-list"),
            path(f"{plural}/new", views.design_create, {"family": plural}, name=f"{family.noun}-create"),
            path(f"{plural}/<uuid:pk>/", views.design_detail, {"family": plural}, name=f"{family.noun}-detail"),
            path(f"{plural}/<uuid:pk>/edit", views.design_update, {"family": plural}, name=f"{family.noun}-update"),
            path(
                f"{plural}/<uuid:pk>/clone", version_views.design_clone, {"family": plural}, name=f"{family.noun}-clone"
            ),
            path(
                f"{plural}/<uuid:pk>/versions/",
                version_views.version_list,
                {"family": plural},
                name=f"{family.noun}-versions",
            ),
            path(
                f"{plural}/<uuid:pk>/versions/<int:number>/",
                version_views.version_detail,
                {"family": plural},
                name=f"{family.noun}-version",
            ),
            path(
                f"{plural}/<uuid:pk>/versions/<int:number>/restore",
                version_views.version_restore,
                {"family": plural},
                name=f"{family.noun}-restore",
            ),
            path(f"{plural}/<uuid:pk>/delete", views.design_delete, {"family": plural}, name=f"{family.noun}-delete"),
        )
    ),
    path("networks/draw", draw_views.network_draw_new, name="network-draw-new"),
    path("networks/<uuid:pk>/draw", draw_views.network_draw, name="network-draw"),
    path("networks/import", exchange_views.network_import, name="network-import"),
    *(
        path(
            f"networks/<uuid:pk>/network.{written}",
            exchange_views.network_export,
            {"written": written},
            name=f"network-export-{written}",
        )
        for written in MEDIA_TYPES
    ),
]
