"""Registration of the app."""

from django.apps import AppConfig


class TopologiesConfig(AppConfig):
    """The networks of runs, round by round."""

    name = "webapp.topologies"
    label = "topologies"
