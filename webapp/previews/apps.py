"""The app of previews."""

from django.apps import AppConfig


class PreviewsConfig(AppConfig):
    """Previews of parts, cached as files; it has no tables."""

    name = "webapp.previews"
    label = "previews"
