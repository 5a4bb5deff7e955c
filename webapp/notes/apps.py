"""Registration of the app."""

from django.apps import AppConfig


class NotesConfig(AppConfig):
    """Notes on runs."""

    name = "webapp.notes"
    label = "notes"
