"""The app of the pages of data-free compression."""

from django.apps import AppConfig


class DatafreeConfig(AppConfig):
    """Template tags of these pages."""

    name = "webapp.datafree"
    label = "datafree"
