"""The app of trained models."""

from django.apps import AppConfig


class TrainedConfig(AppConfig):
    """Models that runs made or people uploaded."""

    name = "webapp.trained"
    label = "trained"
