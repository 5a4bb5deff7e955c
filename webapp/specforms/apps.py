"""Registration of the generated forms with Django."""

from django.apps import AppConfig


class SpecFormsConfig(AppConfig):
    """The app of the generated forms; it has no tables."""

    name = "webapp.specforms"
    label = "specforms"
