"""Registration of the app."""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    """Saved fleets, networks and tasks."""

    name = "webapp.library"
    label = "library"
