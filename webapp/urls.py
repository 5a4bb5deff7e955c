"""Every address of the platform; each part has its own list."""

from django.urls import include, path

urlpatterns = [
    path("", include("webapp.experiments.urls")),
    path("", include("webapp.recosting.urls")),
    path("", include("webapp.comparison.urls")),
    path("", include("webapp.sharing.urls")),
    path("", include("webapp.notes.urls")),
    path("", include("webapp.library.urls")),
    path("", include("webapp.datasets.urls")),
    path("", include("webapp.trained.urls")),
    path("", include("webapp.previews.urls")),
    path("", include("webapp.catalogue.urls")),
    path("", include("webapp.simulator.urls")),
    path("", include("webapp.teams.urls")),
    path("", include("webapp.trash.urls")),
    path("", include("webapp.system.urls")),
    path("", include("webapp.api.urls")),
    path("accounts/", include("allauth.urls")),
]
