"""The app of data sets."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    """Uploaded data sets and the page of all sets."""

    name = "webapp.datasets"
    label = "datasets"
