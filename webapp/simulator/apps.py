"""Registration of the app."""

from django.apps import AppConfig


class SimulatorConfig(AppConfig):
    """The page about the simulator's errors; it has no tables of its own."""

    name = "webapp.simulator"
    label = "simulator"
