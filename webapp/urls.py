"""Every address of the platform; each part has its own list."""

from importlib.util import find_spec

from django.urls import include, path

_PARTS = ["teams", "library", "experiments", "catalogue", "system", "api"]

urlpatterns = [
    *(path("", include(f"webapp.{part}.urls")) for part in _PARTS if find_spec(f"webapp.{part}.urls")),
    path("accounts/", include("allauth.urls")),
]
