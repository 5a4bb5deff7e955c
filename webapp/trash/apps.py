"""The app of the trash."""

from django.apps import AppConfig


class TrashConfig(AppConfig):
    """What was deleted and can still be brought back; it has no tables of its own."""

    name = "webapp.trash"
    label = "trash"
