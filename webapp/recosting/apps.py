"""Registration of the app."""

from django.apps import AppConfig


class RecostingConfig(AppConfig):
    """Costs of finished runs, worked out from their traces."""

    name = "webapp.recosting"
    label = "recosting"
