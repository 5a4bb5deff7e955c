"""Registration of the app."""

from django.apps import AppConfig


class SharingConfig(AppConfig):
    """Shared links."""

    name = "webapp.sharing"
    label = "sharing"
