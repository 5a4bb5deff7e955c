"""Registration of the app."""

from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    """Experiments, runs, events and artifacts."""

    name = "webapp.experiments"
    label = "experiments"
