"""The app that runs the others."""

from django.apps import AppConfig


class SystemConfig(AppConfig):
    """Start, stop, health and state of the platform."""

    name = "webapp.system"
    label = "system"
