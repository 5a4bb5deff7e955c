"""Registration of the app."""

from django.apps import AppConfig


class TeamsConfig(AppConfig):
    """Users, teams, roles and tokens."""

    name = "webapp.teams"
    label = "teams"
