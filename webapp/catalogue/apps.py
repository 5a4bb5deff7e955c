"""Registration of the catalogue with Django."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """The app of the generated help pages; it has no tables."""

    name = "webapp.catalogue"
    label = "catalogue"
