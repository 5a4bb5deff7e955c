"""The Django application of the REST API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Holds the remembered answers of creates (Idempotency-Key)."""

    name = "webapp.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"
